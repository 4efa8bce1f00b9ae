//! The same search where a parent's trigger job makes a child whose guarded job someone plays, late or never, beside other
//! pipelines: that no two families are ever at work together, and that there is no state out of which nobody gets by itself.
//!
//! The rules are the real ones: [`Family::since`] and [`Family::rests`] from pipelines and jobs as GitLab shows them,
//! [`Scope::work`], [`own`] and [`behind`]. Around them stands a small GitLab: runners that take jobs some time after these began
//! to wait, stages, trigger jobs of three kinds, people who play, retry and cancel, and guards that give up. Each step takes
//! longer than what counts as a rest.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};

use super::world::{
    CHILD, Guard, PARENT, Pipe, Rules, Run, State, Strategy, Without, World, moment, tick_of,
};
use crate::guard::job_state::{Scope, Work};
use crate::guard::queue::{Place, Rank};
use crate::guard::verdict::{Way, behind, own};

pub(super) type Memory = RefCell<HashMap<(Vec<Pipe>, usize, u8), (Place, Work)>>;

/// A search, and what of it has been computed before.
pub(super) struct Search {
    pub(super) rules: Rules,
    pub(super) memory: Memory,
}

impl Search {
    /// What happens without a person: what there is of it comes to an end.
    fn by_itself(&self, world: &World) -> Vec<World> {
        let rules = &self.rules;
        let mut all = Vec::new();
        let mut push = |mut next: World| {
            next.follow(rules);
            all.push(next);
        };
        for (at, pipe) in world.pipes.iter().enumerate().filter(|it| it.1.is_born()) {
            if at == PARENT && pipe.trigger.is_some_and(|run| run.state == State::Pending) {
                let mut next = world.later();
                let trigger = next.pipes[PARENT].trigger.as_mut().unwrap();
                match rules.strategy {
                    Strategy::None => trigger.end(State::Success, next.tick),
                    _ => trigger.state = State::Running,
                }
                next.born(CHILD, rules);
                push(next);
            }
            if pipe.beside.is_some_and(|run| run.acts()) {
                let mut next = world.later();
                next.pipes[at]
                    .beside
                    .as_mut()
                    .unwrap()
                    .end(State::Success, next.tick);
                push(next);
            }
            match pipe.deploy.last().map(|run| run.state) {
                Some(State::Pending) => {
                    let mut next = world.later();
                    next.pipes[at].deploy.last_mut().unwrap().state = State::Running;
                    next.pipes[at].guard = Guard::Waits { rank: None };
                    push(next);
                }
                Some(State::Running) if pipe.guard == Guard::Inside => {
                    let mut next = world.later();
                    next.end_deploy(at, State::Success);
                    push(next);
                }
                _ => {}
            }
        }
        all
    }

    /// What guards do.
    fn by_guards(&self, world: &World) -> Vec<World> {
        let acts = (0..world.pipes.len()).filter_map(|at| self.by_guard(world, at));
        acts.collect()
    }

    fn by_guard(&self, world: &World, at: usize) -> Option<World> {
        let mut next = world.later();
        next.pipes[at].guard = match world.pipes[at].guard {
            Guard::Waits { rank } => self.list(&next, at, rank, u8::MAX),
            Guard::Reads { left: 0, same, .. } if same || self.rules.without == Without::Rounds => {
                Guard::Inside
            }
            // Someone was read: once more, until two rounds show the same.
            Guard::Reads {
                left: 0,
                rank,
                changed,
                ..
            } => self.list(&next, at, rank, changed),
            Guard::Reads { .. } => self.read(world, at),
            Guard::Away | Guard::Inside => return None,
        };
        Some(next)
    }

