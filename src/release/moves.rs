//! Branches that were moved, as lines of the book's history: which project, from where to where, by whom and why.
//!
//! Lines of an action that a reader does not know are skipped by it, so these do not change the format of the others. Refuses
//! to write down the same writing twice, and to leave a gap unmentioned: what is found on a branch although no line says so
//! gets a line of its own.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::book::Book;
use super::edit::{Edit, append, trailer};
use super::error::ReleaseError;
use super::model::{Stamp, time};
use crate::url::SafeUrl;

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
    /// To another line of development.
    Sidewise,
    /// Back, because another project of the same deployment could not be moved.
    Undo,
    /// Not by this writing: it was found there.
    Found,
    /// As a newer Pannier says it.
    #[serde(other)]
    Other,
}

/// The action of these lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Deploy {
    Deploy,
}

/// One branch that was moved. Commits have 40 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Move {
    /// What no other writing has.
    pub entry: String,
    /// When.
    #[serde(with = "time")]
    pub at: Timestamp,
    /// Who.
    pub by: String,
    action: Deploy,
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
    /// What people call the project.
    pub project: String,
    /// Its repository.
    pub repository: SafeUrl,
    /// The branch.
    pub branch: String,
    /// Where it was.
    pub from: Option<String>,
    /// Where it is since.
    pub to: Option<String>,
    /// In which direction. With [`Direction::Found`] it is written down only where the book does not say so already.
    pub direction: Direction,
}

impl Move {
    /// Whether it is about this branch of this repository.
    #[must_use]
    pub fn is_of(&self, repository: &SafeUrl, branch: &str) -> bool {
        self.branch == branch && same_repository(&self.repository, repository)
    }
}

/// Whether two URLs are those of one repository, written with `.git` or without.
#[must_use]
pub fn same_repository(one: &SafeUrl, other: &SafeUrl) -> bool {
    let path = |url: &SafeUrl| {
        let path = url.expose().path().trim_end_matches('/').to_owned();
        path.strip_suffix(".git")
            .map_or(path.clone(), str::to_owned)
    };
    one.same_origin(other) && path(one) == path(other)
}

/// Writes moves down in the order in which they happened; gives how many lines that took.
///
/// # Errors
/// [`ReleaseError`] when the history cannot be read.
pub fn moved(book: &Book, moves: &[Moving], stamp: &Stamp) -> Result<Edit<usize>, ReleaseError> {
    let before = book.moves()?;
    let arrived = before.iter().any(|it| it.entry == stamp.entry);
    let mut lines = Vec::new();
    for moving in moves.iter().filter(|_| !arrived) {
        let mut about = before.iter().rev();
        let last = about.find(|it| it.is_of(&moving.repository, &moving.branch));
        let from = match moving.direction {
            Direction::Found if last.is_some_and(|last| last.to == moving.to) => continue,
            Direction::Found => last.and_then(|last| last.to.clone()),
            _ => moving.from.clone(),
        };
        let line = Move {
            entry: stamp.entry.clone(),
            at: moving.at,
            by: stamp.by.clone(),
            action: Deploy::Deploy,
            project: moving.project.clone(),
            repository: moving.repository.without_credentials(),
            branch: moving.branch.clone(),
            from,
            to: moving.to.clone(),
            direction: moving.direction,
            reason: stamp.reason(),
            pipeline: stamp.pipeline.as_ref().map(SafeUrl::without_credentials),
        };
        let text = serde_json::to_string(&line);
        let text = text.expect("a move is plain data with texts as keys");
        lines.push(format!("{text}\n"));
    }
    let mut names: Vec<&str> = moves.iter().map(|it| it.project.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let what = match names[..] {
        [] => "nothing".to_owned(),
        [one] => one.to_owned(),
        [one, ..] => format!("{one} and {} more", names.len() - 1),
    };
    Ok(Edit {
        files: append(book, &lines.concat()),
        message: format!("Deploy {what}{}", trailer(stamp)),
        outcome: lines.len(),
    })
}
