//! Whole files: follows `-c` and `-r`, gathers every error, and finds bounds that exclude each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Component, Path, PathBuf};

use pep508_rs::{Requirement, VerbatimUrl};

use super::lines::{LogicalLine, Place, UnsetVariable, logical_lines};
use super::statement::{Kind, Problem, Statement, statement};
use super::{ConstraintLine, LineError, LineErrors, Reader, Variables, shown};

/// Parses the text of one constraints file. Nothing is read: `-c` and `${NAME}` are errors here, see [`Loader`].
///
/// # Errors
/// Every line that cannot be used.
pub fn parse(text: &str, file: &Path) -> Result<Vec<ConstraintLine>, Vec<LineError>> {
    let nothing = |_: &Path| {
        Err(std::io::Error::new(
            std::io::ErrorKind::Unsupported,
            "other files are not read here",
        ))
    };
    let variables = Variables::new();
    let mut loader = Loader::new(&nothing, &variables);
    loader.text(text, file, Kind::Constraints);
    loader
        .finish()
        .map(|files| files.constraints)
        .map_err(|errors| errors.0)
}

/// What requirements files say, the files that they name included.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RequirementsFile {
    /// What is required, in the order of the files.
    pub requirements: Vec<Requirement<VerbatimUrl>>,
    /// Those of them that state hashes, with these.
    pub hashed: Vec<ConstraintLine>,
    /// Constraints that were named by `-c`, or loaded as such.
    pub constraints: Vec<ConstraintLine>,
}

impl fmt::Debug for RequirementsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requirements: Vec<_> = self.requirements.iter().map(shown).collect();
        f.debug_struct("RequirementsFile")
            .field("requirements", &requirements)
            .field("hashed", &self.hashed)
            .field("constraints", &self.constraints)
            .finish()
    }
}

/// Reads constraints and requirements files, each file once, and remembers what is wrong until the end.
pub struct Loader<'a> {
    read: &'a Reader<'a>,
    variables: &'a Variables,
    seen: BTreeSet<(PathBuf, bool)>,
    found: RequirementsFile,
    /// Where constraints stand in full, for messages: parallel to `found.constraints`.
    places: Vec<(Place, String)>,
    errors: Vec<LineError>,
}

