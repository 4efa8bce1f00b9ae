//! The messages of a guard: which pipelines conflict, since when, and for how much longer.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use super::plan::Other;
use pannier_base::visible::line as line_of;
use pannier_clients::gitlab::{Job, Pipeline, RunStatus};

/// Most pipelines that are named.
const NAMED: usize = 8;

/// The pipeline of a guard.
#[must_use]
pub fn me(pipeline: &Pipeline, reference: Option<&str>) -> String {
    let reference = reference.unwrap_or(&pipeline.reference);
    match reference.is_empty() {
        true => format!("pipeline #{}", pipeline.id),
        false => format!("pipeline #{} of {}", pipeline.id, line_of(reference)),
    }
}

/// All conflicting pipelines: a line for the whole and a line for each.
#[must_use]
pub fn news(me: &str, others: &[Other], usual: Option<SignedDuration>, now: Timestamp) -> String {
    let count = match others.len() {
        1 => "1 conflicting pipeline".to_owned(),
        count => format!("{count} conflicting pipelines"),
    };
    let mut text = format!("{me} waits for {count}");
    for other in others.iter().take(NAMED) {
        let _ = write!(text, "\n  {}", line(other, usual, now));
    }
    if others.len() > NAMED {
        let _ = write!(text, "\n  and {} more", others.len() - NAMED);
    }
    text
}

/// That nothing has changed, in one line.
#[must_use]
pub fn still(
    others: &[Other],
    waited: SignedDuration,
    usual: Option<SignedDuration>,
    now: Timestamp,
) -> String {
    let Some(first) = others.first() else {
        return format!("waiting for {}", length(waited));
    };
    let pipeline = &first.pipeline;
    let mut text = format!(
        "waiting for {}: #{} {} {}",
        length(waited),
        pipeline.id,
        name(first),
        pipeline.status
    );
    if others.len() > 1 {
        let _ = write!(text, " and {} more", others.len() - 1);
    }
    if let Some(left) = left(first, usual, now) {
        let _ = write!(text, ", {left}");
    }
    text
}

/// One conflicting pipeline.
#[must_use]
pub fn line(other: &Other, usual: Option<SignedDuration>, now: Timestamp) -> String {
    let pipeline = &other.pipeline;
    let mut text = format!("#{} {} {}", pipeline.id, name(other), pipeline.status);
    if other.cancelled {
        text += ", asked to stop";
    }
    if let Some(job) = &other.job {
        let _ = write!(text, ", job {} {}", line_of(&job.name), job.status);
    }
    let since = since(other);
    let _ = write!(
        text,
        " since {} UTC ({})",
        since.strftime("%H:%M"),
        length(now.duration_since(since))
    );
    if let Some(person) = &pipeline.user {
        let _ = write!(
            text,
            ", started by {} (@{})",
            line_of(&person.name),
            line_of(&person.username)
        );
    }
    if let Some(left) = left(other, usual, now) {
        let _ = write!(text, ", {left}");
    }
    if !pipeline.web_url.is_empty() {
        let _ = write!(text, ", {}", line_of(&pipeline.web_url));
    }
    text
}

/// Other pipelines in a sentence of an error.
#[must_use]
pub fn list(others: &[Other]) -> String {
    let mut names: Vec<String> = others
        .iter()
        .take(NAMED)
        .map(|other| {
            let pipeline = &other.pipeline;
            format!("#{} {} {}", pipeline.id, name(other), pipeline.status)
        })
        .collect();
    if others.len() > NAMED {
        names.push(format!("{} more", others.len() - NAMED));
    }
    names.join(", ")
}

/// A length of time for people.
#[must_use]
pub fn length(time: SignedDuration) -> String {
    let seconds = time.as_secs().max(0);
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, _) => format!("{minutes} min"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// The ref, and the branch behind a merge request.
fn name(other: &Other) -> String {
    let reference = &other.pipeline.reference;
    let text = match &other.branch {
        Some(branch) => format!("{branch} ({reference})"),
        None => reference.clone(),
    };
    line_of(&text).into_owned()
}

/// Since when a pipeline conflicts: the start of its job if that is known.
fn since(other: &Other) -> Timestamp {
    let job = other.job.as_ref().and_then(|job: &Job| job.started_at);
    job.unwrap_or(other.pipeline.created_at)
}

/// How much longer, from how long such pipelines usually took.
fn left(other: &Other, usual: Option<SignedDuration>, now: Timestamp) -> Option<String> {
    if other.pipeline.status == RunStatus::Canceling {
        return None;
    }
    let left = usual? - now.duration_since(other.pipeline.created_at);
    Some(match left.is_positive() {
        true => format!("usually done in {}", length(left)),
        false => "longer than usual".to_owned(),
    })
}

/// The middle one of some lengths.
#[must_use]
pub fn median(mut lengths: Vec<SignedDuration>) -> Option<SignedDuration> {
    lengths.sort_unstable();
    lengths.get(lengths.len() / 2).copied()
}
