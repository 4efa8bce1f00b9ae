//! Why there is no tarball.

use std::io;
use std::path::PathBuf;

use miette::Diagnostic;
use thiserror::Error;

use crate::lock::select::SelectError;
use crate::resolve::hashes::HashError;
use crate::store::StoreError;
use crate::wheel_build::BuildError;
use pannier_archive::tarball::OutputError;
use pannier_archive::venv::LayoutError;
use pannier_archive::wheel::FilenameError;
use pannier_base::cancel::Cancelled;
use pannier_base::class::{Class, Classify};
use pannier_base::name::{DataName, ImageName};
use pannier_base::paths::LinkFault;
use pannier_base::visible;
use pannier_clients::git::GitError;
use pannier_clients::http::HttpError;

/// Why there is no tarball.
#[derive(Debug, Error, Diagnostic)]
pub enum PrepareError {
    /// The lock does not say what the image needs.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Select(#[from] SelectError),
    /// Files of the lock are not those whose hashes the request states.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Hashes(#[from] HashError),
    /// A data project of an image is not in the lock.
    #[error("the lock has no data project {name}")]
    #[diagnostic(help("regenerate the lock with `pannier lock`"))]
    NoData {
        /// Which one.
        name: DataName,
    },
    /// A file of the lock is named as no wheel is.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Filename(#[from] FilenameError),
    /// The output folder cannot be made.
    #[error("cannot create the output folder {path}")]
    #[diagnostic(help("choose a folder that this user may write with --output"))]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The store cannot be used, or what should enter it does not pass.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
    /// A download failed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Http(#[from] HttpError),
    /// A repository is not available.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Git(#[from] GitError),
    /// A package cannot be built.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Build(#[from] BuildError),
    /// Someone wrote into the folder of a data project meanwhile.
    #[error("the data project {name} changed while it was read")]
    #[diagnostic(help(
        "try again when nothing writes into its folder; the store must not be in it"
    ))]
    Changed {
        /// Which one.
        name: DataName,
    },
    /// A snapshot cannot be written.
    #[error("cannot write the snapshot of the data project {name}")]
    #[diagnostic(help("check the free space and the permissions of the store's folder"))]
    Snapshot {
        /// Of which data project.
        name: DataName,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A snapshot is not what may be kept.
    #[error("the data project {name} cannot be shipped")]
    #[diagnostic(forward(source))]
    Unkept {
        /// Which one.
        name: DataName,
        /// Why not.
        source: StoreError,
    },
    /// A link of a data project that `unpack` would refuse.
    #[error(
        "the data project {name} ({place}) has the link `{}` to `{}`: {fault}",
        visible::line(path),
        visible::line(target)
    )]
    #[diagnostic(help("{}", link_help(*fault)))]
    Link {
        /// Which one.
        name: DataName,
        /// Its commit and repository without credentials, or its folder.
        place: String,
        /// Path of the link in it.
        path: String,
        /// The link's own target.
        target: String,
        /// The rule that it breaks.
        fault: LinkFault,
    },
    /// A file of the store cannot be opened.
    #[error("cannot open {path}")]
    #[diagnostic(help("run `pannier store verify`"))]
    Open {
        /// Which one.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The packages of an image do not fit together.
    #[error("the packages of the image {image} cannot be in one venv")]
    #[diagnostic(forward(source))]
    Layout {
        /// Which image.
        image: ImageName,
        /// Which packages and path.
        source: LayoutError,
    },
    /// The tarball cannot be written.
    #[error("cannot write the tarball of the image {image}")]
    #[diagnostic(forward(source))]
    Tarball {
        /// Which image.
        image: ImageName,
        /// Why not.
        source: OutputError,
    },
    /// Something else has failed meanwhile, and says why.
    #[error("stopped, because something else failed")]
    GivenUp,
    /// The run was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// No threads.
    #[error("cannot start worker threads")]
    Threads(#[source] rayon::ThreadPoolBuildError),
}

/// The awaited item will not come, because another thread has failed and reports why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GivenUp;

impl From<GivenUp> for PrepareError {
    fn from(_: GivenUp) -> Self {
        Self::GivenUp
    }
}

impl Classify for PrepareError {
    fn class(&self) -> Class {
        match self {
            Self::Store(error) | Self::Unkept { source: error, .. } => error.class(),
            Self::Http(error) => error.class(),
            Self::Git(error) => error.class(),
            Self::Build(error) => error.class(),
            Self::Hashes(error) => error.class(),
            Self::Link { .. } => Class::Refused,
            Self::Layout { source, .. } if source.is_refusal() => Class::Refused,
            Self::Layout { .. } => Class::Unsatisfiable,
            Self::Filename(_) => Class::Upstream,
            Self::Cancelled(_) => Class::Cancelled,
            Self::Select(_) | Self::NoData { .. } => Class::BadLock,
            Self::Folder { .. }
            | Self::Changed { .. }
            | Self::Snapshot { .. }
            | Self::Open { .. }
            | Self::Tarball { .. }
            | Self::GivenUp
            | Self::Threads(_) => Class::Machine,
        }
    }
}

/// What to do about a link that is refused.
const fn link_help(fault: LinkFault) -> &'static str {
    match fault {
        LinkFault::Absolute => {
            "make the link relative, or set `absolute_links: keep` in pannier.yml; `pannier unpack` then needs \
             `--allow-absolute-links`"
        }
        LinkFault::Outside | LinkFault::Long => {
            "change or remove the link in the project: links may only point to paths inside the tarball"
        }
    }
}
