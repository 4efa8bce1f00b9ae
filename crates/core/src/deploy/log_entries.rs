//! The entries of a deployment in the release log: what is about to be pushed, and what came of it.

use jiff::Timestamp;

use super::model::Kind;
use super::report::{Outcome, Plan, Report, Step};
use crate::release::{
    BranchRef, Direction, Moving, ReleaseError, Stamp, Storage, moved, planned, write as write_log,
};

/// Writes into the release log what a plan is about to push, so that a run that is killed leaves a trace. `now`: the time
/// after the plan was made. Returns how many lines that took.
///
/// # Errors
/// [`ReleaseError`]; nothing was pushed yet.
pub fn announce(
    storage: &dyn Storage,
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
    write_log(storage, stamp, |log| planned(log, &moves, stamp))
}

/// Writes a deployment into the release log: what was moved, what was moved back, and what of the plan did not happen. A
/// push of which nobody knows how it ended stays planned: the next writer looks at the branch. Returns how many lines that
/// took.
///
/// # Errors
/// [`ReleaseError`]; the branches are as the report says all the same.
pub fn record(
    storage: &dyn Storage,
    report: &Report,
    stamp: &Stamp,
) -> Result<usize, ReleaseError> {
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
    write_log(storage, stamp, |log| moved(log, &moves, &unmoved, stamp))
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
