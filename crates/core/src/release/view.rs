//! The release log as people read it: a list with what moved from release to release, and the difference of two.

use jiff::Timestamp;
use pannier_base::digest::Digest;
use pannier_base::url::SafeUrl;
use schemars::JsonSchema;
use serde::Serialize;

use crate::lock::diff::Change;
use crate::lock::diff::diff;

use super::error::ReleaseError;
use super::log_files::LogFiles;
use super::model::time;
use super::names::{ChannelName, ReleaseId};

/// One release in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ListedRelease {
    /// Its name.
    pub id: ReleaseId,
    /// When it was recorded.
    #[serde(with = "time")]
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// Who recorded it.
    pub by: String,
    /// The channels that hold it now.
    pub channels: Vec<ChannelName>,
    /// Why it was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The pipeline that recorded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub pipeline: Option<SafeUrl>,
    /// Digest of its lock.
    #[schemars(with = "String")]
    pub lock: Digest,
    /// How many packages it has.
    pub packages: usize,
    /// How many data projects it has.
    pub data: usize,
    /// What changed since the release before it; `null` for the first release.
    pub moved: Option<Vec<String>>,
}

impl ListedRelease {
    /// How long ago it was recorded, in the largest unit: `3 h`, `12 d`.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> String {
        let seconds = (now.as_second() - self.at.as_second()).max(0);
        match seconds {
            0..60 => format!("{seconds} s"),
            60..3600 => format!("{} min", seconds / 60),
            3600..172_800 => format!("{} h", seconds / 3600),
            _ => format!("{} d", seconds / 86_400),
        }
    }
}

/// The newest `limit` releases, the newest first.
///
/// # Errors
/// [`ReleaseError`] names the file of the log that cannot be read.
pub fn list(log: &LogFiles, limit: usize) -> Result<Vec<ListedRelease>, ReleaseError> {
    let ids = log.in_order()?;
    let mut held = Vec::new();
    for name in log.channels() {
        if let Some(channel) = log.channel(&name)? {
            held.push((name, channel.release));
        }
    }
    let mut listed = Vec::new();
    for (place, id) in ids.iter().enumerate().rev().take(limit) {
        let before = place.checked_sub(1).and_then(|place| ids.get(place));
        let moved = before.map(|before| compare(log, before, id)).transpose()?;
        let on = held.iter().filter(|(_, release)| release == id);
        let release = log.release(id)?;
        listed.push(ListedRelease {
            channels: on.map(|(name, _)| name.clone()).collect(),
            packages: release.packages.len(),
            data: release.data.len(),
            moved: moved.map(|moved| moved.iter().map(ToString::to_string).collect()),
            id: release.id,
            at: release.at,
            by: release.by,
            reason: release.reason,
            pipeline: release.pipeline,
            lock: release.lock,
        });
    }
    Ok(listed)
}

/// What changed from one release to another.
///
/// # Errors
/// [`ReleaseError`] when one of them is not there or its lock cannot be read.
pub fn compare(
    log: &LogFiles,
    before: &ReleaseId,
    after: &ReleaseId,
) -> Result<Vec<Change>, ReleaseError> {
    let lock = |id| log.lock(&log.release(id)?).map(|(_, lock)| lock);
    Ok(diff(&lock(before)?, &lock(after)?))
}
