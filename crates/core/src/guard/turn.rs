//! Since when a family of pipelines (a parent, its children, and theirs) has had its turn: pure, from what the server says of
//! jobs, so that every guard computes the same.
//!
//! A family is one run and has one place in the order, because its members wait for each other inside GitLab: the trigger job
//! of a parent may wait for its child (`strategy: mirror` or `depend`). It keeps its place as long as one of its pipelines is
//! active, since all pipelines behind it wait for that one. When all of it was idle, others may have started, and all of it
//! rejoins the queue behind them: the parent as well as the child whose job someone started. So no guard waits for a parent
//! whose child waits for that guard.
//!
//! A trigger job says little itself: with `depend` it shows `running` while its child waits for a person, with `mirror` it shows
//! `manual`, and afterwards both look alike. So it counts for work only while a pipeline below it works.

use jiff::{SignedDuration, Timestamp};

use super::job_state::{Scope, is_over};
use super::queue::{Entry, REST, Since};
use pannier_clients::gitlab::{Job, Pipeline, RunStatus, Standing};

/// Whatever GitLab itself does after the end of a job, a further try of it for example, it does sooner. What someone asks
/// for later than this found the pipeline over.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(1);

/// One pipeline with its jobs.
#[derive(Debug, Clone)]
pub struct Member {
    /// The pipeline, with its times.
    pub pipeline: Pipeline,
    /// All attempts at its jobs, without trigger jobs.
    pub jobs: Vec<Job>,
    /// Its trigger jobs, with what they made.
    pub triggers: Vec<Job>,
}

/// A pipeline and all that is known below it. Those that are not known count as idle.
#[derive(Debug, Clone)]
pub struct Family(Vec<Member>);

/// From when to when a pipeline is running; without an end, [`Timestamp::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    begin: Timestamp,
    end: Timestamp,
    /// When the job that begins it was made.
    made: Timestamp,
}

/// How a job is seen that waits for a runner: only when it has started does the server say since when it waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guess {
    /// Since it was made.
    Earliest,
    /// Since now.
    Latest(Timestamp),
}

/// How times are read.
#[derive(Clone, Copy)]
struct Reading {
    entry: Entry,
    guess: Guess,
}

impl Member {
    /// A pipeline whose trigger jobs are not known.
    #[must_use]
    pub fn alone(pipeline: &Pipeline, jobs: &[Job]) -> Self {
        Self {
            pipeline: pipeline.clone(),
            jobs: jobs.to_vec(),
            triggers: Vec::new(),
        }
    }
}

impl Span {
    fn moment(at: Timestamp) -> Self {
        Self {
            begin: at,
            end: at,
            made: at,
        }
    }

    /// The part of it that is between `from` and `to`.
    fn within(self, from: Timestamp, to: Timestamp) -> Option<Self> {
        let (begin, end) = (self.begin.max(from), self.end.min(to));
        (begin <= end).then_some(Self { begin, end, ..self })
    }
}

impl Family {
    /// A family of these; the first one is its root.
    #[must_use]
    pub const fn new(members: Vec<Member>) -> Self {
        Self(members)
    }

