//! Warnings where the release log and the production branches differ.

use pannier_base::event::Reporter;

use super::gaps::Compared;
use crate::release::{Gap, ReleaseError};

/// Warns of what a command that only reads has found. A history that cannot be read is a warning too: the rest of the log may be
/// all that is needed.
pub fn warn_of_gaps(compared: &Result<Compared, ReleaseError>, reporter: &dyn Reporter) {
    match compared {
        Ok(compared) => compared.warn(false, reporter),
        Err(error) => {
            let message = format!("the release log cannot be compared with the branches: {error}");
            reporter.warn(message, None);
        }
    }
}

impl Compared {
    /// Warns of every gap; `recorded`: whether the log has it by now.
    pub fn warn(&self, recorded: bool, reporter: &dyn Reporter) {
        for gap in &self.gaps {
            let hint = (!recorded).then(|| {
                format!(
                    "the next deployment, rollback or release command that writes records it; to do only that, run \
                     `pannier deploy {}@{}`",
                    gap.project, gap.branch
                )
            });
            reporter.warn(text(gap, recorded), hint);
        }
        let Some((_, reason)) = self.unread.first() else {
            return;
        };
        let unread = self.unread.iter();
        let mut names: Vec<&str> = unread.map(|(it, _)| it.project.as_str()).collect();
        names.dedup();
        let message = format!(
            "the release log cannot be compared with the branches of {}: {reason}",
            names.join(", ")
        );
        reporter.warn(message, None);
    }
}

fn text(gap: &Gap, recorded: bool) -> String {
    let short = |commit: &str| commit.get(..8).unwrap_or(commit).to_owned();
    let place = |commit: &Option<String>| commit.as_deref().map_or("no branch".to_owned(), short);
    let (project, branch) = (&gap.project, &gap.branch);
    let mut text = if gap.logged == gap.now {
        format!("`{branch}` of {project} was moved without an entry in the release log")
    } else {
        format!(
            "`{branch}` of {project} is at {}, and the release log had it at {}",
            place(&gap.now),
            place(&gap.logged)
        )
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
