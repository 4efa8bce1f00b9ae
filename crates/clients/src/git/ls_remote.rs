//! What a repository shows of itself in one answer: its branches, its default branch, the heads of its merge requests; and
//! whether it takes pushes from us.
//!
//! Refuses to fetch objects.

use git2::{Direction, Oid, Remote};

use super::error::{GitError, name};
use super::mirror::address;
use super::model::Git;
use super::revision::{self, Advertised};
use super::transport;
use crate::http::HttpError;
use pannier_base::url::SafeUrl;

/// The references that a server advertised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heads {
    pub(super) advertised: Vec<Advertised>,
    default: Option<String>,
}

impl Heads {
    /// The commit at the head of a branch; `None`: there is no such branch.
    #[must_use]
    pub fn branch(&self, branch: &str) -> Option<String> {
        let wanted = format!("refs/heads/{branch}");
        let found = self.advertised.iter().find(|it| it.name == wanted)?;
        Some(found.oid.to_string())
    }

    /// The default branch (what `HEAD` is), where the server tells.
    #[must_use]
    pub fn default_branch(&self) -> Option<&str> {
        self.default.as_deref()
    }

    /// The merge requests whose head is this commit, by their numbers in the project (`refs/merge-requests/IID/head`). A
    /// server shows them for closed and merged ones too.
    #[must_use]
    pub fn merge_requests_at(&self, commit: &str) -> Vec<u64> {
        let Ok(commit) = Oid::from_str(commit) else {
            return Vec::new();
        };
        let at = self.advertised.iter().filter(|it| it.oid == commit);
        let number = |it: &Advertised| {
            let rest = it.name.strip_prefix("refs/merge-requests/")?;
            rest.strip_suffix("/head")?.parse().ok()
        };
        at.filter_map(number).collect()
    }

    /// The commit that a tag, a branch or a full reference means among these; a whole commit means itself.
    #[must_use]
    pub fn find(&self, revision: &str) -> Option<String> {
        revision::whole_commit(revision).or_else(|| {
            let found = revision::find(&self.advertised, revision);
            found.map(|oid| oid.to_string())
        })
    }
}

impl Git {
    /// What a repository advertises now; one request.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn heads(&self, repository: &SafeUrl) -> Result<Heads, GitError> {
        self.client.repeat(|| {
            transport::connected(self.network(), repository, "listing the references", || {
                let mut remote = Remote::create_detached(address(repository))?;
                let connection = remote.connect_auth(Direction::Fetch, None, None)?;
                let heads = connection.list()?;
                let head = heads.iter().find(|it| it.name() == "HEAD");
                let default = head.and_then(|it| it.symref_target());
                let default = default.and_then(|it| it.strip_prefix("refs/heads/"));
                Ok(Heads {
                    default: default.map(str::to_owned),
                    advertised: heads
                        .iter()
                        .map(|it| Advertised {
                            name: it.name().to_owned(),
                            oid: it.oid(),
                        })
                        .collect(),
                })
            })
        })
    }

    /// The status with which the repository refuses every push of this user; `None`: it takes them. One request, which
    /// says nothing of a single branch.
    ///
    /// # Errors
    /// [`GitError`] if the request fails.
    pub fn refuses_pushes(&self, repository: &SafeUrl) -> Result<Option<u16>, GitError> {
        let asked = self.client.repeat(|| {
            transport::connected(self.network(), repository, "asking for a push", || {
                let mut remote = Remote::create_detached(address(repository))?;
                let connection = remote.connect_auth(Direction::Push, None, None)?;
                connection.list().map(|_| ())
            })
        });
        match asked {
            Ok(()) => Ok(None),
            Err(error) => error.no_right().map(Some).ok_or(error),
        }
    }

    /// The commit (40 hexadecimal digits) that a revision means among `heads`; what is neither tag nor branch may be the
    /// beginning of a commit, which is searched in the history of the repository.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn resolve_among(
        &self,
        heads: &Heads,
        repository: &SafeUrl,
        revision: &str,
    ) -> Result<String, GitError> {
        if let Some(commit) = heads.find(revision) {
            return Ok(commit);
        }
        if revision::is_abbreviation(revision) {
            return self.expand(repository, revision);
        }
        Err(GitError::NoRevision {
            repository: name(repository),
            revision: revision.to_owned(),
            hint: revision::hint(&heads.advertised, revision),
        })
    }
}

impl GitError {
    /// The status by which a server says that we may not do what was asked.
    pub(super) fn no_right(&self) -> Option<u16> {
        match self {
            Self::Http {
                source: HttpError::Status { status, .. },
                ..
            } if matches!(status, 401 | 403 | 404) => Some(*status),
            _ => None,
        }
    }
}
