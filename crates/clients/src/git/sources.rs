//! The commits that a snapshot is made of, and what of each goes into it: what `export-ignore` keeps out is not even looked
//! at, submodules are refused or followed as for checkouts.
//!
//! Keeps one bit per entry of a tree; writing it walks through the tree again.

use std::collections::BTreeMap;

use git2::{Oid, Repository};

use super::attributes::Attributes;
use super::error::{GitError, name};
use super::mirror::Wanted;
use super::model::{Git, Submodules};
use super::submodules;
use super::tree::{self, Leaf, LeafKind, Names};
use pannier_archive::zip;
use pannier_base::url::SafeUrl;

/// A commit of which something is taken.
pub(super) struct Source {
    pub repository: SafeUrl,
    pub commit: Oid,
    /// Whether each entry is taken, in the order of [`tree::each`].
    pub taken: Vec<bool>,
    /// The source of each submodule that is taken, by its path in the repository.
    pub submodules: BTreeMap<String, usize>,
}

/// The sources so far.
pub(super) struct Sources<'a> {
    git: &'a Git,
    choice: Submodules,
    pub all: Vec<Source>,
}

impl<'a> Sources<'a> {
    pub(super) const fn new(git: &'a Git, choice: Submodules) -> Self {
        Self {
            git,
            choice,
            all: Vec::new(),
        }
    }

    /// Adds `folder` of a commit (everything for an empty one) and then its submodules; gives its number. `above` is the
    /// length in bytes of the path that its own is put below.
    pub(super) fn add(
        &mut self,
        repository: &SafeUrl,
        commit: Oid,
        folder: &str,
        above: usize,
    ) -> Result<usize, GitError> {
        let mirror = self.git.mirror(repository);
        let (found, modules) = mirror.with(Wanted::Commit(commit), |mirror| {
            let found = look(mirror, repository, commit, folder)?;
            Ok((found, submodules::modules(mirror, repository, commit)?))
        })?;
        let seen = self.all.len() + 1;
        submodules::permitted(self.choice, repository, commit, &found.submodules, seen)?;
        let number = self.all.len();
        self.all.push(Source {
            repository: repository.clone(),
            commit,
            taken: found.taken,
            submodules: BTreeMap::new(),
        });
        for leaf in found.submodules {
            let above = above + leaf.path.len() + 1;
            if above > zip::LONGEST_NAME {
                return Err(GitError::Unshippable {
                    place: name(repository),
                    path: leaf.path,
                    problem: "a submodule whose path is too long with those above it",
                });
            }
            let child = submodules::url(repository, &modules, &leaf.path)?;
            let child = self.add(&child, leaf.oid, "", above)?;
            self.all[number].submodules.insert(leaf.path, child);
        }
        Ok(number)
    }
}

/// What was found in a tree.
#[derive(Default)]
struct Found {
    taken: Vec<bool>,
    submodules: Vec<Leaf>,
}

fn look(
    mirror: &Repository,
    repository: &SafeUrl,
    commit: Oid,
    folder: &str,
) -> Result<Found, GitError> {
    let each = |tell: &mut dyn FnMut(Leaf) -> Result<(), GitError>| {
        tree::each(mirror, repository, commit, Names::Shippable, tell)
    };
    let mut taken = Vec::new();
    let mut submodules = Vec::new();
    let mut attributes = Vec::new();
    each(&mut |leaf| {
        let number = taken.len();
        taken.push(below(&leaf.path, folder).is_some());
        if leaf.kind == LeafKind::Submodule {
            submodules.push((number, leaf));
        } else if Attributes::is_from(&leaf) {
            attributes.push(leaf);
        }
        Ok(())
    })?;
    if !attributes.is_empty() {
        let mut attributes = Attributes::new(mirror, repository, &attributes)?;
        let mut wanted = taken.iter_mut();
        each(&mut |leaf| {
            if let Some(taken) = wanted.next().filter(|taken| **taken) {
                *taken = attributes
                    .exports(&leaf.path)
                    .map_err(GitError::library(repository, "reading the attributes"))?;
            }
            Ok(())
        })?;
    }
    submodules.retain(|(number, _)| taken[*number]);
    Ok(Found {
        submodules: submodules.into_iter().map(|(_, leaf)| leaf).collect(),
        taken,
    })
}

/// The path within the folder, if it lies there.
pub(super) fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    if folder.is_empty() {
        return Some(path);
    }
    path.strip_prefix(folder)?.strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_whole_components() {
        let path = "py/src/a.py";
        assert_eq!(below(path, ""), Some(path));
        assert_eq!(below(path, "py"), Some("src/a.py"));
        assert_eq!(below(path, "p"), None);
        assert_eq!(below(path, path), None);
    }
}
