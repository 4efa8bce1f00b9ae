//! The trail of the book: one line of JSON for each thing that a writing changed, for the log. The book's own history has the
//! same for good.
//!
//! Refuses to hold credentials: URLs lose theirs, and the reason passes [`scrub`](pannier_base::secret::scrub).

use serde::Serialize;

use super::model::{Outcome, Stamp};
use super::names::{ChannelName, ReleaseId};
use pannier_base::url::SafeUrl;

/// One change of the book, as the log has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BookLine {
    /// What sort of line it is: `record` of a release, or `channel` that was set to one.
    pub audit: &'static str,
    /// When, UTC (RFC 3339).
    pub at: String,
    /// Who.
    pub actor: String,
    /// The repository of the book.
    pub project: String,
    /// The branch of the book.
    pub branch: String,
    /// The channel that was set.
    pub channel: Option<ChannelName>,
    /// The release that the channel held before.
    pub from: Option<ReleaseId>,
    /// The release.
    pub to: ReleaseId,
    /// Why, if anybody said.
    pub reason: Option<String>,
    /// The pipeline that did it.
    pub pipeline: Option<String>,
}

/// The lines of a writing of the book on `branch` of `repository`; none when the book said all of it already.
#[must_use]
pub fn trail(
    outcome: &Outcome,
    repository: &SafeUrl,
    branch: &str,
    stamp: &Stamp,
) -> Vec<BookLine> {
    let line = |audit, channel: Option<ChannelName>, from: Option<ReleaseId>| BookLine {
        audit,
        at: stamp.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        actor: stamp.by.clone(),
        project: repository.without_credentials().to_string(),
        branch: branch.to_owned(),
        channel,
        from,
        to: outcome.release.clone(),
        reason: stamp.reason(),
        pipeline: stamp
            .pipeline
            .as_ref()
            .map(|it| it.without_credentials().to_string()),
    };
    let recorded = outcome.recorded.then(|| line("record", None, None));
    let changed = outcome
        .channel
        .as_ref()
        .filter(|switch| switch.from.as_ref() != Some(&outcome.release));
    let switched =
        changed.map(|switch| line("channel", Some(switch.name.clone()), switch.from.clone()));
    recorded.into_iter().chain(switched).collect()
}
