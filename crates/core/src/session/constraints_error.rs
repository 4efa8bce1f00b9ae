//! Why constraints cannot be read, compared or changed.

use std::io;
use std::path::PathBuf;

use pannier_base::class::{Class, Classify};
use pannier_clients::git::LocalError;

use crate::constraints::{LineErrors, VARIABLE};

/// Why constraints cannot be read, compared or changed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ConstraintsError {
    /// The request has none.
    #[error("there are no constraints")]
    #[diagnostic(help(
        "set `constraints: constraints/constraints.txt` in pannier.yml, or pass --constraints"
    ))]
    None,
    /// Packages are to be raised that no line pins.
    #[error("no line pins {}", .0.join(", "))]
    #[diagnostic(help("only packages that a line pins with `==` can be updated"))]
    NotPinned(Vec<String>),
    /// They come from a variable.
    #[error("the constraints come from the variable {VARIABLE}, which cannot be written")]
    #[diagnostic(help(
        "run the command in a checkout with the file, or set the file with --constraints"
    ))]
    Variable,
    /// The file changed since the request was read.
    #[error("the constraints {} cannot be read again: {why}", path.display())]
    Changed {
        /// The file, as it was named.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// The old file cannot be read.
    #[error("cannot read the old constraints {}", path.display())]
    Old {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A line of the old file is not a constraint.
    #[error("the old constraints ({base}) are not valid: {errors}")]
    #[diagnostic(help("set a base with valid constraints with --base"))]
    OldLines {
        /// The revision or file, for people.
        base: String,
        /// All lines that cannot be used.
        errors: LineErrors,
    },
    /// The local repository does not have the base.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Local(#[from] LocalError),
    /// The file cannot be written.
    #[error("cannot write {}", path.display())]
    #[diagnostic(help("check that this user may write there and that the disk is not full"))]
    Write {
        /// The file, as it was named.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl Classify for ConstraintsError {
    fn class(&self) -> Class {
        match self {
            Self::None | Self::NotPinned(_) | Self::Variable | Self::Changed { .. } => Class::Usage,
            Self::Old { .. } | Self::OldLines { .. } | Self::Local(_) | Self::Write { .. } => {
                Class::Machine
            }
        }
    }
}
