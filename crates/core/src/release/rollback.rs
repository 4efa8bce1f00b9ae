//! A rollback in the log: a release of its own, which says what it goes back to.
//!
//! Going back as a whole it holds the lock of the earlier release; going back with some projects only it holds what the channel
//! held, with these projects as they were. Pure. Refuses to choose versions: what is not named stays as it is.

use crate::lock::model::Lock;
use crate::lock::model::LockedData;
use crate::lock::model::LockedSource;
use crate::lock::pylock;

use super::edit::{Draft, made, of_production};
use super::error::ReleaseError;
use super::log_files::LogFiles;
use super::model::{Action, BackTo, Edit, Stamp, Switch};
use super::names::{ChannelName, ReleaseId};

/// Writes down that a channel went back to an earlier release. What the channel holds already, or has gone back to already, is
/// not written twice: a job that is run again changes nothing.
///
/// # Errors
/// [`ReleaseError`] when a release is not there or the log cannot be read.
pub fn rolled_back(
    log: &LogFiles,
    back: &BackTo,
    channel: &ChannelName,
    stamp: &Stamp,
) -> Result<Edit, ReleaseError> {
    let mut draft = Draft::new(log, stamp);
    draft.back_to = Some(back.clone());
    let held = log.channel(channel)?.map(|channel| channel.release);
    if let Some(id) = &held {
        let there = log.release(id)?;
        let itself = back.only.is_empty() && *id == back.release;
        if itself || there.back_to.as_ref() == Some(back) {
            let arrived = draft.arrived(Action::Rollback)?;
            let from = arrived.map_or_else(|| Some(id.clone()), |entry| entry.from);
            let name = channel.clone();
            return Ok(draft.finish(id.clone(), false, Some(Switch { name, from })));
        }
    }
    let target = log.release(&back.release)?;
    let (text, earlier) = log.lock(&target)?;
    let (text, tarballs) = match (&back.only[..], &held) {
        ([], _) | (_, None) => (text, target.tarballs),
        (only, Some(id)) => {
            let (_, now) = log.lock(&log.release(id)?)?;
            (pylock::write(&mixed(now, &earlier, only)), Vec::new())
        }
    };
    let mut release = made(log, &text, &tarballs, stamp)?;
    release.back_to = Some(back.clone());
    draft.release(&release, &text);
    let switch = draft.switch(Action::Rollback, channel, &release.id)?;
    Ok(draft.finish(release.id, true, Some(switch)))
}

/// `now`, with these packages and data projects as `earlier` has them.
fn mixed(mut now: Lock, earlier: &Lock, only: &[String]) -> Lock {
    let named = |name: &str| only.iter().any(|it| it == name);
    let is_git = |source: &LockedSource| matches!(source, LockedSource::Git { .. });
    for package in &earlier.packages {
        if named(package.name.as_str()) && is_git(&package.source) {
            now.packages
                .retain(|it| it.name != package.name || !is_git(&it.source));
        }
    }
    let back = earlier.packages.iter();
    let back = back.filter(|it| named(it.name.as_str()) && is_git(&it.source));
    now.packages.extend(back.cloned());
    now.packages
        .sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    for (name, data) in &earlier.pannier.data {
        if named(name.as_str()) && matches!(data, LockedData::Git { .. }) {
            now.pannier.data.insert(name.clone(), data.clone());
        }
    }
    now
}

/// What a rollback goes back to.
#[derive(Debug, Clone)]
pub struct Goal {
    /// The release.
    pub release: ReleaseId,
    /// Its lock.
    pub lock: Lock,
}

/// The release that a rollback of `channel` goes back to: see [`LogFiles::find`] for what `text` may be. A job that
/// is run again in its pipeline means the same `previous` as before.
///
/// # Errors
/// [`ReleaseError`].
pub fn goal(
    log: &LogFiles,
    text: &str,
    channel: &ChannelName,
    stamp: &Stamp,
) -> Result<Goal, ReleaseError> {
    let held = log.channel(channel)?;
    let held = held.map(|it| log.release(&it.release)).transpose()?;
    let again = held.filter(|it| it.pipeline.is_some() && it.pipeline == stamp.pipeline);
    let id = match again.and_then(|it| it.back_to) {
        Some(back) if text == "previous" => back.release,
        _ => log.find(text, channel)?,
    };
    let (_, lock) = log.lock(&log.release(&id)?)?;
    of_production(&lock, || format!("release {id}"))?;
    Ok(Goal { release: id, lock })
}
