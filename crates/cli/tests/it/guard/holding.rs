//! Whom a guard waits for, in which order, and what it says meanwhile. No time passes: pauses move the stand-in's clock.

use std::time::Duration;

use pannier_clients::gitlab::ProjectRef;
use pannier_core::guard::GuardError;
use pannier_core::guard::Patience;
use pannier_core::guard::Plan;
use pannier_core::guard::Refs;
use pannier_core::guard::Scope;
use pannier_core::guard::Statuses;

use super::setup::{House, hold, look, newest, nothing, step};
use pannier_testkit::gitlab::{Fault, Role, Status, TooMany};

#[test]
fn the_older_one_goes_first_and_the_log_tells() {
    let house = House::new();
    let ada = house.gitlab.user("ada");
    for seconds in [240, 300, 360] {
        let done = house.deploying(Status::Running);
        house.later(seconds);
        done.job("deploy").set(Status::Success);
    }
    let first = house.deploying(Status::Running).by(&ada);
    house.later(60);
    let second = house.deploying(Status::Running);
    house.later(20);
    assert_eq!(look(&house, &house.plan(&first)), "free");
    assert_eq!(look(&house, &house.plan(&second)), "conflict 4");
    let mut script: Vec<_> = (0..12).map(|_| nothing()).collect();
    script.push(step(move || first.job("deploy").set(Status::Success)));
    let mut plan = house.plan(&second);
    plan.reference = Some("release/1.2".to_owned());
    let held = hold(&house, &plan, script);
    assert_eq!(held.word(), "free");
    insta::assert_snapshot!("what_a_person_reads", held.text(&house));
}

#[test]
fn every_alive_status_counts() {
    for status in Status::ALL {
        let house = House::new();
        house.project.pipeline("main", status);
        house.later(100);
        let me = house.deploying(Status::Running);
        let expected = match status {
            status if status.is_done() => "free",
            Status::Manual | Status::Scheduled => "free",
            _ => "conflict 1",
        };
        assert_eq!(
            look(&house, &house.plan(&me)),
            expected,
            "{}",
            status.word()
        );
        let mut plan = house.plan(&me);
        plan.statuses = Statuses::parse(Some("manual|running")).unwrap();
        let expected = match status {
            Status::Manual | Status::Running => "conflict 1",
            _ => "free",
        };
        assert_eq!(look(&house, &plan), expected, "{}", status.word());
    }
}

#[test]
fn every_page_is_read() {
    let house = House::new();
    let sha = house.project.branch("main").unwrap();
    let first = house
        .project
        .pipeline_of("old", &sha, "push", Status::Running);
    for _ in 0..130 {
        house.project.pipeline("main", Status::Running);
    }
    let me = house.deploying(Status::Running);
    let mut plan = house.plan(&me);
    plan.refs = Refs::parse(Some("^old$")).unwrap();
    assert_eq!(look(&house, &plan), "conflict 1");
    first.set(Status::Success);
    assert_eq!(look(&house, &plan), "free");
}

#[test]
fn newest_first() {
    let house = House::new();
    let inside = house.deploying(Status::Running);
    let before = house.deploying(Status::Created);
    let newest_one = house.deploying(Status::Running);
    // Whoever is not at work gives way; whoever is at work is waited for; whoever has not started is not.
    let plan = newest(house.plan(&before));
    assert_eq!(hold(&house, &plan, Vec::new()).word(), "gave way 3");
    let plan = newest(house.plan(&newest_one));
    assert_eq!(look(&house, &plan), "conflict 1");
    let script = vec![step(move || inside.job("deploy").set(Status::Success))];
    assert_eq!(hold(&house, &plan, script).word(), "free");
    let left = before.job("deploy").status();
    assert_eq!(left, Status::Created, "it was left alone");
}

#[test]
fn one_that_rested_goes_behind_those_who_went_ahead() {
    let house = House::new();
    // The older pipeline is built and waits for someone to play its deployment.
    let played = house
        .project
        .pipeline("main", Status::Manual)
        .with_job("build", "build", Status::Success)
        .with_job("deploy", "deploy", Status::Manual);
    house.later(600);
    let ahead = house.deploying(Status::Running);
    house.later(20);
    assert_eq!(look(&house, &house.plan(&ahead)), "free");
    house.later(100);
    played.job("deploy").set(Status::Pending);
    played.job("deploy").set(Status::Running);
    played.set(Status::Running);
    house.later(10);
    // Both are alive now. The younger one may be at work, and nothing it can see has changed its turn.
    assert_eq!(look(&house, &house.plan(&played)), "conflict 2");
    assert_eq!(look(&house, &house.plan(&ahead)), "free");
}

#[test]
fn a_rest_that_has_just_begun_still_counts() {
    let house = House::new();
    let resting = house
        .project
        .pipeline("main", Status::Running)
        .with_job("build", "build", Status::Success)
        .with_job("deploy", "deploy", Status::Manual);
    house.later(60);
    let me = house.deploying(Status::Running);
    resting.set(Status::Manual);
    house.later(20);
    assert_eq!(look(&house, &house.plan(&me)), "conflict 1");
    house.later(20);
    assert_eq!(look(&house, &house.plan(&me)), "free");
}

