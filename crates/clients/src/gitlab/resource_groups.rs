//! Resource groups: GitLab's own queue of jobs that must not run at the same time.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::GitlabError;
use super::jobs::Job;
use super::project::ProjectRef;
use super::request::{ApiRequest, segment};
use super::token::{Needs, Role};
use super::{Conditional, Gitlab};
use crate::http::Method;

/// Reading them takes more than reading pipelines.
const READ: Needs = Needs {
    role: Role::Developer,
    ..Needs::READ
};

/// In which order waiting jobs get the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessMode {
    /// The job that is ready first; the default of a new group.
    Unordered,
    /// The oldest pipeline first, whether it is ready or not.
    OldestFirst,
    /// The newest pipeline first, whether it is ready or not.
    NewestFirst,
    /// The newest pipeline among those that are ready.
    NewestReadyFirst,
}

impl ProcessMode {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Unordered,
        Self::OldestFirst,
        Self::NewestFirst,
        Self::NewestReadyFirst,
    ];

    /// GitLab's word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unordered => "unordered",
            Self::OldestFirst => "oldest_first",
            Self::NewestFirst => "newest_first",
            Self::NewestReadyFirst => "newest_ready_first",
        }
    }
}

impl fmt::Display for ProcessMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// A resource group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ResourceGroup {
    /// Its name: the value of `resource_group` in the job.
    pub key: String,
    /// The order of those who wait.
    pub process_mode: ProcessMode,
}

impl Gitlab {
    /// A resource group. It is made when a job that names it first runs.
    ///
    /// # Errors
    /// [`GitlabError`]; 404 before any job has used it.
    pub fn resource_group(
        &self,
        project: &ProjectRef,
        key: &str,
    ) -> Result<ResourceGroup, GitlabError> {
        self.ask(&ApiRequest::get(path(project, key)), &READ)
    }

    /// Jobs that wait for a resource group, and the server's time.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn upcoming_jobs(
        &self,
        project: &ProjectRef,
        key: &str,
    ) -> Result<Conditional<Job>, GitlabError> {
        let request = ApiRequest::get(format!("{}/upcoming_jobs", path(project, key)));
        self.list_conditional(&request, &READ, None)
    }

    /// Sets the order of those who wait.
    ///
    /// # Errors
    /// [`GitlabError`]; 404 before any job has used the group.
    pub fn set_process_mode(
        &self,
        project: &ProjectRef,
        key: &str,
        mode: ProcessMode,
    ) -> Result<ResourceGroup, GitlabError> {
        let request = ApiRequest {
            method: Method::PUT,
            json: Some(serde_json::json!({ "process_mode": mode })),
            ..ApiRequest::get(path(project, key))
        };
        self.ask(&request, &Needs::WRITE)
    }
}

fn path(project: &ProjectRef, key: &str) -> String {
    let key = segment(key);
    format!("projects/{}/resource_groups/{key}", project.encoded())
}
