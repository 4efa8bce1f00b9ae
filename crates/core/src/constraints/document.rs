//! A constraints file as a text that can be changed: comments, order, line ends and everything that is not meant stay as
//! they are, byte for byte.
//!
//! Holds one file: what `-c` names is known by its path and not followed.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::diff::Bump;
use super::lines::{Place, logical_lines};
use super::load::{line_error, unset_error};
use super::statement::{Kind, Statement, statement};
use super::{ConstraintLine, LineError, LineErrors, Variables};

/// A constraints file: its text and where in it the constraints stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    text: String,
    constraints: Vec<ConstraintLine>,
    /// Parallel to `constraints`, as `starts`.
    places: Vec<Stretch>,
    /// Where it begins, and how it may be shown.
    starts: Vec<(Place, String)>,
    includes: Vec<Include>,
}

/// Where a statement stands in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The statement alone, in bytes.
    pub span: Range<usize>,
    /// Its lines, with comments and line end.
    pub whole: Range<usize>,
}

/// A line that names another file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// As it is written, relative to the file that names it.
    pub path: PathBuf,
    /// Where it stands.
    pub place: Stretch,
    /// Its line, from 1.
    pub line: usize,
}

/// One change of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Another statement instead of that of the constraint; its comment stays.
    Replace(usize, String),
    /// The lines of the constraint go, with the comments on them.
    Remove(usize),
    /// New lines, behind those of the constraint, or (`None`) before the first one.
    Insert(Option<usize>, String),
}

impl Document {
    /// Parses the text of one file; `file` is for messages, `${NAME}` means what `variables` says.
    ///
    /// That a name is bound twice is no error here, as the other files are not known: see [`super::Loader`].
    ///
    /// # Errors
    /// Every line that cannot be used.
    pub fn parse(text: &str, file: &Path, variables: &Variables) -> Result<Self, LineErrors> {
        match Self::parse_all(text, file, variables) {
            (document, errors) if errors.is_empty() => Ok(document),
            (_, errors) => Err(LineErrors(errors)),
        }
    }

    /// The lines that can be used, and what is wrong with the others.
    pub(super) fn parse_all(
        text: &str,
        file: &Path,
        variables: &Variables,
    ) -> (Self, Vec<LineError>) {
        let mut document = Self {
            text: text.to_owned(),
            constraints: Vec::new(),
            places: Vec::new(),
            starts: Vec::new(),
            includes: Vec::new(),
        };
        let mut errors = Vec::new();
        for line in logical_lines(text, variables) {
            let line = match line {
                Ok(line) => line,
                Err(unset) => {
                    errors.push(unset_error(unset, file));
                    continue;
                }
            };
            let place = Stretch {
                span: line.span.clone(),
                whole: line.whole.clone(),
            };
            match statement(&line, Kind::Constraints) {
                Ok(Statement::Constraint(constraint, hashes)) => {
                    let constraint = ConstraintLine::of(*constraint, &line, file);
                    document.constraints.push(constraint.with_hashes(hashes));
                    document.places.push(place);
                    document.starts.push((line.start(), line.shown.clone()));
                }
                // None of the others is of this kind of file.
                Ok(Statement::Requirement(..)) => {}
                Ok(Statement::Constraints(path) | Statement::Requirements(path)) => {
                    let line = line.start().line;
                    document.includes.push(Include { path, place, line });
                }
                Err(problem) => errors.push(line_error(&line, file, problem)),
            }
        }
        (document, errors)
    }