#[test]
fn a_retried_deployment_goes_behind() {
    let house = House::new();
    let first = house
        .deploying(Status::Failed)
        .with_job("other", "test", Status::Running);
    first.set(Status::Running);
    house.later(60);
    let second = house.deploying(Status::Running);
    house.later(60);
    let scoped = |pipeline| Plan {
        scope: Scope::Job("deploy".to_owned()),
        ..house.plan(pipeline)
    };
    assert_eq!(look(&house, &scoped(&second)), "free");
    let again = first.job("deploy").id;
    house.gitlab.change(|state| {
        let job = state.retry_job(again, 1);
        state.set_job(job, Status::Running);
    });
    house.later(10);
    assert_eq!(look(&house, &scoped(&second)), "free");
    assert_eq!(look(&house, &scoped(&first)), "conflict 2");
}

#[test]
fn only_what_is_in_scope_stands_in_the_way() {
    let house = House::new();
    let building =
        house
            .project
            .pipeline("main", Status::Running)
            .with_job("build", "build", Status::Running);
    let later = house.project.pipeline("main", Status::Running).with_job(
        "deploy",
        "deploy",
        Status::Created,
    );
    let over = house
        .project
        .pipeline("main", Status::Running)
        .with_job("deploy", "deploy", Status::Success)
        .with_job("report", "after", Status::Running);
    let me = house.deploying(Status::Running);
    let with = |scope: Scope| Plan {
        scope,
        ..house.plan(&me)
    };
    assert_eq!(look(&house, &with(Scope::Pipeline)), "conflict 1 2 3");
    assert_eq!(
        look(&house, &with(Scope::Job("deploy".to_owned()))),
        "conflict 2 3"
    );
    assert_eq!(
        look(&house, &with(Scope::Stage("build".to_owned()))),
        "conflict 1 2 3"
    );
    later.job("deploy").set(Status::Success);
    assert_eq!(look(&house, &with(Scope::Job("deploy".to_owned()))), "free");
    building.job("build").set(Status::Success);
    assert_eq!(
        look(&house, &with(Scope::Stage("build".to_owned()))),
        "free"
    );
    assert_eq!(over.status(), Status::Running);
}

#[test]
fn a_lock_across_projects() {
    let house = House::new();
    let other = house.gitlab.project("team/shop");
    let reader = house.gitlab.user("reader");
    other.member(&reader, Role::Reporter);
    let first = other.pipeline("main", Status::Running);
    house.later(60);
    let me = house.deploying(Status::Running);
    let mut plan = house.plan(&me);
    assert_eq!(look(&house, &plan), "free");
    plan.others = vec![ProjectRef::Path("team/shop".to_owned())];
    assert_eq!(look(&house, &plan), "conflict 1");
    first.set(Status::Success);
    assert_eq!(look(&house, &plan), "free");
}

#[test]
fn refs_match_anywhere() {
    let house = House::new();
    let sha = house.project.branch("main").unwrap();
    house
        .project
        .pipeline_of("feature/main-page", &sha, "push", Status::Running);
    let me = house.deploying(Status::Running);
    for (expression, found) in [
        ("main", true),
        ("^main", false),
        ("page$", true),
        ("(?i)MAIN", true),
        ("^(?!feature)", false),
    ] {
        let mut plan = house.plan(&me);
        plan.refs = Refs::parse(Some(expression)).unwrap();
        let expected = if found { "conflict 1" } else { "free" };
        assert_eq!(look(&house, &plan), expected, "{expression}");
    }
}

#[test]
fn running_pipelines_alone_may_be_guarded_against() {
    let house = House::new();
    let pending = house.project.pipeline("main", Status::Pending);
    house.later(60);
    let me = house.deploying(Status::Running);
    house.later(60);
    let mut plan = house.plan(&me);
    plan.statuses = Statuses::parse(Some("running")).unwrap();
    assert_eq!(look(&house, &plan), "free");
    // It starts behind me although its number is lower: I may be at work.
    pending.set(Status::Running);
    house.later(10);
    assert_eq!(look(&house, &plan), "free");
    let mut plan = house.plan(&pending);
    plan.statuses = Statuses::parse(Some("running")).unwrap();
    assert_eq!(look(&house, &plan), "conflict 2");
}

