//! The repository that a folder of this machine is in: files as they were at a commit.
//!
//! Reads objects and nothing else: no working tree, no index, no configuration of the user's, no network. What a shallow clone
//! lacks is an error that says how to fetch it.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use git2::{ErrorCode, ObjectType, Oid, Repository};
use miette::Diagnostic;

use super::{bounds, transport};
use pannier_archive::limited;

/// A repository of this machine, seen from one of its folders.
pub struct Local {
    repository: Repository,
    /// The folder that paths start at, relative to the working tree's root.
    prefix: PathBuf,
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Local")
            .field(&self.repository.path())
            .finish()
    }
}

/// A commit of a [`Local`] repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalCommit(Oid);

/// Prints the 40 hexadecimal digits.
impl fmt::Display for LocalCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why an earlier version of a file is not available.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum LocalError {
    /// The folder is in no repository.
    #[error("{} is not in a git repository", folder.display())]
    #[diagnostic(help("run inside a clone, or name the old file itself instead of a revision"))]
    NoRepository {
        /// Which folder.
        folder: PathBuf,
    },
    /// No commit is called like this here.
    #[error("this clone has no commit `{revision}`")]
    #[diagnostic(help("{hint}"))]
    NoRevision {
        /// What was looked for.
        revision: String,
        /// How to get it.
        hint: String,
    },
    /// Two commits have no common ancestor that this clone knows.
    #[error("this clone has no common ancestor of `{revision}` and HEAD")]
    #[diagnostic(help("{hint}"))]
    NoMergeBase {
        /// What was compared with HEAD.
        revision: String,
        /// How to get it.
        hint: String,
    },
    /// A path leads out of the repository.
    #[error("{} is outside of the repository", path.display())]
    #[diagnostic(help("only files in the repository have earlier versions"))]
    Outside {
        /// Which path.
        path: PathBuf,
    },
    /// libgit2 failed.
    #[error("{doing} failed in this repository")]
    #[diagnostic(help("run `git fsck`; if the clone is damaged, clone again"))]
    Library {
        /// What was being done.
        doing: &'static str,
        /// What libgit2 gave.
        #[source]
        source: git2::Error,
    },
}

impl LocalError {
    fn library(doing: &'static str) -> impl FnOnce(git2::Error) -> Self {
        move |source| Self::Library { doing, source }
    }
}

impl Local {
    /// The repository that `folder` is in. Paths of [`Self::read`] start at the folder.
    ///
    /// # Errors
    /// [`LocalError::NoRepository`].
    pub fn around(folder: &Path) -> Result<Self, LocalError> {
        transport::set_up();
        let none = || LocalError::NoRepository {
            folder: folder.to_owned(),
        };
        let folder = folder.canonicalize().map_err(|_| none())?;
        let repository = match Repository::discover(&folder) {
            Ok(repository) => repository,
            Err(error) if error.code() == ErrorCode::NotFound => return Err(none()),
            Err(source) => return Err(LocalError::library("opening it")(source)),
        };
        let root = repository.workdir().ok_or_else(none)?;
        let root = root.canonicalize().map_err(|_| none())?;
        let prefix = folder.strip_prefix(&root).map_err(|_| none())?.to_owned();
        Ok(Self { repository, prefix })
    }

    /// The commit that a revision means: a branch, tag, commit or anything else of `git rev-parse`.
    ///
    /// # Errors
    /// [`LocalError::NoRevision`] says how a clone gets what it lacks.
    pub fn commit(&self, revision: &str) -> Result<LocalCommit, LocalError> {
        let found = self.repository.revparse_single(revision);
        let commit = found.and_then(|object| object.peel_to_commit());
        match commit {
            Ok(commit) => Ok(LocalCommit(commit.id())),
            Err(_) => Err(LocalError::NoRevision {
                revision: revision.to_owned(),
                hint: self.how_to_fetch(revision),
            }),
        }
    }

    /// The newest commit that both HEAD and the revision come from: what a merge request started at.
    ///
    /// # Errors
    /// [`LocalError::NoRevision`] and [`LocalError::NoMergeBase`] say how a shallow clone gets what it lacks.
    pub fn merge_base(&self, revision: &str) -> Result<LocalCommit, LocalError> {
        let other = self.commit(revision)?;
        let head = self.commit("HEAD")?;
        match self.repository.merge_base(head.0, other.0) {
            Ok(base) => Ok(LocalCommit(base)),
            // A shallow clone breaks off with an object that is missing.
            Err(error) if error.code() == ErrorCode::NotFound => Err(LocalError::NoMergeBase {
                revision: revision.to_owned(),
                hint: match self.repository.is_shallow() {
                    true => DEEPEN.to_owned(),
                    false => {
                        "name another revision: the two histories have nothing in common".to_owned()
                    }
                },
            }),
            Err(source) => Err(LocalError::library("looking for the common ancestor")(
                source,
            )),
        }
    }

    /// The content that a file had at the commit; `None` when it was not there.
    ///
    /// # Errors
    /// [`LocalError::Outside`] for a path that leads out of the repository.
    pub fn read(&self, commit: LocalCommit, path: &Path) -> Result<Option<Vec<u8>>, LocalError> {
        let path = self.inside(path)?;
        let tree = self
            .repository
            .find_commit(commit.0)
            .and_then(|commit| commit.tree())
            .map_err(LocalError::library("reading a commit"))?;
        let entry = match tree.get_path(&path) {
            Ok(entry) => entry,
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
            Err(source) => return Err(LocalError::library("reading a folder")(source)),
        };
        if entry.kind() != Some(ObjectType::Blob) {
            return Ok(None);
        }
        let most = limited::LIST as usize;
        let blob = bounds::blob(&self.repository, entry.id(), most)
            .map_err(LocalError::library("reading a file"))?;
        Ok(Some(blob.content().to_owned()))
    }

