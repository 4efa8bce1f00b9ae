//! Looking, saying and waiting, until the way is free or the time is over.

use std::time::Duration;

use jiff::SignedDuration;

use super::plan::{GuardError, Older, Other, Outcome, Patience, Plan};
use super::poll::{Seen, poll};
use super::retry_policy::Budget;
use super::state::State;
use super::verdict::Way;
use super::{permission, say};
use pannier_clients::gitlab::{Gitlab, PipelineFilter, ProjectRef, RunStatus};
use pannier_clients::http::Clock;

/// Without waiting for anyone, GitLab's own trouble is waited out for as long.
const TROUBLE: Duration = Duration::from_secs(60);
/// Who is further behind than this looks no less often.
const SLOWEST: u32 = 25;
/// Nothing new is said again after this time.
const QUIET: Duration = Duration::from_secs(60);
/// How many past pipelines an estimate is made from.
const PAST: u8 = 20;

/// Waits until no pipeline conflicts with that of the plan, or until the timeout of the plan. `told` gets what there is
/// to say, a text of one or more lines each time.
///
/// # Errors
/// [`GuardError`] when the conflicts are unknown. That never counts as a conflict or as its absence.
pub fn hold(
    gitlab: &Gitlab,
    clock: &dyn Clock,
    plan: &Plan,
    told: &mut dyn FnMut(&str),
) -> Result<Outcome, GuardError> {
    let time = match plan.patience {
        Patience::NoWait => TROUBLE,
        Patience::UpTo(time) => time,
    };
    let mut budget = Budget::new(clock, time);
    let mut state = State::new(gitlab, plan, &mut budget)?;
    if plan.older == Older::Cancel {
        let projects = std::iter::once(&plan.project).chain(&plan.others);
        permission::to_cancel(gitlab, projects, &mut budget)?;
    }
    let mut log = Log::new(told);
    loop {
        let seen = poll(&mut state, &mut budget);
        for trouble in budget.take_trouble() {
            (log.told)(&format!("trying again: {trouble}"));
        }
        let seen = match seen {
            Ok(seen) => seen,
            // Someone stood in the way when it could last be seen.
            Err(GuardError::Late { .. }) if !log.last.is_empty() => {
                return Ok(Outcome::TimedOut(log.last));
            }
            Err(error) => return Err(error),
        };
        let pause = match seen.way {
            Way::Yield => return Ok(Outcome::GaveWay(seen.others)),
            Way::Clear => match unsettled(&state, &seen, budget.spent()) {
                Some(rest) if !budget.left().is_zero() => rest,
                _ => {
                    let me = say::me(&state.me, plan.reference.as_deref());
                    log.free(&me, budget.spent());
                    return Ok(Outcome::Free);
                }
            },
            Way::Wait if plan.patience == Patience::NoWait => {
                return Ok(Outcome::Conflict(seen.others));
            }
            Way::Wait if budget.left().is_zero() => return Ok(Outcome::TimedOut(seen.others)),
            Way::Wait => {
                log.waits(gitlab, plan, &state, seen, &mut budget)?;
                pause(plan.pause, log.last.len())
            }
        };
        budget.pass(pause);
    }
}

/// How long the server may still need to show a pipeline that came before this one. It has had the time since this one's
/// rank, as the server tells, and at least the time for which this guard has known it.
fn unsettled(state: &State<'_>, seen: &Seen, spent: Duration) -> Option<Duration> {
    let age = Duration::try_from(seen.now.duration_since(state.rank.since));
    let known = spent.saturating_sub(state.ranked);
    let rest = state
        .plan
        .settle
        .saturating_sub(age.unwrap_or_default().max(known));
    (!rest.is_zero()).then_some(rest)
}

/// The pause before the next look: longer for who is further behind, and never the same for all.
fn pause(least: Duration, ahead: usize) -> Duration {
    let place = u32::try_from(ahead).unwrap_or(SLOWEST).clamp(1, SLOWEST);
    (least * place).mul_f64(0.75 + fastrand::f64() / 2.0)
}

