//! Why a tarball was not unpacked. The target is then as it was.

use std::io;
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use thiserror::Error;

use crate::tarball::index::IndexError;
use crate::tarball::read::ReadError;
use pannier_base::class::{Class, Classify};
use pannier_base::digest::Digest;
use pannier_base::paths::LinkFault;

/// Why a tarball was not unpacked. The target is then as it was.
#[derive(Debug, Error, Diagnostic)]
pub enum UnpackError {
    /// The tarball cannot be opened.
    #[error("cannot open `{}`", path.display())]
    #[diagnostic(help("check the path; `-` reads standard input"))]
    Open {
        /// The tarball.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The tarball cannot be read, is damaged, or holds what is not unpacked.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Read(#[from] ReadError),
    /// The index and the rest of the tarball do not belong together.
    #[error("the tarball is damaged or forged")]
    #[diagnostic(help("fetch it again, or write it again with `pannier prepare`"))]
    Index(#[source] IndexError),
    /// The digest is another one than expected.
    #[error("the tarball has the SHA-256 digest {found}, expected {expected}")]
    #[diagnostic(help(
        "download the tarball and the file with its digest again: they do not match"
    ))]
    Digest {
        /// What it is.
        found: Digest,
        /// What it should be.
        expected: Digest,
    },
    /// The manifest in the tarball is another one than expected.
    #[error("the manifest in the tarball is not the expected one")]
    #[diagnostic(help(
        "download the tarball and the manifest next to it again: they do not match; `pannier inspect` shows the contents \
        of the tarball"
    ))]
    Manifest,
    /// The target is in use.
    #[error("`{}` exists and is not empty", path.display())]
    #[diagnostic(help("remove it, choose another folder with --to, or replace it with --force"))]
    Occupied {
        /// What is in the way.
        path: PathBuf,
    },
    /// A link with an absolute target, or one that leads over such a link.
    #[error("the tarball's link `{path}` to `{target}` is refused: it leads to an absolute path")]
    #[diagnostic(help(
        "find out where the tarball comes from; pass `--allow-absolute-links` to accept such links, which `absolute_links: \
        keep` writes"
    ))]
    AbsoluteLink {
        /// Its path.
        path: String,
        /// Its own target.
        target: String,
    },
    /// A link that leads out of the tree.
    #[error("the tarball's link `{path}` to `{target}` is refused: {fault}")]
    #[diagnostic(help(
        "Pannier writes no such links: find out where the tarball comes from before you use it"
    ))]
    Link {
        /// Its path.
        path: String,
        /// Its own target.
        target: String,
        /// The rule that it breaks.
        fault: LinkFault,
    },
    /// The disk does not take it.
    #[error("cannot {what} `{}`", path.display())]
    #[diagnostic(help("check the folder's owner and the space left on the device"))]
    Write {
        /// What was tried.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl UnpackError {
    /// For `map_err`: `what` failed on `path`.
    pub(super) fn write(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Write { what, path, source }
    }

    /// An entry that breaks a rule about all entries together.
    pub(super) fn refused(path: &str, rule: &'static str) -> Self {
        Self::Read(ReadError::Refused {
            path: path.escape_debug().to_string(),
            rule,
        })
    }

    pub(super) fn absolute(path: &str, target: &str) -> Self {
        Self::AbsoluteLink {
            path: path.escape_debug().to_string(),
            target: target.escape_debug().to_string(),
        }
    }

    pub(super) fn leaving(path: &str, target: &str, fault: LinkFault) -> Self {
        Self::Link {
            path: path.escape_debug().to_string(),
            target: target.escape_debug().to_string(),
            fault,
        }
    }
}

impl Classify for UnpackError {
    fn class(&self) -> Class {
        match self {
            Self::Read(error) => error.class(),
            Self::Index(IndexError::Contradiction(_))
            | Self::Digest { .. }
            | Self::Manifest
            | Self::AbsoluteLink { .. }
            | Self::Link { .. } => Class::Refused,
            _ => Class::Machine,
        }
    }
}
