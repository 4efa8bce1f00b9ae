//! The lock file: read, compared with the request, regenerated if needed, written completely.
//!
//! Never replaces a lock by half of one, and leaves nothing next to it when it is killed.

use std::io;
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use thiserror::Error;

use crate::lock::diff::{Change, diff};
use crate::lock::effect::Effect;
use crate::lock::fresh::{Freshness, freshness};
use crate::lock::model::Lock;
use crate::lock::pylock;
use crate::lock::pylock::PylockError;
use crate::request::Request;
use crate::request::digest::Parts;
use crate::resolve;
use crate::resolve::error::ResolveError;
use crate::resolve::hashes::{HashCheck, HashError};
use crate::resolve::model::{Tools, Upgrade, Wanted};
use pannier_archive::{atomic, limited};
use pannier_base::class::{Class, Classify};
use pannier_base::digest::Digest;
use pannier_base::event::Reporter;
use pannier_base::name::PackageName;
use pannier_base::secret::Exposed;

/// Where a lock is.
#[derive(Debug, Clone, Copy)]
pub struct LockFile<'a> {
    /// The file.
    pub path: &'a Path,
    /// A folder that is swept when its owner is gone, for the file while it is written.
    pub staging: &'a Path,
}

impl LockFile<'_> {
    /// Writes it whole, and only without secrets.
    pub(super) fn write(&self, text: &str) -> Result<(), UpdateError> {
        let name = self.path.file_name().unwrap_or_default();
        Exposed::check(&name.to_string_lossy(), text)?;
        let written = atomic::write(self.path, text.as_bytes(), Some(self.staging));
        written.map_err(|source| UpdateError::Write {
            path: self.path.to_owned(),
            source,
        })
    }
}

/// What may happen to a lock file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// A lock that does not fit the request is an error.
    Locked,
    /// The same, and nothing is written at all: the lock of a run with overrides neither.
    Check,
    /// Regenerates a lock that does not match the request; one that matches gives up what the upgrade names.
    Update(Upgrade),
}

/// A lock that fits its request.
#[derive(Debug, Clone)]
pub struct UpToDate {
    /// The lock.
    pub lock: Lock,
    /// Digest of the file's bytes.
    pub digest: Digest,
    /// What happened to the file.
    pub happened: Happened,
    /// What the overrides of this run moved away from the production lock; none without overrides or without that lock.
    pub effect: Option<Effect>,
}

/// What happened to a lock file.
#[derive(Debug, Clone, PartialEq)]
pub enum Happened {
    /// Nothing: it fitted.
    Nothing,
    /// There was none; now there is.
    Made,
    /// It was regenerated; what changed, which may be only its digests.
    Renewed(Vec<Change>),
}

/// Why there is no matching lock.
#[derive(Debug, Error, Diagnostic)]
pub enum UpdateError {
    /// The lock would contain a secret.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Exposed(#[from] Exposed),
    /// The file cannot be read.
    #[error("cannot read the lock {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file is not a lock of Pannier.
    #[error("{path} is not a valid lock")]
    #[diagnostic(help("regenerate it: remove the file and run `pannier lock`"))]
    Bad {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: PylockError,
    },
    /// There is no lock, and none may be made.
    #[error("there is no lock at {path}")]
    #[diagnostic(help("run `pannier lock` and commit the file"))]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The lock does not fit the request, and none may be made.
    #[error("the lock {path} does not match the request: {}", .changes.join(", "))]
    #[diagnostic(help("run `pannier lock` and commit the file"))]
    Stale {
        /// Which file.
        path: PathBuf,
        /// What changed since it was made.
        changes: Vec<String>,
    },
    /// No lock can be made.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Resolve(#[from] ResolveError),
    /// More than the overrides and what they need moved.
    #[error("packages changed that the overrides do not require: {}", .changes.join("; "))]
    #[diagnostic(help("run `pannier lock` without overrides first, or omit --strict"))]
    Moved {
        /// What moved, as [`Change`] prints.
        changes: Vec<String>,
    },
    /// Its files are not those whose hashes the request states.
    #[error("the lock {path} is not valid")]
    #[diagnostic(help("{}", match source {
        HashError::Mismatch(_) => "the file was edited: restore it from version control, or delete it and run `pannier lock`".to_owned(),
        other => miette::Diagnostic::help(other).map(|help| help.to_string()).unwrap_or_default(),
    }))]
    Hashes {
        /// Which file.
        path: PathBuf,
        /// Which files, and their hashes.
        #[source]
        source: HashError,
    },
    /// The file cannot be written.
    #[error("cannot write the lock {path}")]
    #[diagnostic(help("check that this user may write there and that the disk is not full"))]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl Classify for UpdateError {
    fn class(&self) -> Class {
        match self {
            Self::Missing { .. } | Self::Stale { .. } => Class::Stale,
            Self::Bad { .. } | Self::Read { .. } | Self::Exposed(_) => Class::BadLock,
            Self::Resolve(error) => error.class(),
            Self::Hashes { source, .. } => source.class(),
            Self::Moved { .. } => Class::OutOfDate,
            Self::Write { .. } => Class::Machine,
        }
    }
}

