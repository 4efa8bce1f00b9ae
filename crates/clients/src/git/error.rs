//! What goes wrong with repositories and folders, for the person who has to fix it.

use std::io;
use std::path::PathBuf;

use git2::ErrorClass;
use miette::Diagnostic;

use super::bounds::Excess;
use crate::http::{Fault, HttpError};
use pannier_base::class::{Class, Classify};
use pannier_base::url::{SafeUrl, UrlError};
use pannier_base::visible;

/// Characters of a path that are shown: some are long because they mean ill.
const SHOWN: usize = 2000;

/// What went wrong with a repository or a folder.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum GitError {
    /// No branch, tag, reference or commit is called like this.
    #[error("{repository} has no branch, tag or commit `{revision}`")]
    #[diagnostic(help("{hint}"))]
    NoRevision {
        /// The repository's URL, without credentials.
        repository: String,
        /// What was looked for.
        revision: String,
        /// Names that are near, or what to check.
        hint: String,
    },
    /// Several commits begin like this.
    #[error("`{revision}` is the start of several commits of {repository}")]
    #[diagnostic(help("write more digits of the commit, or better all 40"))]
    Ambiguous {
        /// The repository's URL, without credentials.
        repository: String,
        /// What was looked for.
        revision: String,
    },
    /// The commit is on no branch and no tag, and the server does not hand it out.
    #[error("{repository} does not serve commit {commit}")]
    #[diagnostic(help(
        "no branch or tag contains it (was a branch rewritten?): name the branch, tag or `refs/…` that contains it, or \
        allow it on the server (`uploadpack.allowReachableSHA1InWant`)"
    ))]
    NoCommit {
        /// The repository's URL, without credentials.
        repository: String,
        /// The commit.
        commit: String,
    },
    /// The server cannot be asked.
    #[error("{repository} cannot be read")]
    Http {
        /// The repository's URL, without credentials.
        repository: String,
        /// What the request gave.
        #[source]
        #[diagnostic_source]
        source: HttpError,
    },
    /// The server's answer does not end, or is larger than that of any repository.
    #[error("{repository} cannot be read")]
    #[diagnostic(help(
        "check the address; a repository with more references needs some of them hidden (`transfer.hideRefs`)"
    ))]
    Excess {
        /// The repository's URL, without credentials.
        repository: String,
        /// What there was too much of.
        #[source]
        source: Excess,
    },
    /// Something else than a git server answered.
    #[error("{repository} is not a git repository: the server sent {media_type}")]
    #[diagnostic(help(
        "check the URL; without credentials, some servers answer with a sign-in page"
    ))]
    NotGit {
        /// The repository's URL, without credentials.
        repository: String,
        /// What came instead, as the server names it.
        media_type: String,
    },
    /// The server did not take a push.
    #[error("{repository} refused a push to branch `{branch}`: {reason}")]
    #[diagnostic(help(
        "the token needs to write to the repository (scope `write_repository`), and its owner a role that may push to this \
         branch: see the protected branches in the project's settings"
    ))]
    Rejected {
        /// The repository's URL, without credentials.
        repository: String,
        /// The branch.
        branch: String,
        /// What the server said.
        reason: String,
    },
    /// The project has submodules.
    #[error("commit {commit} of {repository} has submodules: {}", paths.join(", "))]
    #[diagnostic(help("set `submodules: follow` to fetch them too"))]
    Submodules {
        /// The repository's URL, without credentials.
        repository: String,
        /// The commit.
        commit: String,
        /// Where they are.
        paths: Vec<String>,
    },
    /// A submodule cannot be followed.
    #[error("submodule `{path}` of {repository} cannot be followed: {problem}")]
    #[diagnostic(help(
        "fix `.gitmodules` of that project (https or relative URLs), or set `submodules: refuse`"
    ))]
    Submodule {
        /// The repository's URL, without credentials.
        repository: String,
        /// Path of the submodule.
        path: String,
        /// Why not.
        problem: String,
        /// What is wrong with its URL.
        #[source]
        source: Option<UrlError>,
    },
    /// A folder that a request names is not there.
    #[error("commit {commit} of {repository} has no folder `{folder}`")]
    #[diagnostic(help("check the subdirectory; it is relative to the repository's root"))]
    NoFolder {
        /// The repository's URL, without credentials.
        repository: String,
        /// The commit.
        commit: String,
        /// The folder.
        folder: String,
    },
    /// A name in a tree or folder that cannot be shipped.
    #[error("{place} contains {problem}: `{}`", visible::line(path))]
    #[diagnostic(help("rename or remove it there"))]
    Unshippable {
        /// Repository or folder.
        place: String,
        /// The path, with what is not UTF-8 replaced.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// libgit2 failed.
    #[error("{doing} of {repository} failed")]
    #[diagnostic(help(
        "if it fails again, check the repository on the server (`git fsck`) and delete the folder `git` of the store; \
        Pannier recreates it"
    ))]
    Library {
        /// The repository's URL, without credentials.
        repository: String,
        /// What was being done.
        doing: &'static str,
        /// What libgit2 gave.
        #[source]
        source: git2::Error,
    },
    /// A file or folder of this machine could not be used.
    #[error("{doing} {} failed", path.display())]
    #[diagnostic(help("check the free space and the permissions"))]
    Io {
        /// What was being done.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system gave.
        #[source]
        source: io::Error,
    },
}

