//! A search through everything that up to four guards can do in any order: that no two are ever at work together, and that
//! nobody waits in a circle.
//!
//! The rule is the real one ([`crate::guard::verdict::way`]); around it stands a small GitLab: pipelines are made in the order of their
//! numbers, their guarded job starts some time later, its guard reads the list of pipelines, then the jobs of each in a request
//! of its own, and acts after that. In between anything may happen: cancelling, giving up, a retry, a rest until someone
//! plays the job.

mod families;
mod shown;
mod world;

use std::collections::HashSet;

use jiff::Timestamp;

use crate::guard::job_state::Work;
use crate::guard::queue::Rank;
use crate::guard::verdict::{Order, Way, way};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    /// It is not made yet.
    Unborn,
    /// It is alive, and its guarded job has not started.
    Before,
    /// It waits for a person: not alive.
    Resting,
    /// Its guarded job runs, and its guard is about to read the list.
    Guard,
    /// The guard has read the list; the jobs of these it has still to read; and whether one of the others stands in the way.
    Reading { left: u8, wait: bool, leave: bool },
    /// The guarded part.
    Inside,
    /// Its guarded job is over, the pipeline is still alive.
    After,
    /// It is over.
    Over,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World<const N: usize> {
    phases: [Phase; N],
    /// When each came to life last: only their order counts.
    since: [u8; N],
    /// Retries and rests that are still allowed.
    again: u8,
}

/// What the search allows, besides the ordinary course.
#[derive(Clone, Copy)]
struct Rules {
    order: Order,
    /// Cancelling, deleting and giving up at any moment.
    ends: bool,
}

impl<const N: usize> World<N> {
    fn new(again: u8) -> Self {
        Self {
            phases: [Phase::Unborn; N],
            since: [0; N],
            again,
        }
    }

    fn alive(&self, at: usize) -> bool {
        !matches!(
            self.phases[at],
            Phase::Unborn | Phase::Resting | Phase::Over
        )
    }

    fn rank(&self, at: usize) -> Rank {
        Rank {
            since: Timestamp::from_second(self.since[at].into()).unwrap(),
            root: at as u64,
        }
    }

    /// What the jobs of a pipeline show to others.
    fn work(&self, at: usize) -> Work {
        match self.phases[at] {
            Phase::Before => Work::Ahead,
            Phase::Guard | Phase::Reading { .. } | Phase::Inside => Work::Begun,
            _ => Work::Over,
        }
    }

    fn with(&self, at: usize, phase: Phase) -> Self {
        let mut next = self.clone();
        next.phases[at] = phase;
        next
    }

    /// The pipeline comes to life: behind everybody who did before.
    fn woken(&self, at: usize) -> Self {
        let mut next = self.with(at, Phase::Before);
        let order = next.since;
        // Only the order of those that are there counts: close the gaps, so that equal worlds are equal.
        let mut sorted: Vec<u8> = (0..order.len())
            .filter(|&it| it != at && next.phases[it] != Phase::Unborn)
            .map(|it| order[it])
            .collect();
        sorted.sort_unstable();
        for (it, known) in order.iter().enumerate() {
            if next.phases[it] != Phase::Unborn && it != at {
                let place = sorted.iter().position(|other| other == known).unwrap();
                next.since[it] = u8::try_from(place).unwrap() + 1;
            }
        }
        next.since[at] = u8::try_from(sorted.len()).unwrap() + 1;
        next
    }

    fn next(&self, rules: Rules) -> Vec<Self> {
        let mut all = Vec::new();
        for at in 0..self.phases.len() {
            self.steps(at, rules, &mut all);
            if rules.ends && !matches!(self.phases[at], Phase::Unborn | Phase::Over) {
                all.push(self.with(at, Phase::Over));
            }
        }
        all
    }

