//! What a guard does not believe, and what it notices of deletions: an answer that does not say that the way is free is a
//! conflict or an error, and what is gone is not waited for.

use std::sync::Arc;

use jiff::SignedDuration;
use pannier_clients::gitlab::ProjectRef;
use pannier_core::guard::GuardError;
use pannier_core::guard::Order;
use pannier_core::guard::Plan;
use pannier_core::guard::Refs;
use pannier_core::guard::Scope;
use pannier_core::guard::Statuses;
use serde_json::{Value, json};

use super::setup::{Held, House, hold, look, newest, nothing, step};
use pannier_testkit::gitlab::{Fault, Pipeline, Role, Status};
use pannier_testkit::loopback::{Answer, Loopback};

const JSON: (&str, &str) = ("content-type", "application/json");

fn answer(body: &Value) -> Answer {
    Answer::new(200, body.to_string()).with(JSON.0, JSON.1)
}

/// The guard ended because it could not find out; gives what it says.
fn refused(held: &Held) -> String {
    match &held.outcome {
        Err(GuardError::Gitlab(error)) => error.to_string(),
        _ => panic!("{}", held.word()),
    }
}

/// A house with an older pipeline whose deployment runs, and this one.
fn waiting() -> (Arc<House>, Pipeline, Pipeline) {
    let house = House::new();
    let older = house.deploying(Status::Running);
    house.later(600);
    let me = house.deploying(Status::Running);
    house.later(60);
    (house, older, me)
}

/// All ways of waiting that ask for different things.
fn ways(house: &House, me: &Pipeline) -> [Plan; 4] {
    let plan = house.plan(me);
    [
        plan.clone(),
        Plan {
            scope: Scope::Job("deploy".to_owned()),
            ..plan.clone()
        },
        newest(plan.clone()),
        Plan {
            statuses: Statuses::parse(Some("canceling")).unwrap(),
            ..plan
        },
    ]
}

fn matching(plan: &Plan) -> bool {
    plan.statuses.asked().unwrap().len() == 1
}

#[test]
fn an_unknown_status_conflicts_however_old_it_is() {
    for age in [0, 1, 3, 60, 60 * 24 * 300] {
        let (house, older, me) = waiting();
        older.set(Status::Unheard);
        older.shift(-SignedDuration::from_mins(age));
        for plan in [house.plan(&me), newest(house.plan(&me))] {
            assert_eq!(look(&house, &plan), "conflict 1", "{age} min");
        }
        let done = older.clone();
        let script = vec![
            nothing(),
            step(move || done.job("deploy").set(Status::Success)),
        ];
        assert_eq!(hold(&house, &house.plan(&me), script).word(), "free");
    }
}

/// Three hundred pipelines that are over: then GitLab is asked by status.
fn long_history(house: &House) {
    let sha = house.project.branch("main").unwrap();
    house.gitlab.change(|state| {
        let user = state.add_user("ann");
        for _ in 0..320 {
            let id = state.add_pipeline(house.project.id, user, "main", &sha, "push");
            state.set_pipeline(id, Status::Success);
        }
    });
}

#[test]
fn an_unknown_status_conflicts_behind_a_long_history() {
    let (house, older, _) = waiting();
    older.set(Status::Unheard);
    older.shift(-SignedDuration::from_hours(30));
    long_history(&house);
    let me = house.deploying(Status::Running);
    house.later(600);
    let mut plan = house.plan(&me);
    plan.refs = Refs::parse(Some("main")).unwrap();
    assert_eq!(look(&house, &plan), "conflict 1 2");
    assert_eq!(house.gitlab.count("status=unheard_of"), 2);
    // A server that does not tell its statuses is read whole.
    for told in [
        Answer::new(404, "no"),
        Answer::new(200, "<html>"),
        answer(&json!({ "data": { "__type": null } })),
    ] {
        let before = house.gitlab.count("status=");
        house.gitlab.fault("/api/graphql", Fault::Answer(told));
        let again = Answer::new(404, "no");
        house.gitlab.fault("/api/graphql", Fault::Answer(again));
        assert_eq!(look(&house, &plan), "conflict 1 2");
        house.gitlab.heal();
        assert_eq!(house.gitlab.count("status="), before);
    }
}

