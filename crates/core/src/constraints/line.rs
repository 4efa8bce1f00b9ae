//! A constraint and its place in a file.

use std::fmt;
use std::path::{Path, PathBuf};

use pep440_rs::Version;
use pep508_rs::{Requirement, VerbatimUrl};

use super::lines::LogicalLine;
use super::{Constraint, FileHash};
use pannier_base::name::PackageName;

/// One constraint and where it stands.
///
/// Its Debug output, as that of everything that holds requirements here, is without credentials of URLs.
#[derive(Clone, PartialEq, Eq)]
pub struct ConstraintLine {
    /// What it says.
    pub constraint: Constraint,
    /// File that holds it.
    pub file: PathBuf,
    /// Its line there, from 1; 0 for a requirement of `pannier.yml`.
    pub line: usize,
    /// Digests of which each file of the package must have one; empty when the line states none.
    pub hashes: Vec<FileHash>,
}

impl ConstraintLine {
    /// A constraint without hashes.
    #[must_use]
    pub fn new(requirement: Requirement<VerbatimUrl>, file: PathBuf, line: usize) -> Self {
        Self {
            constraint: requirement.into(),
            file,
            line,
            hashes: Vec::new(),
        }
    }

    /// The same with hashes.
    #[must_use]
    pub fn with_hashes(mut self, hashes: Vec<FileHash>) -> Self {
        self.hashes = hashes;
        self
    }

    pub(super) fn of(constraint: Constraint, line: &LogicalLine, file: &Path) -> Self {
        Self {
            constraint,
            file: file.to_owned(),
            line: line.start().line,
            hashes: Vec::new(),
        }
    }

    /// The package, normalised.
    #[must_use]
    pub fn name(&self) -> PackageName {
        self.constraint.name().clone()
    }

    /// The version, where exactly one is allowed (`==` without a wildcard, or `===`).
    #[must_use]
    pub fn pin(&self) -> Option<&Version> {
        self.constraint.pin()
    }

    /// `==2.0.2`, `>=2,<3`, `@ https://…` without credentials, or empty when every version is allowed.
    #[must_use]
    pub fn specifier(&self) -> String {
        pannier_base::secret::redact(&self.constraint.bound())
    }

    /// Where it is, for people: `constraints.txt:3`; the file alone where it has no line of its own.
    #[must_use]
    pub fn place(&self) -> String {
        match self.line {
            0 => self.file.display().to_string(),
            line => format!("{}:{line}", self.file.display()),
        }
    }

    /// Its marker in normal form; `None` when it always holds.
    #[must_use]
    pub fn marker(&self) -> Option<String> {
        self.constraint.marker().try_to_string()
    }
}

impl fmt::Debug for ConstraintLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: {:?}",
            self.file.display(),
            self.line,
            self.constraint
        )
    }
}

/// Constraints on what builds need, as one line each for uv, which checks the hashes that they state.
pub fn build_constraints<'a>(lines: impl IntoIterator<Item = &'a ConstraintLine>) -> Vec<String> {
    let text = |line: &ConstraintLine| {
        let mut text = line.constraint.to_string();
        // That of a URL is in its fragment.
        if !line.constraint.has_url() {
            text.extend(line.hashes.iter().map(|hash| format!(" --hash={hash}")));
        }
        text
    };
    lines.into_iter().map(text).collect()
}
