//! Why a tarball could not be put together: which entry or data project, and what fixes it.

use std::io;

use miette::Diagnostic;
use thiserror::Error;

use super::model::FrameCacheError;
use pannier_base::name::DataName;

/// Why a tarball could not be put together.
#[derive(Debug, Error, Diagnostic)]
pub enum AssembleError {
    /// A container could not be read.
    #[error("cannot read the content of `{path}` from the store")]
    #[diagnostic(help(
        "a wheel or snapshot has been removed or damaged: run `pannier store verify` to remove damaged ones, then try again"
    ))]
    Read {
        /// Path in the tarball.
        path: String,
        /// What reading gave.
        #[source]
        source: io::Error,
    },
    /// The output could not be written.
    #[error("cannot write the tarball")]
    #[diagnostic(help("is there space left on the device?"))]
    Write {
        /// What writing gave.
        #[source]
        source: io::Error,
    },
    /// The frame cache cannot be read or written.
    #[error("failed to cache zstd frames in the store")]
    #[diagnostic(help(
        "run `pannier store verify` to find damage, or set `compression: gzip`, which needs no cache"
    ))]
    Cache {
        /// The cache's error.
        #[source]
        source: FrameCacheError,
    },
    /// An entry that `unpack` would refuse.
    #[error("`{path}` cannot be in a tarball: {rule}")]
    #[diagnostic(help("rename it in the package or data project that contains it"))]
    Entry {
        /// Path in the tarball.
        path: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A data project cannot be laid out.
    #[error("the data project `{name}` contains `{path}` {rule}")]
    #[diagnostic(help("rename it in the project; git itself checks out no such paths"))]
    Data {
        /// The data project.
        name: DataName,
        /// Path in it.
        path: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
}
