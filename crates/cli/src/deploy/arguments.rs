//! The flags of `pannier deploy`, and those of every command that deploys.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::options::Format;
use crate::release_log::{LogOptions, ReasonOption};

/// Move production branches to tested commits
///
/// Shows a plan first, and pushes only if it refuses no project in the plan. A branch that someone else has moved since the plan is
/// never overwritten (exit 8). A commit behind production is refused as outdated, unless a record shows that it was deployed: then it
/// is a rollback. If one of several projects fails, the others are moved back. It is always safe to run the command again.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier deploy                                      # in a job: its project and commit\n  pannier deploy job-tools --commit 1a2b3c4d --dry-run\n  pannier deploy job-tools@1a2b3c4d other/lib@v2      # several, together or not at all\n  pannier deploy --from-lock pylock.toml              # all packages and data projects of a lock\n  pannier deploy job-tools@1a2b3c4d --rollback        # back, even without a record"
)]
pub(crate) struct Arguments {
    /// Projects, as in pannier.yml, or `project@commit` [default: the job's project]
    #[arg(value_name = "PROJECT")]
    pub(super) projects: Vec<String>,
    /// Deploy this commit, tag or branch [default: the job's commit]
    ///
    /// In a merge request pipeline, the default is the head of the source branch.
    #[arg(long, value_name = "SHA", conflicts_with = "from_lock")]
    pub(super) commit: Option<String>,
    /// Move this branch
    #[arg(long, value_name = "NAME", default_value = "production")]
    pub(super) branch: String,
    /// Refuse if production is at another commit; `none` means no branch
    #[arg(long, value_name = "SHA", conflicts_with = "from_lock")]
    pub(super) expect: Option<String>,
    /// Deploy the packages and data projects of a lock, or only PROJECT
    #[arg(long, value_name = "FILE")]
    pub(super) from_lock: Option<PathBuf>,
    /// Go back, also to a commit without a recorded deployment
    #[arg(long)]
    pub(super) rollback: bool,
    /// Allow what is otherwise refused
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(super) allow: Vec<Allow>,
    /// Allow commits that are not on the default branch or in an open merge request
    #[arg(long)]
    pub(super) any_commit: bool,
    #[command(flatten)]
    pub(super) run: RunOptions,
    #[command(flatten)]
    pub(super) reason: ReasonOption,
    #[command(flatten)]
    pub(super) log: LogOptions,
}

/// The flags of every command that deploys.
#[derive(Debug, Clone, Args)]
pub(crate) struct RunOptions {
    /// Show the plan and stop
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Set the environment whose deployments show what was in production
    ///
    /// [env: CI_ENVIRONMENT_NAME] [default: the name of the branch]
    #[arg(long, value_name = "NAME")]
    pub(super) environment: Option<String>,
    /// Append the audit log to this file
    #[arg(long, value_name = "FILE")]
    pub(super) audit: Option<PathBuf>,
    /// Print the plan and the result in this format
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Format,
}

/// What may be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Allow {
    /// A commit that has diverged from production
    #[value(name = "diverged", alias = "sidewise")]
    Sidewise,
}
