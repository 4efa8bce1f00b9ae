//! The trail of a deployment: one line of JSON per push, whatever came of it, and the lines of the release book.
//!
//! Refuses to hold credentials: URLs lose theirs, and what servers said passes [`scrub`](crate::secret::scrub).

use jiff::Timestamp;
use serde::Serialize;

use super::apply::{End, Outcome, Report};
use super::judge::Kind;
use crate::release::{Direction, Moving, ReleaseError, Shelf, Stamp, moved, write as write_book};

/// One push, as the log has it. Commits have 40 hexadecimal digits; `null` is no branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditLine {
    /// What sort of line it is: always `branch`.
    pub audit: &'static str,
    /// When, UTC (RFC 3339).
    pub at: String,
    /// Who.
    pub actor: String,
    /// What people call the project.
    pub project: String,
    /// Its repository.
    pub repository: String,
    /// The branch.
    pub branch: String,
    /// Where it was.
    pub from: Option<String>,
    /// Where it was to be.
    pub to: Option<String>,
    /// The kind of move; `undo` takes one back.
    pub kind: &'static str,
    /// What came of it: `moved`, `overtaken`, `refused`, `unknown`.
    pub outcome: &'static str,
    /// Why, if anybody said.
    pub reason: Option<String>,
    /// The pipeline that did it.
    pub pipeline: Option<String>,
}

/// One push, before it is a line.
pub(super) struct Pushed<'a> {
    pub at: Timestamp,
    pub end: &'a End,
    pub branch: &'a str,
    pub from: Option<&'a str>,
    pub to: Option<&'a str>,
    pub kind: &'static str,
    pub outcome: &'static str,
}

impl AuditLine {
    pub(super) fn new(pushed: &Pushed<'_>, stamp: &Stamp) -> Self {
        Self {
            audit: "branch",
            at: pushed.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            actor: stamp.by.clone(),
            project: pushed.end.name.clone(),
            repository: pushed.end.repository.without_credentials().to_string(),
            branch: pushed.branch.to_owned(),
            from: pushed.from.map(str::to_owned),
            to: pushed.to.map(str::to_owned),
            kind: pushed.kind,
            outcome: pushed.outcome,
            reason: stamp.reason.as_deref().map(crate::secret::scrub),
            pipeline: stamp
                .pipeline
                .as_ref()
                .map(|it| it.without_credentials().to_string()),
        }
    }
}

/// Writes a deployment into the release book: what was moved, what was moved back, and what was found although the book does
/// not say so, as after a run that was killed. Gives how many lines that took.
///
/// # Errors
/// [`ReleaseError`]; the branches are as the report says all the same.
pub fn record(shelf: &dyn Shelf, report: &Report, stamp: &Stamp) -> Result<usize, ReleaseError> {
    let moves: Vec<Moving> = report
        .ends
        .iter()
        .flat_map(|end| lines(end, report, stamp.at))
        .collect();
    if moves.is_empty() {
        return Ok(0);
    }
    write_book(shelf, stamp, |book| moved(book, &moves, stamp))
}

fn lines(end: &End, report: &Report, at: Timestamp) -> Vec<Moving> {
    let line = |from: &Option<String>, to: &Option<String>, direction| Moving {
        at: end.at.unwrap_or(at),
        project: end.name.clone(),
        repository: end.repository.clone(),
        branch: report.branch.clone(),
        from: from.clone(),
        to: to.clone(),
        direction,
    };
    let to = Some(end.to.clone());
    let forth = || line(&end.from, &to, direction(end.kind));
    match &end.outcome {
        Outcome::Nothing => vec![line(&None, &to, Direction::Found)],
        Outcome::Moved | Outcome::Stuck { .. } => vec![forth()],
        Outcome::Undone => vec![forth(), line(&to, &end.from, Direction::Undo)],
        Outcome::Overtaken { .. }
        | Outcome::Refused { .. }
        | Outcome::Unknown { .. }
        | Outcome::Untouched => Vec::new(),
    }
}

const fn direction(kind: Kind) -> Direction {
    match kind {
        Kind::First => Direction::First,
        Kind::Forward => Direction::Forward,
        Kind::Rollback => Direction::Rollback,
        Kind::Sidewise => Direction::Sidewise,
        Kind::Nothing => Direction::Found,
    }
}
