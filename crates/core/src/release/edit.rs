//! What a writing changes, computed from the log as it is: recording a release, setting a channel.
//!
//! Pure, so that it can be computed again on the log of whoever was faster. Refuses to touch what is recorded: only a
//! channel's file is ever replaced, and the history only grows.

use serde::Serialize;

use crate::lock::model::Lock;
use crate::lock::pylock;
use pannier_base::digest::Digest;

use super::error::ReleaseError;
use super::log_files::{HISTORY, LogFiles, channel_path, lock_path, release_path};
use super::model::{
    Action, BackTo, Channel, Edit, Entry, FORMAT, Release, Stamp, Switch, Tarball, WriteOutcome,
};
use super::names::{ChannelName, ReleaseId};

/// What people read who meet the branch in their browser.
const README: &str = "\
# Releases

This branch is written by `pannier release`, `pannier deploy` and `pannier rollback`. It only grows.

- `releases/<id>.json`: the contents of a release; `releases/<id>.pylock.toml`: its lock, which `pannier prepare` and pip install.
- `channels/<name>.json`: the release that is there now.
- `history.jsonl`: what happened, one line each, the newest last.
";

/// Records the lock with this text, and sets a channel to it if one is named. A release of the same pipeline with the same
/// lock and tarballs is not recorded twice: a job that is run again changes nothing.
///
/// # Errors
/// [`ReleaseError`] when the lock or the log cannot be read.
pub fn record(
    log: &LogFiles,
    lock: &str,
    tarballs: &[Tarball],
    channel: Option<&ChannelName>,
    stamp: &Stamp,
) -> Result<Edit, ReleaseError> {
    let release = made(log, lock, tarballs, stamp)?;
    let mut draft = Draft::new(log, stamp);
    let known = match draft.arrived(Action::Record)? {
        Some(entry) => Some(entry.release),
        None => same(log, &release)?,
    };
    let id = match &known {
        Some(id) => id.clone(),
        None => {
            draft.release(&release, lock);
            release.id
        }
    };
    let switch = channel
        .map(|name| draft.switch(Action::Promote, name, &id))
        .transpose()?;
    Ok(draft.finish(id, known.is_none(), switch))
}

/// The release that a lock becomes, under a name that the log does not have yet.
pub(super) fn made(
    log: &LogFiles,
    lock: &str,
    tarballs: &[Tarball],
    stamp: &Stamp,
) -> Result<Release, ReleaseError> {
    let read = pylock::read(lock).map_err(|source| ReleaseError::Lock {
        place: "what is to be recorded".to_owned(),
        source,
    })?;
    of_production(&read.lock, || "what is to be recorded".to_owned())?;
    let digest = Digest::of(lock.as_bytes());
    let taken = |id: &ReleaseId| log.file(&release_path(id)).is_some();
    let id = ReleaseId::free(stamp.at, &digest, taken);
    Ok(Release::new(id, &read.lock, digest, tarballs, stamp))
}

/// Sets a channel to a release that the log has; `action` says whether that is a rollback.
///
/// # Errors
/// [`ReleaseError`] when the release is not there or the log cannot be read.
pub fn promote(
    log: &LogFiles,
    id: &ReleaseId,
    channel: &ChannelName,
    action: Action,
    stamp: &Stamp,
) -> Result<Edit, ReleaseError> {
    let release = log.release(id)?;
    // A channel must never lead to a lock that nobody can use, or that was a try-out.
    let (_, lock) = log.lock(&release)?;
    of_production(&lock, || format!("release {id}"))?;
    let mut draft = Draft::new(log, stamp);
    let switch = draft.switch(action, channel, id)?;
    Ok(draft.finish(id.clone(), false, Some(switch)))
}

/// Refuses a lock that was made with overrides.
pub(super) fn of_production(lock: &Lock, what: impl Fn() -> String) -> Result<(), ReleaseError> {
    let overrides = &lock.pannier.overrides;
    if overrides.is_empty() {
        return Ok(());
    }
    Err(ReleaseError::Overridden {
        what: what(),
        overrides: overrides.iter().map(|one| one.name.clone()).collect(),
    })
}

/// A release of the same pipeline that says the same.
fn same(log: &LogFiles, new: &Release) -> Result<Option<ReleaseId>, ReleaseError> {
    if new.pipeline.is_none() {
        return Ok(None);
    }
    for id in log.ids().iter().rev() {
        let old = log.release(id)?;
        let told = |it: &Release| (it.pipeline.clone(), it.lock, it.back_to.clone());
        if told(&old) == told(new) && old.tarballs == new.tarballs {
            return Ok(Some(old.id));
        }
    }
    Ok(None)
}

