//! `pannier deploy`: production branches are moved to tested commits.

mod ground;
mod show;
mod wishes;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use pannier_core::deploy::Rules;

use super::Format;
use super::book::{BookOptions, ReasonOption, stamp};
use super::context::Context;
use super::report::Failure;

pub(super) use ground::{Ground, Wanted};

/// Moves production branches to tested commits
///
/// Shows a plan first, and pushes only when no project in it is refused. A push replaces nothing but what the plan has seen:
/// what somebody else has deployed meanwhile is never overwritten (exit 8). A commit that is behind production is taken for
/// an outdated pipeline and refused; one whose deployment is on record is a rollback and goes through. When one of
/// several projects fails, the others are moved back. Running it again is always safe.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier deploy                                      # in a deploy-production job: its project, its commit\n  pannier deploy job-tools --commit 1a2b3c4d --dry-run\n  pannier deploy job-tools@1a2b3c4d other/lib@v2      # several, together or not at all\n  pannier deploy --from-lock pylock.toml              # every package and data project, at its locked commit\n  pannier deploy job-tools@1a2b3c4d --rollback        # back, also to a commit without a recorded deployment"
)]
pub(super) struct Arguments {
    /// Projects, as in pannier.yml; `project@commit` says where to [default: the job's project]
    #[arg(value_name = "PROJECT")]
    projects: Vec<String>,
    /// What is deployed: a commit, tag or branch [default: the job's commit; of a merge request the head of its branch]
    #[arg(long, value_name = "SHA", conflicts_with = "from_lock")]
    commit: Option<String>,
    /// The branch that is moved
    #[arg(long, value_name = "NAME", default_value = "production")]
    branch: String,
    /// What has to be there now: a commit, or `none`
    #[arg(long, value_name = "SHA", conflicts_with = "from_lock")]
    expect: Option<String>,
    /// Deploy the packages and data projects of a lock; with PROJECT only those that are called so
    #[arg(long, value_name = "FILE")]
    from_lock: Option<PathBuf>,
    /// Go back, also to a commit without a recorded deployment
    #[arg(long)]
    rollback: bool,
    /// Allow what is refused otherwise
    #[arg(long, value_enum, value_name = "WHAT")]
    allow: Vec<Allow>,
    /// Allow commits that are neither on the default branch nor the head of an open merge request
    #[arg(long)]
    any_commit: bool,
    #[command(flatten)]
    run: RunOptions,
    #[command(flatten)]
    book: BookOptions,
    #[command(flatten)]
    reason: ReasonOption,
}

/// How a deployment is run, whichever verb asks for it.
#[derive(Debug, Clone, Args)]
pub(super) struct RunOptions {
    /// Only show the plan
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Environment whose deployments tell what was in production [env: CI_ENVIRONMENT_NAME] [default: the branch's name]
    #[arg(long, value_name = "NAME")]
    pub(super) environment: Option<String>,
    /// Append the audit lines to this file too
    #[arg(long, value_name = "FILE")]
    pub(super) audit: Option<PathBuf>,
    /// How to print plan and result
    #[arg(long, value_enum, default_value = "text")]
    pub(super) format: Format,
}

/// What may be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Allow {
    /// A commit that has diverged from production
    #[value(name = "diverged", alias = "sidewise")]
    Sidewise,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let ground = Ground::open(&arguments.book, context)?;
    let wishes = wishes::wishes(arguments, &ground, context)?;
    let environment = arguments.run.environment.clone();
    let environment = environment.or_else(|| {
        let named = context.variable("CI_ENVIRONMENT_NAME");
        named.map(str::to_owned)
    });
    let rules = Rules {
        environment: environment.unwrap_or_else(|| arguments.branch.clone()),
        branch: arguments.branch.clone(),
        rollback: arguments.rollback,
        sidewise: arguments.allow.contains(&Allow::Sidewise),
        any_commit: arguments.any_commit,
    };
    let stamp = stamp(context, arguments.reason.reason.as_deref());
    let wanted = Wanted {
        wishes: &wishes,
        rules: &rules,
        stamp: &stamp,
        options: &arguments.run,
        then: None,
    };
    ground.carry_out(&wanted).map(|_| ())
}
