//! Pipelines: lists of them, one of them, what a merge request's pipeline runs for, and cancelling.
//!
//! Refuses to start or retry one.

use gitlab::api::projects::{merge_requests, pipelines};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::deployment::Person;
use super::error::GitlabError;
use super::project::ProjectRef;
use super::status::RunStatus;
use super::token::Needs;
use super::{Conditional, Gitlab, Plain};
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
    fn endpoint(&self, project: &ProjectRef) -> Plain {
        let mut plain = Plain::get(format!("projects/{}/pipelines", project.encoded()));
        if let Some(status) = &self.status {
            plain = plain.with("status", status.word());
        }
        if self.children {
            plain = plain.with("source", "parent_pipeline");
        }
        if let Some(time) = self.updated_after {
            // What changes moves to the first page, by whose version the whole list is known again.
            plain = plain.with("updated_after", format!("{time:.3}"));
            plain = plain.with("order_by", "updated_at").with("sort", "desc");
        }
        if let Some(sha) = &self.sha {
            plain = plain.with("sha", sha.as_str());
        }
        if let Some(reference) = &self.reference {
            plain = plain.with("ref", reference.as_str());
        }
        if let Some(most) = self.at_most {
            plain = plain.with("per_page", most.to_string());
        }
        plain
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
        let endpoint = filter.endpoint(project);
        match filter.at_most {
            Some(_) => self.first_objects(&endpoint, &Needs::READ_BY_JOB),
            None => self.list_conditional(&endpoint, &Needs::READ_BY_JOB, version),
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
        self.short_list(&filter.endpoint(project), &Needs::READ_BY_JOB, pages)
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
        let endpoint = pipelines::Pipeline::builder()
            .project(project)
            .pipeline(id)
            .build();
        self.ask(&built(endpoint)?, &Needs::READ_BY_JOB)
    }

    /// The branch that a merge request wants to merge.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn source_branch(&self, project: &ProjectRef, iid: u64) -> Result<String, GitlabError> {
        let endpoint = merge_requests::MergeRequest::builder()
            .project(project)
            .merge_request(iid)
            .build();
        let found: Branches = self.ask(&built(endpoint)?, &Needs::READ_BY_JOB)?;
        Ok(found.source_branch)
    }

    /// Asks for a pipeline to be cancelled. GitLab always says yes: what became of it shows in the pipeline's status.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn cancel_pipeline(&self, project: &ProjectRef, id: u64) -> Result<(), GitlabError> {
        let path = format!("projects/{}/pipelines/{id}/cancel", project.encoded());
        let endpoint = Plain {
            method: Method::POST,
            ..Plain::get(path)
        };
        self.tell(&endpoint, &Needs::WRITE)
    }
}

pub(super) fn built<T>(endpoint: Result<T, impl std::fmt::Display>) -> Result<T, GitlabError> {
    endpoint.map_err(|error| GitlabError::Unusable {
        what: error.to_string(),
    })
}