    /// The constraints in their order; those of files that `-c` names are not among them.
    #[must_use]
    pub fn constraints(&self) -> &[ConstraintLine] {
        &self.constraints
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The lines that name other files, in their order.
    #[must_use]
    pub fn includes(&self) -> &[Include] {
        &self.includes
    }

    /// A constraint as it is written, without its comment; it may go over several lines.
    #[must_use]
    pub fn statement(&self, index: usize) -> &str {
        &self.text[self.places[index].span.clone()]
    }

    pub(super) fn start(&self, index: usize) -> &(Place, String) {
        &self.starts[index]
    }

    /// The text with these changes. Each constraint is replaced or removed at most once.
    #[must_use]
    pub fn edited(&self, edits: &[Edit]) -> String {
        // Inserts of one place keep their order, and come before what starts there.
        let mut cuts: Vec<(Range<usize>, &str, bool)> = Vec::new();
        for edit in edits {
            cuts.push(match edit {
                Edit::Replace(index, text) => (self.places[*index].span.clone(), text, false),
                Edit::Remove(index) => (self.places[*index].whole.clone(), "", false),
                Edit::Insert(anchor, lines) => {
                    let offset = self.behind(*anchor);
                    (offset..offset, lines, true)
                }
            });
        }
        cuts.sort_by_key(|(range, ..)| (range.start, range.end));
        let ended = |text: &str| text.is_empty() || text.ends_with(['\n', '\r', '\u{feff}']);
        let mut edited = String::with_capacity(self.text.len());
        let mut at = 0;
        for (range, text, lines) in cuts {
            edited.push_str(&self.text[at..range.start]);
            if lines && !ended(&edited) {
                edited.push('\n');
            }
            edited.push_str(text);
            if lines && !ended(text) {
                edited.push('\n');
            }
            at = range.end;
        }
        edited.push_str(&self.text[at..]);
        edited
    }

    fn behind(&self, anchor: Option<usize>) -> usize {
        match anchor {
            Some(index) => self.places[index].whole.end,
            None => self
                .places
                .first()
                .map_or(self.text.len(), |place| place.whole.start),
        }
    }

    /// This text with some of the changes that make it `new`: comments and order stay, what is new comes behind what it is
    /// behind in `new`.
    ///
    /// `chosen` are bumps that [`super::compare`] gave for the constraints of these two documents. Lines that only name
    /// other files stay as they are here.
    #[must_use]
    pub fn with_bumps(&self, new: &Self, chosen: &[&Bump]) -> String {
        let bumps = super::compare(&self.constraints, &new.constraints);
        let of = |bump: &Bump| {
            let index = |bound: &Option<super::Bound>| bound.as_ref().map(|bound| bound.index);
            (index(&bump.old), index(&bump.new))
        };
        let mut edits = Vec::new();
        let mut added: Vec<usize> = Vec::new();
        for bump in chosen {
            match of(bump) {
                (Some(old), Some(to)) => {
                    edits.push(Edit::Replace(old, new.statement(to).to_owned()));
                }
                (Some(old), None) => edits.push(Edit::Remove(old)),
                (None, Some(to)) => added.push(to),
                (None, None) => {}
            }
        }
        added.sort_unstable();
        // What stands in both: equal bounds, and those that changed.
        let fresh: Vec<usize> = bumps
            .iter()
            .filter(|bump| bump.old.is_none())
            .filter_map(|bump| of(bump).1)
            .collect();
        let kept = self.kept(new, &bumps);
        for to in added {
            let before = (0..to).rev().find(|j| !fresh.contains(j));
            let anchor = before.and_then(|j| kept[j]);
            let lines = new.text[new.places[to].whole.clone()].to_owned();
            edits.push(Edit::Insert(anchor, lines));
        }
        self.edited(&edits)
    }

    /// For each constraint of `new` the one of `self` that it was.
    fn kept(&self, new: &Self, bumps: &[Bump]) -> Vec<Option<usize>> {
        let mut kept = vec![None; new.constraints.len()];
        for bump in bumps {
            if let (Some(old), Some(to)) = (&bump.old, &bump.new) {
                kept[to.index] = Some(old.index);
            }
        }
        for (to, line) in new.constraints.iter().enumerate() {
            let same = |old: &ConstraintLine| {
                old.constraint.name() == line.constraint.name()
                    && old.constraint.marker() == line.constraint.marker()
            };
            if kept[to].is_none() {
                kept[to] = self.constraints.iter().position(same);
            }
        }
        kept
    }
}