    /// A path as the repository's trees have it.
    fn inside(&self, path: &Path) -> Result<PathBuf, LocalError> {
        let outside = || LocalError::Outside {
            path: path.to_owned(),
        };
        let from_root = match path.is_absolute() {
            false => self.prefix.join(path),
            true => {
                let root = self.repository.workdir().ok_or_else(outside)?;
                let root = root.canonicalize().map_err(|_| outside())?;
                path.strip_prefix(root).map_err(|_| outside())?.to_owned()
            }
        };
        let mut plain = PathBuf::new();
        for component in from_root.components() {
            match component {
                Component::Normal(name) => plain.push(name),
                Component::CurDir => {}
                Component::ParentDir if plain.pop() => {}
                _ => return Err(outside()),
            }
        }
        Ok(plain)
    }

    fn how_to_fetch(&self, revision: &str) -> String {
        let branch = revision.strip_prefix("origin/").unwrap_or(revision);
        let fetch = match revision.starts_with("origin/") {
            true => {
                format!("run `git fetch origin +refs/heads/{branch}:refs/remotes/origin/{branch}`")
            }
            false => format!("run `git fetch origin {branch}`"),
        };
        match self.repository.is_shallow() {
            true => format!("{fetch} first; {DEEPEN}"),
            false => format!("{fetch} first, or name another revision"),
        }
    }
}

/// What helps a clone that was cut off.
const DEEPEN: &str =
    "this clone is shallow: set `GIT_DEPTH: 0` for the job, or run `git fetch --unshallow`";

#[cfg(test)]
mod tests {
    use git2::Signature;

    use super::*;

    /// A repository whose `sub/a.txt` says `1`, then `2`; the first commit is the branch `old`.
    fn repository(folder: &Path) -> Repository {
        transport::set_up();
        let repository = Repository::init(folder).unwrap();
        std::fs::create_dir(folder.join("sub")).unwrap();
        for (text, branch) in [("1", Some("old")), ("2", None)] {
            std::fs::write(folder.join("sub/a.txt"), text).unwrap();
            let mut index = repository.index().unwrap();
            index.add_path(Path::new("sub/a.txt")).unwrap();
            index.write().unwrap();
            let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
            let who = Signature::new("a", "a@example.org", &git2::Time::new(0, 0)).unwrap();
            let parent = repository.head().ok();
            let parent = parent.map(|head| head.peel_to_commit().unwrap());
            let parents: Vec<_> = parent.iter().collect();
            let id = repository
                .commit(Some("HEAD"), &who, &who, text, &tree, &parents)
                .unwrap();
            if let Some(branch) = branch {
                let commit = repository.find_commit(id).unwrap();
                repository.branch(branch, &commit, false).unwrap();
            }
        }
        repository
    }

    #[test]
    fn a_file_is_read_as_it_was_where_the_branches_parted() {
        let folder = tempfile::tempdir().unwrap();
        drop(repository(folder.path()));
        let local = Local::around(&folder.path().join("sub")).unwrap();
        let base = local.merge_base("old").unwrap();
        assert_eq!(base, local.commit("old").unwrap());
        let read = |path: &str| local.read(base, Path::new(path)).unwrap();
        assert_eq!(read("a.txt").as_deref(), Some(&b"1"[..]));
        assert_eq!(read("../sub/./a.txt").as_deref(), Some(&b"1"[..]));
        assert_eq!(read("b.txt"), None);
        let head = local.commit("HEAD").unwrap();
        let full = folder.path().canonicalize().unwrap().join("sub/a.txt");
        assert_eq!(local.read(head, &full).unwrap().as_deref(), Some(&b"2"[..]));
    }

    #[test]
    fn what_is_not_there_says_how_to_get_it() {
        let folder = tempfile::tempdir().unwrap();
        drop(repository(folder.path()));
        let local = Local::around(folder.path()).unwrap();
        let Err(LocalError::NoRevision { hint, .. }) = local.merge_base("origin/main") else {
            panic!("there is no such branch");
        };
        assert!(
            hint.contains("git fetch origin +refs/heads/main:"),
            "{hint}"
        );
        let outside = local.read(local.commit("HEAD").unwrap(), Path::new("../x"));
        assert!(matches!(outside, Err(LocalError::Outside { .. })));
        let elsewhere = tempfile::tempdir().unwrap();
        let none = Local::around(elsewhere.path());
        assert!(matches!(none, Err(LocalError::NoRepository { .. })));
    }

    #[test]
    fn a_shallow_clone_is_told_to_fetch_more() {
        let folder = tempfile::tempdir().unwrap();
        let made = repository(folder.path());
        let (head, old) = (
            made.revparse_single("HEAD").unwrap().id(),
            made.revparse_single("old").unwrap().id(),
        );
        // Cut off below HEAD: what is older is not there.
        std::fs::write(made.path().join("shallow"), format!("{head}\n")).unwrap();
        let digits = old.to_string();
        std::fs::remove_file(
            made.path()
                .join("objects")
                .join(&digits[..2])
                .join(&digits[2..]),
        )
        .unwrap();
        drop(made);
        let local = Local::around(folder.path()).unwrap();
        let Err(LocalError::NoRevision { hint, .. }) = local.merge_base("old") else {
            panic!("its commit is gone");
        };
        assert!(hint.contains("GIT_DEPTH"), "{hint}");
    }
}
