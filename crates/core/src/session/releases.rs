//! Releases: record, promote, publish, fetch, list, show, compare.

use std::path::PathBuf;

use pannier_archive::limited;
use pannier_base::digest::Digest;
use pannier_clients::gitlab::ProjectRef;
use schemars::JsonSchema;
use serde::Serialize;

use super::Session;
use super::log::{Checked, LogCheck};
use super::setup::LogPlace;
use crate::lock::diff::diff;
use crate::lock::model::Lock;
use crate::release::{
    self, Action, Carried, ChannelName, Entry, ListedRelease, LogFiles, Registry, Release,
    ReleaseError, ReleaseId, Stamp, WriteOutcome,
};

/// The release to record.
#[derive(Debug, Clone)]
pub struct RecordOptions {
    /// The lock.
    pub lock: PathBuf,
    /// Folder with the tarballs that were made from it.
    pub tarballs: Option<PathBuf>,
    /// Set this channel to the release.
    pub channel: Option<ChannelName>,
    /// Why.
    pub reason: Option<String>,
}

/// The release to set a channel to.
#[derive(Debug, Clone)]
pub struct PromoteOptions {
    /// The release: its name or the beginning of it, a channel, `latest` or `previous`.
    pub release: String,
    /// The channel.
    pub channel: ChannelName,
    /// Why.
    pub reason: Option<String>,
}

/// The release whose tarballs to publish.
#[derive(Debug, Clone)]
pub struct PublishOptions {
    /// The release; `None`: the newest one that was recorded with the tarballs of the folder.
    pub release: Option<String>,
    /// The channel whose `previous` is meant.
    pub channel: ChannelName,
    /// The project that has the registry, by number or path; `None`: the project of the release log.
    pub project: Option<String>,
    /// Folder with the tarballs.
    pub tarballs: PathBuf,
    /// Why; goes into the release log if something is recorded there.
    pub reason: Option<String>,
}

/// The release whose tarballs to fetch.
#[derive(Debug, Clone)]
pub struct FetchOptions {
    /// The release.
    pub release: String,
    /// The channel whose `previous` is meant.
    pub channel: ChannelName,
    /// The project that has the registry, by number or path; `None`: the project of the release log.
    pub project: Option<String>,
    /// The images whose tarballs to fetch; empty means all.
    pub images: Vec<String>,
    /// Folder for the tarballs.
    pub output: PathBuf,
}

/// The releases to list.
#[derive(Debug, Clone, Copy)]
pub struct ListOptions {
    /// How many.
    pub limit: usize,
}

/// The release to show.
#[derive(Debug, Clone)]
pub struct ShowOptions {
    /// The release.
    pub release: String,
    /// The channel whose `previous` is meant.
    pub channel: ChannelName,
    /// Whether to read its lock.
    pub lock: bool,
}

/// The releases to compare.
#[derive(Debug, Clone)]
pub struct DiffOptions {
    /// The release to start from.
    pub before: String,
    /// What to compare with it.
    pub after: DiffSide,
    /// The channel whose `previous` is meant.
    pub channel: ChannelName,
}

/// What a release is compared with.
#[derive(Debug, Clone)]
pub enum DiffSide {
    /// Another release.
    Release(String),
    /// A lock.
    Lock {
        /// Its name in the report.
        name: String,
        /// The lock.
        lock: Box<Lock>,
    },
}

/// What was written into the release log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WriteReport {
    /// What is true now.
    #[serde(flatten)]
    pub outcome: WriteOutcome,
    /// How the log differed from the branches.
    #[serde(flatten)]
    pub log: LogCheck,
}

/// Tarballs that were published or fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TransferReport {
    /// The release.
    pub release: ReleaseId,
    /// The project that has the registry.
    pub project: String,
    /// The tarballs.
    pub tarballs: Vec<Carried>,
    /// How the log differs from the branches.
    #[serde(flatten)]
    pub log: LogCheck,
}

