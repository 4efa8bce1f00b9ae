//! The only door to git repositories. (stub: owner = git helper)

use std::path::Path;

use crate::url::SafeUrl;

/// Repositories mirrored below one folder.
pub struct Git;

/// What went wrong with a repository.
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct GitError;

/// A working tree at a commit.
#[derive(Debug, Clone)]
pub struct Checkout {
    /// Committer time, seconds since 1970: `SOURCE_DATE_EPOCH` of builds.
    pub time: i64,
    /// The tree's object id, hexadecimal.
    pub tree: String,
}

impl Git {
    /// Uses `root` for mirrors and `client` for connections.
    #[must_use]
    pub fn new(_root: &Path, _client: crate::http::Client) -> Self {
        todo!()
    }
    /// The commit (40 hexadecimal digits) that a branch, tag, full reference or commit means now.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn resolve(&self, _repository: &SafeUrl, _revision: &str) -> Result<String, GitError> {
        todo!()
    }
    /// Checks a commit out into the empty folder `into`, with `.git`, history and tags (setuptools-scm reads them).
    /// Uses the mirror alone when it already has the commit.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn checkout(
        &self,
        _repository: &SafeUrl,
        _commit: &str,
        _submodules: Submodules,
        _into: &Path,
    ) -> Result<Checkout, GitError> {
        todo!()
    }
    /// Writes the tree of a commit (or a folder of it) into `out`: export-ignore obeyed, links and execute bits kept.
    /// Gives the paths of LFS pointers that it met.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn snapshot(
        &self,
        _repository: &SafeUrl,
        _commit: &str,
        _subdirectory: Option<&str>,
        _submodules: Submodules,
        _out: &mut crate::zip::Writer<std::fs::File>,
    ) -> Result<Vec<String>, GitError> {
        todo!()
    }
}

/// What happens to submodules of git projects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Submodules {
    /// A project with submodules is an error.
    #[default]
    Refuse,
    /// They are fetched at the commits that the project names.
    Follow,
}
