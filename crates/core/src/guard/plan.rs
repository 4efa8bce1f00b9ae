//! What a guard is asked to do, what can come of it, and why it may not be able to tell.

use std::time::Duration;

use miette::Diagnostic;

use super::expression::{ExpressionError, Refs, Statuses};
use super::job_state::Scope;
use super::verdict::Order;
use pannier_clients::gitlab::{GitlabError, Job, Pipeline, ProjectRef};

/// Whether someone waits at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// A conflict is the answer.
    NoWait,
    /// Until nothing conflicts, for as long as this; zero is one look.
    UpTo(Duration),
}

/// What happens to older pipelines whose guarded work is not running, when newer ones go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Older {
    /// Their own guards give way.
    GiveWay,
    /// They are cancelled.
    Cancel,
}

/// What a guard is asked to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The project of this pipeline.
    pub project: ProjectRef,
    /// Projects whose pipelines conflict too.
    pub others: Vec<ProjectRef>,
    /// This pipeline.
    pub pipeline: u64,
    /// Its ref, as people know it.
    pub reference: Option<String>,
    /// This job's name, where it is known.
    pub job: Option<String>,
    /// Which refs conflict.
    pub refs: Refs,
    /// Which statuses conflict.
    pub statuses: Statuses,
    /// What must not overlap.
    pub scope: Scope,
    /// Who goes first.
    pub order: Order,
    /// What happens to those that do not.
    pub older: Older,
    /// Whether, and how long, to wait.
    pub patience: Patience,
    /// The least pause between two looks; who is far behind in the queue looks less often.
    pub pause: Duration,
    /// How long the server may need to show a pipeline whose number it has given out.
    pub settle: Duration,
}

/// Another pipeline that matters.
#[derive(Debug, Clone)]
pub struct Other {
    /// The pipeline; with who started it where that was asked for.
    pub pipeline: Pipeline,
    /// The source branch of its merge request, if that was requested.
    pub branch: Option<String>,
    /// The job that conflicts, if that is known.
    pub job: Option<Job>,
    /// Whether it has been asked to stop.
    pub cancelled: bool,
}

/// What came of it.
#[derive(Debug)]
pub enum Outcome {
    /// No pipeline conflicts.
    Free,
    /// Someone does, and there was no waiting.
    Conflict(Vec<Other>),
    /// Someone still does after all the waiting.
    TimedOut(Vec<Other>),
    /// A newer pipeline goes first.
    GaveWay(Vec<Other>),
}

/// Why a guard cannot tell whether a pipeline conflicts.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum GuardError {
    /// An expression cannot be judged.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Expression(#[from] ExpressionError),
    /// GitLab refuses.
    #[error("cannot tell whether a conflicting pipeline is running")]
    Gitlab(
        #[source]
        #[diagnostic_source]
        GitlabError,
    ),
    /// GitLab had trouble until the time was over.
    #[error("could not tell in time whether a conflicting pipeline is running ({tries} tries)")]
    #[diagnostic(help("set a longer --timeout to allow more tries"))]
    Late {
        /// How often it was tried.
        tries: u32,
        /// The last trouble.
        #[source]
        #[diagnostic_source]
        source: GitlabError,
    },
    /// Cancelling is wanted and not allowed.
    #[error("cannot cancel older pipelines: {why}")]
    #[diagnostic(help(
        "set a token with the scope `api` of a member who may cancel pipelines (Developer, or the role in the project's \
        settings), or omit --cancel"
    ))]
    MayNotCancel {
        /// What is missing.
        why: String,
    },
}