    /// The members, the root first.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.0
    }

    /// The member with this number.
    #[must_use]
    pub fn member(&self, id: u64) -> Option<&Member> {
        self.0.iter().find(|member| member.pipeline.id == id)
    }

    /// Since when the family has had its turn at what `scope` guards, without a break. `now` is the server's time, read before
    /// anything else of this was.
    #[must_use]
    pub fn since(&self, scope: &Scope, entry: Entry, now: Timestamp) -> Since {
        let begin = |guess| {
            self.turn(scope, Reading { entry, guess })
                .map(|it| it.begin)
        };
        match (begin(Guess::Earliest), begin(Guess::Latest(now))) {
            (Some(least), Some(most)) if least == most => Since::Known(most),
            (Some(_), _) => Since::Waking,
            (None, _) => Since::NotYet,
        }
    }

    /// Whether its turn goes on at this moment for certain.
    #[must_use]
    pub fn goes_on(&self, scope: &Scope, entry: Entry, now: Timestamp) -> bool {
        let guess = Guess::Latest(now);
        let turn = self.turn(scope, Reading { entry, guess });
        turn.is_some_and(|turn| turn.end == Timestamp::MAX)
    }

    /// Whether a member that looks alive does nothing but wait, through a trigger job, for a pipeline that waits for a person
    /// or a clock. Nobody waits for it then, just as nobody waits for that pipeline. What an unknown status means is not known,
    /// so a pipeline with one is not idle.
    #[must_use]
    pub fn rests(&self, member: &Member, now: Timestamp) -> bool {
        let unknown = |status: &RunStatus| matches!(status, RunStatus::Other(_));
        let all = member.jobs.iter().chain(&member.triggers);
        if unknown(&member.pipeline.status) || all.into_iter().any(|job| unknown(&job.status)) {
            return false;
        }
        let waits = |trigger: &Job| {
            let below = self.below(member, trigger);
            trigger.status.standing() != Standing::Done
                && below.is_some_and(|below| {
                    below.pipeline.status.standing() == Standing::Blocked || self.rests(below, now)
                })
        };
        let reading = Reading {
            entry: Entry::Created,
            guess: Guess::Earliest,
        };
        let quiet = || {
            let last = self.alive(member, reading).last().copied();
            last.is_none_or(|span| later(span.end, REST) < now)
        };
        member.triggers.iter().any(waits) && quiet()
    }

    /// The last turn: all members' together, without a gap however short.
    fn turn(&self, scope: &Scope, reading: Reading) -> Option<Span> {
        let mut all: Vec<Span> = self
            .0
            .iter()
            .flat_map(|member| match scope {
                Scope::Pipeline => self.alive(member, reading),
                _ => self.at_stake(member, scope, reading),
            })
            .collect();
        all.sort_unstable();
        let join = |turn: Span, next: Span| match next.begin <= turn.end {
            true => Span {
                end: turn.end.max(next.end),
                ..turn
            },
            false => next,
        };
        all.into_iter().reduce(join)
    }

    /// When a member has been alive with guarded work to do: then others wait for it.
    fn at_stake(&self, member: &Member, scope: &Scope, reading: Reading) -> Vec<Span> {
        let undone = undone(member, scope);
        let alive = self.alive(member, reading);
        let both = alive.iter().flat_map(|span| {
            let parts = undone.iter();
            parts.filter_map(|&(begin, end)| span.within(begin, end))
        });
        both.collect()
    }

    /// When a member has been alive, a rest that is none ([`REST`]) included.
    fn alive(&self, member: &Member, reading: Reading) -> Vec<Span> {
        let pipeline = &member.pipeline;
        let from = match (reading.entry, pipeline.started_at) {
            (Entry::Created, _) => pipeline.created_at,
            (Entry::Started, Some(started)) => started.max(pipeline.created_at),
            (Entry::Started, None) => return Vec::new(),
        };
        let mut spans = vec![Span::moment(from)];
        spans.extend(
            member
                .jobs
                .iter()
                .filter_map(|job| span(job, reading.guess)),
        );
        for trigger in &member.triggers {
            self.follow(member, trigger, reading, &mut spans);
        }
        spans.retain_mut(|span| match span.within(from, Timestamp::MAX) {
            Some(part) => {
                *span = part;
                true
            }
            None => false,
        });
        joined(spans, again(pipeline))
    }

    /// What a trigger job adds: the time until its pipeline is made, and that pipeline's own while the job waits for it. One
    /// that does not wait is over at once; whether it waits is not said, nor needed.
    fn follow(&self, member: &Member, trigger: &Job, reading: Reading, spans: &mut Vec<Span>) {
        let Some(made) = trigger.downstream_pipeline else {
            spans.extend(span(trigger, reading.guess));
            return;
        };
        let first = made.created_at.unwrap_or(trigger.created_at);
        let begin = trigger.queued_at().unwrap_or(first).min(first);
        let end = end_of(trigger);
        spans.push(Span {
            begin,
            end: first,
            made: trigger.created_at,
        });
        if let Some(below) = self.below(member, trigger) {
            let alive = self.alive(below, reading).into_iter();
            spans.extend(alive.filter_map(|span| span.within(begin, end)));
        }
    }

    /// The pipeline that a member's trigger job made. Later ones have higher numbers, so this comes to an end.
    fn below(&self, member: &Member, trigger: &Job) -> Option<&Member> {
        let made = trigger.downstream_pipeline?;
        self.member(made.id)
            .filter(|below| below.pipeline.id > member.pipeline.id)
    }
}