#[test]
fn what_cannot_be_judged_ends_at_once() {
    let house = House::new();
    house.deploying(Status::Running);
    let me = house.deploying(Status::Running);
    let plan = house.plan(&me);
    for (path, status) in [
        ("/pipelines?", 401),
        ("/pipelines?", 403),
        ("/pipelines?", 404),
    ] {
        let answer = pannier_testkit::loopback::Answer::new(status, r#"{"message":"no"}"#);
        house.gitlab.fault(path, Fault::Answer(answer));
        let held = hold(&house, &plan, Vec::new());
        assert!(
            matches!(held.outcome, Err(GuardError::Gitlab(_))),
            "{status}: {}",
            held.word()
        );
        assert!(held.pauses.is_empty(), "{status}: {:?}", held.pauses);
    }
}

#[test]
fn trouble_is_waited_out_within_the_time() {
    let house = House::new();
    let me = house.deploying(Status::Running);
    let plan = house.plan(&me);
    house.gitlab.server_error("/pipelines/", 502);
    house.gitlab.server_error("/pipelines/", 500);
    house.gitlab.fault("/jobs?", Fault::Drop);
    house.gitlab.too_many("updated_after", TooMany::RetryAfter);
    let held = hold(&house, &plan, Vec::new());
    assert_eq!(held.word(), "free");
    assert_eq!(
        held.pauses.iter().filter(|it| it.as_secs() >= 60).count(),
        1,
        "429 is obeyed: {:?}",
        held.pauses
    );
    assert!(
        held.told
            .iter()
            .any(|it| it.starts_with("trying again: GitLab answered 502")),
        "{:?}",
        held.told
    );

    // It never gets better: nobody was ever seen in the way.
    for _ in 0..60 {
        house.gitlab.server_error("/pipelines?", 503);
    }
    let short = Plan {
        patience: Patience::UpTo(Duration::from_secs(100)),
        ..house.plan(&me)
    };
    let held = hold(&house, &short, Vec::new());
    assert!(
        matches!(held.outcome, Err(GuardError::Late { .. })),
        "{}",
        held.word()
    );
    let waited: Duration = held.pauses.iter().sum();
    assert!(waited <= Duration::from_secs(100), "{waited:?}");
}

#[test]
fn who_was_in_the_way_before_the_trouble_still_is() {
    let house = House::new();
    house.deploying(Status::Running);
    house.later(60);
    let me = house.deploying(Status::Running);
    let shared = std::sync::Arc::clone(&house);
    let trouble = step(move || {
        for _ in 0..60 {
            shared.gitlab.server_error("/pipelines?", 503);
        }
    });
    let plan = Plan {
        patience: Patience::UpTo(Duration::from_secs(100)),
        ..house.plan(&me)
    };
    assert_eq!(hold(&house, &plan, vec![trouble]).word(), "timed out 1");
}

#[test]
fn no_time_is_no_waiting() {
    let house = House::new();
    house.deploying(Status::Running);
    let me = house.deploying(Status::Running);
    let plan = Plan {
        patience: Patience::UpTo(Duration::ZERO),
        ..house.plan(&me)
    };
    let held = hold(&house, &plan, Vec::new());
    assert_eq!(
        (held.word().as_str(), held.pauses.len()),
        ("timed out 1", 0)
    );
    let plan = Plan {
        patience: Patience::UpTo(Duration::from_secs(65)),
        ..house.plan(&me)
    };
    let held = hold(&house, &plan, Vec::new());
    let waited: Duration = held.pauses.iter().sum();
    assert_eq!(
        (held.word().as_str(), waited),
        ("timed out 1", Duration::from_secs(65))
    );
}

#[test]
fn a_young_pipeline_looks_again() {
    let house = House::new();
    let me = house.deploying(Status::Running);
    // A pipeline whose number was given out earlier shows a moment later.
    let held = hold(&house, &house.plan(&me), Vec::new());
    assert_eq!(held.word(), "free");
    assert_eq!(held.pauses, [Duration::from_secs(5)]);
}

#[test]
fn a_deleted_pipeline_is_forgotten() {
    let house = House::new();
    let gone = house.deploying(Status::Running).id;
    house.later(60);
    let me = house.deploying(Status::Running);
    let shared = std::sync::Arc::clone(&house);
    let delete = step(move || {
        shared.gitlab.change(|state| {
            state.pipelines.remove(&gone);
            state.jobs.retain(|_, job| job.pipeline != gone);
        });
    });
    assert_eq!(hold(&house, &house.plan(&me), vec![delete]).word(), "free");
}

#[test]
fn few_requests() {
    let house = House::new();
    let first = house.deploying(Status::Running);
    house.later(60);
    let me = house.deploying(Status::Running);
    house.later(60);
    let polls = 20;
    let mut script: Vec<_> = (0..polls).map(|_| nothing()).collect();
    script.push(step(move || first.job("deploy").set(Status::Success)));
    assert_eq!(hold(&house, &house.plan(&me), script).word(), "free");
    let all = house.gitlab.requests();
    let polled: Vec<_> = all
        .iter()
        .filter(|it| it.query.contains("updated_after"))
        .collect();
    let known = polled.iter().filter(|it| it.known.is_some()).count();
    // A poll takes two lists (children are listed apart), known by their version, and the pipeline that is first in the way;
    // the rest is asked for once.
    assert_eq!(polled.len(), 2 * (polls + 2));
    assert!(known >= polled.len() - 2, "{known} of {}", polled.len());
    let rest = all.len() - polled.len() - polls;
    assert!(rest <= 10, "{rest}");
}