/// What has been said.
struct Log<'a> {
    told: &'a mut dyn FnMut(&str),
    last: Vec<Other>,
    key: Vec<(u64, RunStatus, Option<u64>)>,
    /// When the waiting began, and when something was last said, of the time that is spent.
    begun: Option<Duration>,
    said: Option<Duration>,
    usual: Option<Option<SignedDuration>>,
}

impl<'a> Log<'a> {
    fn new(told: &'a mut dyn FnMut(&str)) -> Self {
        Self {
            told,
            last: Vec::new(),
            key: Vec::new(),
            begun: None,
            said: None,
            usual: None,
        }
    }

    fn waits(
        &mut self,
        gitlab: &Gitlab,
        plan: &Plan,
        state: &State<'_>,
        seen: Seen,
        budget: &mut Budget<'_>,
    ) -> Result<(), GuardError> {
        if self.usual.is_none() {
            let project = &state.views[0].project;
            self.usual = Some(usual(gitlab, project, budget)?);
        }
        let usual = self.usual.flatten();
        let spent = budget.spent();
        let begun = *self.begun.get_or_insert(spent);
        let key = key_of(&seen.others);
        let quiet = self
            .said
            .is_some_and(|said| spent.saturating_sub(said) < QUIET);
        if key != self.key {
            let me = say::me(&state.me, plan.reference.as_deref());
            (self.told)(&say::news(&me, &seen.others, usual, seen.now));
            self.said = Some(spent);
        } else if !quiet {
            let waited = signed(spent.saturating_sub(begun));
            (self.told)(&say::still(&seen.others, waited, usual, seen.now));
            self.said = Some(spent);
        }
        self.key = key;
        self.last = seen.others;
        Ok(())
    }

    fn free(&mut self, me: &str, spent: Duration) {
        let waited = self.begun.map(|begun| signed(spent.saturating_sub(begun)));
        let text = match waited {
            Some(waited) => format!("{me} proceeds after {}", say::length(waited)),
            None => format!("{me} proceeds: no conflicting pipeline is running"),
        };
        (self.told)(&text);
    }
}

fn signed(time: Duration) -> SignedDuration {
    SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX)
}

/// What makes others look different to a person.
fn key_of(others: &[Other]) -> Vec<(u64, RunStatus, Option<u64>)> {
    let key = |other: &Other| {
        let job = other.job.as_ref().map(|job| job.id);
        (other.pipeline.id, other.pipeline.status.clone(), job)
    };
    others.iter().map(key).collect()
}

/// How long pipelines of the project usually take from beginning to end: one request, once.
fn usual(
    gitlab: &Gitlab,
    project: &ProjectRef,
    budget: &mut Budget<'_>,
) -> Result<Option<SignedDuration>, GuardError> {
    let filter = PipelineFilter {
        status: Some(RunStatus::Success),
        at_most: Some(PAST),
        ..PipelineFilter::default()
    };
    let past = budget.ask(|| gitlab.pipelines(project, &filter, None))?;
    let lengths = past.objects.unwrap_or_default().into_iter();
    let lengths = lengths.map(|it| it.updated_at.duration_since(it.created_at));
    Ok(say::median(lengths.collect()).filter(|usual| usual.is_positive()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GitLab's own limits are at least 120 requests a minute for a user (7200 an hour where a server sets its throttle).
    #[test]
    fn fifty_guards_stay_below_the_limits() {
        // Two lists, and the pipeline that is first in the way.
        let requests = 3.0;
        let least = Duration::from_secs(10);
        let mean = |place: u32| {
            let pauses = (0..1000).map(|_| pause(least, place as usize).as_secs_f64());
            pauses.sum::<f64>() / 1000.0
        };
        let a_minute: f64 = (1..50).map(|place| requests * 60.0 / mean(place)).sum();
        assert!(a_minute < 90.0, "{a_minute}");
    }

    #[test]
    fn no_two_pauses_are_alike() {
        let pauses: Vec<f64> = (0..100)
            .map(|_| pause(Duration::from_secs(10), 1).as_secs_f64())
            .collect();
        assert!(pauses.iter().all(|it| (7.5..=12.5).contains(it)));
        let (low, high) = pauses.iter().fold((f64::MAX, 0.0_f64), |(low, high), it| {
            (low.min(*it), high.max(*it))
        });
        assert!(high - low > 1.0, "{low} to {high}");
    }
}
