//! What stands in the log: releases, channels, entries of the history, as JSON with a version of its format.
//!
//! Refuses to hold credentials: URLs lose theirs, and free texts pass [`scrub`](pannier_base::secret::scrub).

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lock::model::Artifact;
use crate::lock::model::Lock;
use crate::lock::model::LockedData;
use crate::lock::model::LockedPackage;
use crate::lock::model::LockedSource;
use pannier_base::digest::Digest;
use pannier_base::secret::scrub;
use pannier_base::url::SafeUrl;

use super::names::{ChannelName, ReleaseId};

/// Version of the formats of the log.
pub const FORMAT: u32 = 1;

/// Who writes, when and why. One value for all tries of one writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// When.
    pub at: Timestamp,
    /// Who: a login.
    pub by: String,
    /// The mail address for the commit.
    pub mail: String,
    /// Why, if anybody said.
    pub reason: Option<String>,
    /// The pipeline that does it.
    pub pipeline: Option<SafeUrl>,
    /// A text that no other writing has: by it a try that did arrive is known again.
    pub entry: String,
}

impl Stamp {
    /// The reason as it is stored: one line, without credentials.
    pub(super) fn reason(&self) -> Option<String> {
        let reason = self.reason.as_deref().map(scrub)?;
        let line = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        (!line.is_empty()).then_some(line)
    }

    /// The pipeline's URL as records have it.
    pub(crate) fn pipeline(&self) -> Option<String> {
        let pipeline = self.pipeline.as_ref()?;
        Some(pipeline.without_credentials().to_string())
    }
}

/// A recorded lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Release {
    /// Version of this format.
    pub format: u32,
    /// Its name.
    pub id: ReleaseId,
    /// When it was recorded.
    #[serde(with = "time")]
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Who recorded it.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The pipeline that recorded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub pipeline: Option<SafeUrl>,
    /// What it goes back to, when it is a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_to: Option<BackTo>,
    /// Digest of the lock file that lies beside it.
    #[schemars(with = "String")]
    pub lock: Digest,
    /// Digest of the constraints that the lock was made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub constraints: Option<Digest>,
    /// Packages, as the lock has them.
    pub packages: Vec<Recorded>,
    /// Data projects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<Recorded>,
    /// Tarballs that were made from the lock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tarballs: Vec<Tarball>,
}

/// One package or data project of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Recorded {
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its git repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub repository: Option<SafeUrl>,
    /// Its commit there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The folder that it is, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// SHA-256 of its files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub sha256: Vec<Digest>,
}

/// A tarball of a release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Tarball {
    /// File name.
    pub name: String,
    /// Of the file.
    #[schemars(with = "String")]
    pub sha256: Digest,
    /// Length in bytes.
    pub size: u64,
}

/// What a rollback goes back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackTo {
    /// The earlier release.
    pub release: ReleaseId,
    /// The projects that went back; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
}

/// What a channel holds now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Channel {
    /// Version of this format.
    pub format: u32,
    /// The release.
    pub release: ReleaseId,
    /// Since when.
    #[serde(with = "time")]
    pub at: Timestamp,
    /// Who did it.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What an entry of the history tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// A release was recorded.
    Record,
    /// A channel was set to a release.
    Promote,
    /// A channel was set back to an earlier release.
    Rollback,
}

/// One line of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// What no other writing has.
    pub entry: String,
    /// When.
    #[serde(with = "time")]
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What.
    pub action: Action,
    /// Of which release.
    pub release: ReleaseId,
    /// On which channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelName>,
    /// What the channel held before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<ReleaseId>,
    /// What a rollback goes back to: the release itself is one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_to: Option<BackTo>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The pipeline that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub pipeline: Option<SafeUrl>,
}

impl Release {
    /// The release of a lock, under a name.
    #[must_use]
    pub fn new(
        id: ReleaseId,
        lock: &Lock,
        digest: Digest,
        tarballs: &[Tarball],
        stamp: &Stamp,
    ) -> Self {
        let mut tarballs = tarballs.to_vec();
        tarballs.sort();
        Self {
            format: FORMAT,
            id,
            at: stamp.at,
            by: stamp.by.clone(),
            reason: stamp.reason(),
            pipeline: stamp.pipeline.as_ref().map(SafeUrl::without_credentials),
            back_to: None,
            lock: digest,
            constraints: lock.pannier.constraints,
            packages: lock.packages.iter().map(package).collect(),
            data: lock
                .pannier
                .data
                .iter()
                .map(|(name, data)| project(name.as_str(), data))
                .collect(),
            tarballs,
        }
    }
}

fn package(package: &LockedPackage) -> Recorded {
    let recorded = Recorded {
        name: package.name.to_string(),
        version: package.version.as_ref().map(ToString::to_string),
        ..Recorded::default()
    };
    let digests = |files: &[Artifact]| files.iter().map(|file| file.sha256).collect();
    match &package.source {
        LockedSource::Index { sdist, wheels } => {
            let mut sha256: Vec<Digest> = digests(wheels);
            sha256.extend(sdist.iter().map(|file| file.sha256));
            Recorded { sha256, ..recorded }
        }
        LockedSource::Git {
            repository, commit, ..
        } => Recorded {
            repository: Some(repository.without_credentials()),
            commit: Some(commit.clone()),
            ..recorded
        },
        LockedSource::Directory { path } => Recorded {
            folder: Some(path.clone()),
            ..recorded
        },
        LockedSource::Archive { artifact, .. } => Recorded {
            sha256: vec![artifact.sha256],
            ..recorded
        },
    }
}

fn project(name: &str, data: &LockedData) -> Recorded {
    let recorded = Recorded {
        name: name.to_owned(),
        ..Recorded::default()
    };
    match data {
        LockedData::Git { url, commit_id, .. } => Recorded {
            repository: Some(url.without_credentials()),
            commit: Some(commit_id.clone()),
            ..recorded
        },
        LockedData::Directory { path } => Recorded {
            folder: Some(path.clone()),
            ..recorded
        },
    }
}

/// Times as RFC 3339 has them, in UTC and seconds.
pub(super) mod time {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(in super::super) fn serialize<S: Serializer>(
        time: &Timestamp,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_str(&time.strftime("%Y-%m-%dT%H:%M:%SZ"))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// A change of the log, and what is true after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit<O = WriteOutcome> {
    /// Files and what they hold from now on. Empty: the log says it already.
    pub files: Vec<(String, Option<Vec<u8>>)>,
    /// The commit's message.
    pub message: String,
    /// What is true afterwards.
    pub outcome: O,
}

/// What is true after a writing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WriteOutcome {
    /// The release that it is about.
    pub release: ReleaseId,
    /// Whether this writing recorded it; else it was there.
    pub recorded: bool,
    /// The channel that it is on.
    pub channel: Option<Switch>,
}

/// A channel that was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Switch {
    /// Its name.
    pub name: ChannelName,
    /// What it held before; the same release when nothing changed.
    pub from: Option<ReleaseId>,
}
