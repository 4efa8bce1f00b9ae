//! What a commit's tree holds once `.gitattributes export-ignore` is obeyed.
//!
//! Attributes come from the commit itself (as `git archive` takes them), never from this machine. Refuses names that
//! could leave the folder that they are written to.

use std::fs;
use std::path::Path;

use git2::{AttrCheckFlags, AttrValue, ObjectType, Oid, Repository, Tree};
use tempfile::TempDir;

use super::checkout::share_objects;
use super::error::GitError;
use crate::url::SafeUrl;

/// Longest path, in bytes: the limit of Linux, and a bound on how deep a tree may be.
const LONGEST: usize = 4096;

/// A file, link or submodule of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    /// From the repository's root, `/`-separated.
    pub path: String,
    pub kind: LeafKind,
    pub oid: Oid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeafKind {
    File { executable: bool },
    Symlink,
    Submodule,
}

/// Everything in the tree of a commit, in the order of the tree.
pub(super) fn leaves(
    mirror: &Repository,
    repository: &SafeUrl,
    commit: Oid,
) -> Result<Vec<Leaf>, GitError> {
    let library = || GitError::library(repository, "reading a commit");
    let tree = mirror
        .find_commit(commit)
        .and_then(|commit| commit.tree())
        .map_err(library())?;
    let mut walk = Walk {
        mirror,
        repository,
        leaves: Vec::new(),
    };
    walk.tree(&tree, "")?;
    Ok(walk.leaves)
}

/// The same without what `export-ignore` keeps out of archives.
pub(super) fn exported(
    mirror: &Repository,
    repository: &SafeUrl,
    commit: Oid,
) -> Result<Vec<Leaf>, GitError> {
    let mut leaves = leaves(mirror, repository, commit)?;
    let is_attributes = |leaf: &Leaf| leaf.path.rsplit('/').next() == Some(".gitattributes");
    if !leaves.iter().any(is_attributes) {
        return Ok(leaves);
    }
    let attributes = Attributes::new(mirror, repository, commit)?;
    let mut failure = None;
    leaves.retain(|leaf| {
        attributes.exports(&leaf.path).unwrap_or_else(|error| {
            failure.get_or_insert(error);
            false
        })
    });
    match failure {
        Some(source) => Err(GitError::library(repository, "reading the attributes")(
            source,
        )),
        None => Ok(leaves),
    }
}

struct Walk<'a> {
    mirror: &'a Repository,
    repository: &'a SafeUrl,
    leaves: Vec<Leaf>,
}

impl Walk<'_> {
    fn tree(&mut self, tree: &Tree<'_>, folder: &str) -> Result<(), GitError> {
        for entry in tree {
            let path = self.path(folder, entry.name_bytes())?;
            let oid = entry.id();
            let kind = match (entry.kind(), entry.filemode()) {
                (Some(ObjectType::Tree), _) => {
                    let library = GitError::library(self.repository, "reading a tree");
                    let tree = self.mirror.find_tree(oid).map_err(library)?;
                    self.tree(&tree, &path)?;
                    continue;
                }
                (Some(ObjectType::Commit), _) => LeafKind::Submodule,
                (_, 0o120_000) => LeafKind::Symlink,
                (_, mode) => LeafKind::File {
                    executable: mode & 0o111 != 0,
                },
            };
            self.leaves.push(Leaf { path, kind, oid });
        }
        Ok(())
    }

    fn path(&self, folder: &str, name: &[u8]) -> Result<String, GitError> {
        let refuse = |problem, path: &str| GitError::Unshippable {
            place: self.repository.to_string(),
            path: path.to_owned(),
            problem,
        };
        let lossy = String::from_utf8_lossy(name);
        let Ok(name) = std::str::from_utf8(name) else {
            return Err(refuse("a name that is not UTF-8", &lossy));
        };
        let evil = matches!(name, "" | "." | "..") || name.eq_ignore_ascii_case(".git");
        if evil || name.contains('/') {
            return Err(refuse("a name that no tree may hold", name));
        }
        let path = if folder.is_empty() {
            name.to_owned()
        } else {
            format!("{folder}/{name}")
        };
        if path.len() > LONGEST {
            return Err(refuse(
                "a path that is too long",
                &path.chars().take(80).collect::<String>(),
            ));
        }
        Ok(path)
    }
}

/// A repository beside the mirror whose index is the commit's tree: libgit2 reads attributes from there. It needs
/// folders (empty ones) to know which paths are folders.
struct Attributes {
    repository: Repository,
    _folder: TempDir,
}

impl Attributes {
    fn new(mirror: &Repository, url: &SafeUrl, commit: Oid) -> Result<Self, GitError> {
        let folder = TempDir::new().map_err(GitError::io("making", std::env::temp_dir()))?;
        let library = || GitError::library(url, "reading the attributes");
        let repository = share_objects(mirror, url, folder.path())?;
        let fill = || {
            let tree = repository.find_commit(commit)?.tree()?;
            let mut index = repository.index()?;
            index.read_tree(&tree)?;
            index.write()
        };
        fill().map_err(library())?;
        Ok(Self {
            repository,
            _folder: folder,
        })
    }

    /// Whether neither the path nor a folder above it is marked.
    fn exports(&self, path: &str) -> Result<bool, git2::Error> {
        let workdir = self.repository.workdir().unwrap_or(Path::new(""));
        for (end, _) in path.match_indices('/') {
            let folder = &path[..end];
            // A folder that cannot be made counts as a file for patterns like `docs/`; the disk is then full anyway.
            let _ = fs::create_dir(workdir.join(folder));
            if self.is_marked(folder)? {
                return Ok(false);
            }
        }
        Ok(!self.is_marked(path)?)
    }

    fn is_marked(&self, path: &str) -> Result<bool, git2::Error> {
        let flags = AttrCheckFlags::INDEX_ONLY | AttrCheckFlags::NO_SYSTEM;
        let value = self
            .repository
            .get_attr(Path::new(path), "export-ignore", flags)?;
        Ok(AttrValue::from_string(value) == AttrValue::True)
    }
}
