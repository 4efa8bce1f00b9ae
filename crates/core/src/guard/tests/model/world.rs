//! The small GitLab of the search through families: pipelines with stages, trigger jobs of three kinds, and times of which only
//! the order counts. Each step takes longer than what counts as a rest.

use jiff::{SignedDuration, Timestamp};

use crate::guard::job_state::Scope;
use crate::guard::queue::Rank;

/// Parent and child; everybody behind them is alone.
pub(super) const PARENT: usize = 0;
pub(super) const CHILD: usize = 1;

/// What a trigger job does after it has made its pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strategy {
    /// It is over.
    None,
    /// It runs until that one is over.
    Depend,
    /// It stands as that one stands.
    Mirror,
}

/// What is searched.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) strategy: Strategy,
    pub(super) scope: Scope,
    /// Whether the parent has a guarded job of its own behind its trigger job.
    pub(super) deploys: bool,
    /// Whether the parent has a job that runs beside its trigger job.
    pub(super) beside: bool,
    /// Cancelling, and guards that give up, at any moment.
    pub(super) ends: bool,
    /// The server has a word of its own for what runs, which nobody else knows.
    pub(super) unheard: bool,
    pub(super) without: Without,
}

/// What of the guard's rules is left out, to see that the search finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Without {
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
pub(super) enum State {
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
pub(super) struct Run {
    pub(super) state: State,
    pub(super) made: u8,
    pub(super) queued: u8,
    pub(super) over: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Guard {
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
pub(super) struct Pipe {
    pub(super) number: u8,
    pub(super) made: u8,
    /// When it was last over.
    pub(super) over: u8,
    pub(super) trigger: Option<Run>,
    pub(super) beside: Option<Run>,
    /// All attempts at the guarded job.
    pub(super) deploy: Vec<Run>,
    pub(super) guard: Guard,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) pipes: Vec<Pipe>,
    pub(super) tick: u8,
    /// Retries that are still allowed.
    pub(super) again: u8,
}

impl Run {
    pub(super) fn new(state: State, tick: u8) -> Self {
        let queued = if state == State::Pending { tick } else { 0 };
        Self {
            state,
            made: tick,
            queued,
            over: 0,
        }
    }

    pub(super) fn end(&mut self, state: State, tick: u8) {
        self.state = state;
        self.over = if state == State::Skipped { 0 } else { tick };
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Success | State::Failed | State::Skipped)
    }

    pub(super) fn acts(&self) -> bool {
        matches!(self.state, State::Pending | State::Running)
    }
}

impl Pipe {
    pub(super) fn unborn() -> Self {
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

    pub(super) fn runs(&self) -> impl Iterator<Item = &Run> {
        let last = self.deploy.last();
        self.trigger.iter().chain(&self.beside).chain(last)
    }

    pub(super) fn status(&self) -> State {
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

    pub(super) fn is_born(&self) -> bool {
        self.number != 0
    }

    pub(super) fn is_alive(&self) -> bool {
        self.is_born() && self.status() == State::Running
    }

    pub(super) fn times(&mut self, each: &mut dyn FnMut(&mut u8)) {
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
    pub(super) fn shows_the_same(&self, other: &Self) -> bool {
        (self.number, self.over, self.trigger, self.beside)
            == (other.number, other.over, other.trigger, other.beside)
            && self.deploy == other.deploy
    }
}

pub(super) fn moment(tick: u8) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(100) * i32::from(tick)
}

pub(super) fn tick_of(time: Timestamp) -> u8 {
    u8::try_from(time.as_second() / 100).unwrap()
}

impl World {
    pub(super) fn new(guards: usize, again: u8) -> Self {
        Self {
            pipes: vec![Pipe::unborn(); guards],
            tick: 0,
            again,
        }
    }

    /// The time of the next step.
    pub(super) fn later(&self) -> Self {
        let mut next = self.clone();
        next.tick += 1;
        next
    }

    /// Equal histories become equal: of times only the order counts.
    pub(super) fn settled(mut self) -> Self {
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
    pub(super) fn noticed(mut self, before: &Self) -> Self {
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

    pub(super) fn family(at: usize) -> &'static [usize] {
        match at {
            PARENT | CHILD => &[PARENT, CHILD],
            2 => &[2],
            _ => &[3],
        }
    }

    pub(super) fn root(at: usize) -> usize {
        Self::family(at)[0]
    }

    pub(super) fn least(&self, at: usize) -> Rank {
        let root = &self.pipes[Self::root(at)];
        Rank {
            since: moment(root.made),
            root: root.number.into(),
        }
    }

    /// Lets follow what follows from a job's end.
    pub(super) fn follow(&mut self, rules: &Rules) {
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

    pub(super) fn born(&mut self, at: usize, rules: &Rules) {
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

    pub(super) fn end_deploy(&mut self, at: usize, state: State) {
        let tick = self.tick;
        self.pipes[at].guard = Guard::Away;
        if let Some(run) = self.pipes[at].deploy.last_mut() {
            run.end(state, tick);
        }
    }

    pub(super) fn cancel(&mut self, at: usize) {
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