impl<'a> Loader<'a> {
    /// Files are read by `read`; `${NAME}` means what `variables` says.
    #[must_use]
    pub fn new(read: &'a Reader<'a>, variables: &'a Variables) -> Self {
        Self {
            read,
            variables,
            seen: BTreeSet::new(),
            found: RequirementsFile::default(),
            places: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Takes a constraints file and those that it names.
    ///
    /// # Errors
    /// What reading this file gives. Errors inside it wait for [`Self::finish`].
    pub fn constraints(&mut self, file: &Path) -> std::io::Result<()> {
        self.file(file, Kind::Constraints)
    }

    /// Takes a text of constraints; `name` is its name in messages, and the files that it names are relative to it.
    pub fn constraints_text(&mut self, text: &str, name: &Path) {
        self.text(text, name, Kind::Constraints);
    }

    /// Takes a requirements file and those that it names; gives what it requires, without its constraints.
    ///
    /// # Errors
    /// What reading this file gives. Errors inside it wait for [`Self::finish`].
    pub fn requirements(&mut self, file: &Path) -> std::io::Result<RequirementsFile> {
        // Two images may name the same file: each gets its content.
        self.seen.retain(|(_, constraints)| *constraints);
        self.found.requirements.clear();
        self.found.hashed.clear();
        self.file(file, Kind::Requirements)?;
        Ok(RequirementsFile {
            requirements: std::mem::take(&mut self.found.requirements),
            hashed: std::mem::take(&mut self.found.hashed),
            constraints: Vec::new(),
        })
    }

    /// Everything that was found (the requirements of the last file only), once nothing is wrong with it.
    ///
    /// # Errors
    /// Everything that is wrong, in the order in which it was read.
    pub fn finish(mut self) -> Result<RequirementsFile, LineErrors> {
        let conflicts = conflicts(&self.found.constraints, &self.places);
        self.errors.extend(conflicts);
        if self.errors.is_empty() {
            Ok(self.found)
        } else {
            Err(LineErrors(self.errors))
        }
    }

    fn file(&mut self, file: &Path, kind: Kind) -> std::io::Result<()> {
        // A file that names itself, or is named twice, says nothing new the second time.
        if self.seen.insert((plain(file), kind == Kind::Constraints)) {
            let text = (self.read)(file)?;
            self.text(&text, file, kind);
        }
        Ok(())
    }

    fn text(&mut self, text: &str, file: &Path, kind: Kind) {
        for line in logical_lines(text, self.variables) {
            match line {
                Ok(line) => self.line(&line, file, kind),
                Err(unset) => self.errors.push(unset_error(unset, file)),
            }
        }
    }

    fn line(&mut self, line: &LogicalLine, file: &Path, kind: Kind) {
        match statement(line, kind) {
            Ok(Statement::Requirement(requirement, hashes)) => {
                if !hashes.is_empty() {
                    let bare = (*requirement).clone();
                    let hashed = ConstraintLine::new(bare, file.to_owned(), line.start().line);
                    self.found.hashed.push(hashed.with_hashes(hashes));
                }
                self.found.requirements.push(*requirement);
            }
            Ok(Statement::Constraint(constraint, hashes)) => {
                let constraint = ConstraintLine::of(*constraint, line, file);
                self.found.constraints.push(constraint.with_hashes(hashes));
                self.places.push((line.start(), line.shown.clone()));
            }
            Ok(Statement::Constraints(other)) => {
                self.include(line, file, &other, Kind::Constraints)
            }
            Ok(Statement::Requirements(other)) => {
                self.include(line, file, &other, Kind::Requirements);
            }
            Err(problem) => self.problem(line, file, problem),
        }
    }

    /// A file that is named in another one is relative to that one.
    fn include(&mut self, line: &LogicalLine, file: &Path, other: &Path, kind: Kind) {
        let path = plain(&file.parent().unwrap_or(Path::new("")).join(other));
        if let Err(why) = self.file(&path, kind) {
            let problem = Problem {
                offset: 0,
                message: format!("cannot read {}: {why}", path.display()),
                help: Some("the path is relative to the file that names it".to_owned()),
            };
            self.problem(line, file, problem);
        }
    }

    fn problem(&mut self, line: &LogicalLine, file: &Path, problem: Problem) {
        self.errors.push(line_error(line, file, problem));
    }
}

/// Bounds of one name that exclude each other. `places` are parallel to `constraints`: where each begins, and how it may be shown.
pub(super) fn conflicts(
    constraints: &[ConstraintLine],
    places: &[(Place, String)],
) -> Vec<LineError> {
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut errors = Vec::new();
    for (i, constraint) in constraints.iter().enumerate() {
        let earlier = by_name
            .entry(constraint.constraint.name().as_str())
            .or_default();
        let clash = earlier.iter().find(|&&other| {
            let other = &constraints[other].constraint;
            other.excludes(&constraint.constraint)
        });
        if let Some(&other) = clash {
            let (place, text) = &places[i];
            let (first_place, first) = &places[other];
            errors.push(LineError {
                file: constraint.file.clone(),
                line: place.line,
                column: place.column,
                text: text.clone(),
                mark: Some(0),
                message: format!(
                    "no version of {} meets both this line and `{first}` at {}:{}",
                    constraint.constraint.name(),
                    constraints[other].file.display(),
                    first_place.line
                ),
                help: Some(
                    "keep one of them, or give them markers that never apply together".to_owned(),
                ),
            });
        }
        earlier.push(i);
    }
    errors
}

pub(super) fn unset_error(unset: UnsetVariable, file: &Path) -> LineError {
    LineError {
        file: file.to_owned(),
        line: unset.place.line,
        column: unset.place.column,
        message: format!("the environment variable {} is not set", unset.name),
        text: unset.shown,
        mark: unset.mark,
        help: Some(format!("set {}, or write the value", unset.name)),
    }
}

pub(super) fn line_error(line: &LogicalLine, file: &Path, problem: Problem) -> LineError {
    let place = line.place(problem.offset);
    LineError {
        file: file.to_owned(),
        line: place.line,
        column: place.column,
        text: line.shown.clone(),
        mark: line.mark(problem.offset),
        message: line.hide(&problem.message),
        help: problem.help.map(|help| line.hide(&help)),
    }
}

/// The path without `.` and, where that is plain, without `..`.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut result = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(result.components().next_back(), Some(Component::Normal(_))) =>
            {
                result.pop();
            }
            component => result.push(component),
        }
    }
    result
}