    /// What people do, who need not.
    fn by_people(&self, world: &World) -> Vec<World> {
        let rules = &self.rules;
        let mut all = Vec::new();
        let mut push = |mut next: World| {
            next.follow(rules);
            all.push(next);
        };
        for (at, pipe) in world.pipes.iter().enumerate() {
            if !pipe.is_born() {
                // Those who are alone are alike: they come one after the other.
                if at == PARENT || (at == 2) || (at == 3 && world.pipes[2].is_born()) {
                    let mut next = world.later();
                    next.born(at, rules);
                    push(next);
                }
                continue;
            }
            let Some(deploy) = pipe.deploy.last() else {
                continue;
            };
            if deploy.state == State::Manual {
                let mut next = world.later();
                let run = next.pipes[at].deploy.last_mut().unwrap();
                (run.state, run.queued) = (State::Pending, next.tick);
                push(next);
            }
            if world.again > 0 && matches!(deploy.state, State::Success | State::Failed) {
                let mut next = world.later();
                next.again -= 1;
                let run = Run::new(State::Pending, next.tick);
                next.pipes[at].deploy.push(run);
                push(next);
            }
            if rules.ends && deploy.state == State::Running {
                let mut next = world.later();
                next.end_deploy(at, State::Failed);
                push(next);
            }
            if rules.ends && matches!(pipe.status(), State::Running | State::Manual) && at != CHILD
            {
                let mut next = world.later();
                next.cancel(at);
                if at == PARENT && next.pipes[CHILD].is_born() {
                    next.cancel(CHILD);
                }
                push(next);
            }
        }
        all
    }

    fn list(&self, world: &World, at: usize, rank: Option<u8>, changed: u8) -> Guard {
        let now = world.tick;
        let (place, _) = self.seen(world, at, now);
        let (mine, placed) = own(world.least(at), place.since, moment(now));
        let shown = rank.unwrap_or(tick_of(mine.since));
        let rank = rank.or(placed.then_some(shown));
        let me = Rank {
            since: moment(shown),
            ..mine
        };
        let left = (0..world.pipes.len())
            .filter(|&other| World::root(other) != World::root(at))
            .filter(|&other| world.pipes[other].is_alive() && world.least(other) < me)
            .fold(0, |left, other| left | (1 << other));
        Guard::Reads {
            rank,
            shown,
            now,
            left,
            changed,
            same: true,
        }
    }

    /// Reads the next one of a list.
    fn read(&self, world: &World, at: usize) -> Guard {
        let Guard::Reads {
            rank,
            shown,
            now,
            left,
            changed,
            same,
        } = world.pipes[at].guard
        else {
            unreachable!("it reads");
        };
        let others = (0..world.pipes.len()).filter(|it| left & (1 << it) != 0);
        let other = others.min_by_key(|it| world.pipes[*it].number).unwrap();
        let least = world.least(other);
        let me = Rank {
            since: moment(shown),
            ..world.least(at)
        };
        let (place, work) = self.seen(world, other, now);
        let bit = 1 << other;
        match behind(me, least, place, work) {
            Way::Clear => Guard::Reads {
                rank,
                shown,
                now,
                left: left & !bit,
                changed: changed & !bit,
                same: same && changed & bit == 0,
            },
            _ => Guard::Waits { rank },
        }
    }

    fn check(&self, world: &World, goes_on: bool) {
        let inside = world.pipes.iter().enumerate();
        let inside = inside.filter(|(_, pipe)| pipe.guard == Guard::Inside);
        let families: BTreeSet<usize> = inside.map(|(at, _)| World::root(at)).collect();
        assert!(families.len() <= 1, "two at work: {world:#?}");
        let waits = |pipe: &Pipe| matches!(pipe.guard, Guard::Waits { .. });
        if goes_on || !world.pipes.iter().any(waits) {
            return;
        }
        // Nothing happens but looks: one of them must be the last one.
        let reads = |pipe: &Pipe| matches!(pipe.guard, Guard::Reads { .. });
        if world.pipes.iter().any(reads) {
            return;
        }
        let mut guards = (0..world.pipes.len()).filter(|at| waits(&world.pipes[*at]));
        let free = guards.any(|at| self.goes_ahead(world, at));
        assert!(free, "a ring: {world:#?}");
    }

    /// Whether a guard goes ahead when nothing else happens while it looks.
    fn goes_ahead(&self, world: &World, at: usize) -> bool {
        let mut world = world.clone();
        loop {
            world = self.by_guard(&world, at).unwrap();
            match world.pipes[at].guard {
                Guard::Inside => return true,
                Guard::Reads { .. } => {}
                _ => return false,
            }
        }
    }

