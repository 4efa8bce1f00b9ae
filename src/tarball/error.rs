//! Why a tarball could not be put together: which entry or data project, and what mends it. Decides nothing.

use std::io;

use miette::Diagnostic;
use thiserror::Error;

use crate::name::DataName;
use crate::store::StoreError;

/// Why a tarball could not be put together.
#[derive(Debug, Error, Diagnostic)]
pub enum AssembleError {
    /// A container could not be read.
    #[error("cannot read the content of `{path}` from the store")]
    #[diagnostic(help(
        "a wheel or snapshot was removed or damaged meanwhile: `pannier store verify` finds damaged ones, then try again"
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
    /// The store does not keep, or does not give, what was packed once.
    #[error("frames cannot be kept in the store")]
    #[diagnostic(help("`compression: gzip` needs no frames; `pannier store verify` finds damage"))]
    Keep {
        /// What the store says.
        #[source]
        source: StoreError,
    },
    /// An entry that `unpack` would refuse.
    #[error("`{path}` cannot be in a tarball: {rule}")]
    #[diagnostic(help("rename it in the package or data project that brings it"))]
    Entry {
        /// Path in the tarball.
        path: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A data project cannot be laid out.
    #[error("the data project `{name}` holds `{path}` {rule}")]
    #[diagnostic(help(
        "rename it in the project; a tree that git itself checks out has no such paths"
    ))]
    Data {
        /// The data project.
        name: DataName,
        /// Path in it.
        path: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
}
