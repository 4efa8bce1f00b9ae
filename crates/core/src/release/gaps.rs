//! Gaps of the release log: branches that are not where it says. They are closed by lines that say what was found.
//!
//! Pure. Refuses to guess: what neither the branch nor the server's push events show is not written down.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::error::ReleaseError;
use super::ledger::{Ledger, Position};
use super::log_files::LogFiles;
use super::model::{Edit, Stamp};
use super::moves::BranchRef;
use pannier_clients::gitlab::BranchPush;

/// By how much a server's clock may be ahead of the clock of whoever wrote a line.
const SKEW: SignedDuration = SignedDuration::from_hours(1);

/// A branch as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Which.
    pub branch: BranchRef,
    /// Where it is; `None`: there is no such branch.
    pub now: Option<String>,
    /// Pushes to it that the server remembers, the newest first; empty where nobody could be asked.
    pub pushes: Vec<BranchPush>,
}

/// A branch of which the log did not tell everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Gap {
    /// What people call the project.
    pub project: String,
    /// Its repository.
    pub repository: String,
    /// The branch.
    pub branch: String,
    /// Where the log has it; `None`: removed.
    pub logged: Option<String>,
    /// Where it is; `None`: there is no such branch.
    pub now: Option<String>,
    /// What it held in between, as far as the server tells, the oldest first.
    pub through: Vec<String>,
    /// Who pushed last, where the server or an earlier plan tells.
    pub pushed_by: Option<String>,
}

impl LogFiles {
    /// For each branch and where it is: since when push events may tell something that the log does not. `None`: it tells
    /// everything, as far as the branch shows.
    ///
    /// # Errors
    /// [`ReleaseError`] when the history cannot be read.
    pub fn unsettled_since(
        &self,
        branches: &[(BranchRef, Option<String>)],
        stamp: &Stamp,
    ) -> Result<Vec<Option<Timestamp>>, ReleaseError> {
        let ledger = Ledger::read(self, stamp)?;
        let since = |(branch, now): &(BranchRef, Option<String>)| {
            let position = ledger.position(branch)?;
            let open = !ledger.open_plans(branch).is_empty();
            (open || position.commit != now.as_deref()).then_some(position.line.at)
        };
        Ok(branches.iter().map(since).collect())
    }
}

/// Writes down what was found on branches, as far as the log does not say it; returns the gaps that there were.
///
/// # Errors
/// [`ReleaseError`] when the history cannot be read.
pub fn found(log: &LogFiles, seen: &[Seen], stamp: &Stamp) -> Result<Edit<Vec<Gap>>, ReleaseError> {
    let mut ledger = Ledger::read(log, stamp)?;
    let mut gaps = Vec::new();
    for Seen {
        branch,
        now,
        pushes,
    } in seen
    {
        let Some(position) = ledger.position(branch) else {
            continue;
        };
        let logged = position.commit.map(str::to_owned);
        let path = unrecorded(pushes, now.as_deref(), position);
        let mut through = Vec::new();
        let mut pushed_by = None;
        let mut note = |commit: Option<&String>| through.extend(commit.cloned());
        for push in &path {
            if ledger.reach(branch, push.from.as_deref()) {
                note(push.from.as_ref());
            }
            let line = ledger.add_found(branch, push.to.as_deref());
            line.pushed_by = push.by.clone().or_else(|| line.pushed_by.take());
            line.pushed_at = Some(push.at);
            pushed_by.clone_from(&line.pushed_by);
            note(push.to.as_ref());
        }
        let last = ledger.reach(branch, now.as_deref());
        if path.is_empty() && !last {
            continue;
        }
        if last {
            let line = ledger.position(branch).map(|it| it.line);
            pushed_by = line.and_then(|it| it.pushed_by.clone());
        } else {
            through.pop();
        }
        gaps.push(Gap {
            project: branch.project.clone(),
            repository: branch.repository.without_credentials().to_string(),
            branch: branch.branch.clone(),
            logged,
            now: now.clone(),
            through,
            pushed_by,
        });
    }
    Ok(ledger.finish("Find", gaps))
}

/// The pushes that led from where the log has a branch to where it is, the oldest first: back from where it is, push by push,
/// to the one that the log tells of.
fn unrecorded<'p>(
    pushes: &'p [BranchPush],
    now: Option<&str>,
    position: Position<'_>,
) -> Vec<&'p BranchPush> {
    let line = position.line;
    let is_told = |push: &BranchPush| {
        let same = (&push.from, &push.to) == (&line.from, &line.to);
        let told = push.at <= line.at || (same && push.at <= line.at + SKEW);
        told && push.to.as_deref() == position.commit
    };
    let mut path: Vec<&BranchPush> = Vec::new();
    let mut at = now;
    let mut joined = (now == position.commit).then_some(0);
    // Pushes that came after the branch was looked at are somebody else's to write down.
    let older = pushes.iter().skip_while(|push| push.to.as_deref() != now);
    for push in older {
        if push.to.as_deref() != at || is_told(push) {
            break;
        }
        path.push(push);
        at = push.from.as_deref();
        if at == position.commit {
            joined = Some(path.len());
        }
    }
    match joined {
        Some(joined) => path.truncate(joined),
        // A push of many references leaves no event: only what is newer than the log's line is news.
        None => path.retain(|push| push.at > line.at),
    }
    path.reverse();
    path
}
