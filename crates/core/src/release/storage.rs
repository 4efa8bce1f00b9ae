//! Where the log is kept, and the loop that writes it: read, compute, push guarded, and again when somebody was faster.

use pannier_base::secret::Exposed;
use pannier_base::url::SafeUrl;
use pannier_clients::git::{BranchFiles, Git, GitError, NewCommit, Written};

use super::error::ReleaseError;
use super::log_files::LogFiles;
use super::model::{Edit, Stamp};

/// How often a writing is tried. In nearly each round somebody's writing succeeds, so this is about how many writers may come at
/// once.
const TRIES: u32 = 60;

/// Where the log is kept. It compares before it changes anything.
pub trait Storage {
    /// The files now, and the commit that holds them; `None`: there is no log yet.
    ///
    /// # Errors
    /// [`GitError`].
    fn files(&self) -> Result<Option<BranchFiles>, GitError>;

    /// Puts a change on top of `parent`, or says that something else is on top of it.
    ///
    /// # Errors
    /// [`GitError`].
    fn put(
        &self,
        parent: Option<&str>,
        edit: &Edit<()>,
        stamp: &Stamp,
    ) -> Result<Written, GitError>;
}

/// A branch of a repository.
#[derive(Debug, Clone, Copy)]
pub struct GitStorage<'a> {
    /// Reaches it.
    pub git: &'a Git,
    /// The repository.
    pub repository: &'a SafeUrl,
    /// The branch.
    pub branch: &'a str,
}

impl Storage for GitStorage<'_> {
    fn files(&self) -> Result<Option<BranchFiles>, GitError> {
        self.git.branch_files(self.repository, self.branch)
    }

    fn put(
        &self,
        parent: Option<&str>,
        edit: &Edit<()>,
        stamp: &Stamp,
    ) -> Result<Written, GitError> {
        let commit = NewCommit {
            changes: &edit.files,
            message: &edit.message,
            author: (&stamp.by, &stamp.mail),
            time: stamp.at.as_second(),
        };
        self.git
            .write_commit(self.repository, self.branch, parent, &commit)
    }
}

/// The log as it is now; empty where there is none yet.
///
/// # Errors
/// [`ReleaseError`].
pub fn read(storage: &dyn Storage) -> Result<LogFiles, ReleaseError> {
    let found = storage.files()?;
    Ok(found.map_or_else(LogFiles::default, |it| LogFiles::new(it.files)))
}

/// Writes what `compute` makes of the log as it is now; again on the newer log when somebody was faster.
///
/// # Errors
/// [`ReleaseError`]; [`ReleaseError::Busy`] when others were faster each time.
pub fn write<O>(
    storage: &dyn Storage,
    stamp: &Stamp,
    compute: impl Fn(&LogFiles) -> Result<Edit<O>, ReleaseError>,
) -> Result<O, ReleaseError> {
    for _ in 0..TRIES {
        let (tip, log) = match storage.files()? {
            Some(found) => (Some(found.commit), LogFiles::new(found.files)),
            None => (None, LogFiles::default()),
        };
        let Edit {
            files,
            message,
            outcome,
        } = compute(&log)?;
        if files.is_empty() {
            return Ok(outcome);
        }
        check(&log, &files, &message)?;
        let edit = Edit {
            files,
            message,
            outcome: (),
        };
        if let Written::Moved(_) = storage.put(tip.as_deref(), &edit, stamp)? {
            return Ok(outcome);
        }
    }
    Err(ReleaseError::Busy { tries: TRIES })
}

/// Refuses secrets in what a writing adds: what the log has already can only be taken out of it by hand.
fn check(
    log: &LogFiles,
    files: &[(String, Option<Vec<u8>>)],
    message: &str,
) -> Result<(), ReleaseError> {
    Exposed::check("the commit's message", message)?;
    for (path, bytes) in files {
        let bytes = bytes.as_deref().unwrap_or_default();
        let before = log.file(path).unwrap_or_default();
        let added = bytes.strip_prefix(before).unwrap_or(bytes);
        Exposed::check(path, &String::from_utf8_lossy(added))?;
    }
    Ok(())
}
