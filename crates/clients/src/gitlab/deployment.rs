//! Deployments: what was put into an environment, by whom.

use serde::Deserialize;

use super::Gitlab;
use super::error::GitlabError;
use super::pages::More;
use super::project::ProjectRef;
use super::request::ApiRequest;
use super::token::Needs;

/// A deployment of a project.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Deployment {
    /// Its number.
    pub id: u64,
    /// What was deployed.
    pub sha: String,
    /// When it was made, as the API writes it.
    #[serde(default)]
    pub created_at: Option<String>,
    /// Who did it.
    #[serde(default)]
    pub user: Option<Person>,
    /// The job that did it.
    #[serde(default)]
    pub deployable: Option<Deployable>,
}

/// Someone, as answers name them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Person {
    /// The login.
    pub username: String,
    /// The name for people.
    #[serde(default)]
    pub name: String,
}

/// The job of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Deployable {
    /// Its page.
    #[serde(default)]
    pub web_url: Option<String>,
    /// Its pipeline.
    #[serde(default)]
    pub pipeline: Option<DeployablePipeline>,
}

/// The pipeline of a deployment's job.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DeployablePipeline {
    /// Its page.
    #[serde(default)]
    pub web_url: Option<String>,
}

impl Deployment {
    /// The page of the pipeline or job that did it.
    #[must_use]
    pub fn page(&self) -> Option<&str> {
        let job = self.deployable.as_ref()?;
        let pipeline = job.pipeline.as_ref();
        let page = pipeline.and_then(|it| it.web_url.as_deref());
        page.or(job.web_url.as_deref())
    }
}

impl Gitlab {
    /// Hands the successful deployments into an environment to `take`, the newest first, a page at a time, until it has
    /// enough.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn deployed(
        &self,
        project: &ProjectRef,
        environment: &str,
        take: impl FnMut(Vec<Deployment>) -> More,
    ) -> Result<(), GitlabError> {
        let request = ApiRequest::get(format!("projects/{}/deployments", project.encoded()))
            .with("environment", environment)
            .with("status", "success")
            .with("order_by", "id")
            .with("sort", "desc");
        self.pages(&request, &Needs::READ_BY_JOB, take)
    }
}
