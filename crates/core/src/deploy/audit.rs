//! The trail of a deployment: one line of JSON per push, whatever came of it, and the lines of the release log.
//!
//! Refuses to hold credentials: URLs lose theirs, and what servers said passes [`scrub`](pannier_base::secret::scrub).

use jiff::Timestamp;
use serde::Serialize;

use super::model::Kind;
use super::report::{End, Outcome, Plan, Report, Step};
use crate::release::{
    BranchRef, Direction, Moving, ReleaseError, Shelf, Stamp, moved, planned, write as write_book,
};

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
            reason: stamp.reason.as_deref().map(pannier_base::secret::scrub),
            pipeline: stamp
                .pipeline
                .as_ref()
                .map(|it| it.without_credentials().to_string()),
        }
    }
}

/// Writes into the release log what a plan is about to push, so that a run that is killed leaves a trace. `now`: the time
/// after the plan was made. Returns how many lines that took.
///
/// # Errors
/// [`ReleaseError`]; nothing was pushed yet.
pub fn announce(
    shelf: &dyn Shelf,
    plan: &Plan,
    stamp: &Stamp,
    now: Timestamp,
) -> Result<usize, ReleaseError> {
    let moving = |step: &Step| {
        let kind = step
            .verdict
            .as_ref()
            .ok()
            .filter(|it| **it != Kind::Nothing)?;
        Some(Moving {
            at: now,
            branch: BranchRef {
                project: step.name.clone(),
                repository: step.repository.clone(),
                branch: plan.branch.clone(),
            },
            from: step.from.clone(),
            to: Some(step.to.clone()),
            direction: direction(*kind),
        })
    };
    let moves: Vec<Moving> = plan.steps.iter().filter_map(moving).collect();
    if moves.is_empty() {
        return Ok(0);
    }
    write_book(shelf, stamp, |book| planned(book, &moves, stamp))
}

/// Writes a deployment into the release log: what was moved, what was moved back, and what of the plan did not happen. A
/// push of which nobody knows how it ended stays planned: the next writer looks at the branch. Returns how many lines that
/// took.
///
/// # Errors
/// [`ReleaseError`]; the branches are as the report says all the same.
pub fn record(shelf: &dyn Shelf, report: &Report, stamp: &Stamp) -> Result<usize, ReleaseError> {
    let mut moves = Vec::new();
    let mut unmoved = Vec::new();
    for end in &report.ends {
        let line = |from: &Option<String>, to: &Option<String>, direction| Moving {
            at: end.at.unwrap_or(stamp.at),
            branch: BranchRef {
                project: end.name.clone(),
                repository: end.repository.clone(),
                branch: report.branch.clone(),
            },
            from: from.clone(),
            to: to.clone(),
            direction,
        };
        let to = Some(end.to.clone());
        let forth = || line(&end.from, &to, direction(end.kind));
        match &end.outcome {
            Outcome::Nothing => moves.push(line(&None, &to, Direction::Found)),
            Outcome::Moved | Outcome::Stuck { .. } => moves.push(forth()),
            Outcome::Undone => moves.extend([forth(), line(&to, &end.from, Direction::Undo)]),
            Outcome::Overtaken { .. } | Outcome::Refused { .. } | Outcome::Untouched => {
                unmoved.push(forth());
            }
            Outcome::Unknown { .. } => {}
        }
    }
    if moves.is_empty() && unmoved.is_empty() {
        return Ok(0);
    }
    write_book(shelf, stamp, |book| moved(book, &moves, &unmoved, stamp))
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
