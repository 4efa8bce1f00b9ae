//! What goes wrong with deployments, for whoever has to mend it.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use miette::Diagnostic;

use super::report::Plan;
use pannier_clients::git::GitError;

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
        /// One wish.
        first: String,
        /// Another.
        second: String,
    },
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
