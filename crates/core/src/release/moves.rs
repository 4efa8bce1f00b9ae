//! Lines of the release log about branches: planned moves, moves, and what was found on a branch without a line.
//!
//! Lines of an action that a reader does not know are skipped by it, so these do not change the format of the others.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::model::time;
use pannier_base::url::{SafeUrl, same_repository};

/// In which direction a branch was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// It was made.
    First,
    /// To a commit that has all that was there.
    Forward,
    /// To what was there before.
    Rollback,
    /// To a commit that has diverged from production.
    #[serde(rename = "diverged", alias = "sidewise")]
    Sidewise,
    /// Back, because another project of the same deployment could not be moved.
    Undo,
    /// Observed, not made by Pannier: the branch was found there and no line said so.
    Found,
    /// As a newer Pannier says it.
    #[serde(other)]
    Other,
}

/// What a line of a branch says of the move in it: its `action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// It is about to be pushed. A reader that knows nothing of plans skips the line.
    Plan,
    /// It happened.
    Deploy,
    /// It was planned and did not happen.
    End,
    /// It was planned, and what somebody else has found of it meanwhile is how it ended well.
    Done,
}

/// A production branch of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchRef {
    /// What people call the project.
    pub project: String,
    /// Its repository.
    pub repository: SafeUrl,
    /// The branch.
    pub branch: String,
}

/// A line about a branch. Commits have 40 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Move {
    /// What no other writing has.
    pub entry: String,
    /// When it happened; with [`Direction::Found`] when it was noticed.
    #[serde(with = "time")]
    pub at: Timestamp,
    /// Who did it; with [`Direction::Found`] who noticed it.
    pub by: String,
    /// Whether it is planned, done or given up.
    pub action: Stage,
    /// What people call the project.
    pub project: String,
    /// Its repository.
    pub repository: SafeUrl,
    /// The branch.
    pub branch: String,
    /// Where it was; `None`: it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Where it is since; `None`: it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// In which direction.
    pub direction: Direction,
    /// Who pushed what was found, where the server or an earlier plan tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed_by: Option<String>,
    /// When what was found was pushed, where the server tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pushed_at: Option<Timestamp>,
    /// The writing whose open plan it was that was found done: a deployment that was interrupted, unless it says
    /// [`Stage::Done`] later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The pipeline that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<SafeUrl>,
}

/// A move that is to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moving {
    /// When it happened.
    pub at: Timestamp,
    /// The branch.
    pub branch: BranchRef,
    /// Where it was.
    pub from: Option<String>,
    /// Where it is since.
    pub to: Option<String>,
    /// In which direction. With [`Direction::Found`] it is recorded only if the log does not have it already.
    pub direction: Direction,
}

impl Move {
    /// Whether it is about this branch of this repository.
    #[must_use]
    pub fn is_of(&self, repository: &SafeUrl, branch: &str) -> bool {
        self.branch == branch && same_repository(&self.repository, repository)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_earlier_versions_are_read() {
        let line = r#"{"entry":"e","at":"2026-03-01T09:15:00Z","by":"ann","action":"deploy","project":"tools","repository":"https://git.example.org/tools.git","branch":"production","from":"a","to":"b","direction":"sidewise"}"#;
        let read: Move = serde_json::from_str(line).unwrap();
        assert_eq!(read.direction, Direction::Sidewise);
        let written = serde_json::to_string(&read).unwrap();
        assert!(written.contains(r#""direction":"diverged""#), "{written}");
        assert_eq!(serde_json::from_str::<Move>(&written).unwrap(), read);
    }
}
