//! A branch as a small folder of files that several writers share: read whole, and written by one commit whose parent is
//! the commit that was read.
//!
//! The server compares before it moves the branch, so a commit of someone else is never lost. Refuses to force, to merge
//! and never tries again: the writer reads again and decides.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use git2::build::TreeUpdateBuilder;
use git2::{
    AutotagOption, Direction, ErrorCode, FetchOptions, FileMode, ObjectType, Oid, PushOptions,
    RemoteCallbacks, Repository, RepositoryInitOptions, Signature, Time, TreeWalkMode,
    TreeWalkResult,
};
use pannier_archive::abort::Temporary;

use super::bounds;
use super::error::{GitError, name};
use super::mirror::{address, advertised, half_made_beside};
use super::model::Git;
use super::{parse, transport};
use pannier_base::digest::Digest;
use pannier_base::url::SafeUrl;

/// Most bytes of all files of a branch together: they are held in memory.
const LARGEST: usize = 1 << 30;

/// Most files and folders of a branch: a small repository can name the same folder over and over.
const MOST: usize = 1_000_000;

/// What a branch holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchFiles {
    /// The commit, 40 hexadecimal digits.
    pub commit: String,
    /// Every file by its `/`-separated path.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// A commit that is to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewCommit<'a> {
    /// Paths and what they hold from now on; `None` removes one.
    pub changes: &'a [(String, Option<Vec<u8>>)],
    /// The commit's message.
    pub message: &'a str,
    /// Name and mail address of author and committer.
    pub author: (&'a str, &'a str),
    /// Seconds since 1970.
    pub time: i64,
}

/// How writing a commit ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// The branch is at the new commit.
    Moved(String),
    /// Someone else moved the branch before, or is moving it now; nothing was changed.
    Stale {
        /// Where it is as far as it can be seen; `None`: there is no such branch.
        found: Option<String>,
    },
}

impl Git {
    /// All files of a branch as it is now; `None` when there is no such branch.
    ///
    /// # Errors
    /// [`GitError`].
    pub fn branch_files(
        &self,
        repository: &SafeUrl,
        branch: &str,
    ) -> Result<Option<BranchFiles>, GitError> {
        let work = Work::new(self, repository, branch)?;
        let Some(tip) = work.fetch()? else {
            return Ok(None);
        };
        let files = work
            .files(tip)
            .map_err(GitError::library(repository, "reading the files"))?;
        Ok(Some(BranchFiles {
            commit: tip.to_string(),
            files,
        }))
    }

    /// Puts a commit on a branch that is at `parent` (`None`: that does not exist). Sent once; when the connection breaks,
    /// what stands on the server decides what is reported.
    ///
    /// # Errors
    /// [`GitError`]; [`GitError::Rejected`] when the server does not take it for another reason than a moved branch.
    pub fn write_commit(
        &self,
        repository: &SafeUrl,
        branch: &str,
        parent: Option<&str>,
        commit: &NewCommit<'_>,
    ) -> Result<Written, GitError> {
        let parent = parent.map(|it| parse(repository, it)).transpose()?;
        let work = Work::new(self, repository, branch)?;
        let found = work.fetch()?;
        if found != parent {
            return Ok(stale(found));
        }
        let made = work
            .commit(parent, commit)
            .map_err(GitError::library(repository, "creating a commit"))?;
        match work.push(parent, made) {
            Ok(()) => Ok(Written::Moved(made.to_string())),
            // What the server has is the truth, whatever was answered.
            Err(error) => match work.tip() {
                Ok(tip) if tip == Some(made) => Ok(Written::Moved(made.to_string())),
                Ok(tip) if tip != parent || contended(&error) => Ok(stale(tip)),
                _ => Err(error),
            },
        }
    }
}

fn stale(found: Option<Oid>) -> Written {
    Written::Stale {
        found: found.map(|oid| oid.to_string()),
    }
}

/// Whether the server says that someone else is moving the branch in this moment: git holds a lock on it then, and what it
/// will hold is not seen yet.
fn contended(error: &GitError) -> bool {
    const WORDS: [&str; 3] = ["failed to update ref", "cannot lock ref", "failed to lock"];
    let GitError::Rejected { reason, .. } = error else {
        return false;
    };
    WORDS.iter().any(|words| reason.contains(words))
}

/// A bare repository for one reading or writing, gone afterwards.
struct Work<'a> {
    git: &'a Git,
    repository: &'a SafeUrl,
    reference: String,
    bare: Repository,
    _folder: Temporary,
    _lock: File,
}

