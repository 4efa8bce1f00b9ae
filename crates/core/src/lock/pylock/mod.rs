//! `pylock.toml` (PEP 751) with `[tool.pannier]`: read strictly, written without variation.
//!
//! Refuses what would let an unchecked file in: a file without SHA-256, a source that is not exactly one, a newer major
//! version of the format. Never writes credentials.

mod raw;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::{Document, Read, read, read_document};
pub use write::write;

use pannier_base::visible;

/// Version of the format that is written.
const LOCK_VERSION: &str = "1.0";

/// Version of `[tool.pannier]` that is written and read.
pub const TABLE_FORMAT: u32 = 1;

/// What is wrong with the TOML, and where. The line itself is not repeated: a URL in it may hold a password.
#[derive(Debug, thiserror::Error)]
#[error("{place}{message}")]
pub struct SyntaxError {
    /// `line 3: `, if it is known.
    place: String,
    message: String,
}

impl SyntaxError {
    fn new(error: &toml::de::Error, text: &str) -> Self {
        let start = error.span().and_then(|span| text.get(..span.start));
        let line = start.map(|start| start.matches('\n').count() + 1);
        Self {
            place: line
                .map(|line| format!("line {line}: "))
                .unwrap_or_default(),
            message: pannier_base::secret::scrub(error.message()),
        }
    }
}

/// Why a text is not a lock that can be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PylockError {
    /// It is not TOML, or a value is not of its type.
    #[error("the lock is not valid")]
    #[diagnostic(help(
        "restore the file from version control, or regenerate it with `pannier lock`"
    ))]
    Syntax(#[source] SyntaxError),
    /// A major version of the format that is not known.
    #[error(
        "the lock has lock-version {}, only 1.x is known",
        visible::line(found)
    )]
    #[diagnostic(help("use a newer Pannier, or regenerate the lock with `pannier lock`"))]
    LockVersion {
        /// What the file says.
        found: String,
    },
    /// A version of `[tool.pannier]` that is not known.
    #[error("the lock's table [tool.pannier] has format {found}, only {TABLE_FORMAT} is known")]
    #[diagnostic(help("use a newer Pannier, or regenerate the lock with `pannier lock`"))]
    TableFormat {
        /// What the file says.
        found: i64,
    },
    /// It has no `[tool.pannier]`.
    #[error("the lock has no table [tool.pannier]: another tool wrote it")]
    #[diagnostic(help("run `pannier lock` to create it"))]
    Foreign,
    /// Something about one package.
    #[error(
        "the lock's package `{}`: {}",
        visible::line(package),
        visible::line(problem)
    )]
    #[diagnostic(help(
        "restore the file from version control, or regenerate it with `pannier lock`"
    ))]
    Package {
        /// Its name, as far as it has one.
        package: String,
        /// What is wrong with it.
        problem: String,
    },
}
