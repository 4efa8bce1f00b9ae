//! The book as people look at it: a list with what moved from release to release, and the difference of two.

use jiff::Timestamp;

use crate::lock::diff::Change;
use crate::lock::diff::diff;

use super::book::Book;
use super::error::ReleaseError;
use super::model::Release;
use super::names::{ChannelName, ReleaseId};

/// One release in the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The release.
    pub release: Release,
    /// The channels that hold it now.
    pub channels: Vec<ChannelName>,
    /// What changed since the release before it; `None` for the first one.
    pub moved: Option<Vec<Change>>,
}

impl Row {
    /// How long ago it was recorded, in the largest unit: `3 h`, `12 d`.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> String {
        let seconds = (now.as_second() - self.release.at.as_second()).max(0);
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
/// [`ReleaseError`] names the file of the book that cannot be read.
pub fn rows(book: &Book, limit: usize) -> Result<Vec<Row>, ReleaseError> {
    let ids = book.in_order()?;
    let mut held = Vec::new();
    for name in book.channels() {
        if let Some(channel) = book.channel(&name)? {
            held.push((name, channel.release));
        }
    }
    let mut rows = Vec::new();
    for (place, id) in ids.iter().enumerate().rev().take(limit) {
        let before = place.checked_sub(1).and_then(|place| ids.get(place));
        let on = held.iter().filter(|(_, release)| release == id);
        rows.push(Row {
            release: book.release(id)?,
            channels: on.map(|(name, _)| name.clone()).collect(),
            moved: before.map(|before| compare(book, before, id)).transpose()?,
        });
    }
    Ok(rows)
}

/// What changed from one release to another.
///
/// # Errors
/// [`ReleaseError`] when one of them is not there or its lock cannot be read.
pub fn compare(
    book: &Book,
    before: &ReleaseId,
    after: &ReleaseId,
) -> Result<Vec<Change>, ReleaseError> {
    let lock = |id| book.lock(&book.release(id)?).map(|(_, lock)| lock);
    Ok(diff(&lock(before)?, &lock(after)?))
}
