//! The same search where a parent's trigger job makes a child whose guarded job somebody plays, late or never, beside other
//! pipelines: that no two families are ever at work together, and that there is no state out of which nobody gets by itself.
//!
//! The rules are the real ones: [`Family::since`] and [`Family::rests`] from pipelines and jobs as GitLab shows them,
//! [`Scope::work`], [`own`] and [`behind`]. Around them stands a small GitLab: runners that take jobs some time after these began
//! to wait, stages, trigger jobs of three kinds, people who play, retry and cancel, and guards that give up. Each step takes
//! longer than what counts as a rest.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::super::rank::{Entry, Place, Rank, Since};
use super::super::turn::{Family, Member};
use super::super::verdict::{Way, behind, own};
use super::super::work::{Scope, Work};
use crate::gitlab::{Job, Pipeline, RunStatus, Standing};

/// Parent and child; everybody behind them is alone.
const PARENT: usize = 0;
const CHILD: usize = 1;

/// What a trigger job does after it has made its pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strategy {
    /// It is over.
    None,
    /// It runs until that one is over.
    Depend,
    /// It stands as that one stands.
    Mirror,
}

/// What is searched.
#[derive(Debug, Clone)]
struct Rules {
    strategy: Strategy,
    scope: Scope,
    /// Whether the parent has a guarded job of its own behind its trigger job.
    deploys: bool,
    /// Whether the parent has a job that runs beside its trigger job.
    beside: bool,
    /// Cancelling, and guards that give up, at any moment.
    ends: bool,
    without: Without,
}

/// What of the guard's rules is left out, to see that the search finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Without {
    Nothing,
    /// Each pipeline has a place of its own, as if there were no families.
    Families,
    /// Nobody draws a new rank after a rest.
    NewRanks,
    /// Parents whose child rests are waited for.
    Rests,
    /// One round suffices.
    Rounds,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum State {
    Created,
    Manual,
    Pending,
    Running,
    Success,
    Failed,
    Skipped,
}

/// A job; times are ticks, and 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Run {
    state: State,
    made: u8,
    queued: u8,
    over: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Guard {
    /// The guarded job does not run.
    Away,
    /// It runs; with the rank that it has for good, as soon as that is known.
    Waits { rank: Option<u8> },
    /// The same, and it has read the list at that time; whom it has still to read.
    Reads {
        rank: Option<u8>,
        shown: u8,
        now: u8,
        left: u8,
        /// Who has changed since it was read in the round before, or was not.
        changed: u8,
        /// Whether everybody is as in the round before, so far.
        same: bool,
    },
    /// It has gone ahead.
    Inside,
}

/// A pipeline; `number` 0 is none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Pipe {
    number: u8,
    made: u8,
    /// When it was last over.
    over: u8,
    trigger: Option<Run>,
    beside: Option<Run>,
    /// All attempts at the guarded job.
    deploy: Vec<Run>,
    guard: Guard,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    pipes: Vec<Pipe>,
    tick: u8,
    /// Retries that are still allowed.
    again: u8,
}

type Memory = RefCell<HashMap<(Vec<Pipe>, usize, u8), (Place, Work)>>;

struct Search {
    rules: Rules,
    memory: Memory,
}

impl Run {
    fn new(state: State, tick: u8) -> Self {
        let queued = if state == State::Pending { tick } else { 0 };
        Self {
            state,
            made: tick,
            queued,
            over: 0,
        }
    }

    fn end(&mut self, state: State, tick: u8) {
        self.state = state;
        self.over = if state == State::Skipped { 0 } else { tick };
    }

    fn is_over(&self) -> bool {
        matches!(self.state, State::Success | State::Failed | State::Skipped)
    }

    fn acts(&self) -> bool {
        matches!(self.state, State::Pending | State::Running)
    }
}

impl Pipe {
    fn unborn() -> Self {
        Self {
            number: 0,
            made: 0,
            over: 0,
            trigger: None,
            beside: None,
            deploy: Vec::new(),
            guard: Guard::Away,
        }
    }

    fn runs(&self) -> impl Iterator<Item = &Run> {
        let last = self.deploy.last();
        self.trigger.iter().chain(&self.beside).chain(last)
    }

    fn status(&self) -> State {
        let any = |state| self.runs().any(|run| run.state == state);
        if any(State::Running) || any(State::Pending) {
            State::Running
        } else if any(State::Manual) {
            State::Manual
        } else if any(State::Created) {
            State::Running
        } else if any(State::Failed) {
            State::Failed
        } else {
            State::Success
        }
    }

    fn is_born(&self) -> bool {
        self.number != 0
    }

    fn is_alive(&self) -> bool {
        self.is_born() && self.status() == State::Running
    }

