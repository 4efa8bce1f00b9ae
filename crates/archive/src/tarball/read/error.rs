//! Why an archive is not read further.

use pannier_base::class::{Class, Classify};
use std::io;

use miette::Diagnostic;
use thiserror::Error;
use zstd::zstd_safe::zstd_sys::ZSTD_ErrorCode;

/// Why an archive is not read further.
#[derive(Debug, Error, Diagnostic)]
pub enum ReadError {
    /// The input cannot be read.
    #[error("the tarball cannot be read")]
    #[diagnostic(help("check the file and the device that it is on"))]
    Read(#[source] io::Error),
    /// The bytes are not what a whole, undamaged tarball has.
    #[error("the tarball is damaged or cut short: {0}")]
    #[diagnostic(help("fetch it again, or write it again with `pannier prepare`"))]
    Damaged(String),
    /// An entry that no tarball should have.
    #[error("the tarball's entry `{path}` is refused: {rule}")]
    #[diagnostic(help(
        "Pannier writes no such entries: find out where the tarball comes from before you use it"
    ))]
    Refused {
        /// The entry's name as the archive has it, as far as it can be shown.
        path: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
}

impl ReadError {
    /// Tells damage, which the decoders report, from a failure of the system to read.
    #[must_use]
    pub fn from_io(error: io::Error) -> Self {
        match error.kind() {
            _ if error.raw_os_error().is_some() => Self::Read(error),
            io::ErrorKind::UnexpectedEof => Self::Damaged("it ends too early".to_owned()),
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                Self::Damaged(error.to_string())
            }
            _ if blames_frame(&error) => Self::Damaged(error.to_string()),
            _ => Self::Read(error),
        }
    }

    pub(super) fn damaged(reason: &str) -> Self {
        Self::Damaged(reason.to_owned())
    }

    pub(super) fn refused(path: &[u8], rule: &'static str) -> Self {
        let path = String::from_utf8_lossy(path).escape_debug().to_string();
        Self::Refused { path, rule }
    }
}

impl Classify for ReadError {
    fn class(&self) -> Class {
        match self {
            Self::Read(_) => Class::Machine,
            _ => Class::Refused,
        }
    }
}

/// Whether the Zstandard decoder rejected the bytes it was given: its errors have no kind that says so.
fn blames_frame(error: &io::Error) -> bool {
    let reported = error.get_ref().and_then(|it| it.downcast_ref());
    reported.is_some_and(|it: &zstd::Error| !it.is(ZSTD_ErrorCode::ZSTD_error_memory_allocation))
}