#[test]
fn a_parent_in_an_unknown_status_does_not_rest() {
    let house = House::new();
    let parent = house.project.pipeline("main", Status::Running);
    let child = parent.child("deploy-part", Status::Running);
    let child = child.with_job("deploy", "deploy", Status::Manual);
    child.set(Status::Manual);
    parent.job("deploy-part").set(Status::Running);
    house.later(600);
    let me = house.deploying(Status::Running);
    house.later(60);
    assert_eq!(look(&house, &house.plan(&me)), "free");
    parent.set(Status::Unheard);
    house.later(600);
    assert_eq!(look(&house, &house.plan(&me)), "conflict 1");
}

#[test]
fn what_is_deleted_is_not_waited_for_any_longer() {
    for at in 0..4 {
        let (house, older, me) = waiting();
        let plan = ways(&house, &me)[at].clone();
        if matching(&plan) {
            older.set(Status::Canceling);
        }
        let gone = older.clone();
        let script = vec![nothing(), nothing(), step(move || gone.delete())];
        let held = hold(&house, &plan, script);
        assert_eq!(held.word(), "free", "{plan:?}");
        assert_eq!(held.pauses.len(), 3, "{plan:?}");
    }
}

#[test]
fn a_deleted_child_is_not_waited_for_any_longer() {
    let (house, parent, me) = waiting();
    let child = parent.child("deploy-part", Status::Running);
    parent.set(Status::Success);
    house.later(60);
    let script = vec![nothing(), step(move || child.delete())];
    let held = hold(&house, &house.plan(&me), script);
    assert_eq!((held.word().as_str(), held.pauses.len()), ("free", 2));
}

#[test]
fn what_this_token_may_not_see_any_more_is_not_gone() {
    for at in 0..4 {
        let (house, older, me) = waiting();
        let plan = ways(&house, &me)[at].clone();
        if matching(&plan) {
            older.set(Status::Canceling);
        }
        let shared = Arc::clone(&house);
        // At the worst moment: the lists have come, the pipeline has not.
        let hide = move || shared.project.expel(&shared.gitlab.user("reader"));
        let shared = Arc::clone(&house);
        let script = vec![step(move || {
            let lists = "source=parent_pipeline&updated_after";
            shared.gitlab.after(lists, hide);
        })];
        let held = hold(&house, &plan, script);
        assert!(refused(&held).contains("404"), "{plan:?}");
    }
}

