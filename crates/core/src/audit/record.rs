//! The records of the audit log, as JSON has them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// One record. `audit` names its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "audit", rename_all = "lowercase")]
pub enum Record {
    /// A push to a production branch, whatever came of it.
    Branch(Push),
    /// A release was recorded.
    Record(LogChange),
    /// A channel was set to a release.
    Channel(LogChange),
}

/// One push. Commits have 40 hexadecimal digits; `null` is no branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Push {
    /// When, UTC (RFC 3339).
    pub at: String,
    /// Who.
    pub actor: String,
    /// What people call the project.
    pub project: String,
    /// Its repository.
    pub repository: String,
    /// The branch.
    pub branch: String,
    /// Where the branch was.
    pub from: Option<String>,
    /// Where it was to be.
    pub to: Option<String>,
    /// The kind of move; `undo` moves the branch back.
    pub kind: &'static str,
    /// What came of it: `moved`, `there already`, `overtaken`, `refused`, `unknown`.
    pub outcome: &'static str,
    /// Why, if a reason was given.
    pub reason: Option<String>,
    /// The pipeline that did it.
    pub pipeline: Option<String>,
}

/// One change of the release log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LogChange {
    /// When, UTC (RFC 3339).
    pub at: String,
    /// Who.
    pub actor: String,
    /// The repository of the log.
    pub project: String,
    /// The branch of the log.
    pub branch: String,
    /// The channel that was set.
    pub channel: Option<String>,
    /// The release that the channel held before.
    pub from: Option<String>,
    /// The release.
    pub to: String,
    /// Why, if a reason was given.
    pub reason: Option<String>,
    /// The pipeline that did it.
    pub pipeline: Option<String>,
}

/// A time as records have it: UTC (RFC 3339), in seconds.
#[must_use]
pub fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
