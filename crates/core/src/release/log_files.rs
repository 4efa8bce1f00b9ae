//! The release log as a value: the files of its branch, parsed one by one when they are needed.
//!
//! Files that it does not know are nobody's business here and stay. Refuses formats of a newer Pannier, and a lock that is
//! not the one that was recorded.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::lock::model::Lock;
use crate::lock::pylock;
use pannier_base::digest::Digest;

use super::error::ReleaseError;
use super::model::{Action, Channel, Edit, Entry, FORMAT, Release, Tarball};
use super::moves::{BranchRef, Move};
use super::names::{ChannelName, ReleaseId};

/// Where the history is.
pub(super) const HISTORY: &str = "history.jsonl";

/// The files of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFiles {
    files: BTreeMap<String, Vec<u8>>,
}

/// Path of a release's file.
pub(super) fn release_path(id: &ReleaseId) -> String {
    format!("releases/{id}.json")
}

/// Path of a release's lock.
pub(super) fn lock_path(id: &ReleaseId) -> String {
    format!("releases/{id}.pylock.toml")
}

/// Path of a channel's file.
pub(super) fn channel_path(name: &ChannelName) -> String {
    format!("channels/{name}.json")
}

/// What every line of the history has.
#[derive(Deserialize)]
struct Head {
    action: String,
    /// A line that only a newer Pannier can read has it; today's lines do not.
    format: Option<u64>,
}

impl LogFiles {
    /// The log that these files are.
    #[must_use]
    pub const fn new(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self { files }
    }

    /// A file's bytes.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// All releases in the order in which they were recorded: clocks of two machines may differ, and two releases of one second
    /// are sorted by chance.
    ///
    /// # Errors
    /// [`ReleaseError`] when the history cannot be read.
    pub fn in_order(&self) -> Result<Vec<ReleaseId>, ReleaseError> {
        let history = self.history()?.into_iter();
        let recorded = history.filter(|entry| entry.action == Action::Record);
        let recorded: Vec<ReleaseId> = recorded.map(|entry| entry.release).collect();
        let mut ids = self.ids();
        let place = |id: &ReleaseId| recorded.iter().position(|other| other == id);
        // What somebody put there by hand has no place, and comes first.
        ids.sort_by_key(place);
        Ok(ids)
    }

    /// All releases by name.
    #[must_use]
    pub fn ids(&self) -> Vec<ReleaseId> {
        self.names("releases/")
    }

    /// All channels by name.
    #[must_use]
    pub fn channels(&self) -> Vec<ChannelName> {
        self.names("channels/")
    }

    fn names<T: std::str::FromStr>(&self, folder: &str) -> Vec<T> {
        let names = self.files.keys().filter_map(|path| {
            let name = path.strip_prefix(folder)?.strip_suffix(".json")?;
            name.parse().ok()
        });
        names.collect()
    }

    /// A release.
    ///
    /// # Errors
    /// [`ReleaseError`] when it is not there or cannot be read.
    pub fn release(&self, id: &ReleaseId) -> Result<Release, ReleaseError> {
        let path = release_path(id);
        let found: Option<Release> = self.json(&path)?;
        let found = found.ok_or_else(|| self.unknown(id.as_str()))?;
        if found.id == *id {
            return Ok(found);
        }
        Err(damaged(&path, format!("its `release` is {}", found.id)))
    }

    /// The text of a release's lock, and the lock.
    ///
    /// # Errors
    /// [`ReleaseError`] when it is not there, cannot be read, or is not the one that was recorded.
    pub fn lock(&self, release: &Release) -> Result<(String, Lock), ReleaseError> {
        let path = lock_path(&release.id);
        let bytes = self
            .file(&path)
            .ok_or_else(|| damaged(&path, "it is missing"))?;
        let found = Digest::of(bytes);
        if found != release.lock {
            return Err(ReleaseError::OtherLock {
                release: release.id.to_string(),
                found,
                recorded: release.lock,
            });
        }
        let text = String::from_utf8(bytes.to_vec()).map_err(|error| damaged(&path, error))?;
        let read = pylock::read(&text).map_err(|source| ReleaseError::Lock {
            place: format!("`{path}` of the release log"),
            source,
        })?;
        Ok((text, read.lock))
    }

    /// What a channel holds now.
    ///
    /// # Errors
    /// [`ReleaseError`] when its file cannot be read.
    pub fn channel(&self, name: &ChannelName) -> Result<Option<Channel>, ReleaseError> {
        self.json(&channel_path(name))
    }

    /// What happened to releases and channels, the oldest entry first.
    ///
    /// # Errors
    /// [`ReleaseError`] names the first line that cannot be read.
    pub fn history(&self) -> Result<Vec<Entry>, ReleaseError> {
        self.lines(|action| matches!(action, "record" | "promote" | "rollback"))
    }

    /// What was planned for branches, done and given up, the oldest line first.
    ///
    /// # Errors
    /// [`ReleaseError`] names the first line that cannot be read.
    pub fn branch_lines(&self) -> Result<Vec<Move>, ReleaseError> {
        self.lines(|action| matches!(action, "plan" | "deploy" | "end" | "done"))
    }

    /// The branches that the log has lines about.
    ///
    /// # Errors
    /// [`ReleaseError`] names the first line that cannot be read.
    pub fn branches(&self) -> Result<Vec<BranchRef>, ReleaseError> {
        let mut found: Vec<BranchRef> = Vec::new();
        for line in self.branch_lines()?.into_iter().rev() {
            if !found
                .iter()
                .any(|it| line.is_of(&it.repository, &it.branch))
            {
                found.push(BranchRef {
                    project: line.project,
                    repository: line.repository,
                    branch: line.branch,
                });
            }
        }
        found.sort_by(|a, b| (&a.project, &a.branch).cmp(&(&b.project, &b.branch)));
        Ok(found)
    }

