//! Why a source has no wheel.

use std::io;
use std::path::PathBuf;

use miette::Diagnostic;
use thiserror::Error;

use crate::store::StoreError;
use pannier_archive::wheel::WheelError;
use pannier_base::class::{Class, Classify};
use pannier_clients::git::GitError;
use pannier_clients::http::HttpError;
use pannier_clients::uv::UvError;

/// Why a source has no wheel.
#[derive(Debug, Error, Diagnostic)]
pub enum BuildError {
    /// The repository or its commit is not available.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Git(#[from] GitError),
    /// The source archive is not available.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Http(#[from] HttpError),
    /// The store cannot be used, or the wheel does not pass its checks.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
    /// There is no uv to build with.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Uv(UvError),
    /// No interpreter to build with.
    #[error("no Python on this machine can build packages")]
    #[diagnostic(help(
        "install Python 3, or run in an image with Python; packages with wheels on the index do not need it"
    ))]
    NoPython,
    /// A folder or file of the source cannot be read or copied.
    #[error("cannot read the source at {path}")]
    Io {
        /// Which path.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The folder holds no Python project.
    #[error(
        "{label} is not a Python project: there is neither pyproject.toml nor setup.py in {folder}"
    )]
    #[diagnostic(help(
        "name the project's folder with `#subdirectory=…`, or list it under `data` to ship it as files"
    ))]
    NoProject {
        /// Which source.
        label: String,
        /// Where it was looked for.
        folder: String,
    },
    /// The folder of a git project leads out of the repository, by `..` or by a link.
    #[error("the project of {label} is in `{folder}`, which is outside of the repository")]
    #[diagnostic(help("name a folder of the repository itself with `#subdirectory=…`"))]
    Outside {
        /// Which source.
        label: String,
        /// The folder as it is named.
        folder: String,
    },
    /// The build backend failed.
    #[error("failed to build {label}")]
    #[diagnostic(help(
        "try `uv build --wheel` in a checkout of it; the constraints also apply to what the build requires"
    ))]
    Backend {
        /// Which source.
        label: String,
        /// What the backend said.
        #[source]
        source: UvError,
    },
    /// The build backend failed, on a machine that is not like the image.
    #[error(
        "{label} cannot be built here for Python {python} on {platform}, because this machine differs from that"
    )]
    #[diagnostic(help(
        "run `pannier prepare --here` inside that image, or publish a wheel for it on the index"
    ))]
    ForeignBackend {
        /// Which source.
        label: String,
        /// The image's Python.
        python: String,
        /// The image's platform.
        platform: String,
        /// What the backend said.
        #[source]
        source: UvError,
    },
    /// The backend made something that is no wheel.
    #[error("the build of {label} produced no usable wheel: {reason}")]
    Unusable {
        /// Which source.
        label: String,
        /// What is wrong.
        reason: String,
    },
    /// The backend made a wheel that breaks the rules.
    #[error("the wheel built from {label} is refused")]
    Refused {
        /// Which source.
        label: String,
        /// Entry and rule.
        #[source]
        source: WheelError,
    },
    /// The source builds to another version than the lock says.
    #[error("the lock has {locked} of {label}, but the build produced {built}")]
    #[diagnostic(help(
        "its version comes from tags, which have moved since: run `pannier lock --upgrade=NAME` for that package"
    ))]
    Version {
        /// Which source.
        label: String,
        /// What the lock says.
        locked: String,
        /// What the build gives.
        built: String,
    },
    /// It must be compiled, and not here.
    #[error(
        "{label} has compiled parts: the wheel built here, {wheel}, does not support Python {python} on {platform}"
    )]
    #[diagnostic(help(
        "run `pannier prepare --here` inside that image, or publish a wheel for it on the index"
    ))]
    Foreign {
        /// Which source.
        label: String,
        /// What this machine builds.
        wheel: String,
        /// The image's Python.
        python: String,
        /// The image's platform.
        platform: String,
    },
}

impl Classify for BuildError {
    fn class(&self) -> Class {
        match self {
            Self::Git(error) => error.class(),
            Self::Http(error) => error.class(),
            Self::Store(error) => error.class(),
            Self::Uv(error) => error.class(),
            Self::Backend { source, .. } => match source.class() {
                // The backend had what it needs, and failed.
                Class::Upstream if !source.was_kept_from_looking() => Class::Unsatisfiable,
                class => class,
            },
            // A machine that is not like the image decides nothing about a build in the image.
            Self::ForeignBackend { source, .. } => match source.class() {
                Class::Unsatisfiable => Class::Upstream,
                class => class,
            },
            Self::Refused { source, .. } if source.is_verdict() => Class::Refused,
            Self::Refused { .. } | Self::NoPython | Self::Io { .. } => Class::Machine,
            Self::NoProject { .. }
            | Self::Outside { .. }
            | Self::Unusable { .. }
            | Self::Version { .. }
            | Self::Foreign { .. } => Class::Upstream,
        }
    }
}

impl BuildError {
    /// The source that cannot be built, if it is one: URL and commit, or the folder.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        match self {
            Self::NoProject { label, .. }
            | Self::Outside { label, .. }
            | Self::Backend { label, .. }
            | Self::ForeignBackend { label, .. }
            | Self::Unusable { label, .. }
            | Self::Refused { label, .. }
            | Self::Version { label, .. }
            | Self::Foreign { label, .. } => Some(label),
            Self::Git(_)
            | Self::Http(_)
            | Self::Store(_)
            | Self::Uv(_)
            | Self::NoPython
            | Self::Io { .. } => None,
        }
    }
}
