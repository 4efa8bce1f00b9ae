//! Whether a pipeline is gone. GitLab answers 404 for what was deleted, and for what a token may not see: only the first ends
//! a conflict.
//!
//! A pipeline is gone when GitLab answers 404 for it and, after that, lists the pipelines of its commit without it. A token that
//! lost its rights, or a project that was hidden or deleted, gets no list. Refuses to take any other 404 for an absence.

use std::time::Duration;

use super::plan::GuardError;
use super::retry_policy::Budget;
use pannier_clients::gitlab::{Gitlab, GitlabError, Job, Pipeline, PipelineFilter, ProjectRef};

/// How often GitLab is asked that contradicts itself: its answers may come from several databases.
const TRIES: u32 = 3;
/// The pause before it is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// A pipeline that was there.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) gitlab: &'a Gitlab,
    pub(super) project: &'a ProjectRef,
    pub(super) id: u64,
    /// Its commit.
    pub(super) sha: &'a str,
}

impl Known<'_> {
    /// The pipeline; `None` when it is gone.
    pub(super) fn pipeline(self, budget: &mut Budget<'_>) -> Result<Option<Pipeline>, GuardError> {
        let request = || self.gitlab.pipeline(self.project, self.id);
        self.unless_gone(request, Self::is_unlisted, budget)
    }

    /// Its jobs; `None` when it is gone.
    pub(super) fn jobs(self, budget: &mut Budget<'_>) -> Result<Option<Vec<Job>>, GuardError> {
        let request = || self.gitlab.jobs(self.project, self.id);
        self.unless_gone(request, Self::is_gone, budget)
    }

    /// Its trigger jobs; `None` when it is gone.
    pub(super) fn trigger_jobs(
        self,
        budget: &mut Budget<'_>,
    ) -> Result<Option<Vec<Job>>, GuardError> {
        let request = || self.gitlab.trigger_jobs(self.project, self.id);
        self.unless_gone(request, Self::is_gone, budget)
    }

    fn unless_gone<T>(
        self,
        request: impl Fn() -> Result<T, GitlabError>,
        gone: impl Fn(Self, &mut Budget<'_>) -> Result<bool, GuardError>,
        budget: &mut Budget<'_>,
    ) -> Result<Option<T>, GuardError> {
        let mut tries = 1;
        loop {
            let error = match budget.ask(&request) {
                Ok(answer) => return Ok(Some(answer)),
                Err(GuardError::Gitlab(error)) if error.is_missing() => error,
                Err(error) => return Err(error),
            };
            if gone(self, budget)? {
                return Ok(None);
            }
            if tries == TRIES {
                return Err(GuardError::Gitlab(error));
            }
            budget.pass(PAUSE);
            tries += 1;
        }
    }

    fn is_gone(self, budget: &mut Budget<'_>) -> Result<bool, GuardError> {
        Ok(self.pipeline(budget)?.is_none())
    }

    /// Whether the lists of its commit's pipelines come without it.
    fn is_unlisted(self, budget: &mut Budget<'_>) -> Result<bool, GuardError> {
        for children in [false, true] {
            let filter = PipelineFilter {
                sha: Some(self.sha.to_owned()).filter(|sha| !sha.is_empty()),
                children,
                ..PipelineFilter::default()
            };
            let listed = budget.ask(|| self.gitlab.pipelines(self.project, &filter, None))?;
            if listed.objects.iter().flatten().any(|it| it.id == self.id) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
