//! Why a use case that works on a request failed.

use pannier_base::class::{Class, Classify};
use pannier_clients::git::GitError;

use super::constraints_error::ConstraintsError;
use crate::prepare::PrepareError;
use crate::prepare::fallback::Failed;
use crate::release::{ChannelName, ReleaseError, ReleaseId};
use crate::request::folder::FolderError;
use crate::resolve::update::UpdateError;

/// Why a use case that works on a request failed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum RequestError {
    /// There is no lock.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Lock(#[from] UpdateError),
    /// There are no tarballs.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Prepare(#[from] PrepareError),
    /// A package in a folder cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Folder(#[from] FolderError),
    /// A constraints file cannot be read or written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Constraints(#[from] ConstraintsError),
    /// A repository did not answer.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Git(#[from] GitError),
    /// A fallback is wanted, but there is no release log to take it from.
    #[error(transparent)]
    #[diagnostic(transparent)]
    ReleaseLog(ReleaseError),
    /// The release in place of what failed cannot be prepared either. The first failure was an event.
    #[error("release {release} of `{channel}` cannot be prepared either")]
    Fallback {
        /// The channel to fall back to.
        channel: ChannelName,
        /// Its release.
        release: ReleaseId,
        /// The class of the first failure.
        class: Class,
        /// Why not.
        #[source]
        #[diagnostic_source]
        source: PrepareError,
    },
}

impl From<Failed> for RequestError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Lock(error) => Self::Lock(error),
            Failed::Prepare(error) => Self::Prepare(error),
        }
    }
}

impl Classify for RequestError {
    fn class(&self) -> Class {
        match self {
            Self::Lock(error) => error.class(),
            Self::Prepare(error) => error.class(),
            Self::Constraints(error) => error.class(),
            Self::Folder(_) | Self::ReleaseLog(_) => Class::Usage,
            Self::Fallback { class, .. } => *class,
            Self::Git(error) => error.class(),
        }
    }
}
