//! Why an archive is not read further.

use std::io;

use miette::Diagnostic;
use thiserror::Error;

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
        "Pannier writes no such entries: find out where the tarball comes from before it is used"
    ))]
    Refused {
        /// The entry's name as the archive has it, as far as it can be shown.
        path: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
}

impl ReadError {
    /// An error of the layers below: damage has kinds of its own.
    #[must_use]
    pub fn from_io(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged("it ends too early".to_owned()),
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                Self::Damaged(error.to_string())
            }
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

    /// Whether it is the tarball's fault.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        !matches!(self, Self::Read(_))
    }
}
