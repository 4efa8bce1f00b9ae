//! What can go wrong in the store, with the thing it went wrong on.

use std::io;
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use thiserror::Error;

use pannier_archive::wheel::WheelError;
use pannier_archive::zip::ZipError;
use pannier_base::class::{Class, Classify};
use pannier_base::digest::Digest;
use pannier_base::secret::Exposed;

/// What went wrong in the store. Nothing half-done is left behind.
#[derive(Debug, Error, Diagnostic)]
pub enum StoreError {
    /// The file system said no.
    #[error("cannot {action} {path}")]
    #[diagnostic(help("{hint}"))]
    Io {
        /// What was tried, such as `write`.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What helps.
        hint: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file is not the one that was asked for.
    #[error("{name} has the SHA-256 digest {found}, but the lock has {expected}")]
    #[diagnostic(help(
        "the index serves another file than at the time of the lock; if that is intended, run `pannier lock --upgrade` and review the change"
    ))]
    Digest {
        /// File name.
        name: String,
        /// What the lock says.
        expected: Digest,
        /// What arrived.
        found: Digest,
    },
    /// A wheel did not pass verification.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Refused(#[from] WheelError),
    /// A record would contain a secret.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Exposed(#[from] Exposed),
    /// Another process uses the store and nothing may be removed now.
    #[error("the store {0} is in use by another process")]
    #[diagnostic(help(
        "run `pannier store prune` again when no other Pannier is using this store"
    ))]
    Busy(PathBuf),
    /// The folder holds something else.
    #[error("{} is not a store of Pannier, and it is not empty", .0.display())]
    #[diagnostic(help(
        "choose a store, or a new or empty folder, with --store or PANNIER_STORE; this one was not changed"
    ))]
    NotAStore(PathBuf),
    /// The store is of a format that is not known here.
    #[error("the store {} has format {format}; this version of Pannier knows format 1", root.display())]
    #[diagnostic(help(
        "use the version of Pannier that created it, or choose another folder with --store or PANNIER_STORE"
    ))]
    Format {
        /// Its folder.
        root: PathBuf,
        /// As its marker states it.
        format: String,
    },
    /// A snapshot did not pass verification.
    #[error("the snapshot of a data project is damaged")]
    #[diagnostic(help(
        "it has more files or more bytes than a snapshot may have: ship a part of it with `#subdirectory=…`, or list its folders one by one"
    ))]
    Snapshot(#[source] ZipError),
}

impl StoreError {
    /// Makes an error mapper for one action on one path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            hint: io_help(&source),
            source,
        }
    }

    pub(crate) const fn snapshot(source: ZipError) -> Self {
        Self::Snapshot(source)
    }
}

fn io_help(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full: free some space, run `pannier store prune`, or set --store to a folder on another disk"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose a folder that this user may write with --store or PANNIER_STORE"
        }
        _ => "choose another folder with --store or PANNIER_STORE if this one is not usable",
    }
}

impl Classify for StoreError {
    fn class(&self) -> Class {
        match self {
            Self::Digest { .. } => Class::Refused,
            Self::Refused(error) if error.is_verdict() => Class::Refused,
            Self::Snapshot(error) if error.rule().is_some() => Class::Refused,
            Self::NotAStore(_) | Self::Format { .. } => Class::Usage,
            Self::Refused(_)
            | Self::Snapshot(_)
            | Self::Io { .. }
            | Self::Busy(_)
            | Self::Exposed(_) => Class::Machine,
        }
    }
}
