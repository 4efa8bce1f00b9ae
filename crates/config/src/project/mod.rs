//! The forms in which a project is written: short names, paths on the host of `git_base`, git URLs, folders.
//!
//! Parsing needs nothing but the text; [`ProjectSpec::source`] then says where that is. Refuses archives and SSH.

mod parse;

use std::fmt;
use std::path::PathBuf;

use pannier_base::name::PackageName;
use pannier_base::url::{GitUrl, SafeUrl};
use pannier_core::request::ProjectSource;

/// The forms that exist, for hints.
pub const FORMS: &str = "`name`, `group/name@revision`, `name[extra] @ git+https://host/group/name.git@revision#subdirectory=folder`, `https://host/group/name.git@revision` and `./folder` are expected";

/// A project as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectSpec {
    /// The text, without credentials.
    pub text: String,
    /// What stands before ` @ `, normalised.
    pub name: Option<PackageName>,
    /// The same as it was written.
    pub label: Option<String>,
    /// Extras, sorted, none twice.
    pub extras: Vec<PackageName>,
    /// Where it is.
    pub place: Place,
}

/// Where a project is, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A name alone (below `git_base`) or a path of at least two components (on the host of `git_base`).
    Short {
        /// `job-tools` or `other/lib`, without `.git`.
        path: String,
        /// Branch, tag or commit, where one was stated.
        revision: Option<String>,
        /// Folder of the project in the repository.
        subdirectory: Option<String>,
    },
    /// A git repository by URL.
    Git(GitUrl),
    /// A folder, relative or absolute.
    Directory(PathBuf),
}

/// Why a text is not a project. Prints the text without credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("`{text}` is not a project: {reason}")]
#[diagnostic(help("{FORMS}"))]
pub struct ProjectError {
    /// The text, without credentials.
    pub text: String,
    /// Which rule it breaks.
    pub reason: String,
}

/// Where short names are searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitBase {
    /// Folder of the repositories that are given by name alone.
    pub group: SafeUrl,
    /// What paths start from: the server's root.
    pub server: SafeUrl,
}

impl GitBase {
    /// A base whose server is the host of `group`, or `server` where `group` lies below that (a GitLab below a path).
    #[must_use]
    pub fn new(group: SafeUrl, server: Option<&SafeUrl>) -> Self {
        let below = server.filter(|server| {
            let path = server.expose().path().trim_end_matches('/');
            let rest = group.expose().path().strip_prefix(path);
            server.same_origin(&group) && rest.is_some_and(|rest| rest.starts_with('/'))
        });
        let server = below.cloned().unwrap_or_else(|| with_path(&group, "/"));
        Self { group, server }
    }
}

/// The URL with another path and nothing behind it; credentials stay.
fn with_path(url: &SafeUrl, path: &str) -> SafeUrl {
    let mut changed = url.expose().clone();
    changed.set_path(path);
    changed.set_query(None);
    changed.set_fragment(None);
    SafeUrl::of_server(changed.as_str())
        .expect("a URL stays one when its path is replaced by checked components")
}

impl ProjectSpec {
    /// Where the project is, with what was left open taken from `base` and `branch`.
    ///
    /// # Errors
    /// A short name when there is no base.
    pub fn source(
        &self,
        base: Option<&GitBase>,
        branch: &str,
    ) -> Result<ProjectSource, MissingBase> {
        let or_branch =
            |revision: &Option<String>| revision.as_deref().unwrap_or(branch).to_owned();
        Ok(match &self.place {
            Place::Short {
                path,
                revision,
                subdirectory,
            } => {
                let base = base.ok_or(MissingBase)?;
                let start = if path.contains('/') {
                    &base.server
                } else {
                    &base.group
                };
                let folder = start.expose().path().trim_end_matches('/');
                ProjectSource::Git {
                    repository: with_path(start, &format!("{folder}/{path}.git")),
                    revision: or_branch(revision),
                    subdirectory: subdirectory.clone(),
                }
            }
            Place::Git(url) => ProjectSource::Git {
                repository: url.repository.clone(),
                revision: or_branch(&url.revision),
                subdirectory: url.subdirectory.clone(),
            },
            Place::Directory(path) => ProjectSource::Directory { path: path.clone() },
        })
    }

    /// The last component of where it is, without `.git`: what a data project is called that has no name of its own.
    #[must_use]
    pub fn last_component(&self) -> String {
        let last = match &self.place {
            Place::Short { path, .. } => path.rsplit('/').next().unwrap_or("").to_owned(),
            Place::Git(url) => {
                let path = url.repository.without_credentials();
                let path = path.expose().path().trim_end_matches('/').to_owned();
                path.rsplit('/').next().unwrap_or("").to_owned()
            }
            Place::Directory(path) => path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
        };
        last.strip_suffix(".git").unwrap_or(&last).to_owned()
    }
}

/// A project has only a name, and there is no base URL for names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it has only a name, and git_base is not set")]
pub struct MissingBase;

impl fmt::Display for ProjectSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
