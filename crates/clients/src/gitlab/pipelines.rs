//! Pipelines: lists of them, one of them, what a merge request's pipeline runs for, and cancelling.
//!
//! Refuses to start or retry one.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::deployment::Person;
use super::error::GitlabError;
use super::project::ProjectRef;
use super::status::RunStatus;
use super::token::Needs;
use super::{ApiRequest, Conditional, Gitlab};
use crate::http::Method;

/// A pipeline, as lists show it; the fields that are optional come with [`Gitlab::pipeline`] only.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Pipeline {
    /// The number, of one sequence for the whole GitLab.
    pub id: u64,
    /// The number of its project, which stays when the project moves.
    #[serde(default)]
    pub project_id: Option<u64>,
    /// How it stands.
    pub status: RunStatus,
    /// What made it: `push`, `schedule`, `parent_pipeline`…; empty where GitLab does not tell.
    #[serde(default, deserialize_with = "or_empty")]
    pub source: String,
    /// The branch or tag, or `refs/merge-requests/IID/head` and the like; empty where GitLab does not tell.
    #[serde(rename = "ref", default, deserialize_with = "or_empty")]
    pub reference: String,
    /// The commit; empty where GitLab does not tell.
    #[serde(default, deserialize_with = "or_empty")]
    pub sha: String,
    /// Its page.
    #[serde(default, deserialize_with = "or_empty")]
    pub web_url: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its status last changed, more or less.
    pub updated_at: Timestamp,
    /// When it first started.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it ended; also there when it was set going again afterwards.
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
    /// Who started it.
    #[serde(default)]
    pub user: Option<Person>,
}

impl Pipeline {
    /// Whether another pipeline made it by a trigger job of the same project.
    #[must_use]
    pub fn is_child(&self) -> bool {
        self.source == "parent_pipeline"
    }

    /// The `iid` of the merge request that it runs for.
    #[must_use]
    pub fn merge_request(&self) -> Option<u64> {
        let rest = self.reference.strip_prefix("refs/merge-requests/")?;
        rest.split('/').next()?.parse().ok()
    }
}

/// Which pipelines are listed. GitLab takes one status at a time and lists children only when asked for them alone.
#[derive(Debug, Clone, Default)]
pub struct PipelineFilter {
    /// With this status.
    pub status: Option<RunStatus>,
    /// Child pipelines alone, instead of all others.
    pub children: bool,
    /// Whose status changed after this.
    pub updated_after: Option<Timestamp>,
    /// Of this commit.
    pub sha: Option<String>,
    /// Of this branch or tag.
    pub reference: Option<String>,
    /// No more than this many.
    pub at_most: Option<u8>,
}

impl PipelineFilter {
    fn request(&self, project: &ProjectRef) -> ApiRequest {
        let mut request = ApiRequest::get(format!("projects/{}/pipelines", project.encoded()));
        if let Some(status) = &self.status {
            request = request.with("status", status.word());
        }
        if self.children {
            request = request.with("source", "parent_pipeline");
        }
        if let Some(time) = self.updated_after {
            // What changes moves to the first page, by whose version the whole list is known again.
            request = request.with("updated_after", format!("{time:.3}"));
            request = request.with("order_by", "updated_at").with("sort", "desc");
        }
        if let Some(sha) = &self.sha {
            request = request.with("sha", sha.as_str());
        }
        if let Some(reference) = &self.reference {
            request = request.with("ref", reference.as_str());
        }
        if let Some(most) = self.at_most {
            request = request.with("per_page", most.to_string());
        }
        request
    }
}

#[derive(Deserialize)]
struct Branches {
    source_branch: String,
}

/// What GraphQL answers to [`STATUSES`].
#[derive(Deserialize)]
struct Introspected {
    data: Option<Schema>,
}

#[derive(Deserialize)]
struct Schema {
    #[serde(rename = "__type")]
    kind: Option<Enumeration>,
}

#[derive(Deserialize)]
struct Enumeration {
    #[serde(rename = "enumValues")]
    values: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// Asks for the statuses that a pipeline can have. The REST API has no call for this.
/// See <https://docs.gitlab.com/api/graphql/reference/#pipelinestatusenum>.
const STATUSES: &str = r#"{__type(name:"PipelineStatusEnum"){enumValues{name}}}"#;

/// A text that may be missing or `null`.
pub(super) fn or_empty<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

impl Gitlab {
    /// Pipelines of a project, and the server's time. With the version of an earlier answer the list is left out when it is
    /// still that one.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn pipelines(
        &self,
        project: &ProjectRef,
        filter: &PipelineFilter,
        version: Option<&str>,
    ) -> Result<Conditional<Pipeline>, GitlabError> {
        let request = filter.request(project);
        match filter.at_most {
            Some(_) => self.first_objects(&request, &Needs::READ_BY_JOB),
            None => self.list_conditional(&request, &Needs::READ_BY_JOB, version),
        }
    }

    /// The same, unless there are more than `pages` pages of them: then `None`.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn few_pipelines(
        &self,
        project: &ProjectRef,
        filter: &PipelineFilter,
        pages: usize,
    ) -> Result<Option<Conditional<Pipeline>>, GitlabError> {
        self.short_list(&filter.request(project), &Needs::READ_BY_JOB, pages)
    }

    /// Every status that a pipeline can have on this server; `None` where the server does not tell.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn pipeline_statuses(&self) -> Result<Option<Vec<RunStatus>>, GitlabError> {
        let answer: Introspected = match self.query(STATUSES) {
            Ok(answer) => answer,
            Err(GitlabError::Shape { .. }) => return Ok(None),
            Err(error) if error.status().is_some() && !error.may_pass() => return Ok(None),
            Err(error) => return Err(error),
        };
        let values = answer.data.and_then(|data| data.kind).map(|it| it.values);
        let statuses = values.into_iter().flatten();
        let statuses: Vec<RunStatus> = statuses
            .map(|value| RunStatus::from(value.name.to_lowercase()))
            .collect();
        // An enumeration without this one is another one.
        Ok(Some(statuses).filter(|all| all.contains(&RunStatus::Running)))
    }

    /// One pipeline with all that is known of it.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn pipeline(&self, project: &ProjectRef, id: u64) -> Result<Pipeline, GitlabError> {
        let path = format!("projects/{}/pipelines/{id}", project.encoded());
        self.ask(&ApiRequest::get(path), &Needs::READ_BY_JOB)
    }

    /// The source branch of a merge request.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn source_branch(&self, project: &ProjectRef, iid: u64) -> Result<String, GitlabError> {
        let path = format!("projects/{}/merge_requests/{iid}", project.encoded());
        let found: Branches = self.ask(&ApiRequest::get(path), &Needs::READ_BY_JOB)?;
        Ok(found.source_branch)
    }

    /// Asks for a pipeline to be cancelled. GitLab always says yes: what became of it shows in the pipeline's status.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn cancel_pipeline(&self, project: &ProjectRef, id: u64) -> Result<(), GitlabError> {
        let path = format!("projects/{}/pipelines/{id}/cancel", project.encoded());
        let request = ApiRequest {
            method: Method::POST,
            ..ApiRequest::get(path)
        };
        self.tell(&request, &Needs::WRITE)
    }
}
