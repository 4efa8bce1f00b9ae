//! The status of a pipeline or a job, and whether something may still happen by itself.

use std::fmt;

use serde::Deserialize;

/// A status in GitLab's words. Servers learn new ones, so an unknown word is a status too.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(from = "String")]
pub enum RunStatus {
    /// It is made, and what comes before it is not over.
    Created,
    /// It waits for a resource group.
    WaitingForResource,
    /// What it needs is being prepared.
    Preparing,
    /// It waits for an external service.
    WaitingForCallback,
    /// It waits for a runner.
    Pending,
    /// It runs.
    Running,
    /// It has ended well.
    Success,
    /// It has ended badly.
    Failed,
    /// It is being cancelled.
    Canceling,
    /// It was cancelled.
    Canceled,
    /// It was passed over.
    Skipped,
    /// It waits for a person.
    Manual,
    /// It waits for a time.
    Scheduled,
    /// Something newer than this list.
    Other(String),
}

/// What may become of a pipeline or a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It goes on by itself.
    Alive,
    /// It goes on when a person or a clock says so.
    Blocked,
    /// It is over, unless someone retries it.
    Done,
}

impl RunStatus {
    /// Every known status.
    pub const KNOWN: [Self; 13] = [
        Self::Created,
        Self::WaitingForResource,
        Self::Preparing,
        Self::WaitingForCallback,
        Self::Pending,
        Self::Running,
        Self::Success,
        Self::Failed,
        Self::Canceling,
        Self::Canceled,
        Self::Skipped,
        Self::Manual,
        Self::Scheduled,
    ];

    /// GitLab's word.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Created => "created",
            Self::WaitingForResource => "waiting_for_resource",
            Self::Preparing => "preparing",
            Self::WaitingForCallback => "waiting_for_callback",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Canceling => "canceling",
            Self::Canceled => "canceled",
            Self::Skipped => "skipped",
            Self::Manual => "manual",
            Self::Scheduled => "scheduled",
            Self::Other(word) => word,
        }
    }

    /// What may become of it. A status that is not known counts as alive.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        match self {
            Self::Success | Self::Failed | Self::Canceled | Self::Skipped => Standing::Done,
            Self::Manual | Self::Scheduled => Standing::Blocked,
            _ => Standing::Alive,
        }
    }
}

impl From<String> for RunStatus {
    fn from(word: String) -> Self {
        let known = Self::KNOWN.into_iter().find(|status| status.word() == word);
        known.unwrap_or(Self::Other(word))
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
