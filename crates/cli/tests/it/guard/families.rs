//! Child pipelines and merge requests' pipelines: who is whose, and whom they stand in the way of.

use pannier_core::guard::Order;
use pannier_core::guard::Plan;
use pannier_core::guard::Refs;
use pannier_core::guard::Scope;

use super::setup::{House, hold, look, nothing, step};
use pannier_testkit::gitlab::{Pipeline, Status};

#[test]
fn a_child_does_not_wait_for_its_parent() {
    let house = House::new();
    let parent = house.project.pipeline("main", Status::Running);
    let child = parent.child("deploy-part", Status::Running);
    let sibling = parent.child("other-part", Status::Running);
    let grandchild = child.child("deeper", Status::Running);
    house.later(60);
    for member in [&parent, &child, &sibling, &grandchild] {
        assert_eq!(look(&house, &house.plan(member)), "free", "{}", member.id);
        let plan = Plan {
            order: Order::Newest,
            ..house.plan(member)
        };
        assert_eq!(
            hold(&house, &plan, Vec::new()).word(),
            "free",
            "{}",
            member.id
        );
    }
}

#[test]
fn a_family_has_one_place() {
    let house = House::new();
    let first = house.project.pipeline("main", Status::Running);
    let first = first.with_job("build", "build", Status::Running);
    house.later(60);
    let second = house.project.pipeline("main", Status::Running);
    house.later(60);
    // Made last, but part of what came first.
    let child = first.child("deploy-part", Status::Running);
    house.later(60);
    assert_eq!(look(&house, &house.plan(&child)), "free");
    assert_eq!(look(&house, &house.plan(&second)), "conflict 1 3");
}

#[test]
fn a_child_counts_although_its_parent_is_over() {
    let house = House::new();
    let parent = house.project.pipeline("main", Status::Running);
    let child = parent.child("deploy-part", Status::Running);
    parent.set(Status::Success);
    house.later(60);
    let me = house.deploying(Status::Running);
    house.later(60);
    assert_eq!(look(&house, &house.plan(&me)), "conflict 2");
    child.set(Status::Success);
    house.later(60);
    assert_eq!(look(&house, &house.plan(&me)), "free");
}

#[test]
fn a_merge_request_counts_by_its_source_branch() {
    let house = House::new();
    house.project.commit("feature", &[("a.txt", "a\n")]);
    let merge_request = house.project.merge_request("feature", "main");
    let pipeline = merge_request.pipeline(Status::Running);
    house.later(60);
    let me = house.deploying(Status::Running);
    for (expression, found) in [
        ("^feature$", true),
        ("^main$", false),
        ("merge-requests", true),
    ] {
        let mut plan = house.plan(&me);
        plan.refs = Refs::parse(Some(expression)).unwrap();
        let expected = if found { "conflict 1" } else { "free" };
        assert_eq!(look(&house, &plan), expected, "{expression}");
    }
    assert_eq!(pipeline.status(), Status::Running);
}

/// How a trigger job stands while its pipeline waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strategy {
    Depend,
    Mirror,
}

/// A parent whose child waits for someone to play its deployment, and that child.
fn waiting_for_a_person(house: &House, strategy: Strategy) -> (Pipeline, Pipeline) {
    let parent = house.project.pipeline("main", Status::Running);
    let parent = parent.with_job("build", "build", Status::Running);
    house.later(60);
    parent.job("build").set(Status::Success);
    let child = parent.child("deploy-part", Status::Running);
    let child = child.with_job("deploy", "deploy", Status::Manual);
    child.set(Status::Manual);
    if strategy == Strategy::Depend {
        parent.job("deploy-part").set(Status::Running);
        assert_eq!(parent.status(), Status::Running);
    } else {
        assert_eq!(parent.status(), Status::Manual);
    }
    house.later(600);
    (parent, child)
}

#[test]
fn a_child_that_is_played_late_goes_behind_with_its_parent() {
    for strategy in [Strategy::Depend, Strategy::Mirror] {
        for scope in [Scope::Pipeline, Scope::Job("deploy".to_owned())] {
            let house = House::new();
            let (parent, child) = waiting_for_a_person(&house, strategy);
            let parent = parent.with_job("deploy", "last", Status::Created);
            let other = house.deploying(Status::Running);
            house.later(20);
            let plan = |pipeline: &Pipeline| Plan {
                scope: scope.clone(),
                ..house.plan(pipeline)
            };
            // Nobody waits for who waits for a person, not even by way of a parent that shows `running`.
            assert_eq!(
                look(&house, &plan(&other)),
                "free",
                "{strategy:?} {scope:?}"
            );
            house.later(20);
            child.job("deploy").set(Status::Pending);
            house.later(20);
            // As long as it is not known since when the child is awake, nobody else begins.
            let begun = look(&house, &plan(&other));
            assert!(
                begun.starts_with("conflict 1"),
                "{strategy:?} {scope:?}: {begun}"
            );
            child.job("deploy").set(Status::Running);
            house.later(20);
            let both = (look(&house, &plan(&child)), look(&house, &plan(&other)));
            let expected = ("conflict 3".to_owned(), "free".to_owned());
            assert_eq!(both, expected, "{strategy:?} {scope:?}");
            // It waits for the other one, and the other one for nobody.
            let done = other.clone();
            let script = vec![
                nothing(),
                step(move || done.job("deploy").set(Status::Success)),
            ];
            assert_eq!(hold(&house, &plan(&child), script).word(), "free");
            assert!(!parent.status().is_done());
        }
    }
}

#[test]
fn a_child_keeps_the_place_of_a_parent_that_works_on() {
    let house = House::new();
    let (parent, child) = waiting_for_a_person(&house, Strategy::Depend);
    let parent = parent.with_job("docs", "docs", Status::Running);
    house.gitlab.change(|state| {
        // It has run since the beginning.
        let begun = state.pipelines[&parent.id].created_at;
        let docs = state.jobs.values_mut().find(|job| job.name == "docs");
        let docs = docs.unwrap();
        (docs.queued_at, docs.started_at) = (Some(begun), Some(begun));
    });
    let other = house.deploying(Status::Running);
    house.later(20);
    // The other one waits for the parent all the time.
    assert_eq!(look(&house, &house.plan(&other)), "conflict 1");
    child.job("deploy").set(Status::Running);
    house.later(20);
    assert_eq!(look(&house, &house.plan(&child)), "free");
    assert_eq!(look(&house, &house.plan(&other)), "conflict 1 2");
}

#[test]
fn the_first_child_of_a_trigger_job_that_was_tried_again_stays_in_the_family() {
    let house = House::new();
    let parent = house.project.pipeline("main", Status::Running);
    let parent = parent.with_job("build", "build", Status::Running);
    let first = parent.child("deploy-part", Status::Running);
    let first = first.with_job("deploy", "deploy", Status::Running);
    house.later(60);
    let other = house.deploying(Status::Running);
    let trigger = parent.job("deploy-part").id;
    house.gitlab.change(|state| state.retry_job(trigger, 1));
    house.later(60);
    assert_eq!(look(&house, &house.plan(&first)), "free");
    assert_eq!(look(&house, &house.plan(&other)), "conflict 1 2");
}
