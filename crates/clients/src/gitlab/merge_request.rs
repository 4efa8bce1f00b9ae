//! Merge requests: which ones a commit belongs to, which ones were merged since.

use serde::Deserialize;

use super::Gitlab;
use super::error::GitlabError;
use super::project::ProjectRef;
use super::request::{ApiRequest, segment};
use super::token::Needs;

/// A merge request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MergeRequest {
    /// Its number in the project.
    pub iid: u64,
    /// `opened`, `closed`, `merged`, `locked`.
    pub state: String,
    /// The target project.
    #[serde(default)]
    pub project_id: Option<u64>,
    /// The head of its source branch.
    #[serde(default)]
    pub sha: Option<String>,
    /// The commit that merged it, where one was made.
    #[serde(default)]
    pub merge_commit_sha: Option<String>,
    /// The commit that its commits were squashed into.
    #[serde(default)]
    pub squash_commit_sha: Option<String>,
}

impl MergeRequest {
    /// Whether it waits to be merged.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == "opened"
    }

    /// The commits that it left on its target branch, or would.
    pub fn commits(&self) -> impl Iterator<Item = &str> {
        let all = [&self.sha, &self.merge_commit_sha, &self.squash_commit_sha];
        all.into_iter().flatten().map(String::as_str)
    }
}

impl Gitlab {
    /// The merge requests that a commit belongs to.
    ///
    /// # Errors
    /// [`GitlabError`]; 404 when the API does not know the commit.
    pub fn merge_requests_of(
        &self,
        project: &ProjectRef,
        commit: &str,
    ) -> Result<Vec<MergeRequest>, GitlabError> {
        let (project, commit) = (project.encoded(), segment(commit));
        let path = format!("projects/{project}/repository/commits/{commit}/merge_requests");
        self.list(&ApiRequest::get(path), &Needs::READ_BY_JOB)
    }

    /// The merged merge requests that changed at or after a time (RFC 3339).
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn merged_since(
        &self,
        project: &ProjectRef,
        since: &str,
    ) -> Result<Vec<MergeRequest>, GitlabError> {
        let path = format!("projects/{}/merge_requests", project.encoded());
        let request = ApiRequest::get(path)
            .with("state", "merged")
            .with("scope", "all")
            .with("updated_after", since);
        self.list(&request, &Needs::READ_BY_JOB)
    }
}
