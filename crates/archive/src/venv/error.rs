//! Why packages cannot stand in one venv: which packages, which path, which rule, and what to do next.

use std::io;
use std::path::PathBuf;

use miette::Diagnostic;
use thiserror::Error;

use pannier_base::name::PackageName;

/// Why packages cannot stand in one venv.
#[derive(Debug, Error, Diagnostic)]
pub enum LayoutError {
    /// Two packages bring different files for one path.
    #[error("the packages `{first}` and `{second}` both own `{path}`, and their files differ")]
    #[diagnostic(help(
        "one of them would overwrite the other: drop one of them for this image, or report the conflict to their authors"
    ))]
    Conflict {
        /// Path below the tarball's top.
        path: String,
        /// Owner that comes first by name.
        first: PackageName,
        /// The other owner.
        second: PackageName,
    },
    /// A path is a file of one package and a folder of another.
    #[error("`{path}` is a file of `{file}` but a folder of `{folder}`")]
    #[diagnostic(help("the two packages cannot be in one venv: drop one of them for this image"))]
    FileIsFolder {
        /// Path below the tarball's top.
        path: String,
        /// Package that has a file there.
        file: PackageName,
        /// Package that has files below it.
        folder: PackageName,
    },
    /// A package would write what belongs to the venv itself.
    #[error("the package `{package}` would write `{path}`: {rule}")]
    #[diagnostic(help(
        "well-formed wheels never do this: inspect the package before you trust it, or drop it"
    ))]
    Reserved {
        /// The package.
        package: PackageName,
        /// Path below the tarball's top.
        path: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// Something in the wheel's `.data` folder has no place in a venv.
    #[error("the wheel of `{package}` contains `{path}`: {rule}")]
    #[diagnostic(help(
        "the wheel violates the binary distribution format: rebuild it or choose another version"
    ))]
    Data {
        /// The package.
        package: PackageName,
        /// Path in the wheel.
        path: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// One package is there twice.
    #[error("the package `{package}` would be installed twice")]
    #[diagnostic(help("the lock has two entries for this image: run `pannier lock` again"))]
    Twice {
        /// The package.
        package: PackageName,
    },
    /// The interpreter's path cannot be used.
    #[error("the interpreter `{}` cannot be used: {rule}", path.display())]
    #[diagnostic(help(
        "set `interpreter` of the image to the absolute path of Python inside it, such as /usr/bin/python3; `pannier image describe` prints it"
    ))]
    Interpreter {
        /// As the image states it.
        path: PathBuf,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A script could not be read from its wheel.
    #[error("cannot read `{path}` from the wheel of `{package}`")]
    #[diagnostic(help(
        "the wheel in the store may be damaged: `pannier store verify` checks and removes it"
    ))]
    Read {
        /// The package.
        package: PackageName,
        /// Path in the wheel.
        path: String,
        /// What reading gave.
        #[source]
        source: io::Error,
    },
}

impl LayoutError {
    /// Whether one wheel alone is not what may be installed, as against packages that do not go together.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Reserved { .. } | Self::Data { .. } => true,
            Self::FileIsFolder { file, folder, .. } => file == folder,
            Self::Conflict { .. }
            | Self::Twice { .. }
            | Self::Interpreter { .. }
            | Self::Read { .. } => false,
        }
    }
}