    fn steps(&self, at: usize, rules: Rules, all: &mut Vec<Self>) {
        let again = |mut world: Self| {
            world.again -= 1;
            world
        };
        match self.phases[at] {
            Phase::Unborn if at == 0 || self.phases[at - 1] != Phase::Unborn => {
                all.push(self.woken(at));
            }
            Phase::Unborn => {}
            Phase::Before => {
                all.push(self.with(at, Phase::Guard));
                if self.again > 0 {
                    all.push(again(self.with(at, Phase::Resting)));
                }
            }
            Phase::Resting => all.push(self.woken(at)),
            Phase::Guard => all.push(self.with(at, self.read_list(at))),
            Phase::Reading { left, wait, leave } => {
                for other in (0..self.phases.len()).filter(|other| left & (1 << other) != 0) {
                    // A pipeline that is over by now has no work.
                    let way = way(
                        rules.order,
                        self.rank(at),
                        self.rank(other),
                        self.work(other),
                    );
                    let read = Phase::Reading {
                        left: left & !(1 << other),
                        wait: wait || way == Way::Wait,
                        leave: leave || way == Way::Yield,
                    };
                    all.push(self.with(at, read));
                }
                if left == 0 {
                    let act = match (leave, wait) {
                        (true, _) => Phase::Over,
                        (false, true) => Phase::Guard,
                        (false, false) => Phase::Inside,
                    };
                    all.push(self.with(at, act));
                }
            }
            Phase::Inside => all.push(self.with(at, Phase::After)),
            Phase::After => {
                all.push(self.with(at, Phase::Over));
                if self.again > 0 {
                    all.push(again(self.woken(at)));
                }
            }
            Phase::Over => {
                if self.again > 0 {
                    all.push(again(self.woken(at)));
                }
            }
        }
    }

    fn read_list(&self, at: usize) -> Phase {
        let left = (0..self.phases.len())
            .filter(|&other| other != at && self.alive(other))
            .fold(0, |left, other| left | (1 << other));
        Phase::Reading {
            left,
            wait: false,
            leave: false,
        }
    }

    /// Whom a guard would wait for if it looked now.
    fn awaited(&self, at: usize, order: Order) -> Vec<usize> {
        if !matches!(self.phases[at], Phase::Guard | Phase::Reading { .. }) {
            return Vec::new();
        }
        (0..self.phases.len())
            .filter(|&other| other != at && self.alive(other))
            .filter(|&other| {
                way(order, self.rank(at), self.rank(other), self.work(other)) == Way::Wait
            })
            .collect()
    }

    fn check(&self, order: Order) {
        let inside = self.phases.iter().filter(|&&it| it == Phase::Inside);
        assert!(inside.count() <= 1, "two at work: {self:?}");
        for start in 0..self.phases.len() {
            let mut reached = HashSet::new();
            let mut next = self.awaited(start, order);
            while let Some(at) = next.pop() {
                assert_ne!(at, start, "a circle: {self:?}");
                if reached.insert(at) {
                    next.extend(self.awaited(at, order));
                }
            }
        }
    }
}

/// Looks at every world that can be reached; gives their number.
fn search<const N: usize>(again: u8, rules: Rules) -> usize {
    let first = World::<N>::new(again);
    let mut seen = HashSet::from([first.clone()]);
    let mut open = vec![first];
    while let Some(world) = open.pop() {
        world.check(rules.order);
        for next in world.next(rules) {
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    assert!(
        seen.iter()
            .any(|world| world.phases.iter().all(|&it| it == Phase::Over)),
        "nobody ever finishes"
    );
    seen.len()
}

#[test]
fn four_guards_in_any_order() {
    for order in [Order::Oldest, Order::Newest] {
        let rules = Rules { order, ends: true };
        let worlds = search::<4>(0, rules);
        assert!(worlds > 10_000, "{order:?}: only {worlds} worlds");
    }
}

#[test]
fn three_guards_that_rest_and_are_retried() {
    for order in [Order::Oldest, Order::Newest] {
        let rules = Rules { order, ends: true };
        let worlds = search::<3>(3, rules);
        assert!(worlds > 10_000, "{order:?}: only {worlds} worlds");
    }
}

/// The search finds what is wrong: with ranks that do not change when a pipeline rests, two are at work together.
#[test]
#[should_panic(expected = "two at work")]
fn numbers_alone_do_not_suffice() {
    let world = World {
        phases: [Phase::Resting, Phase::Inside],
        since: [1, 2],
        again: 0,
    };
    // Pipeline 0 is played while 1 is at work, and keeps its old rank.
    let played = world.with(0, Phase::Guard);
    let read = played.with(0, played.read_list(0));
    let rules = Rules {
        order: Order::Oldest,
        ends: false,
    };
    let mut open = vec![read];
    while let Some(world) = open.pop() {
        world.check(rules.order);
        let mut next = Vec::new();
        world.steps(0, rules, &mut next);
        open.extend(next);
    }
}