    /// The log after an edit.
    #[must_use]
    pub fn after<O>(&self, edit: &Edit<O>) -> Self {
        let mut files = self.files.clone();
        for (path, bytes) in &edit.files {
            match bytes {
                Some(bytes) => files.insert(path.clone(), bytes.clone()),
                None => files.remove(path),
            };
        }
        Self { files }
    }

    /// The lines of the history whose action is wanted. Others are another reader's, or of a newer Pannier.
    fn lines<T: DeserializeOwned>(
        &self,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<T>, ReleaseError> {
        let bytes = self.file(HISTORY).unwrap_or_default();
        let text = std::str::from_utf8(bytes).map_err(|error| damaged(HISTORY, error))?;
        let lines = text.lines().enumerate();
        let mut found = Vec::new();
        for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            let unread = |error| damaged(HISTORY, format!("line {}: {error}", number + 1));
            let head: Head = serde_json::from_str(line).map_err(unread)?;
            if let Some(found) = head.format.filter(|format| *format > u64::from(FORMAT)) {
                let path = format!("line {} of {HISTORY}", number + 1);
                return Err(ReleaseError::Newer { path, found });
            }
            if wanted(&head.action) {
                found.push(serde_json::from_str(line).map_err(unread)?);
            }
        }
        Ok(found)
    }

    /// The release that a text means: `latest`, `previous` (what `channel` held before), a channel, a release's name, or
    /// the beginning of one.
    ///
    /// # Errors
    /// [`ReleaseError`] tells what there is.
    pub fn find(&self, text: &str, channel: &ChannelName) -> Result<ReleaseId, ReleaseError> {
        if text == "previous" {
            return self.previous(channel);
        }
        if text == "latest" {
            let newest = self.in_order()?.pop();
            return newest.ok_or_else(|| self.unknown(text));
        }
        let ids = self.ids();
        if let Ok(name) = text.parse()
            && let Some(held) = self.channel(&name)?
        {
            return Ok(held.release);
        }
        let begins = |id: &&ReleaseId| !text.is_empty() && id.as_str().starts_with(text);
        if let Some(id) = ids.iter().find(|id| id.as_str() == text) {
            return Ok(id.clone());
        }
        let found: Vec<&ReleaseId> = ids.iter().filter(begins).collect();
        match found[..] {
            [only] => Ok(only.clone()),
            [] => Err(self.unknown(text)),
            _ => Err(ReleaseError::Ambiguous {
                text: text.to_owned(),
                found: found.iter().map(ToString::to_string).collect(),
            }),
        }
    }

    /// What a channel held before what it holds now. A rollback takes back what came after its target and stands for it, so that
    /// a second rollback goes further back and not forward again; one of some projects only stands for what it changed.
    fn previous(&self, channel: &ChannelName) -> Result<ReleaseId, ReleaseError> {
        let mut held: Vec<ReleaseId> = Vec::new();
        for entry in self.history()? {
            if entry.channel.as_ref() != Some(channel) || entry.action == Action::Record {
                continue;
            }
            let release = match entry.back_to {
                Some(back) if back.only.is_empty() => back.release,
                Some(_) => {
                    held.pop();
                    entry.release
                }
                None => entry.release,
            };
            let known = held.iter().rposition(|id| *id == release);
            match (entry.action, known) {
                (Action::Rollback, Some(place)) => held.truncate(place + 1),
                _ if held.last() == Some(&release) => {}
                _ => held.push(release),
            }
        }
        held.pop();
        held.pop().ok_or_else(|| ReleaseError::Channel {
            channel: channel.to_string(),
            problem: "held no other release before",
        })
    }

    /// The newest release that was recorded with all of these tarballs.
    ///
    /// # Errors
    /// [`ReleaseError`] when the log cannot be read.
    pub fn holding(&self, tarballs: &[Tarball]) -> Result<Option<Release>, ReleaseError> {
        for id in self.in_order()?.iter().rev() {
            let release = self.release(id)?;
            if tarballs.iter().all(|it| release.tarballs.contains(it)) {
                return Ok(Some(release));
            }
        }
        Ok(None)
    }

    fn unknown(&self, text: &str) -> ReleaseError {
        let ids = self.ids();
        let newest: Vec<String> = ids.iter().rev().take(3).map(ToString::to_string).collect();
        let hint = if newest.is_empty() {
            "it is empty: `pannier release record` writes the first one".to_owned()
        } else {
            format!(
                "the newest are {}; `pannier release list` shows all",
                newest.join(", ")
            )
        };
        ReleaseError::Unknown {
            text: text.to_owned(),
            hint,
        }
    }

    fn json<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, ReleaseError> {
        let Some(bytes) = self.file(path) else {
            return Ok(None);
        };
        let value: serde_json::Value =
            serde_json::from_slice(bytes).map_err(|error| damaged(path, error))?;
        match value["format"].as_u64() {
            Some(found) if found > u64::from(FORMAT) => {
                let path = path.to_owned();
                return Err(ReleaseError::Newer { path, found });
            }
            Some(_) => {}
            None => return Err(damaged(path, "it has no `format`")),
        }
        serde_json::from_value(value)
            .map(Some)
            .map_err(|error| damaged(path, error))
    }
}

fn damaged(path: &str, problem: impl ToString) -> ReleaseError {
    ReleaseError::Damaged {
        path: path.to_owned(),
        problem: problem.to_string(),
    }
}
