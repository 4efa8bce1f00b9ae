//! How far another pipeline is with the work that must not be done twice at the same time.

use pannier_clients::gitlab::{Job, RunStatus, Standing};

/// What must not overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// From the guard to the end of the pipeline.
    Pipeline,
    /// A stage, by its name.
    Stage(String),
    /// A job, by its name; with `parallel` all jobs of the name.
    Job(String),
}

/// How far a pipeline is with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    /// It is over, or the pipeline has none.
    Over,
    /// It has not begun.
    Ahead,
    /// It may have begun.
    Begun,
}

impl Scope {
    /// Whether a job belongs to what is guarded, or may: its stage may not be known.
    #[must_use]
    pub fn holds(&self, job: &Job) -> bool {
        match self {
            Self::Pipeline => true,
            Self::Stage(stage) => job.stage == *stage || job.stage.is_empty(),
            Self::Job(name) => is_named(job, name),
        }
    }

    /// How far a pipeline that is alive is. `jobs` are all attempts at its jobs, `triggers` its trigger jobs; `guarded` is the
    /// name of the job that a guard of this kind stands in, where it is known.
    ///
    /// A job that waits for a person or was passed over is not over: as long as its pipeline is alive it may come. Neither is
    /// a trigger job whose pipeline is still to be made: that one may hold the work.
    #[must_use]
    pub fn work(&self, jobs: &[Job], triggers: &[Job], guarded: Option<&str>) -> Work {
        let held: Vec<&Job> = newest(jobs).filter(|job| self.holds(job)).collect();
        match self {
            Self::Pipeline => {
                let guarded: Vec<&&Job> = held
                    .iter()
                    .filter(|job| guarded.is_some_and(|name| is_named(job, name)))
                    .collect();
                // Without such a job it is not known where the other one's guard stands.
                let begun = guarded.is_empty() || guarded.iter().any(|job| has_started(job));
                if begun { Work::Begun } else { Work::Ahead }
            }
            Self::Stage(_) | Self::Job(_) => {
                let coming = triggers.iter().any(|job| {
                    job.downstream_pipeline.is_none()
                        && !matches!(job.status, RunStatus::Failed | RunStatus::Canceled)
                });
                if held.iter().all(|job| is_over(job)) {
                    return if coming { Work::Ahead } else { Work::Over };
                }
                match held.iter().any(|job| has_started(job)) {
                    true => Work::Begun,
                    false => Work::Ahead,
                }
            }
        }
    }
}

/// The newest attempt at each job.
fn newest(jobs: &[Job]) -> impl Iterator<Item = &Job> {
    jobs.iter().filter(|job| {
        !jobs
            .iter()
            .any(|other| other.name == job.name && other.id > job.id)
    })
}

/// Whether an attempt will do nothing more. A job that was passed over comes when what it needs is retried.
pub(super) fn is_over(job: &Job) -> bool {
    matches!(
        job.status,
        RunStatus::Success | RunStatus::Failed | RunStatus::Canceled
    )
}

fn has_started(job: &Job) -> bool {
    job.started_at.is_some()
        || matches!(
            job.status,
            RunStatus::Running | RunStatus::Canceling | RunStatus::Other(_)
        )
        || (job.status.standing() == Standing::Done && is_over(job))
}

/// `deploy`, and with `parallel` also `deploy 1/3` and `deploy: [a, b]`.
fn is_named(job: &Job, name: &str) -> bool {
    let Some(rest) = job.name.strip_prefix(name) else {
        return false;
    };
    let counted = |rest: &str| {
        let (number, of) = rest.split_once('/')?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        Some(digits(number) && digits(of))
    };
    rest.is_empty()
        || rest.starts_with(": [")
        || rest.strip_prefix(' ').and_then(counted) == Some(true)
}
