//! Statuses of pipelines and jobs, and how a pipeline's follows from its jobs'.

/// A status, in GitLab's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    Created,
    WaitingForResource,
    Preparing,
    WaitingForCallback,
    Pending,
    Running,
    Success,
    Failed,
    Canceling,
    Canceled,
    Skipped,
    Manual,
    Scheduled,
    /// A status that nobody but this server knows.
    Unheard,
}

impl Status {
    pub const ALL: [Self; 14] = [
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
        Self::Unheard,
    ];

    pub fn word(self) -> &'static str {
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
            Self::Unheard => "unheard_of",
        }
    }

    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }

    /// Nothing will happen any more, unless someone retries.
    pub fn is_done(self) -> bool {
        matches!(
            self,
            Self::Success | Self::Failed | Self::Canceled | Self::Skipped
        )
    }

    /// A job that has been taken by a runner and not ended.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Canceling)
    }

    /// A cancellation changes something.
    pub fn is_cancelable(self) -> bool {
        !self.is_done() && self != Self::Canceling
    }
}

/// The status of a pipeline whose jobs stand like this; the flag says that a failure is allowed.
pub fn composite(jobs: &[(Status, bool)]) -> Status {
    let seen = |status: Status| jobs.iter().any(|(known, _)| *known == status);
    let only = |some: &[Status]| {
        jobs.iter().all(|(known, allowed)| {
            some.contains(known)
                || (*allowed && *known == Status::Failed && some.contains(&Status::Success))
        })
    };
    use Status::*;
    if only(&[Skipped]) {
        Skipped
    } else if only(&[Success, Skipped]) {
        Success
    } else if only(&[Created]) {
        Created
    } else if seen(Unheard) {
        Unheard
    } else if seen(Canceling) {
        Canceling
    } else if only(&[Success, Skipped, Canceled]) {
        Canceled
    } else if only(&[Created, Skipped, Pending]) {
        Pending
    } else if seen(Running) || seen(Pending) {
        Running
    } else if seen(WaitingForResource) {
        WaitingForResource
    } else if seen(WaitingForCallback) {
        WaitingForCallback
    } else if seen(Preparing) {
        Preparing
    } else if seen(Manual) {
        Manual
    } else if seen(Scheduled) {
        Scheduled
    } else if seen(Created) {
        Running
    } else if seen(Canceled)
        && !jobs
            .iter()
            .any(|(known, allowed)| *known == Failed && !allowed)
    {
        Canceled
    } else {
        Failed
    }
}