/// An edit that is being put together.
pub(super) struct Draft<'a> {
    log: &'a LogFiles,
    stamp: &'a Stamp,
    files: Vec<(String, Option<Vec<u8>>)>,
    history: String,
    /// What all entries go back to.
    pub(super) back_to: Option<BackTo>,
}

impl<'a> Draft<'a> {
    pub(super) const fn new(log: &'a LogFiles, stamp: &'a Stamp) -> Self {
        Self {
            log,
            stamp,
            files: Vec::new(),
            history: String::new(),
            back_to: None,
        }
    }

    /// The entry of an earlier try of this writing whose answer was lost on its way.
    pub(super) fn arrived(&self, action: Action) -> Result<Option<Entry>, ReleaseError> {
        let history = self.log.history()?;
        let ours = |entry: &Entry| entry.entry == self.stamp.entry && entry.action == action;
        Ok(history.into_iter().find(ours))
    }

    /// Writes down a release with its lock.
    pub(super) fn release(&mut self, release: &Release, lock: &str) {
        self.json(release_path(&release.id), release);
        self.put(lock_path(&release.id), lock.as_bytes().to_vec());
        self.enter(Action::Record, &release.id, None);
    }

    fn put(&mut self, path: String, bytes: Vec<u8>) {
        self.files.push((path, Some(bytes)));
    }

    fn json(&mut self, path: String, value: &impl Serialize) {
        let text = serde_json::to_string_pretty(value);
        let text = text.expect("the log's values are plain data with texts as keys");
        self.put(path, format!("{text}\n").into_bytes());
    }

    fn enter(&mut self, action: Action, release: &ReleaseId, channel: Option<&Switch>) {
        let entry = Entry {
            entry: self.stamp.entry.clone(),
            at: self.stamp.at,
            by: self.stamp.by.clone(),
            action,
            release: release.clone(),
            channel: channel.map(|it| it.name.clone()),
            from: channel.and_then(|it| it.from.clone()),
            back_to: self.back_to.clone(),
            reason: self.stamp.reason(),
            pipeline: self.stamp.pipeline.clone(),
        };
        let line = serde_json::to_string(&entry);
        self.history += &line.expect("an entry is plain data with texts as keys");
        self.history.push('\n');
    }

    pub(super) fn switch(
        &mut self,
        action: Action,
        name: &ChannelName,
        id: &ReleaseId,
    ) -> Result<Switch, ReleaseError> {
        if let Some(entry) = self.arrived(action)? {
            let (name, from) = (name.clone(), entry.from);
            return Ok(Switch { name, from });
        }
        let held = self.log.channel(name)?.map(|channel| channel.release);
        let switch = Switch {
            name: name.clone(),
            from: held,
        };
        if switch.from.as_ref() == Some(id) {
            return Ok(switch);
        }
        let channel = Channel {
            format: FORMAT,
            release: id.clone(),
            at: self.stamp.at,
            by: self.stamp.by.clone(),
            reason: self.stamp.reason(),
        };
        self.json(channel_path(name), &channel);
        self.enter(action, id, Some(&switch));
        Ok(switch)
    }

    pub(super) fn finish(
        mut self,
        release: ReleaseId,
        recorded: bool,
        channel: Option<Switch>,
    ) -> Edit {
        self.files.extend(append(self.log, &self.history));
        let mut message = match (recorded, &channel) {
            (true, Some(it)) => format!("Record {release} on {}", it.name),
            (true, None) => format!("Record {release}"),
            (false, Some(it)) => format!("Set {} to {release}", it.name),
            (false, None) => format!("Keep {release}"),
        };
        message += &trailer(self.stamp);
        Edit {
            files: self.files,
            message,
            outcome: WriteOutcome {
                release,
                recorded,
                channel,
            },
        }
    }
}

/// The files that change when these lines come to the history: none for no lines.
pub(super) fn append(log: &LogFiles, lines: &str) -> Vec<(String, Option<Vec<u8>>)> {
    if lines.is_empty() {
        return Vec::new();
    }
    let mut history = log.file(HISTORY).unwrap_or_default().to_vec();
    if history.last().is_some_and(|byte| *byte != b'\n') {
        history.push(b'\n');
    }
    history.extend(lines.bytes());
    let mut files = vec![(HISTORY.to_owned(), Some(history))];
    if log.file("README.md").is_none() {
        let readme = README.as_bytes().to_vec();
        files.push(("README.md".to_owned(), Some(readme)));
    }
    files
}

/// What stands below the first line of a commit's message.
pub(super) fn trailer(stamp: &Stamp) -> String {
    let pipeline = stamp.pipeline.as_ref().map(ToString::to_string);
    let lines = stamp.reason().into_iter().chain(pipeline);
    lines.map(|line| format!("\n\n{line}")).collect::<String>() + "\n"
}