impl<'a> Work<'a> {
    fn new(git: &'a Git, repository: &'a SafeUrl, branch: &str) -> Result<Self, GitError> {
        transport::set_up();
        let key = Digest::of(
            repository
                .without_credentials()
                .expose()
                .as_str()
                .as_bytes(),
        );
        let target = git.root.join(format!("{}.branch", &key.to_string()[..32]));
        let lock = lock(&target).map_err(GitError::io("locking", &target))?;
        let folder = half_made_beside(&target).map_err(GitError::io("creating", &target))?;
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false);
        let bare = Repository::init_opts(folder.path(), &options).map_err(GitError::library(
            repository,
            "creating a scratch repository",
        ))?;
        Ok(Self {
            git,
            repository,
            reference: format!("refs/heads/{branch}"),
            bare,
            _folder: folder,
            _lock: lock,
        })
    }

    fn tip(&self) -> Result<Option<Oid>, GitError> {
        let all = advertised(self.git.network(), self.repository)?;
        let ours = all.iter().find(|it| it.name == self.reference);
        Ok(ours.map(|it| it.oid))
    }

    /// Brings the branch's newest commit, without its history.
    fn fetch(&self) -> Result<Option<Oid>, GitError> {
        self.git.client.repeat(|| {
            transport::connected(self.git.network(), self.repository, "fetching", || {
                let mut remote = self.bare.remote_anonymous(&address(self.repository))?;
                let mut connection = remote.connect_auth(Direction::Fetch, None, None)?;
                let heads = connection.list()?;
                let tip = heads.iter().find(|head| head.name() == self.reference);
                let Some(tip) = tip.map(|head| head.oid()) else {
                    return Ok(None);
                };
                let spec = format!("+{0}:{0}", self.reference);
                let mut options = FetchOptions::new();
                options
                    .download_tags(AutotagOption::None)
                    .update_fetchhead(false)
                    .depth(1);
                connection.remote().download(&[spec], Some(&mut options))?;
                Ok(Some(tip))
            })
        })
    }

    fn files(&self, tip: Oid) -> Result<BTreeMap<String, Vec<u8>>, git2::Error> {
        let mut found = BTreeMap::new();
        let (mut left, mut entries) = (LARGEST, 0);
        let mut failed = None;
        let tree = self.bare.find_commit(tip)?.tree()?;
        tree.walk(TreeWalkMode::PreOrder, |folder, entry| {
            entries += 1;
            if entries > MOST {
                failed = Some(git2::Error::from_str("the branch has too many files"));
                return TreeWalkResult::Abort;
            }
            // What is no file, or has a name that is no text, is none of ours.
            let (Some(ObjectType::Blob), Ok(name)) = (entry.kind(), entry.name()) else {
                return TreeWalkResult::Ok;
            };
            match bounds::blob(&self.bare, entry.id(), left) {
                Ok(blob) => {
                    left -= blob.size();
                    let path = format!("{folder}{name}");
                    found.insert(path, blob.content().to_vec());
                    TreeWalkResult::Ok
                }
                Err(error) => {
                    failed = Some(error);
                    TreeWalkResult::Abort
                }
            }
        })
        .or_else(|error| failed.take().map_or(Err(error), Err))?;
        Ok(found)
    }

    fn commit(&self, parent: Option<Oid>, new: &NewCommit<'_>) -> Result<Oid, git2::Error> {
        let bare = &self.bare;
        let parent = parent.map(|oid| bare.find_commit(oid)).transpose()?;
        let before = match &parent {
            Some(parent) => parent.tree()?,
            None => bare.find_tree(bare.treebuilder(None)?.write()?)?,
        };
        let mut update = TreeUpdateBuilder::new();
        for (path, bytes) in new.changes {
            match bytes {
                Some(bytes) => update.upsert(path.as_str(), bare.blob(bytes)?, FileMode::Blob),
                None => update.remove(path.as_str()),
            };
        }
        let tree = bare.find_tree(update.create_updated(bare, &before)?)?;
        let (name, mail) = new.author;
        let who = Signature::new(name, mail, &Time::new(new.time, 0))?;
        let parents: Vec<_> = parent.iter().collect();
        bare.commit(None, &who, &who, new.message, &tree, &parents)
    }

    /// Sends `made`. The server is told that it replaces `parent`, which is also what libgit2 has seen in this connection.
    fn push(&self, parent: Option<Oid>, made: Oid) -> Result<(), GitError> {
        let local = self
            .bare
            .reference("refs/pannier/new", made, true, "")
            .map_err(GitError::library(self.repository, "naming a commit"))?;
        let spec = format!("{}:{}", local.name().unwrap_or_default(), self.reference);
        let refused: Cell<Option<String>> = Cell::new(None);
        let pushed = transport::pushing(self.git.network(), self.repository, || {
            let mut callbacks = RemoteCallbacks::new();
            callbacks.push_negotiation(|updates| {
                let expected = parent.unwrap_or(Oid::ZERO_SHA1);
                match updates.iter().all(|update| update.src() == expected) {
                    true => Ok(()),
                    false => Err(git2::Error::from_str("the branch has moved")),
                }
            });
            callbacks.push_update_reference(|_, reason| {
                refused.set(reason.map(str::to_owned));
                Ok(())
            });
            let mut options = PushOptions::new();
            options.remote_callbacks(callbacks);
            let mut remote = self.bare.remote_anonymous(&address(self.repository))?;
            remote.push(&[spec.as_str()], Some(&mut options))
        });
        let rejected = |reason: String| GitError::Rejected {
            repository: name(self.repository),
            branch: self.reference.trim_start_matches("refs/heads/").to_owned(),
            reason: pannier_base::secret::scrub(&reason),
        };
        match (pushed, refused.take()) {
            (_, Some(reason)) => Err(rejected(reason)),
            (Err(GitError::Library { source, .. }), _)
                if source.code() == ErrorCode::NotFastForward =>
            {
                Err(rejected("the branch has moved".to_owned()))
            }
            (done, None) => done,
        }
    }
}

/// One reading or writing of a repository at a time; so what lies there unfinished is of a run that was killed.
fn lock(target: &Path) -> std::io::Result<File> {
    let root = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(root)?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(target.with_extension("branch.lock"))?;
    file.lock()?;
    let stem = target.file_name().unwrap_or_default().to_string_lossy();
    let half = format!(".half-{stem}-");
    for entry in fs::read_dir(root)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(&half) {
            // What cannot be removed is in nobody's way.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(file)
}
