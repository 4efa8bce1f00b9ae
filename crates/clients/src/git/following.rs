//! Which submodules a commit has, whether they may be followed, and where they lead.
//!
//! Refuses to follow them to a folder of this machine from a repository that is not on it, and endlessly.

use std::collections::BTreeMap;

use git2::{Oid, Repository};

use super::Submodules;
use super::bounds;
use super::error::{GitError, name};
use super::modules;
use super::tree::Leaf;
use pannier_base::url::SafeUrl;

/// Most repositories that one project may consist of: a bound on projects that contain themselves.
const MOST: usize = 200;

/// Largest `.gitmodules` that is read, in bytes.
const LARGEST: usize = 1 << 20;

/// URLs of submodules by path, as `.gitmodules` of the commit gives them.
pub(super) fn modules(
    mirror: &Repository,
    repository: &SafeUrl,
    commit: Oid,
) -> Result<BTreeMap<String, String>, GitError> {
    let library = || GitError::library(repository, "reading .gitmodules");
    let tree = mirror
        .find_commit(commit)
        .and_then(|commit| commit.tree())
        .map_err(library())?;
    let Some(entry) = tree.get_name(".gitmodules") else {
        return Ok(BTreeMap::new());
    };
    let blob = bounds::blob(mirror, entry.id(), LARGEST).map_err(library())?;
    Ok(modules::parse(&String::from_utf8_lossy(blob.content())))
}

/// Whether the submodules that were found may be followed; `seen` counts the repositories so far.
pub(super) fn permitted(
    choice: Submodules,
    repository: &SafeUrl,
    commit: Oid,
    found: &[Leaf],
    seen: usize,
) -> Result<(), GitError> {
    let Some(first) = found.first() else {
        return Ok(());
    };
    if choice == Submodules::Refuse {
        return Err(GitError::Submodules {
            repository: name(repository),
            commit: commit.to_string(),
            paths: found.iter().map(|leaf| leaf.path.clone()).collect(),
        });
    }
    if seen + found.len() > MOST {
        let problem = format!("the project consists of more than {MOST} repositories");
        return Err(refuse(repository, &first.path, problem));
    }
    Ok(())
}

/// The repository of the submodule at `path`.
pub(super) fn url(
    repository: &SafeUrl,
    modules: &BTreeMap<String, String>,
    path: &str,
) -> Result<SafeUrl, GitError> {
    let Some(written) = modules.get(path) else {
        return Err(refuse(
            repository,
            path,
            "`.gitmodules` gives it no URL".to_owned(),
        ));
    };
    let found = modules::resolve(repository, written).map_err(|source| GitError::Submodule {
        repository: name(repository),
        path: path.to_owned(),
        problem: "its URL cannot be used".to_owned(),
        source: Some(source),
    })?;
    let local = |url: &SafeUrl| url.expose().scheme() == "file";
    if local(&found) && !local(repository) {
        return Err(refuse(
            repository,
            path,
            "it leads to a folder of this machine".to_owned(),
        ));
    }
    Ok(found)
}

fn refuse(repository: &SafeUrl, path: &str, problem: String) -> GitError {
    GitError::Submodule {
        repository: name(repository),
        path: path.to_owned(),
        problem,
        source: None,
    }
}
