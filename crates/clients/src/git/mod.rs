//! The only door to git repositories: revisions become commits, commits become working trees and snapshots.
//!
//! Everything goes through a mirror per repository; what the mirror has is never asked for again. Network goes through
//! [`crate::http`] alone. Refuses to prompt, to obey the user's git configuration, to run hooks, and to store
//! credentials.

mod attributes;
mod bounds;
mod branch;
mod branch_update;
mod checkout;
mod error;
mod folder;
mod history;
mod lfs;
mod local;
mod ls_remote;
mod mirror;
mod model;
mod packed_refs;
mod revision;
mod snapshot;
mod sources;
mod submodules;
mod tags;
mod transport;
mod tree;

use std::fs::File;
use std::path::Path;

use git2::{ErrorCode, Oid};

pub use bounds::Excess;
pub use branch::{BranchFiles, NewCommit, Written};
pub use branch_update::{BranchMove, Moved, Refusal, RefusalKind};
pub use error::GitError;
use error::name;
pub use folder::{folder_digest, snapshot_folder};
pub use history::{Comparison, Ends};
pub use lfs::LfsPointers;
pub use local::{Local, LocalCommit, LocalError};
pub use ls_remote::Heads;
pub use model::{Checkout, Git, Submodules};

use mirror::Wanted;
use pannier_archive::zip;
use pannier_base::url::SafeUrl;

impl Git {
    /// The commit (40 hexadecimal digits) that a full reference (`refs/…`, `HEAD`), tag, branch or commit means now.
    ///
    /// 40 hexadecimal digits are a commit without a request. Fewer digits are searched in the mirror, which is
    /// fetched for it, when no tag or branch is called so. A mirror that has the commit also gets the tags of now.
    ///
    /// # Errors
    /// [`GitError`]; [`GitError::NoRevision`] tells near names.
    pub fn resolve(&self, repository: &SafeUrl, revision: &str) -> Result<String, GitError> {
        if let Some(commit) = revision::whole_commit(revision) {
            return Ok(commit);
        }
        let advertised = mirror::advertised(self.network(), repository)?;
        if let Some(oid) = revision::find(&advertised, revision) {
            self.mirror(repository).catch_up(&advertised, oid)?;
            return Ok(oid.to_string());
        }
        if revision::is_abbreviation(revision) {
            return self.expand(repository, revision);
        }
        Err(GitError::NoRevision {
            repository: name(repository),
            revision: revision.to_owned(),
            hint: revision::hint(&advertised, revision),
        })
    }

    /// Where a commit stands among the tags that the mirror knows: the nearest tag and the distance to it (as
    /// `git describe --tags --long` has it), and every tag of the commit itself. Version files are made from this. Fetches
    /// only when the mirror lacks the commit; [`Self::resolve`] brings the tags of now.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn describe(&self, repository: &SafeUrl, commit: &str) -> Result<String, GitError> {
        let oid = parse(repository, commit)?;
        self.mirror(repository).with(Wanted::Commit(oid), |mirror| {
            tags::describe(mirror, oid).map_err(GitError::library(repository, "reading its tags"))
        })
    }

    fn expand(&self, repository: &SafeUrl, beginning: &str) -> Result<String, GitError> {
        self.mirror(repository)
            .with(Wanted::Beginning(beginning), |mirror| {
                let found = mirror.find_commit_by_prefix(beginning);
                let commit = found.map_err(|source| match source.code() {
                    ErrorCode::Ambiguous => GitError::Ambiguous {
                        repository: name(repository),
                        revision: beginning.to_owned(),
                    },
                    ErrorCode::NotFound => GitError::NoRevision {
                        repository: name(repository),
                        revision: beginning.to_owned(),
                        hint:
                            "no branch or tag has this name, and no commit on them starts with it"
                                .to_owned(),
                    },
                    _ => GitError::library(repository, "looking for a commit")(source),
                })?;
                Ok(commit.id().to_string())
            })
    }

    /// Checks a commit out into the empty folder `into`, with `.git`, history and tags (setuptools-scm reads them).
    /// Uses the mirror alone when it already has the commit; its tags are then those of the last fetch or resolution. The working
    /// tree borrows the mirror's objects, so it works as long as the mirror is there.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn checkout(
        &self,
        repository: &SafeUrl,
        commit: &str,
        submodules: Submodules,
        into: &Path,
    ) -> Result<Checkout, GitError> {
        let mut seen = 1;
        let commit = parse(repository, commit)?;
        self.check_out(repository, commit, submodules, into, &mut seen)
    }

    fn check_out(
        &self,
        repository: &SafeUrl,
        commit: Oid,
        choice: Submodules,
        into: &Path,
        seen: &mut usize,
    ) -> Result<Checkout, GitError> {
        let (done, nested, modules) =
            self.mirror(repository)
                .with(Wanted::Commit(commit), |mirror| {
                    let nested = tree::submodules(mirror, repository, commit)?;
                    submodules::permitted(choice, repository, commit, &nested, *seen)?;
                    let modules = submodules::modules(mirror, repository, commit)?;
                    let done = checkout::check_out(mirror, repository, commit, into)?;
                    Ok((done, nested, modules))
                })?;
        for leaf in nested {
            *seen += 1;
            checkout::check_place(repository, into, &leaf.path)?;
            let child = submodules::url(repository, &modules, &leaf.path)?;
            self.check_out(&child, leaf.oid, choice, &into.join(&leaf.path), seen)?;
        }
        Ok(done)
    }

    /// Writes the tree of a commit (or a folder of it) into `out`: export-ignore obeyed, links and execute bits kept.
    /// Gives the LFS pointers that it met.
    ///
    /// # Errors
    /// [`GitError`]; the container is then of no use.
    pub fn snapshot(
        &self,
        repository: &SafeUrl,
        commit: &str,
        subdirectory: Option<&str>,
        submodules: Submodules,
        out: &mut zip::Writer<File>,
    ) -> Result<LfsPointers, GitError> {
        let wish = snapshot::Wish {
            git: self,
            submodules,
        };
        wish.write(repository, parse(repository, commit)?, subdirectory, out)
    }
}

fn parse(repository: &SafeUrl, commit: &str) -> Result<Oid, GitError> {
    let whole = revision::whole_commit(commit);
    let oid = whole.and_then(|commit| Oid::from_str(&commit).ok());
    oid.ok_or_else(|| GitError::NoRevision {
        repository: name(repository),
        revision: commit.to_owned(),
        hint: "expected a commit of 40 hexadecimal digits".to_owned(),
    })
}