impl Classify for GitError {
    fn class(&self) -> Class {
        match self {
            Self::Http { source, .. } => source.class(),
            Self::Unshippable { .. } => Class::Refused,
            Self::Library { .. } | Self::Io { .. } => Class::Machine,
            _ => Class::Upstream,
        }
    }
}

impl GitError {
    /// For `map_err` on calls of libgit2.
    pub(super) fn library(
        repository: &SafeUrl,
        doing: &'static str,
    ) -> impl FnOnce(git2::Error) -> Self {
        move |source| Self::Library {
            repository: name(repository),
            doing,
            source,
        }
    }

    /// For `map_err` on calls of the file system.
    pub(super) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            doing,
            path: path.into(),
            source,
        }
    }

    /// For `map_err` on what a snapshot's writer gives for `path` of `place`: it may have refused the name.
    pub(super) fn snapshot(
        place: impl FnOnce() -> String,
        path: &str,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = match path.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", &path[..end]),
            None => path.to_owned(),
        };
        move |source| match source.kind() {
            io::ErrorKind::InvalidInput => Self::Unshippable {
                place: place(),
                path,
                problem: "a name or link that some systems refuse (a control or invisible character, a backslash, a \
                          component of more than 255 bytes, a path of more than 1,024 bytes, or a link of none or more than \
                          4,095)",
            },
            _ => Self::Io {
                doing: "writing into a snapshot",
                path: path.into(),
                source,
            },
        }
    }

    /// Whether the mirror may be at fault, so that recreating it may help.
    pub(super) fn blames_mirror(&self) -> bool {
        let Self::Library { source, .. } = self else {
            return false;
        };
        // A full disk or a folder without permission is of another class: no reason to throw a mirror away.
        matches!(
            source.class(),
            ErrorClass::Odb
                | ErrorClass::Object
                | ErrorClass::Zlib
                | ErrorClass::Tree
                | ErrorClass::Repository
                | ErrorClass::Reference
                | ErrorClass::Indexer
                | ErrorClass::Sha1
        )
    }
}

impl Fault for GitError {
    /// Requests are repeated by the client itself; a pack that broke off half way is known here only.
    fn may_pass(&self) -> bool {
        let Self::Http { source, .. } = self else {
            return false;
        };
        matches!(source, HttpError::Truncated { .. })
    }
}

/// A repository as it is shown.
pub(super) fn name(repository: &SafeUrl) -> String {
    repository.without_credentials().to_string()
}
