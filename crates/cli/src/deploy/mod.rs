//! `pannier deploy`: production branches are moved to tested commits.

mod show;
mod targets;

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use pannier_core::deploy::{DeployError, Rules};
use pannier_core::session::{DeployOptions, DeployReport, PushOptions};

use super::Format;
use super::context::Context;
use super::release_log::{self, LogOptions, ReasonOption};
use super::report::Failure;

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
    log: LogOptions,
    #[command(flatten)]
    reason: ReasonOption,
}

/// How a deployment is run, whichever verb asks for it.
#[derive(Debug, Clone, Args)]
pub(super) struct RunOptions {
    /// Only show the plan
    #[arg(long)]
    dry_run: bool,
    /// Environment whose deployments tell what was in production [env: CI_ENVIRONMENT_NAME] [default: the branch's name]
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Append the audit lines to this file too
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    /// How to print plan and result
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// What may be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Allow {
    /// A commit on another line of development than what is there
    Sidewise,
}

impl RunOptions {
    /// The environment: the flag, else the job's, else the one that is called like the branch.
    pub(super) fn environment(&self, branch: &str, context: &Context) -> String {
        let named = self.environment.as_deref();
        let named = named.or_else(|| context.variable("CI_ENVIRONMENT_NAME"));
        named.unwrap_or(branch).to_owned()
    }

    /// Runs a deployment or rollback: prints the plan before anything is pushed, and the report afterwards.
    pub(super) fn run(
        &self,
        reason: &ReasonOption,
        context: &Context,
        run: impl FnOnce(PushOptions<'_>) -> Result<DeployReport, DeployError>,
    ) -> Result<(), Failure> {
        let unprinted = RefCell::new(None);
        let on_plan = |plan: &DeployReport| {
            let printed = match self.format {
                Format::Text => context.print(&show::plan(plan)),
                Format::Json => Ok(()),
            };
            match printed {
                Ok(()) => ControlFlow::Continue(()),
                Err(failure) => {
                    unprinted.replace(Some(failure));
                    ControlFlow::Break(())
                }
            }
        };
        let report = run(PushOptions {
            dry_run: self.dry_run,
            reason: reason.text(context),
            audit_file: self.audit.as_ref().map(|path| context.folder.join(path)),
            on_plan: &on_plan,
        })?;
        if let Some(failure) = unprinted.into_inner() {
            return Err(failure);
        }
        match self.format {
            Format::Json => context.print_json(&report)?,
            Format::Text => context.print(&show::report(&report))?,
        }
        report.failure.map_or(Ok(()), |error| Err(error.into()))
    }
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let opened = release_log::open(&arguments.log, context)?;
    let targets = targets::targets(arguments, opened.git_base.as_ref(), context)?;
    let rules = Rules {
        environment: arguments.run.environment(&arguments.branch, context),
        branch: arguments.branch.clone(),
        rollback: arguments.rollback,
        sidewise: arguments.allow.contains(&Allow::Sidewise),
        any_commit: arguments.any_commit,
    };
    arguments.run.run(&arguments.reason, context, |run| {
        opened.session.deploy(&DeployOptions {
            targets,
            rules,
            run,
        })
    })
}
