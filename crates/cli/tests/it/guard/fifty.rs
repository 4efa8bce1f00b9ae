//! Fifty guards that wait at the same time, in the stand-in's time: they stay under a limit that is enforced, and all finish.
//!
//! Each is a guard of its own in a thread of its own, over connections of its own. Whoever pauses hands on to the one whose
//! pause ends first, so that hours pass without any waiting, and in each run in the same order but for the guards' own chance.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pannier_clients::http::Clock;
use pannier_core::guard;
use pannier_core::guard::Outcome;
use pannier_core::guard::Patience;
use pannier_core::guard::Plan;

use super::race::report;
use super::setup::House;
use pannier_testkit::gitlab::{Pipeline, Status, Throttle};

/// Whose turn it is: one at a time.
#[derive(Default)]
struct Turns {
    /// When whose pause ends.
    pauses: BTreeSet<(Timestamp, usize)>,
    turn: Option<usize>,
}

struct Stage {
    house: Arc<House>,
    turns: Mutex<Turns>,
    changed: Condvar,
}

impl Stage {
    fn now(&self) -> Timestamp {
        self.house.gitlab.read(|state| state.now())
    }

    /// Lets the others act until the pause is over.
    fn pause(&self, who: usize, pause: Duration) {
        let end = self.now() + SignedDuration::try_from(pause).unwrap();
        let mut turns = self.turns.lock().unwrap();
        turns.pauses.insert((end, who));
        turns.turn = None;
        self.changed.notify_all();
        let mine = |turns: &mut Turns| turns.turn != Some(who);
        drop(self.changed.wait_while(turns, mine).unwrap());
    }

    fn leave(&self) {
        self.turns.lock().unwrap().turn = None;
        self.changed.notify_all();
    }

    /// Gives everybody a turn when a pause ends, until nobody pauses any more.
    fn direct(&self, actors: usize) {
        let mut turns = self.turns.lock().unwrap();
        let missing = |turns: &mut Turns| turns.pauses.len() < actors;
        turns = self.changed.wait_while(turns, missing).unwrap();
        while let Some((end, who)) = turns.pauses.pop_first() {
            let rest = end.duration_since(self.now());
            self.house.gitlab.advance(rest.max(SignedDuration::ZERO));
            turns.turn = Some(who);
            self.changed.notify_all();
            let acting = |turns: &mut Turns| turns.turn.is_some();
            turns = self.changed.wait_while(turns, acting).unwrap();
        }
    }
}

struct Actor {
    stage: Arc<Stage>,
    who: usize,
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.stage.leave();
    }
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Actor")
    }
}

impl Clock for Actor {
    fn elapsed(&self) -> Duration {
        let now = self.stage.now().as_nanosecond();
        Duration::from_nanos(now.try_into().unwrap())
    }

    fn sleep(&self, pause: Duration) {
        self.stage.pause(self.who, pause);
    }
}

/// Lets the guards of as many pipelines act; each deploys for so long. Gives the order in which they went through.
fn all_through(house: &Arc<House>, deployments: &[Duration]) -> Vec<u64> {
    let pipelines: Vec<Pipeline> = deployments
        .iter()
        .map(|_| {
            house.later(1);
            house.deploying(Status::Running)
        })
        .collect();
    let stage = Arc::new(Stage {
        house: Arc::clone(house),
        turns: Mutex::default(),
        changed: Condvar::new(),
    });
    let went = Mutex::new(Vec::new());
    let inside = Mutex::new(());
    std::thread::scope(|scope| {
        for (who, (pipeline, time)) in pipelines.iter().zip(deployments).enumerate() {
            let stage = Arc::clone(&stage);
            let (went, inside) = (&went, &inside);
            scope.spawn(move || {
                let actor = Actor { stage, who };
                actor.sleep(Duration::from_millis(fastrand::u64(..2000)));
                let plan = Plan {
                    patience: Patience::UpTo(Duration::from_secs(86_400)),
                    ..actor.stage.house.plan(pipeline)
                };
                let door = actor.stage.house.door();
                let outcome = guard::hold(&door, &actor, &plan, &mut |_: &str| {});
                assert!(matches!(outcome, Ok(Outcome::Free)), "{outcome:?}");
                let alone = inside.try_lock().expect("nobody else is inside");
                went.lock().unwrap().push(pipeline.id);
                actor.sleep(*time);
                drop(alone);
                pipeline.job("deploy").set(Status::Success);
            });
        }
        stage.direct(deployments.len());
    });
    assert!(went.lock().unwrap().is_sorted(), "the older one goes first");
    went.into_inner().unwrap()
}

/// The first one deploys for fifty minutes, and the others wait all the while. The limit is what a server has when its
/// administrator switches the throttle on and changes nothing: 7200 requests an hour for a user, here for one who owns them all.
#[test]
fn fifty_guards_stay_under_the_hourly_limit() {
    let house = House::new();
    house.gitlab.throttle(Throttle::hourly(7200));
    let mut deployments = vec![Duration::from_secs(5); 50];
    deployments[0] = Duration::from_secs(3000);
    assert_eq!(all_through(&house, &deployments).len(), 50);
    let (peak, refused) = throttled(&house);
    report(&format!(
        "fifty guards: {peak} requests in the fullest hour"
    ));
    assert_eq!(refused, 0);
    assert!(peak < 7200, "{peak}");
}

/// A limit that they cannot keep, because all begin at the same time, is obeyed: they wait for as long as they are told.
#[test]
fn a_limit_that_is_too_low_is_obeyed() {
    let house = House::new();
    house.gitlab.throttle(Throttle::by_the_minute(60));
    let deployments = vec![Duration::from_secs(30); 10];
    assert_eq!(all_through(&house, &deployments).len(), 10);
    let (peak, refused) = throttled(&house);
    report(&format!(
        "ten guards: {peak} requests in the fullest minute, {refused} refused"
    ));
    assert!(refused > 0, "the limit was never met");
}

fn throttled(house: &House) -> (u64, u64) {
    house.gitlab.read(|state| {
        let throttle = state.throttle.as_ref().unwrap();
        (throttle.peak(), throttle.refused)
    })
}
