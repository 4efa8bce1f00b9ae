//! What a commit's tree holds once `.gitattributes export-ignore` is obeyed.
//!
//! Attributes come from the commit itself (as `git archive` takes them), never from this machine. Refuses names that
//! could leave the folder that they are written to.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

use git2::{AttrCheckFlags, AttrValue, ObjectType, Oid, Repository, Tree};
use tempfile::TempDir;

use super::checkout::share_objects;
use super::error::{GitError, name};
use super::mirror::half_made_beside;
use crate::url::SafeUrl;

/// Longest path, in bytes: the limit of Linux, and a bound on how deep a tree may be.
const LONGEST: usize = 4096;

/// Most entries of a tree with all its folders: a small repository can name the same folder over and over, tenfold on
/// each level.
const MOST: usize = 1_000_000;

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

/// The submodules in the tree of a commit. Other names are not judged: a working tree may hold what a container may not,
/// and libgit2 refuses to write what would leave it.
pub(super) fn submodules(
    mirror: &Repository,
    repository: &SafeUrl,
    commit: Oid,
) -> Result<Vec<Leaf>, GitError> {
    let mut leaves = all(mirror, repository, commit)?;
    leaves.retain(|leaf| leaf.kind == LeafKind::Submodule);
    Ok(leaves)
}

/// Everything in the tree of a commit, in the order of the tree; names are not judged, and what is not UTF-8 in them is
/// replaced.
pub(super) fn all(
    mirror: &Repository,
    repository: &SafeUrl,
    commit: Oid,
) -> Result<Vec<Leaf>, GitError> {
    leaves(mirror, repository, commit, Names::Any)
}

/// Everything in the tree of a commit, in the order of the tree, without what `export-ignore` keeps out of archives.
pub(super) fn exported(
    mirror: &Repository,
    repository: &SafeUrl,
    commit: Oid,
) -> Result<Vec<Leaf>, GitError> {
    let mut leaves = leaves(mirror, repository, commit, Names::Shippable)?;
    let is_attributes = |leaf: &Leaf| leaf.path.rsplit('/').next() == Some(".gitattributes");
    if !leaves.iter().any(is_attributes) {
        return Ok(leaves);
    }
    let mut attributes = Attributes::new(mirror, repository, commit)?;
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

fn leaves(
    mirror: &Repository,
    repository: &SafeUrl,
    commit: Oid,
    names: Names,
) -> Result<Vec<Leaf>, GitError> {
    let library = || GitError::library(repository, "reading a commit");
    let tree = mirror
        .find_commit(commit)
        .and_then(|commit| commit.tree())
        .map_err(library())?;
    let mut walk = Walk {
        mirror,
        repository,
        names,
        leaves: Vec::new(),
        seen: 0,
    };
    walk.tree(&tree, "")?;
    Ok(walk.leaves)
}

/// Which names are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// Any; what is not UTF-8 in them is replaced.
    Any,
    /// Those that a container may hold.
    Shippable,
}

struct Walk<'a> {
    mirror: &'a Repository,
    repository: &'a SafeUrl,
    names: Names,
    leaves: Vec<Leaf>,
    seen: usize,
}

impl Walk<'_> {
    fn tree(&mut self, tree: &Tree<'_>, folder: &str) -> Result<(), GitError> {
        for entry in tree {
            let path = self.path(folder, entry.name_bytes())?;
            self.seen += 1;
            if self.seen > MOST {
                return Err(self.refuse("more entries than the million that are read", &path));
            }
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

    fn refuse(&self, problem: &'static str, path: &str) -> GitError {
        GitError::Unshippable {
            place: name(self.repository),
            path: path.to_owned(),
            problem,
        }
    }

    fn path(&self, folder: &str, name: &[u8]) -> Result<String, GitError> {
        let name = String::from_utf8_lossy(name);
        let evil = matches!(&*name, "" | "." | "..")
            || name.eq_ignore_ascii_case(".git")
            || name.contains('/');
        if self.names == Names::Shippable {
            if matches!(name, Cow::Owned(_)) {
                return Err(self.refuse("a name that is not UTF-8", &name));
            }
            if evil {
                return Err(self.refuse("a name that no tree may hold", &name));
            }
        }
        let path = if folder.is_empty() {
            name.into_owned()
        } else {
            format!("{folder}/{name}")
        };
        if path.len() > LONGEST {
            return Err(self.refuse(
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
    /// Whether a folder is exported, as far as was asked.
    folders: HashMap<String, bool>,
    _folder: TempDir,
}

impl Attributes {
    /// Only under the mirror's lock: the folder is named as something that a killed run may have left.
    fn new(mirror: &Repository, url: &SafeUrl, commit: Oid) -> Result<Self, GitError> {
        let folder = half_made_beside(mirror.path())
            .map_err(GitError::io("making a folder beside", mirror.path()))?;
        let repository = share_objects(mirror, url, folder.path())?;
        let fill = || {
            let tree = repository.find_commit(commit)?.tree()?;
            let mut index = repository.index()?;
            index.read_tree(&tree)?;
            index.write()
        };
        fill().map_err(GitError::library(url, "reading the attributes"))?;
        Ok(Self {
            repository,
            folders: HashMap::new(),
            _folder: folder,
        })
    }

    /// Whether neither the path nor a folder above it is marked.
    fn exports(&mut self, path: &str) -> Result<bool, git2::Error> {
        let in_exported = match path.rsplit_once('/') {
            Some((folder, _)) => self.exports_folder(folder)?,
            None => true,
        };
        Ok(in_exported && !self.is_marked(path)?)
    }

    fn exports_folder(&mut self, folder: &str) -> Result<bool, git2::Error> {
        if let Some(known) = self.folders.get(folder) {
            return Ok(*known);
        }
        let workdir = self.repository.workdir().unwrap_or(Path::new(""));
        // A folder that cannot be made counts as a file for patterns like `docs/`; the disk is then full anyway.
        let _ = fs::create_dir_all(workdir.join(folder));
        let exported = self.exports(folder)?;
        self.folders.insert(folder.to_owned(), exported);
        Ok(exported)
    }

    fn is_marked(&self, path: &str) -> Result<bool, git2::Error> {
        let flags = AttrCheckFlags::INDEX_ONLY | AttrCheckFlags::NO_SYSTEM;
        let value = self
            .repository
            .get_attr(Path::new(path), "export-ignore", flags)?;
        Ok(AttrValue::from_string(value) == AttrValue::True)
    }
}