/// When a pipeline that was over came to life again, if it did: after that it is another turn, however short the break was.
fn again(pipeline: &Pipeline) -> Option<Timestamp> {
    let alive = pipeline.status.standing() != Standing::Done;
    pipeline.finished_at.filter(|_| alive)
}

/// When a job kept its pipeline alive; `None` for one that did not.
fn span(job: &Job, guess: Guess) -> Option<Span> {
    let waits = job.status.standing() == Standing::Alive && job.status != RunStatus::Created;
    let begin = match (job.queued_at(), guess) {
        (Some(begin), _) => begin,
        (None, Guess::Earliest) if waits => job.created_at,
        (None, Guess::Latest(now)) if waits => now.max(job.created_at),
        (None, _) => return None,
    };
    Some(Span {
        begin,
        end: end_of(job).max(begin),
        made: job.created_at,
    })
}

fn end_of(job: &Job) -> Timestamp {
    match job.status.standing() {
        Standing::Done => job.finished_at.or(job.started_at).unwrap_or(job.created_at),
        _ => Timestamp::MAX,
    }
}

/// Spans without the gaps that are no rests. `over` is when the pipeline was over in between.
fn joined(mut spans: Vec<Span>, over: Option<Timestamp>) -> Vec<Span> {
    spans.sort_unstable();
    let mut joined: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        let Some(last) = joined.last_mut() else {
            joined.push(span);
            continue;
        };
        let was_over = || over.is_some_and(|over| (last.end..=span.begin).contains(&over));
        let is_asked_for = || span.made >= later(last.end, AT_ONCE);
        let is_rest = span.begin > later(last.end, REST) || was_over() || is_asked_for();
        if span.begin > last.end && is_rest {
            joined.push(span);
        } else {
            last.end = last.end.max(span.end);
        }
    }
    joined
}

/// From when to when a member's guarded work was not over: that of its jobs, and what a trigger job might still bring.
fn undone(member: &Member, scope: &Scope) -> Vec<(Timestamp, Timestamp)> {
    let held = || member.jobs.iter().filter(|job| scope.holds(job));
    let next = |job: &Job| {
        let later = held().filter(|other| other.name == job.name && other.id > job.id);
        later.map(|other| other.created_at).min()
    };
    let over = |job: &Job| job.finished_at.unwrap_or(job.created_at);
    let jobs = held().map(|job| match (is_over(job), next(job)) {
        (true, _) => (job.created_at, over(job)),
        (false, Some(next)) => (job.created_at, next),
        (false, None) => (job.created_at, Timestamp::MAX),
    });
    let triggers = member.triggers.iter().map(|job| {
        let end = match job.downstream_pipeline {
            Some(made) => made.created_at.unwrap_or(job.created_at),
            None if matches!(job.status, RunStatus::Failed | RunStatus::Canceled) => over(job),
            None => Timestamp::MAX,
        };
        (job.created_at, end)
    });
    jobs.chain(triggers).collect()
}

/// Saturates: what has no end stays so.
fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}
