//! Constraints files (bounds on versions that never add a package) and requirements files, as pip defines both.
//!
//! Reads text that is handed in, through a [`Reader`] where one file names another. Refuses to guess: what pip would read
//! differently, or what does not belong into such a file, is an error with its line and column.

#[cfg(test)]
mod change_tests;
mod convert;
#[cfg(test)]
mod convert_tests;
mod decode;
mod diff;
mod document;
mod error;
mod lines;
mod load;
mod rules;
mod statement;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use pep508_rs::{Requirement, VerbatimUrl};

pub use convert::{
    BytesReader, ConvertError, Converted, HIDDEN_KEY, VARIABLE, VARIABLE_LIMIT, VARIABLE_NEAR,
    convert,
};
pub use decode::{DecodeError, Encoding, decode};
pub use diff::{Bound, Bump, BumpKind, Level, compare, with_bumps};
pub use document::{Document, Edit, Include, Stretch};
pub use error::{LineError, LineErrors};
pub use load::{Loader, RequirementsFile, parse};
pub use rules::{Rule, RuleSettings, Severity};
pub use statement::{RequirementError, parse_requirement};

/// One constraint and where it stands.
///
/// Its Debug output, as that of everything that holds requirements here, is without credentials of URLs.
#[derive(Clone, PartialEq, Eq)]
pub struct ConstraintLine {
    /// The constraint (PEP 508).
    pub requirement: Requirement<VerbatimUrl>,
    /// File that holds it.
    pub file: PathBuf,
    /// Its line there, from 1.
    pub line: usize,
}

impl fmt::Debug for ConstraintLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requirement = shown(&self.requirement);
        write!(f, "{}:{}: {requirement}", self.file.display(), self.line)
    }
}

/// A requirement for people: without credentials of its URL.
#[must_use]
pub fn shown(requirement: &Requirement<VerbatimUrl>) -> String {
    crate::url::redact(&requirement.to_string())
}

/// Reads a text file of the project, by a path that is absolute or relative to the folder of `pannier.yml`.
pub type Reader<'a> = dyn Fn(&Path) -> io::Result<String> + 'a;

/// Values of the environment variables that `${NAME}` in these files may name.
pub type Variables = BTreeMap<String, String>;