    fn times(&mut self, each: &mut dyn FnMut(&mut u8)) {
        each(&mut self.made);
        each(&mut self.over);
        let runs = self.trigger.iter_mut().chain(&mut self.beside);
        for run in runs.chain(&mut self.deploy) {
            each(&mut run.made);
            each(&mut run.queued);
            each(&mut run.over);
        }
        match &mut self.guard {
            Guard::Waits { rank } => rank.iter_mut().for_each(each),
            Guard::Reads {
                rank, shown, now, ..
            } => {
                rank.iter_mut().for_each(&mut *each);
                each(shown);
                each(now);
            }
            Guard::Away | Guard::Inside => {}
        }
    }

    /// Whether everything but the guard's own state is the same.
    fn shows_the_same(&self, other: &Self) -> bool {
        (self.number, self.over, self.trigger, self.beside)
            == (other.number, other.over, other.trigger, other.beside)
            && self.deploy == other.deploy
    }
}

fn at(tick: u8) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(100) * i32::from(tick)
}

fn tick_of(time: Timestamp) -> u8 {
    u8::try_from(time.as_second() / 100).unwrap()
}

impl World {
    fn new(guards: usize, again: u8) -> Self {
        Self {
            pipes: vec![Pipe::unborn(); guards],
            tick: 0,
            again,
        }
    }

    /// The time of the next step.
    fn later(&self) -> Self {
        let mut next = self.clone();
        next.tick += 1;
        next
    }

    /// Equal histories become equal: of times only the order counts.
    fn settled(mut self) -> Self {
        let mut places = [0_u8; 256];
        for pipe in &mut self.pipes {
            pipe.times(&mut |time| places[usize::from(*time)] = 1);
        }
        let mut last = 0;
        for place in &mut places[1..] {
            last += *place;
            *place = last;
        }
        places[0] = 0;
        for pipe in &mut self.pipes {
            pipe.times(&mut |time| *time = places[usize::from(*time)]);
        }
        self.tick = last + 1;
        self
    }

    /// Lets those who read notice who has changed.
    fn noticed(mut self, before: &Self) -> Self {
        let both = self.pipes.iter().zip(&before.pipes).enumerate();
        let changes = both.filter(|(_, (new, old))| !new.shows_the_same(old));
        let mask = changes.fold(0, |mask, (at, _)| mask | (1 << at));
        for pipe in &mut self.pipes {
            if let Guard::Reads { changed, .. } = &mut pipe.guard {
                *changed |= mask;
            }
        }
        self
    }