/// The newest releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ListReport {
    /// The releases, the newest first.
    pub releases: Vec<ListedRelease>,
    /// How the log differs from the branches.
    #[serde(flatten)]
    pub log: LogCheck,
}

/// One release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ShowReport {
    /// The release.
    #[serde(flatten)]
    pub release: Release,
    /// The channels that hold it now.
    pub channels: Vec<ChannelName>,
    /// What happened to it.
    pub history: Vec<Entry>,
    /// How the log differs from the branches.
    #[serde(flatten)]
    pub log: LogCheck,
    /// The text of its lock, if it was to be read.
    #[serde(skip)]
    pub lock: Option<String>,
}

/// What changed from one release to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DiffReport {
    /// The release to start from.
    pub before: String,
    /// The release or lock that was compared with it.
    pub after: String,
    /// One line per change.
    pub changes: Vec<String>,
    /// How the log differs from the branches.
    #[serde(flatten)]
    pub log: LogCheck,
}

impl Session<'_> {
    /// Records a lock as a release, and sets a channel to it if one is named.
    ///
    /// # Errors
    /// [`ReleaseError`].
    pub fn release_record(&self, options: &RecordOptions) -> Result<WriteReport, ReleaseError> {
        let log = self.release_log()?;
        let text = limited::read_text(&options.lock, limited::LOCK);
        let text = text.map_err(|source| ReleaseError::NoLock {
            path: options.lock.clone(),
            source,
        })?;
        let tarballs = match &options.tarballs {
            Some(folder) => release::gather(folder, &Digest::of(text.as_bytes()))?,
            None => Vec::new(),
        };
        let stamp = self.run.stamp(options.reason.as_deref());
        let Checked { check, .. } = log.caught_up(&stamp)?;
        let channel = options.channel.as_ref();
        let outcome = log.write(&stamp, |files| {
            release::record(files, &text, &tarballs, channel, &stamp)
        })?;
        self.audit_change(log.place(), &outcome, &stamp);
        Ok(WriteReport {
            outcome,
            log: check,
        })
    }

    /// Sets a channel to a release. Moves no branch of any project.
    ///
    /// # Errors
    /// [`ReleaseError`].
    pub fn release_promote(&self, options: &PromoteOptions) -> Result<WriteReport, ReleaseError> {
        let log = self.release_log()?;
        let channel = &options.channel;
        let stamp = self.run.stamp(options.reason.as_deref());
        let Checked { log: files, check } = log.caught_up(&stamp)?;
        // What was meant when the command was given holds for all tries, whoever promotes meanwhile.
        let id = files.find(&options.release, channel)?;
        let outcome = log.write(&stamp, |files| {
            release::promote(files, &id, channel, Action::Promote, &stamp)
        })?;
        self.audit_change(log.place(), &outcome, &stamp);
        Ok(WriteReport {
            outcome,
            log: check,
        })
    }

    /// Uploads the tarballs of a release to the package registry. Those that are there already are not sent again.
    ///
    /// # Errors
    /// [`ReleaseError`].
    pub fn release_publish(
        &self,
        options: &PublishOptions,
    ) -> Result<TransferReport, ReleaseError> {
        let log = self.release_log()?;
        let registry = self.registry(log.place(), options.project.as_deref())?;
        let stamp = self.run.stamp(options.reason.as_deref());
        let Checked { log: files, check } = log.caught_up(&stamp)?;
        let folder = &options.tarballs;
        let release = match &options.release {
            Some(text) => files.release(&files.find(text, &options.channel)?)?,
            None => {
                let found = files.holding(&release::gather_any(folder)?)?;
                found.ok_or_else(|| ReleaseError::Unrecorded {
                    folder: folder.clone(),
                })?
            }
        };
        Ok(TransferReport {
            tarballs: release::publish(&registry, &release, folder)?,
            project: registry.project.to_string(),
            release: release.id,
            log: check,
        })
    }

    /// Fetches the tarballs of a release from the package registry, and verifies each against the release log.
    ///
    /// # Errors
    /// [`ReleaseError`].
    pub fn release_fetch(&self, options: &FetchOptions) -> Result<TransferReport, ReleaseError> {
        let log = self.release_log()?;
        let registry = self.registry(log.place(), options.project.as_deref())?;
        let Checked { log: files, check } = log.compared()?;
        let release = files.release(&files.find(&options.release, &options.channel)?)?;
        let (images, folder) = (&options.images, &options.output);
        Ok(TransferReport {
            tarballs: release::fetch(&registry, &release, images, folder, self.reporter())?,
            project: registry.project.to_string(),
            release: release.id,
            log: check,
        })
    }

    /// Lists the newest releases.
    ///
    /// # Errors
    /// [`ReleaseError`].
    pub fn release_list(&self, options: &ListOptions) -> Result<ListReport, ReleaseError> {
        let Checked { log: files, check } = self.release_log()?.compared()?;
        Ok(ListReport {
            releases: release::list(&files, options.limit)?,
            log: check,
        })
    }

    /// Shows a release.
    ///
    /// # Errors
    /// [`ReleaseError`].
    pub fn release_show(&self, options: &ShowOptions) -> Result<ShowReport, ReleaseError> {
        let Checked { log: files, check } = self.release_log()?.compared()?;
        let id = files.find(&options.release, &options.channel)?;
        let mut channels = Vec::new();
        for name in files.channels() {
            if files.channel(&name)?.is_some_and(|held| held.release == id) {
                channels.push(name);
            }
        }
        let history = files.history()?.into_iter();
        let history = history.filter(|entry| entry.release == id).collect();
        let release = files.release(&id)?;
        let lock = options.lock.then(|| files.lock(&release)).transpose()?;
        Ok(ShowReport {
            release,
            channels,
            history,
            log: check,
            lock: lock.map(|(text, _)| text),
        })
    }

    /// Compares a release with another one or with a lock.
    ///
    /// # Errors
    /// [`ReleaseError`].
    pub fn release_diff(&self, options: &DiffOptions) -> Result<DiffReport, ReleaseError> {
        let Checked { log: files, check } = self.release_log()?.compared()?;
        let before = named(&files, &options.before, &options.channel)?;
        let after = match &options.after {
            DiffSide::Release(text) => named(&files, text, &options.channel)?,
            DiffSide::Lock { name, lock } => Named {
                name: name.clone(),
                lock: (**lock).clone(),
            },
        };
        let changes = diff(&before.lock, &after.lock);
        Ok(DiffReport {
            before: before.name,
            after: after.name,
            changes: changes.iter().map(ToString::to_string).collect(),
            log: check,
        })
    }

    /// Writes a change of the release log into the audit log.
    pub(super) fn audit_change(&self, place: &LogPlace, outcome: &WriteOutcome, stamp: &Stamp) {
        for record in release::audit_records(outcome, &place.repository, &place.branch, stamp) {
            self.audit.write(&record);
        }
    }

    /// The package registry of a project, of the release log's own unless one is named.
    fn registry(
        &self,
        place: &LogPlace,
        named: Option<&str>,
    ) -> Result<Registry<'_>, ReleaseError> {
        let gitlab = self.gitlab.as_ref().ok_or(ReleaseError::NoGitlab)?;
        let project = named.map(ProjectRef::parse);
        let project = project.or_else(|| gitlab.project_at(&place.repository));
        let project = project.ok_or(ReleaseError::NoProject)?;
        Ok(Registry { gitlab, project })
    }
}

/// A lock and what it is called.
struct Named {
    name: String,
    lock: Lock,
}

/// The release that a text means, and its lock.
fn named(files: &LogFiles, text: &str, channel: &ChannelName) -> Result<Named, ReleaseError> {
    let id = files.find(text, channel)?;
    let (_, lock) = files.lock(&files.release(&id)?)?;
    Ok(Named {
        name: id.to_string(),
        lock,
    })
}