/// Reads a lock file; `None` when there is none. Gives the digest of its bytes too.
///
/// # Errors
/// [`UpdateError::Read`] and [`UpdateError::Bad`].
pub fn read(path: &Path, reporter: &dyn Reporter) -> Result<Option<(Lock, Digest)>, UpdateError> {
    let text = match limited::read_text(path, limited::LOCK) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            let path = path.to_owned();
            return Err(UpdateError::Read { path, source });
        }
    };
    let read = pylock::read(&text).map_err(|source| UpdateError::Bad {
        path: path.to_owned(),
        source,
    })?;
    for note in read.notes {
        reporter.warn(format!("{}: {note}", path.display()), None);
    }
    Ok(Some((read.lock, Digest::of(text.as_bytes()))))
}

/// Returns a lock that matches the request, as `mode` allows. Calls `tools` only when something must be resolved.
///
/// # Errors
/// [`UpdateError`]; the file is untouched then.
pub fn bring_up_to_date<'t>(
    file: &LockFile<'_>,
    (request, parts): (&Request, &Parts),
    mode: &Mode,
    reporter: &dyn Reporter,
    tools: impl FnOnce() -> Result<Tools<'t>, ResolveError>,
) -> Result<UpToDate, UpdateError> {
    let path = file.path;
    let previous = read(path, reporter)?;
    let state = previous
        .as_ref()
        .map(|(lock, _)| freshness(&lock.pannier, parts));
    let upgrade = match (mode, &state) {
        (Mode::Locked | Mode::Check | Mode::Update(Upgrade::None), Some(Freshness::Fresh)) => None,
        (Mode::Locked | Mode::Check, None) => {
            let path = path.to_owned();
            return Err(UpdateError::Missing { path });
        }
        (Mode::Locked | Mode::Check, Some(Freshness::Stale(changes))) => {
            let (path, changes) = (path.to_owned(), changes.clone());
            return Err(UpdateError::Stale { path, changes });
        }
        (Mode::Update(upgrade), _) => Some(upgrade),
    };
    if let (None, Some((lock, digest))) = (upgrade, &previous) {
        check_hashes(path, request, lock)?;
        return Ok(UpToDate {
            lock: lock.clone(),
            digest: *digest,
            happened: Happened::Nothing,
            effect: None,
        });
    }
    if let Some(Freshness::Stale(changes)) = &state {
        reporter.detail(format!("regenerating the lock: {}", changes.join(", ")));
    }
    if let (Some(Upgrade::Packages(names)), Some((lock, _))) = (upgrade, &previous) {
        tell_unknown(names, lock, reporter);
    }
    let none = Upgrade::None;
    let wanted = Wanted {
        request,
        parts,
        previous: previous.as_ref().map(|(lock, _)| lock),
        upgrade: upgrade.unwrap_or(&none),
    };
    let lock = resolve::resolve(&wanted, tools()?)?;
    let text = pylock::write(&lock);
    file.write(&text)?;
    Ok(UpToDate {
        happened: match &previous {
            Some((before, _)) => Happened::Renewed(diff(before, &lock)),
            None => Happened::Made,
        },
        digest: Digest::of(text.as_bytes()),
        effect: None,
        lock,
    })
}

/// Whether the files of a lock that was not made just now are those whose hashes the request states: someone may have edited it.
/// What only the files themselves tell is seen when they are there.
///
/// # Errors
/// [`UpdateError::Hashes`].
pub(super) fn check_hashes(path: &Path, request: &Request, lock: &Lock) -> Result<(), UpdateError> {
    let checked = HashCheck::new(request, None).check(lock, &[]);
    checked.map_err(|source| UpdateError::Hashes {
        path: path.to_owned(),
        source,
    })
}

/// Warns of names to upgrade that the lock does not hold: a slip would go unnoticed.
fn tell_unknown(names: &[PackageName], lock: &Lock, reporter: &dyn Reporter) {
    for name in names {
        let packages = lock.packages.iter().any(|package| package.name == *name);
        let data = lock.pannier.data.keys();
        if !packages && !data.into_iter().any(|data| data.as_str() == name.as_str()) {
            reporter.warn(
                format!("`{name}` cannot be upgraded, because the lock does not contain it"),
                None,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_with_a_secret_is_not_written() {
        pannier_base::secret::know("of/the-lock-tests");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pylock.toml");
        let file = LockFile {
            path: &path,
            staging: folder.path(),
        };
        file.write("a = \"https://h/x\"\n").unwrap();
        for url in ["https://h/of%2Fthe-lock-tests/x", "https://h/x?token=abc"] {
            let error = file.write(&format!("\nb = \"{url}\"\n")).unwrap_err();
            let text = error.to_string();
            assert!(
                text.starts_with("pylock.toml would contain a secret in line 2"),
                "{text}"
            );
            assert!(!text.contains("of%2F") && !text.contains("abc"), "{text}");
            assert_eq!(
                std::fs::read_to_string(&path).unwrap(),
                "a = \"https://h/x\"\n"
            );
        }
    }
}
