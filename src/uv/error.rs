//! What goes wrong at the door to uv.
//!
//! uv's own explanations are kept, without credentials; nothing here decides what to do about them.

use std::io;
use std::path::PathBuf;

use super::{MINIMUM_VERSION, PINNED_VERSION};

/// What went wrong with uv.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum UvError {
    /// There is no uv, and none could be fetched.
    #[error("there is no uv {MINIMUM_VERSION} or newer here: {}", .tried.join("; "))]
    #[diagnostic(help(
        "three ways out: install uv (`pip install uv`), set PANNIER_UV to its path, or set `index.url` to an index \
         that has the wheel of uv {PINNED_VERSION}"
    ))]
    NotFound {
        /// Where it was looked for and what was found there.
        tried: Vec<String>,
        /// Why it could not be fetched.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// What PANNIER_UV names is no usable uv.
    #[error("PANNIER_UV names `{}`, which is not usable: {problem}", .program.display())]
    #[diagnostic(help("set PANNIER_UV to a uv {MINIMUM_VERSION} or newer, or unset it"))]
    Named {
        /// The path as it was given.
        program: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// uv could not be started.
    #[error("`{}` could not be started", .program.display())]
    #[diagnostic(help("check that the file is an executable for this machine"))]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// uv ran and said no.
    #[error("uv could not {task}:\n{explanation}")]
    Failed {
        /// What it was to do.
        task: String,
        /// Its own words, without credentials.
        explanation: String,
    },
    /// uv said yes, but what it left is not what was asked for.
    #[error("uv was to {task}, but {problem}")]
    #[diagnostic(help(
        "this version of uv is not one that Pannier knows; try uv {PINNED_VERSION}"
    ))]
    Unexpected {
        /// What it was to do.
        task: String,
        /// What is odd.
        problem: String,
    },
    /// A file beside uv could not be written or read.
    #[error("`{}` could not be {action}", .path.display())]
    #[diagnostic(help("check the free space and the permissions of the folder"))]
    File {
        /// `written` or `read`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl UvError {
    /// A file that could not be `action` (written, read).
    pub(super) fn file(
        action: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }
}
