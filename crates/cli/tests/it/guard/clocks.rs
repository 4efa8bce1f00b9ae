//! A server whose clock differs from this machine's: what a guard decides, and how often it asks, is the same.

use jiff::{SignedDuration, Timestamp};

use super::setup::House;
use pannier_testkit::gitlab::{Clock, Pipeline, Status};

/// What there is besides the pipeline of the guard, and what happens while it waits.
type Scene = fn(&House) -> Pipeline;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// The exit code, and how many requests it took.
fn run(skew: SignedDuration, scene: Scene, arguments: &[&str]) -> (i32, usize) {
    let house = House::new();
    // It stands still, so that a guard finds the same in each run.
    house.gitlab.clock(Clock::Still(Timestamp::now() + skew));
    let me = scene(&house);
    let mut command = house.guard(&me);
    let output = command.args(arguments).output().unwrap();
    (output.status.code().unwrap(), house.gitlab.requests().len())
}

fn older(house: &House, status: Status) -> Pipeline {
    let older = house.deploying(Status::Running);
    older.set(status);
    older.shift(-HOUR);
    older
}

/// Waits until the older pipeline was read, then lets this happen.
fn then(house: &House, older: &Pipeline, act: impl FnOnce(&Pipeline) + Send + 'static) {
    let pipeline = older.clone();
    let jobs = format!("/pipelines/{}/jobs", older.id);
    house.gitlab.after(&jobs, move || act(&pipeline));
}

fn same_as_without_skew(expected: i32, scene: Scene, arguments: &[&str]) {
    let plain = run(SignedDuration::ZERO, scene, arguments);
    assert_eq!(plain.0, expected);
    let skews = [-5 * 60, -1, 1, 5 * 60, 400 * 24 * 60];
    for skew in skews.map(SignedDuration::from_mins) {
        assert_eq!(run(skew, scene, arguments), plain, "{skew:#}");
    }
}

#[test]
fn an_older_one_that_runs() {
    let scene: Scene = |house| {
        older(house, Status::Running);
        house.deploying(Status::Running)
    };
    same_as_without_skew(7, scene, &["--no-wait"]);
    same_as_without_skew(7, scene, &["--no-wait", "--scope", "job"]);
}

#[test]
fn an_older_one_in_an_unknown_status() {
    let scene: Scene = |house| {
        older(house, Status::Unheard);
        house.deploying(Status::Running)
    };
    same_as_without_skew(7, scene, &["--no-wait"]);
}

#[test]
fn an_older_one_that_rests() {
    let long: Scene = |house| {
        older(house, Status::Manual);
        house.deploying(Status::Running)
    };
    same_as_without_skew(0, long, &[]);
    let just_now: Scene = |house| {
        let resting = older(house, Status::Running);
        resting.set(Status::Manual);
        house.deploying(Status::Running)
    };
    same_as_without_skew(7, just_now, &["--no-wait"]);
}

#[test]
fn one_that_is_deleted_meanwhile() {
    let scene: Scene = |house| {
        let older = older(house, Status::Running);
        then(house, &older, Pipeline::delete);
        house.deploying(Status::Running)
    };
    same_as_without_skew(0, scene, &["--timeout", "60"]);
    same_as_without_skew(0, scene, &["--timeout", "60", "--scope", "job"]);
}

#[test]
fn one_that_ends_meanwhile() {
    let scene: Scene = |house| {
        let older = older(house, Status::Running);
        then(house, &older, |it| it.job("deploy").set(Status::Success));
        house.deploying(Status::Running)
    };
    same_as_without_skew(0, scene, &["--timeout", "60"]);
}

#[test]
fn a_younger_one() {
    let scene: Scene = |house| {
        let me = older(house, Status::Running);
        house.deploying(Status::Running);
        me
    };
    same_as_without_skew(0, scene, &[]);
    same_as_without_skew(10, scene, &["--order", "newest"]);
}
