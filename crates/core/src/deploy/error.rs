//! Errors of deployments.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use miette::Diagnostic;

use super::report::{End, Ending, Outcome, Plan, Report};
use crate::release::{ReleaseError, ReleaseId};
use pannier_base::cancel::Cancelled;
use pannier_base::class::{Class, Classify};
use pannier_clients::git::{GitError, RefusalKind};

/// What went wrong with a deployment.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum DeployError {
    /// Projects could not be looked into.
    #[error("cannot read {}; nothing was changed", listed(failed.iter().map(|it| it.project.as_str())))]
    Unplanned {
        /// Which, and why.
        #[related]
        failed: Vec<Unplanned>,
    },
    /// A single one could not.
    #[error("cannot read {project}; nothing was changed")]
    UnplannedOne {
        /// Which.
        project: String,
        /// Why not.
        #[source]
        #[diagnostic_source]
        source: GitError,
    },
    /// Two commits for one branch.
    #[error("{repository} cannot be at two commits at once: {first} and {second}")]
    #[diagnostic(help("projects of one repository are deployed together, at one commit"))]
    Twice {
        /// The repository.
        repository: String,
        /// One target.
        first: String,
        /// Another.
        second: String,
    },
    /// The run was cancelled before anything was pushed.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The plan has refusals.
    #[error("{problem}")]
    #[diagnostic(help("{hint}"))]
    Refused {
        /// Which projects, and why not.
        problem: String,
        /// What to do.
        hint: String,
    },
    /// The audit file cannot be written.
    #[error("cannot write to {}; nothing was changed", path.display())]
    #[diagnostic(help("set another file with --audit"))]
    Audit {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Not every branch could be moved.
    #[error("{project} is {words}")]
    #[diagnostic(help("{hint}"))]
    Halted {
        /// The project at which the deployment ended.
        project: String,
        /// What happened to it.
        words: String,
        /// What to do.
        hint: String,
        /// Whether a server or a faster deployment stood against it; else something failed.
        refused: bool,
    },
    /// The branches have moved, but the release log could not be updated.
    #[error("the branches are as shown, but the release log could not be updated")]
    #[diagnostic(help(
        "run the same command again: it pushes nothing twice and completes the log"
    ))]
    Unrecorded {
        /// Why not.
        #[source]
        #[diagnostic_source]
        source: ReleaseError,
    },
    /// A rollback names a project that the release does not have.
    #[error("release {release} has no git project called `{name}`")]
    #[diagnostic(help("it has {}", known.join(", ")))]
    NotInRelease {
        /// The release.
        release: ReleaseId,
        /// The project.
        name: String,
        /// The projects that the release has.
        known: Vec<String>,
    },
    /// The release log cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Log(#[from] ReleaseError),
}

/// A project that could not be looked into.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{project}: {}", chain(source))]
pub struct Unplanned {
    /// Which one.
    pub project: String,
    /// Why not.
    pub source: GitError,
}

impl DeployError {
    pub(super) fn unplanned(mut failed: Vec<Unplanned>) -> Self {
        match failed.len() {
            1 => {
                let Unplanned { project, source } = failed.remove(0);
                Self::UnplannedOne { project, source }
            }
            _ => Self::Unplanned { failed },
        }
    }

    /// The error that a plan's refusals are; `None`: there are none.
    #[must_use]
    pub fn of_refusals(plan: &Plan) -> Option<Self> {
        let mut lines = Vec::new();
        let mut hints: Vec<String> = Vec::new();
        for (step, refusal) in plan.refusals() {
            lines.push(format!("{}: {refusal}", step.name));
            let hint = refusal.help().map(|help| help.to_string());
            hints.extend(hint.filter(|hint| !hints.contains(hint)));
        }
        if lines.is_empty() {
            return None;
        }
        let mut problem = format!("nothing is deployed to `{}`", plan.branch);
        match &lines[..] {
            [one] => problem += &format!(": {one}"),
            _ => {
                let all = plan.steps.len();
                let _ = write!(problem, ": {} of {all} projects are refused", lines.len());
                for line in &lines {
                    problem += &format!("\n- {line}");
                }
            }
        }
        Some(Self::Refused {
            problem,
            hint: hints.join("\n"),
        })
    }
}

impl DeployError {
    /// The error that a deployment ended with; `None`: every branch is where it should be.
    #[must_use]
    pub fn of_report(report: &Report) -> Option<Self> {
        let refused = match report.ending() {
            Ending::Done => return None,
            Ending::Refused => true,
            Ending::Failed => false,
        };
        let is_stuck = |end: &&End| matches!(end.outcome, Outcome::Stuck { .. });
        let stuck = report.ends.iter().find(is_stuck);
        let end = report.culprit().or(stuck)?;
        let hint = match stuck {
            Some(stuck) => format!(
                "{} could not be moved back: run the same command again to go on, or `pannier deploy {}@{} --rollback` to go back",
                stuck.name,
                stuck.name,
                stuck.from.as_deref().unwrap_or("COMMIT")
            ),
            None if refused => hint_for(&end.outcome).to_owned(),
            None => "run the same command again: nothing is pushed twice".to_owned(),
        };
        Some(Self::Halted {
            project: end.name.clone(),
            words: end.words(),
            hint,
            refused,
        })
    }
}

impl Classify for DeployError {
    fn class(&self) -> Class {
        match self {
            Self::Refused { .. } | Self::Halted { refused: true, .. } => Class::NotAllowed,
            Self::Twice { .. } | Self::NotInRelease { .. } => Class::Usage,
            Self::Log(error) => error.class(),
            Self::Audit { .. } => Class::Machine,
            Self::Cancelled(_) => Class::Cancelled,
            _ => Class::Upstream,
        }
    }
}

/// What helps against a refusal that came with the push.
const fn hint_for(outcome: &Outcome) -> &'static str {
    let Outcome::Refused { kind, .. } = outcome else {
        return "look at what is there now, then plan anew with --dry-run";
    };
    match kind {
        RefusalKind::NoForce => {
            "allow force push in Settings > Repository > Protected branches of the project (as a maintainer), or deploy a commit \
             that reverts the change"
        }
        RefusalKind::Protected => {
            "let the token's owner push to it: Settings > Repository > Protected branches of the project (as a maintainer)"
        }
        RefusalKind::NoRight => {
            "set PANNIER_TOKEN to an access token with scope `write_repository` and role Developer or higher in the project"
        }
        RefusalKind::Other => {
            "see the message from the server: a hook or a push rule of the project refuses the push"
        }
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

/// An error with its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let _ = write!(text, ": {inner}");
        cause = inner.source();
    }
    text
}
