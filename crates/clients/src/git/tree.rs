//! What a commit's tree holds, told entry by entry: a list of hundreds of thousands of files would not be small.
//!
//! Refuses names that could leave the folder that they are written to, if requested.

use std::borrow::Cow;
use std::vec::IntoIter;

use git2::{ObjectType, Oid, Repository, Tree, TreeEntry};

use super::error::{GitError, name};
use pannier_archive::zip;
use pannier_base::secret::scrub;
use pannier_base::url::SafeUrl;

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

/// Which names are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// Any; what is not UTF-8 in them is replaced. A working tree may hold what a container may not, and libgit2 refuses
    /// to write what would leave it.
    Any,
    /// Those that a container may hold.
    Shippable,
}

/// The submodules in the tree of a commit, whatever other names are there.
pub(super) fn submodules(
    mirror: &Repository,
    repository: &SafeUrl,
    commit: Oid,
) -> Result<Vec<Leaf>, GitError> {
    let mut found = Vec::new();
    each(mirror, repository, commit, Names::Any, &mut |leaf| {
        if leaf.kind == LeafKind::Submodule {
            found.push(leaf);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Tells everything in the tree of a commit, always in the same order: sorted by path, what a submodule holds being where it
/// is told itself.
///
/// # Errors
/// [`GitError`] on names that are not taken, on a tree that cannot be read or is too large, and whatever `tell` gives.
pub(super) fn each(
    mirror: &Repository,
    repository: &SafeUrl,
    commit: Oid,
    names: Names,
    tell: &mut dyn FnMut(Leaf) -> Result<(), GitError>,
) -> Result<(), GitError> {
    let library = || GitError::library(repository, "reading a commit");
    let tree = mirror
        .find_commit(commit)
        .and_then(|commit| commit.tree())
        .map_err(library())?;
    let walk = Walk {
        mirror,
        repository,
        names,
    };
    walk.tell(tree, tell)
}

struct Walk<'a> {
    mirror: &'a Repository,
    repository: &'a SafeUrl,
    names: Names,
}

/// A folder on the way to where the walk is.
struct Level<'a> {
    path: String,
    tree: Tree<'a>,
    /// The entries that are still to be looked at.
    left: IntoIter<usize>,
}

impl<'a> Level<'a> {
    fn new(path: String, tree: Tree<'a>) -> Self {
        let left = order(&tree).into_iter();
        Self { path, tree, left }
    }
}

impl Walk<'_> {
    /// Goes from folder to folder without calling itself: how deep they are is up to who made them.
    fn tell(
        &self,
        root: Tree<'_>,
        tell: &mut dyn FnMut(Leaf) -> Result<(), GitError>,
    ) -> Result<(), GitError> {
        let mut levels = vec![Level::new(String::new(), root)];
        let mut seen = 0;
        while let Some(level) = levels.last_mut() {
            let Some(entry) = level.left.next().and_then(|at| level.tree.get(at)) else {
                levels.pop();
                continue;
            };
            let path = self.path(&level.path, entry.name_bytes())?;
            seen += 1;
            if seen > MOST {
                return Err(self.refuse("more than a million entries", &path));
            }
            let (oid, kind, mode) = (entry.id(), entry.kind(), entry.filemode());
            drop(entry);
            let kind = match (kind, mode) {
                (Some(ObjectType::Tree), _) => {
                    let library = GitError::library(self.repository, "reading a tree");
                    let tree = self.mirror.find_tree(oid).map_err(library)?;
                    levels.push(Level::new(path, tree));
                    continue;
                }
                (Some(ObjectType::Commit), _) => LeafKind::Submodule,
                (_, 0o120_000) => LeafKind::Symlink,
                (_, mode) => LeafKind::File {
                    executable: mode & 0o111 != 0,
                },
            };
            tell(Leaf { path, kind, oid })?;
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
                return Err(self.refuse("a name that no tree may contain", &name));
            }
        }
        let path = if folder.is_empty() {
            name.into_owned()
        } else {
            format!("{folder}/{name}")
        };
        let longest = match self.names {
            Names::Any => LONGEST,
            Names::Shippable => zip::LONGEST_NAME,
        };
        if path.len() > longest {
            return Err(self.refuse(
                "a path that is too long",
                &scrub(&path).chars().take(80).collect::<String>(),
            ));
        }
        Ok(path)
    }
}

/// The entries of a tree in the order of the paths of them and of what is below them. git sorts a submodule as the file that
/// it is not, and who means ill sorts in any way.
fn order(tree: &Tree<'_>) -> Vec<usize> {
    let mut order: Vec<_> = (0..tree.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (tree.get(*a), tree.get(*b));
        a.iter().flat_map(key).cmp(b.iter().flat_map(key))
    });
    order
}

fn key<'a>(entry: &'a TreeEntry<'_>) -> impl Iterator<Item = &'a u8> {
    let is_folder = matches!(entry.kind(), Some(ObjectType::Tree | ObjectType::Commit));
    entry.name_bytes().iter().chain(is_folder.then_some(&b'/'))
}