#[test]
fn a_part_of_a_pipeline_that_is_refused_is_not_missing() {
    for part in ["/jobs?", "/bridges?"] {
        let (house, _, me) = waiting();
        for _ in 0..10 {
            let answer = Answer::new(404, r#"{"message":"404 Not Found"}"#);
            house.gitlab.fault(part, Fault::Answer(answer));
        }
        let held = hold(&house, &house.plan(&me), Vec::new());
        assert!(refused(&held).contains("404"), "{part}");
    }
}

#[test]
fn a_pipeline_that_is_listed_is_not_gone() {
    let (house, older, me) = waiting();
    let one = format!("/pipelines/{}?", older.id);
    let contradict = |times: usize| {
        for _ in 0..times {
            let answer = Answer::new(404, r#"{"message":"404 Not found"}"#);
            house.gitlab.fault(&one, Fault::Answer(answer));
        }
    };
    // Once it is a database that lags behind, in the end it is a refusal.
    contradict(2);
    assert_eq!(look(&house, &house.plan(&me)), "conflict 1");
    contradict(3);
    let held = hold(&house, &house.plan(&me), Vec::new());
    assert!(refused(&held).contains("404"));
}

#[test]
fn another_project_that_disappears_is_an_error() {
    for hidden in [false, true] {
        let house = House::new();
        let shop = house.gitlab.project("team/shop");
        let reader = house.gitlab.user("reader");
        shop.member(&reader, Role::Reporter);
        shop.pipeline("main", Status::Running);
        house.later(60);
        let me = house.deploying(Status::Running);
        let plan = Plan {
            others: vec![ProjectRef::Path("team/shop".to_owned())],
            ..house.plan(&me)
        };
        let vanish = step(move || match hidden {
            true => shop.expel(&reader),
            false => shop.delete(),
        });
        let held = hold(&house, &plan, vec![nothing(), vanish]);
        assert!(refused(&held).contains("404"), "hidden: {hidden}");
        assert_eq!(held.pauses.len(), 2);
    }
}

#[test]
fn a_project_that_moves_is_followed() {
    let house = House::new();
    let shop = house.gitlab.project("team/shop");
    let reader = house.gitlab.user("reader");
    shop.member(&reader, Role::Reporter);
    let older = shop.pipeline("main", Status::Running);
    house.later(60);
    let me = house.deploying(Status::Running);
    let plan = Plan {
        project: ProjectRef::Path("team/app".to_owned()),
        others: vec![ProjectRef::Path("team/shop".to_owned())],
        ..house.plan(&me)
    };
    let shared = Arc::clone(&house);
    let script = vec![
        // Others take the old paths, and nothing runs there.
        step(move || {
            shop.move_to("team/store");
            shared.project.move_to("team/program");
            for path in ["team/shop", "team/app"] {
                let project = shared.gitlab.project(path);
                project.member(&reader, Role::Reporter);
            }
        }),
        nothing(),
        step(move || older.set(Status::Success)),
    ];
    let held = hold(&house, &plan, script);
    assert_eq!((held.word().as_str(), held.pauses.len()), ("free", 3));
}

#[test]
fn a_redirect_to_another_host_is_no_answer() {
    let other = Loopback::start(|_| answer(&json!([])));
    for part in ["/pipelines?", "/jobs?", "updated_after"] {
        let (house, _, me) = waiting();
        let away = Answer::new(302, "").with("location", other.url("/api/v4/x"));
        house.gitlab.fault(part, Fault::Answer(away));
        let held = hold(&house, &house.plan(&me), Vec::new());
        let Err(error) = &held.outcome else {
            panic!("{part}: {}", held.word());
        };
        let mut told = String::new();
        let mut cause: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = cause {
            told += &error.to_string();
            cause = error.source();
        }
        for host in [other.url(""), house.gitlab.url("")] {
            assert!(told.contains(&host), "{part}: {told}");
        }
    }
    assert!(other.seen().is_empty());
}

#[test]
fn an_answer_of_another_shape_is_an_error() {
    let table: [(&str, Answer); 8] = [
        ("/pipelines?", Answer::new(200, "<html>Sign in</html>")),
        ("/pipelines?", answer(&json!({}))),
        ("/pipelines?", answer(&json!(null))),
        ("/pipelines?", answer(&json!([{ "id": 1 }]))),
        ("/pipelines?", {
            answer(&json!([{ "id": 1, "status": null }]))
        }),
        ("/pipelines?", answer(&json!([])).with("x-total", "7")),
        ("/pipelines?", Answer::new(304, "")),
        ("/jobs?", Answer::new(200, "")),
    ];
    for (part, wrong) in table {
        let (house, _, me) = waiting();
        for _ in 0..5 {
            house.gitlab.fault(part, Fault::Answer(wrong.clone()));
        }
        refused(&hold(&house, &house.plan(&me), Vec::new()));
    }
}

/// An older pipeline as the list shows it, with one field changed.
fn listed_with(house: &House, older: &Pipeline, field: &str, value: Value) {
    let time = "2026-01-05T07:00:00.000Z";
    let mut row = json!({
        "id": older.id, "project_id": house.project.id, "status": "running", "source": "push", "ref": "main",
        "sha": "0".repeat(40), "created_at": time, "updated_at": time,
    });
    row[field] = value;
    let list = "per_page=100";
    house
        .gitlab
        .fault(list, Fault::Answer(answer(&json!([row]))));
}

#[test]
fn what_is_not_known_of_a_pipeline_may_be_anything() {
    for (field, value) in [
        ("ref", json!(null)),
        ("source", json!("made_of_cheese")),
        ("source", json!(null)),
        ("status", json!("melting")),
    ] {
        let (house, older, me) = waiting();
        listed_with(&house, &older, field, value.clone());
        let mut plan = house.plan(&me);
        plan.refs = Refs::parse(Some("^main$")).unwrap();
        assert_eq!(look(&house, &plan), "conflict 1", "{field} {value}");
    }
}

#[test]
fn a_merge_request_that_is_hidden_may_be_of_any_branch() {
    let house = House::new();
    house.project.commit("feature", &[("a.txt", "a\n")]);
    let merge_request = house.project.merge_request("feature", "main");
    merge_request.pipeline(Status::Running);
    house.later(60);
    let me = house.deploying(Status::Running);
    let mut plan = house.plan(&me);
    plan.refs = Refs::parse(Some("^production$")).unwrap();
    assert_eq!(look(&house, &plan), "free");
    let hidden = Answer::new(404, r#"{"message":"404 Not found"}"#);
    house
        .gitlab
        .fault("/merge_requests/", Fault::Answer(hidden));
    assert_eq!(look(&house, &plan), "conflict 1");
}

#[test]
fn a_rest_that_begins_in_the_future_is_none() {
    let (house, older, me) = waiting();
    older.set(Status::Manual);
    house.later(60);
    assert_eq!(look(&house, &house.plan(&me)), "free");
    house.gitlab.change(|state| {
        let later = state.now() + SignedDuration::from_hours(5);
        state.pipelines.get_mut(&older.id).unwrap().updated_at = later;
    });
    assert_eq!(look(&house, &house.plan(&me)), "conflict 1");
}

/// A time in the future does not hide what changes afterwards.
#[test]
fn a_change_in_the_future_does_not_end_the_list_of_changes() {
    for order in [Order::Oldest, Order::Newest] {
        let (house, older, me) = waiting();
        let odd = house.project.pipeline("main", Status::Success);
        house.gitlab.change(|state| {
            let later = state.now() + SignedDuration::from_hours(9000);
            state.pipelines.get_mut(&odd.id).unwrap().updated_at = later;
        });
        let done = older.clone();
        let script = vec![
            nothing(),
            step(move || done.job("deploy").set(Status::Success)),
        ];
        let plan = Plan {
            order,
            ..house.plan(&me)
        };
        assert_eq!(hold(&house, &plan, script).word(), "free");
    }
}

/// Dates that a proxy puts into answers, or none.
fn wrong_dates() -> impl Iterator<Item = (Arc<House>, Option<SignedDuration>)> {
    let hours = [Some(-5), Some(5), Some(9600), Some(-9600), None];
    let dates = hours.map(|hours| hours.map(SignedDuration::from_hours));
    dates.into_iter().map(|date| {
        let house = House::new();
        house.gitlab.change(|state| state.date = date);
        (house, date)
    })
}

#[test]
fn a_wrong_date_hides_no_change() {
    for (house, date) in wrong_dates() {
        let parent = house.deploying(Status::Running);
        house.later(3600);
        let me = house.deploying(Status::Running);
        house.later(3600);
        let (above, child) = (parent.clone(), Arc::new(std::sync::Mutex::new(None)));
        let born = Arc::clone(&child);
        let script = vec![
            nothing(),
            step(move || {
                let child = above.child("deploy-part", Status::Running);
                for job in ["deploy", "deploy-part"] {
                    above.job(job).set(Status::Success);
                }
                assert_eq!(above.status(), Status::Success);
                *born.lock().unwrap() = Some(child);
            }),
            nothing(),
            nothing(),
            step(move || {
                let child = child.lock().unwrap().take().unwrap();
                child.set(Status::Success);
            }),
        ];
        let held = hold(&house, &house.plan(&me), script);
        let pauses = held.pauses.len();
        assert_eq!((held.word().as_str(), pauses), ("free", 5), "{date:?}");
    }
}

#[test]
fn a_date_that_is_missing_or_behind_makes_a_guard_careful() {
    for (house, date) in wrong_dates() {
        let resting = house.deploying(Status::Running);
        house.later(60);
        let me = house.deploying(Status::Running);
        resting.set(Status::Manual);
        let ahead = date.is_some_and(|date| date.is_positive());
        let held = hold(&house, &house.plan(&me), Vec::new());
        assert_eq!(held.word(), "free");
        let waited: u64 = held.pauses.iter().map(std::time::Duration::as_secs).sum();
        // Where the server's time is too late nothing shows it; otherwise the rest is waited for.
        assert_eq!(waited >= 30, !ahead, "{date:?}: {:?}", held.pauses);
    }
}

#[test]
fn a_young_pipeline_waits_once_whatever_the_date() {
    for (house, date) in wrong_dates() {
        let me = house.deploying(Status::Running);
        let held = hold(&house, &house.plan(&me), Vec::new());
        assert_eq!(held.word(), "free");
        let waited: u64 = held.pauses.iter().map(std::time::Duration::as_secs).sum();
        assert!(waited <= 5, "{date:?}: {:?}", held.pauses);
    }
}
