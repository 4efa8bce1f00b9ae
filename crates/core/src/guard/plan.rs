//! What a guard is asked to do, what can come of it, and why it may not be able to tell.

use std::time::Duration;

use miette::Diagnostic;

use super::expression::{ExpressionError, Refs, Statuses};
use super::job_state::Scope;
use super::verdict::Order;
use pannier_clients::gitlab::{GitlabError, Job, Pipeline, ProjectRef};

/// Whether somebody waits at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// A conflict is the answer.
    NoWait,
    /// Until nothing conflicts, for as long as this; zero is one look.
    UpTo(Duration),
}

/// What happens to older pipelines that are not at work, when newer ones go first.
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
    /// The branch that its merge request wants to merge, where that was asked for.
    pub branch: Option<String>,
    /// The job by which it stands in the way, where that is known.
    pub job: Option<Job>,
    /// Whether it has been asked to stop.
    pub cancelled: bool,
}

/// What came of it.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing stands in the way.
    Free,
    /// Somebody does, and there was no waiting.
    Conflict(Vec<Other>),
    /// Somebody still does after all the waiting.
    TimedOut(Vec<Other>),
    /// A newer pipeline goes first.
    GaveWay(Vec<Other>),
}

/// Why it cannot be told whether somebody stands in the way.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum GuardError {
    /// An expression cannot be judged.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Expression(#[from] ExpressionError),
    /// GitLab refuses.
    #[error("it cannot be found out whether another pipeline is in the way")]
    Gitlab(
        #[source]
        #[diagnostic_source]
        GitlabError,
    ),
    /// GitLab had trouble until the time was over.
    #[error(
        "it could not be found out in time whether another pipeline is in the way ({tries} tries)"
    )]
    #[diagnostic(help("a longer --timeout leaves more time for tries"))]
    Late {
        /// How often it was tried.
        tries: u32,
        /// The last trouble.
        #[source]
        #[diagnostic_source]
        source: GitlabError,
    },
    /// Cancelling is wanted and not allowed.
    #[error("older pipelines are to be cancelled, but {why}")]
    #[diagnostic(help(
        "give a token with scope `api` of a member who may cancel pipelines (Developer, or what the project's settings ask for), or leave --cancel away"
    ))]
    MayNotCancel {
        /// What is missing.
        why: String,
    },
}
