//! `--cancel older`: what is cancelled and what never, and whether the token may.

use std::sync::Arc;

use pannier_clients::gitlab::Gitlab as Door;
use pannier_clients::gitlab::Kind;
use pannier_clients::gitlab::ProjectRef;
use pannier_clients::gitlab::Token;
use pannier_clients::gitlab::Tokens;
use pannier_clients::http::Client;
use pannier_clients::http::Options;
use pannier_clients::http::RetryPolicy;
use pannier_core::guard::GuardError;
use pannier_core::guard::Older;
use pannier_core::guard::Plan;

use super::setup::{Held, House, hold_by, newest, nothing, step};
use pannier_testkit::gitlab::{Pipeline, Role, Status};

fn cancelling(house: &House, pipeline: &Pipeline) -> Plan {
    Plan {
        older: Older::Cancel,
        ..newest(house.plan(pipeline))
    }
}

/// A token of a new member.
fn token_of(house: &House, role: Role, scopes: &[&str]) -> String {
    let user = house.gitlab.user("dev");
    house.project.member(&user, role);
    house.gitlab.token(&user, scopes)
}

/// An older pipeline that has not begun, and what becomes of a newer one's guard that wants it cancelled.
fn try_to_cancel(house: &Arc<House>, token: &str) -> Held {
    house.deploying(Status::Pending);
    let me = house.deploying(Status::Running);
    let plan = cancelling(house, &me);
    hold_by(house, &house.door_with(token), &plan, Vec::new())
}

fn refusal(held: &Held) -> &str {
    match &held.outcome {
        Err(GuardError::MayNotCancel { why }) => why,
        _ => panic!("{}", held.word()),
    }
}

#[test]
fn older_ones_are_cancelled_unless_they_are_at_work() {
    let house = House::new();
    let dev = house.gitlab.user("dev");
    house.project.member(&dev, Role::Developer);
    let token = house.gitlab.token(&dev, &["api"]);
    let inside = house.deploying(Status::Running);
    let before = house.deploying(Status::Pending);
    let me = house.deploying(Status::Running);
    let plan = Plan {
        older: Older::Cancel,
        ..newest(house.plan(&me))
    };
    let ended = inside.clone();
    let script = vec![
        nothing(),
        step(move || ended.job("deploy").set(Status::Success)),
    ];
    let held = hold_by(&house, &house.door_with(&token), &plan, script);
    assert_eq!(held.word(), "free");
    assert_eq!(before.status(), Status::Canceled);
    assert_eq!(inside.status(), Status::Success);
    assert_eq!(house.gitlab.count("/cancel"), 1);
    assert!(held.told[0].contains("asked to stop"), "{:?}", held.told);
}

/// One that begins between the look and the cancellation is left alone, too.
#[test]
fn one_that_has_begun_meanwhile_is_not_cancelled() {
    let house = House::new();
    let token = token_of(&house, Role::Developer, &["api"]);
    let older = house.deploying(Status::Pending);
    let me = house.deploying(Status::Running);
    let jobs = format!("/pipelines/{}/jobs", older.id);
    let (begun, counted) = (older.clone(), house.gitlab.count(&jobs));
    // A runner takes its job as soon as this guard has read once that it has none.
    house
        .gitlab
        .after(&jobs, move || begun.job("deploy").set(Status::Running));
    let done = older.clone();
    let script = vec![
        nothing(),
        step(move || done.job("deploy").set(Status::Success)),
    ];
    let plan = cancelling(&house, &me);
    let held = hold_by(&house, &house.door_with(&token), &plan, script);
    assert_eq!(held.word(), "free");
    assert_eq!(house.gitlab.count("/cancel"), 0);
    assert_eq!(older.status(), Status::Success);
    assert!(house.gitlab.count(&jobs) > counted + 1, "it has read twice");
}

#[test]
fn a_token_that_only_reads_is_refused_before_anything_is_waited_for() {
    let house = House::new();
    let token = token_of(&house, Role::Maintainer, &["read_api"]);
    let held = try_to_cancel(&house, &token);
    assert_eq!(refusal(&held), "the token's scope is not `api`");
    assert_eq!(house.gitlab.count("POST"), 0);
    assert!(held.pauses.is_empty());
}

#[test]
fn a_role_that_does_not_suffice_is_refused_first() {
    let house = House::new();
    let token = token_of(&house, Role::Reporter, &["api"]);
    let held = try_to_cancel(&house, &token);
    assert!(refusal(&held).starts_with("the token's user may not do that in project"));
    assert_eq!(house.gitlab.count("POST"), 0);
}

#[test]
fn the_project_says_who_may_cancel() {
    for (least, role, expected) in [
        (Role::Developer, Role::Developer, None),
        (Role::Maintainer, Role::Maintainer, None),
        // Whom the setting is not shown to learns it from the server.
        (
            Role::Maintainer,
            Role::Developer,
            Some("GitLab refuses it for pipeline #4001 of project 101"),
        ),
        (
            Role::None,
            Role::Maintainer,
            Some("project 101 allows nobody to do that"),
        ),
    ] {
        let house = House::new();
        house
            .project
            .settings(|settings| settings.cancel_role = least);
        let token = token_of(&house, role, &["api"]);
        let held = try_to_cancel(&house, &token);
        let word = held.word();
        match expected {
            None => assert_eq!(word, "free", "{least:?} {role:?}"),
            Some(why) => {
                let why = why.replace("101", &house.project.id.to_string());
                assert_eq!(refusal(&held), why, "{least:?} {role:?}");
            }
        }
        let states = house.gitlab.read(|state| {
            let cancelled = state.pipelines.values();
            cancelled.filter(|it| it.status == Status::Canceled).count()
        });
        assert_eq!(
            states,
            usize::from(expected.is_none()),
            "{least:?} {role:?}"
        );
    }
}

/// In every project of the lock.
#[test]
fn the_right_is_asked_for_in_all_projects() {
    let house = House::new();
    let shop = house.gitlab.project("team/shop");
    let token = token_of(&house, Role::Developer, &["api"]);
    let user = house.gitlab.user("dev");
    shop.member(&user, Role::Reporter);
    let me = house.deploying(Status::Running);
    let plan = Plan {
        others: vec![ProjectRef::Path("team/shop".to_owned())],
        ..cancelling(&house, &me)
    };
    let held = hold_by(&house, &house.door_with(&token), &plan, Vec::new());
    assert_eq!(
        refusal(&held),
        "the token's user may not do that in project team/shop"
    );
    shop.member(&user, Role::Developer);
    let held = hold_by(&house, &house.door_with(&token), &plan, Vec::new());
    assert_eq!(held.word(), "free");
}

#[test]
fn a_jobs_own_token_does_not_suffice() {
    let house = House::new();
    house
        .project
        .member(&house.gitlab.user("ann"), Role::Maintainer);
    let me = house.deploying(Status::Running);
    let client = Client::new(Options {
        retry: RetryPolicy {
            attempts: 1,
            ..RetryPolicy::default()
        },
        ..Options::default()
    });
    let token = Token::new(Kind::Job, me.job("deploy").token(), "CI_JOB_TOKEN");
    let api = house.gitlab.api().parse().unwrap();
    let door = Door::new(client, &api, Tokens::new([token]));
    let held = hold_by(&house, &door, &cancelling(&house, &me), Vec::new());
    assert_eq!(refusal(&held), "a job token cannot do that");
}
