//! Two, five and twenty pipelines that deploy at the same time: the other program's guards each see the others and wait until
//! their time is over, all of them; on the same state this one's go through one at a time, the older one first.

use std::process::{Child, Stdio};

use pannier_core::guard::Order;

use super::super::race;
use super::super::setup::House;
use super::peer;
use pannier_testkit::gitlab::{Pipeline, Status};

/// What the guards of the other program end with when each has three seconds. Nobody's job ends before all of them have: how a
/// pipeline goes on whose guard gave up is not what they wait for.
fn theirs(house: &House, pipelines: &[Pipeline]) -> Vec<Option<i32>> {
    let mut shuffled: Vec<&Pipeline> = pipelines.iter().collect();
    fastrand::shuffle(&mut shuffled);
    let start = |pipeline: &&Pipeline| -> Child {
        let mut command = house.command(&peer(), pipeline);
        command.args(["-c", ".", "-w", "3"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let children: Vec<Child> = shuffled.iter().map(start).collect();
    let codes = children.into_iter();
    codes.map(|mut it| it.wait().unwrap().code()).collect()
}

fn at_once(count: usize) {
    let house = House::of_today();
    let pipelines: Vec<Pipeline> = (0..count)
        .map(|_| house.deploying(Status::Running))
        .collect();
    let before = house.gitlab.count("/pipelines");
    assert_eq!(
        theirs(&house, &pipelines),
        vec![Some(11); count],
        "each waited for the others"
    );
    let asked = house.gitlab.count("/pipelines") - before;
    assert!(asked >= count, "{asked}: they have looked");
    let (codes, went) = race::run(&house, &pipelines, Order::Oldest);
    assert_eq!(codes, vec![0; count]);
    let numbers: Vec<u64> = pipelines.iter().map(|it| it.id).collect();
    assert_eq!(went, numbers, "the older one goes first");
}

#[test]
#[ignore = "needs gitlab-job-guard 0.0.4.3 in PANNIER_E2E_JOB_GUARD"]
fn two_that_see_each_other() {
    at_once(2);
}

#[test]
#[ignore = "needs gitlab-job-guard 0.0.4.3 in PANNIER_E2E_JOB_GUARD"]
fn five_that_see_each_other() {
    at_once(5);
}

#[test]
#[ignore = "needs gitlab-job-guard 0.0.4.3 in PANNIER_E2E_JOB_GUARD"]
fn twenty_that_see_each_other() {
    at_once(20);
}
