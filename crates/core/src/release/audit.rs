//! The audit records of a change of the release log. The log's own history has the same for good.

use pannier_base::url::SafeUrl;

use super::model::{Stamp, WriteOutcome};
use super::names::ChannelName;
use crate::audit::{LogChange, Record, utc};

/// The records of a change of the log on `branch` of `repository`; none when the log had all of it already.
#[must_use]
pub fn audit_records(
    outcome: &WriteOutcome,
    repository: &SafeUrl,
    branch: &str,
    stamp: &Stamp,
) -> Vec<Record> {
    let change = |channel: Option<&ChannelName>, from: Option<String>| LogChange {
        at: utc(stamp.at),
        actor: stamp.by.clone(),
        project: repository.without_credentials().to_string(),
        branch: branch.to_owned(),
        channel: channel.map(ToString::to_string),
        from,
        to: outcome.release.to_string(),
        reason: stamp.reason(),
        pipeline: stamp.pipeline(),
    };
    let recorded = outcome.recorded.then(|| Record::Record(change(None, None)));
    let changed = outcome
        .channel
        .as_ref()
        .filter(|switch| switch.from.as_ref() != Some(&outcome.release));
    let switched = changed.map(|switch| {
        let from = switch.from.as_ref().map(ToString::to_string);
        Record::Channel(change(Some(&switch.name), from))
    });
    recorded.into_iter().chain(switched).collect()
}
