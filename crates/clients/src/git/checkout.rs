//! A commit as a working tree with a `.git` of its own, so that `git describe` and what stands on it work there.
//!
//! Objects are shared with the mirror, not copied. Refuses to write credentials into the new repository.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use git2::build::CheckoutBuilder;
use git2::{Oid, Repository, RepositoryInitOptions};

use super::error::{GitError, name};
use super::model::Checkout;
use super::{mirror, packed_refs};
use pannier_base::url::SafeUrl;

/// Makes a repository in the folder `into` that borrows the objects of `mirror` (gitrepository-layout(5),
/// `objects/info/alternates`). No credentials are stored; the folder may exist.
pub(super) fn share_objects(
    mirror: &Repository,
    repository: &SafeUrl,
    into: &Path,
) -> Result<Repository, GitError> {
    let library = || GitError::library(repository, "creating a working tree");
    let mut options = RepositoryInitOptions::new();
    options.external_template(false).no_reinit(true);
    let made = Repository::init_opts(into, &options).map_err(library())?;
    let info = made.path().join("objects/info");
    let objects = fs::canonicalize(mirror.path().join("objects"))
        .map_err(GitError::io("finding", mirror.path()))?;
    let mut line = objects.into_os_string();
    line.push("\n");
    let written = fs::create_dir_all(&info)
        .and_then(|()| fs::write(info.join("alternates"), line.as_encoded_bytes()));
    written.map_err(GitError::io("writing", &info))?;
    // libgit2 reads the alternates when it opens a repository.
    Repository::open(into).map_err(library())
}

/// Writes the commit's tree into the folder `into`, which is empty or as a failed attempt left it.
pub(super) fn check_out(
    mirror: &Repository,
    repository: &SafeUrl,
    commit: Oid,
    into: &Path,
) -> Result<Checkout, GitError> {
    empty(into).map_err(GitError::io("emptying", into))?;
    let made = share_objects(mirror, repository, into)?;
    let library = || GitError::library(repository, "checking a commit out");
    let known = packed_refs::all(mirror).map_err(library())?;
    packed_refs::write_packed(made.path(), &as_clone(known))
        .map_err(GitError::io("writing references of", made.path()))?;
    let write = || {
        made.remote("origin", &mirror::address(repository))?;
        let commit = made.find_commit(commit)?;
        made.set_head_detached(commit.id())?;
        made.checkout_tree(commit.as_object(), Some(CheckoutBuilder::new().force()))?;
        Ok(Checkout {
            time: commit.time().seconds(),
            tree: commit.tree_id().to_string(),
        })
    };
    write().map_err(library())
}

/// Whether a submodule may be checked out at `path` of the working tree `into`: below it, and behind no link. What stands
/// there is emptied, so it must be nobody else's.
pub(super) fn check_place(repository: &SafeUrl, into: &Path, path: &str) -> Result<(), GitError> {
    let refuse = |problem| GitError::Unshippable {
        place: name(repository),
        path: path.to_owned(),
        problem,
    };
    let mut place = into.to_owned();
    for part in path.split('/') {
        if matches!(part, "" | "." | "..") || part.eq_ignore_ascii_case(".git") {
            return Err(refuse("a submodule outside of the working tree"));
        }
        place.push(part);
        let found = place.symlink_metadata();
        if found.is_ok_and(|found| !found.is_dir()) {
            return Err(refuse("a submodule behind a link or in place of a file"));
        }
    }
    Ok(())
}

/// The references as a clone has them: the server's branches below `refs/remotes/origin/`.
fn as_clone(references: BTreeMap<String, Oid>) -> BTreeMap<String, Oid> {
    let rename = |(name, oid): (String, Oid)| match name.strip_prefix("refs/heads/") {
        Some(branch) => (format!("refs/remotes/origin/{branch}"), oid),
        None => (name, oid),
    };
    references.into_iter().map(rename).collect()
}

fn empty(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
