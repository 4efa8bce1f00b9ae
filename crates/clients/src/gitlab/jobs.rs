//! Jobs of a pipeline, and the trigger jobs among them, which GitLab lists apart.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::Gitlab;
use super::deployment::Person;
use super::error::GitlabError;
use super::pipelines::or_empty;
use super::project::ProjectRef;
use super::request::ApiRequest;
use super::status::RunStatus;
use super::token::Needs;

/// One attempt at a job.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Job {
    /// The number; a later attempt at the same job has a higher one.
    pub id: u64,
    /// Its name, `NAME 2/5` and `NAME: [a, b]` for one of several in parallel.
    pub name: String,
    /// Its stage; empty where GitLab does not name one.
    #[serde(default, deserialize_with = "or_empty")]
    pub stage: String,
    /// How it stands.
    pub status: RunStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// When a runner took it.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
    /// How long it waited for a runner, in seconds.
    #[serde(default)]
    pub queued_duration: Option<f64>,
    /// Who started it.
    #[serde(default)]
    pub user: Option<Person>,
    /// The pipeline that it made, for trigger jobs.
    #[serde(default)]
    pub downstream_pipeline: Option<Downstream>,
}

/// A pipeline that a trigger job made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Downstream {
    /// Its number.
    pub id: u64,
    /// The project that it is in.
    #[serde(default)]
    pub project_id: Option<u64>,
    /// When it was made.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
}

impl Job {
    /// When it began to wait for a runner; `None` before it has started.
    #[must_use]
    pub fn queued_at(&self) -> Option<Timestamp> {
        let started = self.started_at?;
        let waited = self.queued_duration.unwrap_or_default().clamp(0.0, 1e9);
        let waited = SignedDuration::try_from_secs_f64(waited).ok()?;
        started.checked_sub(waited).ok()
    }
}

impl Gitlab {
    /// Jobs of a pipeline with all earlier attempts, the newest first; trigger jobs are left out.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn jobs(&self, project: &ProjectRef, pipeline: u64) -> Result<Vec<Job>, GitlabError> {
        let path = format!("projects/{}/pipelines/{pipeline}/jobs", project.encoded());
        let request = ApiRequest::get(path).with("include_retried", "true");
        self.whole_list(&request, &Needs::READ_BY_JOB)
    }

    /// Trigger jobs of a pipeline.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn trigger_jobs(
        &self,
        project: &ProjectRef,
        pipeline: u64,
    ) -> Result<Vec<Job>, GitlabError> {
        let path = format!(
            "projects/{}/pipelines/{pipeline}/bridges",
            project.encoded()
        );
        self.whole_list(&ApiRequest::get(path), &Needs::READ_BY_JOB)
    }
}
