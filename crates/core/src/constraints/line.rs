//! A constraint and where it stands: what its file, and those who use it, ask of it.
//!
//! Knows why it cannot be used, if so, and leaves it to those who want to use it to ask.

use std::fmt;
use std::path::{Path, PathBuf};

use pep440_rs::{Operator, Version, VersionSpecifiers};
use pep508_rs::{Requirement, VerbatimUrl};

use super::lines::LogicalLine;
use super::load::line_error;
use super::statement::Problem;
use super::{Constraint, FileHash, LineError, LineErrors};
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
    /// Why it cannot be used, if so.
    unusable: Option<Box<LineError>>,
}

impl ConstraintLine {
    /// A constraint that can be used.
    #[must_use]
    pub fn new(requirement: Requirement<VerbatimUrl>, file: PathBuf, line: usize) -> Self {
        Self {
            constraint: requirement.into(),
            file,
            line,
            hashes: Vec::new(),
            unusable: None,
        }
    }

    /// The same with hashes.
    #[must_use]
    pub fn with_hashes(mut self, hashes: Vec<FileHash>) -> Self {
        self.hashes = hashes;
        self
    }

    pub(super) fn of(constraint: Constraint, line: &LogicalLine, file: &Path) -> Self {
        let unusable = constraint.unusable().map(|why| {
            let problem = Problem {
                offset: why.offset,
                message: format!("this constraint cannot be used: {}", why.reason),
                help: Some("mend the line, or remove it".to_owned()),
            };
            Box::new(line_error(line, file, problem))
        });
        Self {
            constraint,
            file: file.to_owned(),
            line: line.start().line,
            hashes: Vec::new(),
            unusable,
        }
    }

    /// The constraint for somebody who uses it: uv, or who compares versions.
    ///
    /// # Errors
    /// Why nobody can, with its place.
    pub fn requirement(&self) -> Result<&Requirement<VerbatimUrl>, &LineError> {
        match (&self.unusable, self.constraint.usable()) {
            (Some(why), _) => Err(why),
            (None, requirement) => Ok(requirement.expect("whatever cannot be used says why")),
        }
    }

    /// The package, normalised.
    #[must_use]
    pub fn name(&self) -> PackageName {
        self.constraint.name().clone()
    }

    /// The version, where exactly one is allowed (`==` without a wildcard, `===`), by a constraint that can be used.
    #[must_use]
    pub fn pin(&self) -> Option<&Version> {
        self.constraint.usable()?;
        pin(self.constraint.versions()?)
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

    /// Its marker, in normal form where it is understood; `None` when it always holds.
    #[must_use]
    pub fn marker(&self) -> Option<String> {
        self.constraint.marker().text()
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

/// The version that these specifiers allow alone.
pub(super) fn pin(versions: &VersionSpecifiers) -> Option<&Version> {
    let mut all = versions.iter();
    let exact = |operator: &Operator| matches!(operator, Operator::Equal | Operator::ExactEqual);
    match (all.next(), all.next()) {
        (Some(one), None) if exact(one.operator()) => Some(one.version()),
        _ => None,
    }
}

/// Whether exactly one version is allowed, by `==`.
pub(super) fn is_pinned(constraint: &Constraint) -> bool {
    let versions = constraint.usable().and_then(|_| constraint.versions());
    versions.is_some_and(|versions| {
        let mut all = versions.iter();
        pin(versions).is_some() && all.all(|one| *one.operator() == Operator::Equal)
    })
}

/// Constraints on what builds need, as one line each for uv, which checks the hashes that they state.
///
/// # Errors
/// As [`usable`].
pub fn build_constraints<'a>(
    lines: impl IntoIterator<Item = &'a ConstraintLine>,
) -> Result<Vec<String>, LineErrors> {
    let lines: Vec<&ConstraintLine> = lines.into_iter().collect();
    let mut usable = usable(lines.iter().copied())?;
    for (text, line) in usable.iter_mut().zip(lines) {
        // That of a URL is in its fragment.
        if !line.constraint.has_url() {
            text.extend(line.hashes.iter().map(|hash| format!(" --hash={hash}")));
        }
    }
    Ok(usable)
}

/// Constraints as one line each for uv.
///
/// # Errors
/// Everything that uv could not use, each with its place: to leave one out would be to choose versions that it forbids.
pub fn usable<'a>(
    lines: impl IntoIterator<Item = &'a ConstraintLine>,
) -> Result<Vec<String>, LineErrors> {
    let mut usable = Vec::new();
    let mut errors = Vec::new();
    for line in lines {
        match line.requirement() {
            Ok(requirement) => usable.push(requirement.to_string()),
            Err(why) => errors.push(why.clone()),
        }
    }
    match errors.is_empty() {
        true => Ok(usable),
        false => Err(LineErrors(errors)),
    }
}
