//! Child pipelines and merge requests' pipelines: who is whose, and whom they stand in the way of.

use pannier::guard::{Order, Plan, Refs};

use super::gitlab::Status;
use super::setup::{House, hold, look};

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
