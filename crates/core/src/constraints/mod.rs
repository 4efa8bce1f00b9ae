//! Constraints files (bounds on versions that never add a package) and requirements files, as pip defines both.
//!
//! A line is a requirement that both uv and pip can use ([`Constraint`]), or an error with its line and column. Reads text that
//! is handed in, through a [`Reader`] where one file names another.

#[cfg(test)]
mod change_tests;
mod constraint;
mod convert;
#[cfg(test)]
mod convert_tests;
mod diff;
mod document;
mod error;
mod hash;
mod line;
mod lines;
mod load;
#[cfg(test)]
mod real_tests;
mod requirement;
#[cfg(test)]
mod requirement_tests;
mod rules;
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
pub use diff::{Bound, Bump, BumpKind, Level, compare, with_bumps};
pub use document::{Document, Edit, Include, Stretch};
pub use error::{LineError, LineErrors};
pub use hash::{FileHash, FileHashError, url_hash};
pub use line::{ConstraintLine, build_constraints};
pub use load::{Loader, RequirementsFile, parse};
pub use requirement::{RequirementError, parse_requirement, parse_strict};
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
