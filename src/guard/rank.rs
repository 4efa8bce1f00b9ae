//! Who came first. A pipeline's rank is the moment since which it has been alive without a break, then the number of the
//! pipeline at the root of its family; parent and children have one rank at the beginning, because they are one run.
//!
//! For an ordinary pipeline that moment is its creation, so the lower number goes first. One that rested (it waited for a person
//! or a clock, or was over and got retried) comes in again behind everybody who has gone ahead meanwhile. So a rank that
//! is drawn later is never lower than one that was drawn earlier: whoever comes to life later finds those who may be at work
//! before itself. Computed from what the server says alone, so that every guard computes the same.

use jiff::{SignedDuration, Timestamp};

use crate::gitlab::{Job, Pipeline, RunStatus, Standing};

/// A rest shorter than this is none: between two stages GitLab itself needs a moment. For as long a pipeline that has begun
/// to rest still counts as alive.
pub const REST: SignedDuration = SignedDuration::from_secs(30);

/// A place in the order of all pipelines; the lower one came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank {
    /// Alive since then.
    pub since: Timestamp,
    /// The pipeline at the root of the family.
    pub root: u64,
}

/// From when on a pipeline takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// As soon as it is made.
    Created,
    /// Once it has started: for those who guard against running pipelines alone.
    Started,
}

/// Since when a pipeline has been alive without a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Since then.
    Known(Timestamp),
    /// It is waking up, and only when its next job has started does the server say since when.
    Waking,
    /// It does not take part yet.
    NotYet,
}

/// Since when `pipeline` has been alive. `jobs` are all attempts at its jobs, trigger jobs among them; `made` is when its
/// family's root was made; `now` is the server's time.
#[must_use]
pub fn alive_since(
    pipeline: &Pipeline,
    jobs: &[Job],
    made: Timestamp,
    entry: Entry,
    now: Timestamp,
) -> Since {
    let mut spans: Vec<(Timestamp, Timestamp)> = jobs.iter().filter_map(span).collect();
    spans.sort_unstable();
    let first = match (entry, pipeline.started_at) {
        (Entry::Created, _) => made,
        (Entry::Started, Some(started)) => started.max(made),
        (Entry::Started, None) => return Since::NotYet,
    };
    let mut since = first;
    let mut busy_until = pipeline.created_at.max(first);
    for &(begin, end) in &spans {
        if begin > busy_until.saturating_add(REST).unwrap_or(busy_until) {
            since = begin;
        }
        busy_until = busy_until.max(end);
    }
    // It was over once, however briefly.
    if let Some(over) = pipeline.finished_at {
        let again = spans.iter().map(|span| span.0).find(|&begin| begin >= over);
        since = since.max(again.unwrap_or(over));
    }
    let resting = busy_until.saturating_add(REST).is_ok_and(|end| end < now);
    let next = jobs.iter().any(|job| job.status == RunStatus::Pending);
    if resting && next && !spans.is_empty() {
        return Since::Waking;
    }
    Since::Known(since)
}

/// When a job kept its pipeline alive; `None` for one that has not started.
fn span(job: &Job) -> Option<(Timestamp, Timestamp)> {
    let end = match (job.status.standing(), job.finished_at) {
        (Standing::Done, Some(end)) => end,
        _ => Timestamp::MAX,
    };
    Some((job.queued_at()?, end))
}

/// When the last attempt began that found everything else of `attempts` over: by then others may have gone ahead.
#[must_use]
pub fn begun_again(attempts: &[&Job]) -> Option<Timestamp> {
    let mut sorted = attempts.to_vec();
    sorted.sort_unstable_by_key(|job| job.id);
    let mut again = None;
    for (at, attempt) in sorted.iter().enumerate() {
        let earlier = &sorted[..at];
        let repeats = earlier.iter().any(|job| job.name == attempt.name);
        let over = |job: &&Job| {
            let newest = earlier
                .iter()
                .rev()
                .find(|it| it.name == job.name)
                .is_none_or(|it| it.id == job.id);
            let ended = job.finished_at.is_none_or(|end| end <= attempt.created_at);
            !newest || (super::work::is_over(job) && ended)
        };
        if repeats && earlier.iter().all(over) {
            again = Some(attempt.created_at);
        }
    }
    again
}
