//! Deployments, rollbacks and releases through a session, without the command line.

mod world;

use std::cell::Cell;
use std::ops::ControlFlow;

use pannier_core::deploy::DeployError;
use pannier_core::release::Stage;
use pannier_core::session::{
    DeployOptions, DeployReport, ListOptions, PromoteOptions, PushOptions, RollbackOptions,
};
use world::{BRANCH, World, run};

const GO: &dyn Fn(&DeployReport) -> ControlFlow<()> = &|_| ControlFlow::Continue(());

fn stages(world: &World) -> Vec<Stage> {
    let session = world.session();
    let log = session.release_log().unwrap().read().unwrap();
    let lines = log.branch_lines().unwrap();
    lines.iter().map(|line| line.action).collect()
}

#[test]
fn a_deployment_shows_its_plan_then_pushes_then_records() {
    let world = World::new();
    let planned = Cell::new(0);
    let report = world.deploy(&world.c[2], &|plan| {
        planned.set(planned.get() + 1);
        assert_eq!(plan.projects[0].result, None);
        assert_eq!(world.now().as_ref(), Some(&world.c[1]));
        assert_eq!(stages(&world), []);
        ControlFlow::Continue(())
    });
    assert_eq!(planned.get(), 1);
    assert!(report.failure.is_none(), "{:?}", report.failure);
    assert_eq!(world.now().as_ref(), Some(&world.c[2]));
    assert_eq!(stages(&world), [Stage::Plan, Stage::Deploy]);
    insta::assert_snapshot!(world.json(&report));
    let audit = world.audit();
    insta::assert_snapshot!(audit, @r#"{"audit":"branch","at":"2026-03-01T09:15:00Z","actor":"ann","project":"tools","repository":"http://gitlab/platform/tools.git","branch":"production","from":"<c1>","to":"<c2>","kind":"forward","outcome":"moved","reason":"it is time","pipeline":null}"#);
    assert_eq!(world.logged(), audit);
    let file = std::fs::read_to_string(world.path("audit.jsonl")).unwrap();
    assert_eq!(file.lines().count(), 1);
    assert_eq!(world.warnings(), [] as [String; 0]);
}

#[test]
fn a_refused_deployment_returns_its_report_and_changes_nothing() {
    let world = World::new();
    let report = world.deploy(&world.c[0], GO);
    let refused = matches!(report.failure, Some(DeployError::Refused { .. }));
    assert!(refused, "{:?}", report.failure);
    assert_eq!(report.projects[0].kind, None);
    assert_eq!(report.projects[0].result, None);
    assert_eq!(world.now().as_ref(), Some(&world.c[1]));
    assert_eq!(stages(&world), []);
    assert_eq!(world.audit(), "");
}

#[test]
fn a_plan_that_is_declined_is_not_applied() {
    let world = World::new();
    let report = world.deploy(&world.c[2], &|_| ControlFlow::Break(()));
    assert!(report.failure.is_none());
    assert_eq!(report.projects[0].result, None);
    assert_eq!(world.now().as_ref(), Some(&world.c[1]));
    assert_eq!(stages(&world), []);
    assert_eq!(world.audit(), "");
}

#[test]
fn a_deployment_that_is_overtaken_returns_what_happened() {
    let world = World::new();
    let report = world.deploy(&world.c[2], &|_| {
        world.tools.set_branch(BRANCH, &world.c[0]);
        ControlFlow::Continue(())
    });
    assert_eq!(world.now().as_ref(), Some(&world.c[0]));
    insta::assert_snapshot!(world.json(&report));
    let halted = matches!(
        report.failure,
        Some(DeployError::Halted { refused: true, .. })
    );
    assert!(halted, "{:?}", report.failure);
    assert_eq!(stages(&world), [Stage::Plan, Stage::End]);
}

#[test]
fn an_audit_file_that_cannot_be_opened_stops_everything() {
    let world = World::new();
    let options = DeployOptions {
        targets: Vec::new(),
        rules: Default::default(),
        run: PushOptions {
            audit_file: Some(world.path("no/such/folder")),
            ..run(&|_| panic!("there must be no plan"))
        },
    };
    let failed = world.session().deploy(&options);
    assert!(
        matches!(failed, Err(DeployError::Audit { .. })),
        "{failed:?}"
    );
}

#[test]
fn a_rollback_moves_the_branches_and_records_a_release() {
    let world = World::new();
    let first = world.record(&world.c[1]).outcome.release;
    let second = world.record(&world.c[2]).outcome.release;
    world.deploy(&world.c[2], GO);
    let report = world.session().rollback(&RollbackOptions {
        to: "previous".to_owned(),
        only: Vec::new(),
        channel: BRANCH.parse().unwrap(),
        branch: BRANCH.to_owned(),
        environment: BRANCH.to_owned(),
        run: run(GO),
    });
    let report = report.unwrap();
    assert!(report.failure.is_none(), "{:?}", report.failure);
    assert_eq!(world.now().as_ref(), Some(&world.c[1]));
    let recorded = report.release.unwrap();
    assert!(recorded.recorded);
    assert_eq!(recorded.channel.unwrap().from, Some(second));
    let session = world.session();
    let log = session.release_log().unwrap().read().unwrap();
    let release = log.release(&recorded.release).unwrap();
    assert_eq!(release.back_to.unwrap().release, first);
    let audit = world.audit();
    let kinds: Vec<&str> = audit
        .lines()
        .map(|line| line.split('"').nth(3).unwrap())
        .collect();
    let recorded = ["record", "channel"];
    let wanted = [
        &recorded[..],
        &recorded,
        &["branch"],
        &["branch"],
        &recorded,
    ]
    .concat();
    assert_eq!(kinds, wanted);
}

#[test]
fn a_channel_is_promoted_once() {
    let world = World::new();
    let first = world.record(&world.c[1]).outcome.release;
    world.record(&world.c[2]);
    let options = PromoteOptions {
        release: first.to_string(),
        channel: "staging".parse().unwrap(),
        reason: None,
    };
    let promoted = world.session().release_promote(&options).unwrap();
    assert_eq!(promoted.outcome.channel.unwrap().from, None);
    let audited = world.audit();
    let again = world.session().release_promote(&options).unwrap();
    assert_eq!(again.outcome.channel.unwrap().from, Some(first));
    assert_eq!(world.audit(), audited);
    let list = world.session().release_list(&ListOptions { limit: 9 });
    let list = list.unwrap().releases;
    let channels = list.iter().map(|it| it.channels[0].to_string());
    assert_eq!(channels.collect::<Vec<_>>(), ["production", "staging"]);
}
