//! How it is told that the release log and the production branches differ: warnings, and the same in JSON.

use serde::Serialize;

use pannier_core::deploy::Compared;
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
        match compared {
            Ok(compared) => Self::tell(&compared, false, context),
            Err(error) => {
                let message =
                    format!("the release log cannot be compared with the branches: {error}");
                context.reporter().warn(message, None);
                Self::default()
            }
        }
    }

    /// Warns of what was found; `recorded`: whether the log has it by now.
    pub(super) fn tell(compared: &Compared, recorded: bool, context: &Context) -> Self {
        for gap in &compared.gaps {
            let hint = (!recorded).then(|| {
                format!(
                    "the next deployment, rollback or release command that writes records it; to record only this, run \
                    `pannier deploy {}@{}`",
                    gap.project, gap.branch
                )
            });
            context.reporter().warn(told(gap, recorded), hint);
        }
        let unread = compared.unread.iter().map(|(branch, reason)| Unread {
            project: branch.project.clone(),
            branch: branch.branch.clone(),
            reason: reason.clone(),
        });
        let unread: Vec<Unread> = unread.collect();
        if let Some(first) = unread.first() {
            let mut names: Vec<&str> = unread.iter().map(|it| it.project.as_str()).collect();
            names.dedup();
            let message = format!(
                "the release log cannot be compared with the branches of {}: {}",
                names.join(", "),
                first.reason
            );
            context.reporter().warn(message, None);
        }
        Self {
            recorded: (!compared.gaps.is_empty()).then_some(recorded),
            gaps: compared.gaps.clone(),
            unread,
        }
    }
}

fn told(gap: &Gap, recorded: bool) -> String {
    let short = |commit: &str| commit.get(..8).unwrap_or(commit).to_owned();
    let place = |commit: &Option<String>| commit.as_deref().map_or("no branch".to_owned(), short);
    let (project, branch) = (&gap.project, &gap.branch);
    let mut text = match gap.logged == gap.now {
        true => format!("`{branch}` of {project} was moved without an entry in the release log"),
        false => format!(
            "`{branch}` of {project} is at {}, and the release log had it at {}",
            place(&gap.now),
            place(&gap.logged)
        ),
    };
    if !gap.through.is_empty() {
        let through: Vec<String> = gap.through.iter().map(|it| short(it)).collect();
        text += &format!(" (in between: {})", through.join(", "));
    }
    if let Some(who) = &gap.pushed_by {
        text += &format!("; pushed by {who}");
    }
    if recorded {
        text += "; recorded now";
    }
    text
}
