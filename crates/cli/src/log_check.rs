//! How it is told that the release log and the production branches differ: warnings, and the same in JSON.

use serde::Serialize;

use pannier_core::deploy::{self, Compared};
use pannier_core::release::{Gap, ReleaseError};

use super::context::Context;

/// What `--format json` has of it, beside the rest.
#[derive(Debug, Default, Serialize)]
pub(super) struct LogCheck {
    /// Branches of which the release log did not tell everything.
    #[serde(rename = "log_gaps", skip_serializing_if = "Vec::is_empty")]
    gaps: Vec<Gap>,
    /// Whether this command has recorded them.
    #[serde(rename = "log_gaps_recorded", skip_serializing_if = "Option::is_none")]
    recorded: Option<bool>,
    /// Branches that could not be compared with it.
    #[serde(rename = "log_not_compared", skip_serializing_if = "Vec::is_empty")]
    unread: Vec<Unread>,
}

#[derive(Debug, Serialize)]
struct Unread {
    project: String,
    branch: String,
    reason: String,
}

impl LogCheck {
    /// Warns of what a command that only reads has found. A history that cannot be read is a warning, too: what else the log
    /// holds may be all that is needed.
    pub(super) fn read_only(compared: Result<Compared, ReleaseError>, context: &Context) -> Self {
        deploy::warn_of_gaps(&compared, context.reporter());
        compared.map_or_else(|_| Self::default(), |it| Self::of(&it, false))
    }

    /// Warns of what was found; `recorded`: whether the log has it by now.
    pub(super) fn tell(compared: &Compared, recorded: bool, context: &Context) -> Self {
        compared.warn(recorded, context.reporter());
        Self::of(compared, recorded)
    }

    fn of(compared: &Compared, recorded: bool) -> Self {
        let unread = compared.unread.iter().map(|(branch, reason)| Unread {
            project: branch.project.clone(),
            branch: branch.branch.clone(),
            reason: reason.clone(),
        });
        Self {
            recorded: (!compared.gaps.is_empty()).then_some(recorded),
            gaps: compared.gaps.clone(),
            unread: unread.collect(),
        }
    }
}