    fn family(at: usize) -> &'static [usize] {
        match at {
            PARENT | CHILD => &[PARENT, CHILD],
            2 => &[2],
            _ => &[3],
        }
    }

    fn root(at: usize) -> usize {
        Self::family(at)[0]
    }

    fn least(&self, at: usize) -> Rank {
        let root = &self.pipes[Self::root(at)];
        Rank {
            since: self::at(root.made),
            root: root.number.into(),
        }
    }

    /// Lets follow what follows from a job's end.
    fn follow(&mut self, rules: &Rules) {
        let tick = self.tick;
        let child = self.pipes[CHILD].clone();
        let parent = &mut self.pipes[PARENT];
        if let Some(trigger) = &mut parent.trigger
            && child.is_born()
            && rules.strategy != Strategy::None
        {
            match child.status() {
                State::Success if !trigger.is_over() => trigger.end(State::Success, tick),
                State::Failed if !trigger.is_over() => trigger.end(State::Failed, tick),
                State::Manual if rules.strategy == Strategy::Mirror => {
                    trigger.state = State::Manual;
                }
                State::Running => {
                    trigger.state = State::Running;
                    trigger.over = 0;
                }
                _ => {}
            }
        }
        let trigger = parent.trigger.map(|run| run.state);
        if let (Some(state), [deploy]) = (trigger, parent.deploy.as_mut_slice()) {
            match (state, deploy.state) {
                (State::Success, State::Created | State::Skipped) => {
                    deploy.state = State::Pending;
                    deploy.queued = tick;
                }
                (State::Failed, State::Created) => deploy.end(State::Skipped, tick),
                (State::Running | State::Manual, State::Skipped) => deploy.state = State::Created,
                _ => {}
            }
        }
        for pipe in self.pipes.iter_mut().filter(|pipe| pipe.is_born()) {
            let is_over = matches!(pipe.status(), State::Success | State::Failed);
            let last = pipe.runs().map(|run| run.over).max().unwrap_or_default();
            if is_over && last == tick {
                pipe.over = tick;
            }
        }
    }

    fn born(&mut self, at: usize, rules: &Rules) {
        let number = self.pipes.iter().map(|it| it.number).max().unwrap_or(0) + 1;
        let tick = self.tick;
        let pipe = &mut self.pipes[at];
        (pipe.number, pipe.made) = (number, tick);
        match at {
            PARENT => {
                pipe.trigger = Some(Run::new(State::Pending, tick));
                pipe.beside = rules.beside.then(|| Run::new(State::Pending, tick));
                if rules.deploys {
                    pipe.deploy.push(Run::new(State::Created, tick));
                }
            }
            CHILD => pipe.deploy.push(Run::new(State::Manual, tick)),
            _ => pipe.deploy.push(Run::new(State::Pending, tick)),
        }
    }

    fn end_deploy(&mut self, at: usize, state: State) {
        let tick = self.tick;
        self.pipes[at].guard = Guard::Away;
        if let Some(run) = self.pipes[at].deploy.last_mut() {
            run.end(state, tick);
        }
    }

    fn cancel(&mut self, at: usize) {
        let tick = self.tick;
        let pipe = &mut self.pipes[at];
        pipe.guard = Guard::Away;
        let last = pipe.deploy.last_mut();
        for run in pipe.trigger.iter_mut().chain(&mut pipe.beside).chain(last) {
            if !run.is_over() {
                run.end(State::Failed, tick);
            }
        }
    }
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
            // Somebody was read: once more, until two rounds show the same.
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
        let (mine, placed) = own(world.least(at), place.since, self::at(now));
        let shown = rank.unwrap_or(tick_of(mine.since));
        let rank = rank.or(placed.then_some(shown));
        let me = Rank {
            since: self::at(shown),
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
            since: self::at(shown),
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

    /// What GitLab shows of a pipeline and its family, and what that means.
    fn seen(&self, world: &World, at: usize, now: u8) -> (Place, Work) {
        let kin = World::family(at)
            .iter()
            .filter(|it| world.pipes[**it].is_born());
        let mut pipes: Vec<Pipe> = kin.map(|it| world.pipes[*it].clone()).collect();
        pipes.iter_mut().for_each(|pipe| pipe.guard = Guard::Away);
        let key = (pipes, at, now);
        if let Some(known) = self.memory.borrow().get(&key) {
            return *known;
        }
        let members: Vec<Member> = key.0.iter().map(|pipe| self.member(world, pipe)).collect();
        let number = u64::from(world.pipes[at].number);
        let this = members
            .iter()
            .find(|it| it.pipeline.id == number)
            .unwrap()
            .clone();
        let work = match self.rules.scope {
            Scope::Pipeline => Work::Begun,
            _ => self.rules.scope.work(&this.jobs, &this.triggers, None),
        };
        let family = match self.rules.without {
            Without::Families => Family::new(vec![this.clone()]),
            _ => Family::new(members),
        };
        let (scope, entry, now) = (&self.rules.scope, Entry::Created, self::at(now));
        let since = match family.since(scope, entry, now) {
            Since::NotYet => family.since(&Scope::Pipeline, entry, now),
            since => since,
        };
        let place = Place {
            since: match self.rules.without {
                Without::NewRanks => Since::Known(world.least(at).since),
                _ => since,
            },
            rests: self.rules.without != Without::Rests && family.rests(&this, now),
        };
        self.memory.borrow_mut().insert(key, (place, work));
        (place, work)
    }

    fn member(&self, world: &World, pipe: &Pipe) -> Member {
        let time = |tick: u8| (tick != 0).then(|| at(tick));
        let status = |state: State| match state {
            State::Created => RunStatus::Created,
            State::Manual => RunStatus::Manual,
            State::Pending => RunStatus::Pending,
            State::Running => RunStatus::Running,
            State::Success => RunStatus::Success,
            State::Failed => RunStatus::Failed,
            State::Skipped => RunStatus::Skipped,
        };
        let job = |name: &str, id: usize, run: &Run| Job {
            id: u64::from(pipe.number) * 100 + id as u64,
            name: name.to_owned(),
            stage: name.to_owned(),
            status: status(run.state),
            created_at: at(run.made),
            // A runner takes it later, but how long it waited is known then.
            started_at: time(run.queued).filter(|_| run.state != State::Pending),
            finished_at: time(run.over),
            queued_duration: Some(0.0),
            user: None,
            downstream_pipeline: None,
        };
        let mut jobs: Vec<Job> = Vec::new();
        jobs.extend(pipe.beside.iter().map(|run| job("docs", 0, run)));
        let deploys = pipe.deploy.iter().enumerate();
        jobs.extend(deploys.map(|(id, run)| job("deploy", id + 1, run)));
        let child = &world.pipes[CHILD];
        let triggers = pipe.trigger.iter().map(|run| {
            let made = child
                .is_born()
                .then(|| json!({ "id": child.number, "created_at": at(child.made) }));
            Job {
                downstream_pipeline: made.map(|made| serde_json::from_value(made).unwrap()),
                ..job("trigger", 50, run)
            }
        });
        let triggers = triggers.collect();
        let pipeline = Pipeline {
            id: pipe.number.into(),
            status: status(pipe.status()),
            source: String::new(),
            reference: String::new(),
            sha: String::new(),
            web_url: String::new(),
            created_at: at(pipe.made),
            updated_at: at(pipe.made),
            started_at: time(pipe.made),
            finished_at: time(pipe.over),
            user: None,
        };
        assert_eq!(
            pipe.is_alive(),
            pipeline.status.standing() == Standing::Alive
        );
        Member {
            pipeline,
            jobs,
            triggers,
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
