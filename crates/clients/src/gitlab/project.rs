//! Projects: which one is meant, and what GitLab knows of it.

use std::fmt;

use serde::Deserialize;

use super::Gitlab;
use super::error::GitlabError;
use super::request::{ApiRequest, segment};
use super::token::Needs;
use pannier_base::url::SafeUrl;

/// A project as a call names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProjectRef {
    /// By its number: what stays when a project moves.
    Id(u64),
    /// By its full path: `group/subgroup/project`.
    Path(String),
}

impl ProjectRef {
    /// A number or a path, as people and CI variables write it.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Path(text.trim_matches('/').to_owned()), Self::Id)
    }

    /// The part of an API path that names it, percent-encoded.
    #[must_use]
    pub fn encoded(&self) -> String {
        match self {
            Self::Id(id) => id.to_string(),
            Self::Path(path) => segment(path),
        }
    }
}

impl fmt::Display for ProjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Path(path) => f.pad(path),
        }
    }
}

/// What GitLab says of a project.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Project {
    /// Its number.
    pub id: u64,
    /// Its full path now.
    pub path_with_namespace: String,
    /// Its default branch; `None` for an empty repository.
    pub default_branch: Option<String>,
    /// Its page.
    pub web_url: String,
    /// Where git fetches it by HTTP.
    #[serde(default)]
    pub http_url_to_repo: Option<String>,
    /// Whether it is archived: nothing can be pushed then.
    #[serde(default)]
    pub archived: Option<bool>,
}

impl Gitlab {
    /// The project whose repository a URL is; `None` when it is none of this GitLab's.
    #[must_use]
    pub fn project_at(&self, repository: &SafeUrl) -> Option<ProjectRef> {
        let api = self.api().expose();
        let base = api.path().trim_end_matches('/');
        let base = base.strip_suffix("/api/v4").unwrap_or(base);
        let path = repository.expose().path().strip_prefix(base)?;
        let path = path.strip_prefix('/')?.trim_end_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        // A GitLab's clone address and its API may differ in scheme or port, but not in host.
        let ours = repository.host() == self.api().host() && path.contains('/');
        ours.then(|| ProjectRef::Path(path.to_owned()))
    }

    /// A project. One that has moved is found by its old path: GitLab leads there.
    ///
    /// # Errors
    /// [`GitlabError`]; 404 also for one that the token may not see.
    pub fn project(&self, project: &ProjectRef) -> Result<Project, GitlabError> {
        let request = ApiRequest::get(format!("projects/{}", project.encoded()));
        self.ask(&request, &Needs::READ)
    }
}