    /// Looks at every world that can be reached; gives their number.
    fn run(&self, guards: usize, again: u8) -> usize {
        let first = World::new(guards, again);
        let mut seen = HashSet::from([first.clone()]);
        let mut open = vec![first];
        while let Some(world) = open.pop() {
            let mut next = self.by_itself(&world);
            self.check(&world, !next.is_empty());
            next.extend(self.by_guards(&world));
            next.extend(self.by_people(&world));
            for next in next.into_iter().map(|next| next.noticed(&world).settled()) {
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        seen.len()
    }
}

fn search(rules: Rules, guards: usize, again: u8) -> usize {
    let memory = Memory::default();
    Search { rules, memory }.run(guards, again)
}

const STRATEGIES: [Strategy; 3] = [Strategy::None, Strategy::Depend, Strategy::Mirror];

fn scopes() -> [Scope; 2] {
    [Scope::Pipeline, Scope::Job("deploy".to_owned())]
}

fn rules(strategy: Strategy, scope: Scope) -> Rules {
    Rules {
        strategy,
        scope,
        deploys: true,
        beside: false,
        ends: false,
        unheard: false,
        without: Without::Nothing,
    }
}

/// Parent, child and two others. With a strategy the parent's guarded job comes after the child, without one beside it.
#[test]
fn four_guards_of_which_two_are_a_family() {
    for strategy in STRATEGIES {
        for scope in scopes() {
            let worlds = search(rules(strategy, scope.clone()), 4, 0);
            assert!(worlds > 5_000, "{strategy:?} {scope:?}: only {worlds}");
        }
    }
}

/// The parent works beside its child, which keeps the place of both; everything may be cancelled at any moment.
#[test]
fn three_guards_with_a_parent_that_works_on() {
    for strategy in STRATEGIES {
        for scope in scopes() {
            let rules = Rules {
                beside: true,
                ends: true,
                ..rules(strategy, scope.clone())
            };
            let worlds = search(rules, 3, 0);
            assert!(worlds > 3_000, "{strategy:?} {scope:?}: only {worlds}");
        }
    }
}

/// Everything that is over may be set going again.
#[test]
fn three_guards_of_a_family_and_retries() {
    for strategy in STRATEGIES {
        for scope in scopes() {
            let worlds = search(rules(strategy, scope.clone()), 3, 1);
            assert!(worlds > 3_000, "{strategy:?} {scope:?}: only {worlds}");
        }
    }
}

/// What runs does so in a status that the guards do not know. A parent in such a status is waited for even while its child waits for
/// a person, so `Depend` is left out.
#[test]
fn three_guards_whose_server_has_a_status_of_its_own() {
    for strategy in [Strategy::None, Strategy::Mirror] {
        for scope in scopes() {
            let rules = Rules {
                beside: true,
                ends: true,
                unheard: true,
                ..rules(strategy, scope.clone())
            };
            let worlds = search(rules, 3, 0);
            assert!(worlds > 3_000, "{strategy:?} {scope:?}: only {worlds}");
        }
    }
}

/// A child that alone draws a new rank: another pipeline waits for its parent, which waits for it, and it for the other.
#[test]
#[should_panic(expected = "a ring")]
fn a_child_with_a_place_of_its_own_ends_in_a_ring() {
    let rules = Rules {
        without: Without::Families,
        ..rules(Strategy::Depend, Scope::Pipeline)
    };
    search(rules, 3, 0);
}

#[test]
#[should_panic(expected = "a ring")]
fn so_it_does_with_the_scope_of_a_job() {
    let [_, scope] = scopes();
    let rules = Rules {
        without: Without::Families,
        ..rules(Strategy::Depend, scope)
    };
    search(rules, 3, 0);
}

#[test]
#[should_panic(expected = "a ring")]
fn a_parent_of_a_child_that_rests_must_not_be_waited_for() {
    let rules = Rules {
        without: Without::Rests,
        ..rules(Strategy::Depend, Scope::Pipeline)
    };
    search(rules, 3, 0);
}

#[test]
#[should_panic(expected = "two at work")]
fn a_family_that_rested_must_not_keep_its_place() {
    let rules = Rules {
        without: Without::NewRanks,
        ..rules(Strategy::Mirror, Scope::Pipeline)
    };
    search(rules, 3, 0);
}

#[test]
#[should_panic(expected = "two at work")]
fn one_round_does_not_suffice() {
    let [_, scope] = scopes();
    let rules = Rules {
        without: Without::Rounds,
        ..rules(Strategy::None, scope)
    };
    search(rules, 3, 0);
}
