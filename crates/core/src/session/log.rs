//! The release log of a session: read it, compare it with the production branches, and record what it misses.

use std::error::Error as _;

use pannier_base::event::Reporter;
use pannier_clients::git::Git;
use pannier_clients::gitlab::Gitlab;
use schemars::JsonSchema;
use serde::Serialize;

use super::Session;
use super::run::Run;
use super::setup::LogPlace;
use crate::deploy::{self, BranchReader, Compared};
use crate::release::{self, Edit, Gap, GitStorage, LogFiles, ReleaseError, Stamp};

/// The release log, and the clients that reach it and the branches that it is about.
#[derive(Clone, Copy)]
pub struct ReleaseLog<'s> {
    place: &'s LogPlace,
    git: &'s Git,
    gitlab: Option<&'s Gitlab>,
    run: &'s Run<'s>,
}

/// The release log after it was compared with the production branches.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The log.
    pub log: LogFiles,
    /// What the comparison found.
    pub check: LogCheck,
}

impl Session<'_> {
    /// The configured release log. Makes no connection.
    ///
    /// # Errors
    /// [`ReleaseError::NotConfigured`].
    pub fn release_log(&self) -> Result<ReleaseLog<'_>, ReleaseError> {
        let place = self.log_place().ok_or(ReleaseError::NotConfigured)?;
        Ok(ReleaseLog {
            place,
            git: &self.git,
            gitlab: self.gitlab(),
            run: &self.run,
        })
    }
}

impl<'s> ReleaseLog<'s> {
    /// Where the log is.
    #[must_use]
    pub const fn place(&self) -> &'s LogPlace {
        self.place
    }

    /// Reads the log; empty where nothing was recorded yet.
    ///
    /// # Errors
    /// [`ReleaseError`].
    pub fn read(&self) -> Result<LogFiles, ReleaseError> {
        release::read(&self.storage())
    }

    /// Reads the log for a command that writes nothing. Warns where production branches are not where the log has them.
    ///
    /// # Errors
    /// [`ReleaseError`] when the log cannot be read. A failed comparison is a warning.
    pub fn compared(&self) -> Result<Checked, ReleaseError> {
        let log = self.read()?;
        let check = match self.compare(&log, &self.run.stamp(None)) {
            Ok(compared) => LogCheck::report(&compared, false, self.run.reporter),
            Err(error) => {
                let message =
                    format!("the release log cannot be compared with the branches: {error}");
                self.run.reporter.warn(message, None);
                LogCheck::default()
            }
        };
        Ok(Checked { log, check })
    }

    /// Reads the log for a command that writes: what was pushed to production branches without an entry is recorded first.
    /// If the log cannot be written, that is a warning: a job's token may publish tarballs all the same.
    ///
    /// # Errors
    /// [`ReleaseError`] when the log cannot be read.
    pub fn caught_up(&self, stamp: &Stamp) -> Result<Checked, ReleaseError> {
        match self.catch_up(stamp) {
            Ok(compared) => Ok(self.checked(compared, true)),
            Err(error) => {
                // What cannot be read cannot be written either.
                let compared = self.compare(&self.read()?, stamp)?;
                let checked = self.checked(compared, false);
                let message = format!("cannot update the release log: {error}");
                self.run.reporter.warn(message, None);
                Ok(checked)
            }
        }
    }

    /// Reads the log for a deployment, after what it misses was recorded; a dry run only compares. The log must not stop an
    /// urgent deployment, so a log that cannot be read or written is a warning.
    pub(super) fn for_deployment(&self, dry_run: bool, stamp: &Stamp) -> Option<Checked> {
        let compare = || self.compare(&self.read()?, stamp);
        let mut recorded = false;
        let compared = if dry_run {
            compare()
        } else {
            self.catch_up(stamp)
                .inspect(|_| recorded = true)
                .or_else(|error| {
                    self.warn("cannot be brought up to date", &error);
                    compare()
                })
        };
        match compared {
            Ok(compared) => Some(self.checked(compared, recorded)),
            Err(error) => {
                self.warn("is not searched", &error);
                None
            }
        }
    }

    /// Writes what `compute` makes of the log as it is now.
    ///
    /// # Errors
    /// [`ReleaseError`].
    pub(super) fn write<O>(
        &self,
        stamp: &Stamp,
        compute: impl Fn(&LogFiles) -> Result<Edit<O>, ReleaseError>,
    ) -> Result<O, ReleaseError> {
        release::write(&self.storage(), stamp, compute)
    }

    pub(super) fn storage(&self) -> GitStorage<'s> {
        GitStorage {
            git: self.git,
            repository: &self.place.repository,
            branch: &self.place.branch,
        }
    }

    /// Warns of a failure of the log that does not stop the run.
    pub(super) fn warn(&self, problem: &str, error: &ReleaseError) {
        let because = error.source().map(|it| format!(": {it}"));
        let because = because.unwrap_or_default();
        let message = format!("the release log {problem}: {error}{because}");
        self.run.reporter.warn(message, None);
    }

    fn reader(&self) -> BranchReader<'s> {
        BranchReader {
            git: self.git,
            gitlab: self.gitlab,
        }
    }

    fn compare(&self, log: &LogFiles, stamp: &Stamp) -> Result<Compared, ReleaseError> {
        deploy::compare(self.reader(), log, stamp)
    }

    fn catch_up(&self, stamp: &Stamp) -> Result<Compared, ReleaseError> {
        deploy::catch_up(self.reader(), &self.storage(), stamp)
    }

    fn checked(&self, compared: Compared, recorded: bool) -> Checked {
        let check = LogCheck::report(&compared, recorded, self.run.reporter);
        Checked {
            log: compared.log,
            check,
        }
    }
}

/// How the release log differs from the production branches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LogCheck {
    /// Branches that were moved without an entry in the log.
    #[serde(rename = "log_gaps", skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// Whether this run recorded them.
    #[serde(rename = "log_gaps_recorded", skip_serializing_if = "Option::is_none")]
    pub recorded: Option<bool>,
    /// Branches that could not be compared.
    #[serde(rename = "log_not_compared", skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<UnreadBranch>,
}

/// A branch that could not be compared with the release log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UnreadBranch {
    /// The project.
    pub project: String,
    /// The branch.
    pub branch: String,
    /// Why it could not be compared.
    pub reason: String,
}

impl LogCheck {
    /// Warns of what a comparison found; `recorded`: whether the log has it by now.
    #[must_use]
    pub fn report(compared: &Compared, recorded: bool, reporter: &dyn Reporter) -> Self {
        for gap in &compared.gaps {
            let hint = (!recorded).then(|| {
                format!(
                    "the next deployment, rollback or release command that writes records it; to record only this, run \
                     `pannier deploy {}@{}`",
                    gap.project, gap.branch
                )
            });
            reporter.warn(described(gap, recorded), hint);
        }
        let unread = compared.unread.iter().map(|(branch, reason)| UnreadBranch {
            project: branch.project.clone(),
            branch: branch.branch.clone(),
            reason: reason.clone(),
        });
        let unread: Vec<UnreadBranch> = unread.collect();
        if let Some(first) = unread.first() {
            let mut names: Vec<&str> = unread.iter().map(|it| it.project.as_str()).collect();
            names.dedup();
            let message = format!(
                "the release log cannot be compared with the branches of {}: {}",
                names.join(", "),
                first.reason
            );
            reporter.warn(message, None);
        }
        Self {
            recorded: (!compared.gaps.is_empty()).then_some(recorded),
            gaps: compared.gaps.clone(),
            unread,
        }
    }
}

fn described(gap: &Gap, recorded: bool) -> String {
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
