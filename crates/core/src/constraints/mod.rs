//! Constraints files (bounds on versions that never add a package) and requirements files, as pip defines both.
//!
//! A constraint is read as Python's `packaging` reads it ([`Constraint`]); whether uv can use it is asked where it is used.
//! Reads text that is handed in, through a [`Reader`] where one file names another. Refuses to guess: what pip would read
//! differently, or what does not belong into such a file, is an error with its line and column.

#[cfg(test)]
mod change_tests;
mod constraint;
mod convert;
#[cfg(test)]
mod convert_tests;
mod decode;
mod diff;
mod document;
mod error;
mod grammar;
mod hash;
mod line;
mod lines;
mod load;
mod marker;
#[cfg(test)]
mod odd_tests;
mod requirement;
mod rules;
mod scan;
mod statement;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use pep508_rs::{Requirement, VerbatimUrl};

pub use constraint::Constraint;
pub use convert::{
    BytesReader, ConvertError, Converted, HIDDEN_KEY, VARIABLE, VARIABLE_LIMIT, VARIABLE_NEAR,
    convert,
};
pub use decode::{DecodeError, Encoding, decode};
pub use diff::{Bound, Bump, BumpKind, Level, compare, with_bumps};
pub use document::{Document, Edit, Include, Stretch};
pub use error::{LineError, LineErrors};
pub use hash::{FileHash, FileHashError, url_hash};
pub use line::{ConstraintLine, build_constraints, usable};
pub use load::{Loader, RequirementsFile, parse};
pub use requirement::{RequirementError, parse_requirement};
pub use rules::{Rule, RuleSettings, Severity};

/// A requirement for people: without credentials of its URL.
#[must_use]
pub fn shown(requirement: &Requirement<VerbatimUrl>) -> String {
    pannier_base::secret::scrub(&requirement.to_string())
}

/// Reads a text file of the project, by a path that is absolute or relative to the folder of `pannier.yml`.
pub type Reader<'a> = dyn Fn(&Path) -> io::Result<String> + 'a;

/// Values of the environment variables that `${NAME}` in these files may name.
pub type Variables = BTreeMap<String, String>;
