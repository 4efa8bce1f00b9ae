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

/// Move production branches to tested commits
///
/// Shows a plan first, and pushes only if it refuses no project in the plan. A branch that someone else has moved since the plan is
/// never overwritten (exit 8). A commit behind production is refused as outdated, unless a record shows that it was deployed: then it
/// is a rollback. If one of several projects fails, the others are moved back. It is always safe to run the command again.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier deploy                                      # in a job: its project and commit\n  pannier deploy job-tools --commit 1a2b3c4d --dry-run\n  pannier deploy job-tools@1a2b3c4d other/lib@v2      # several, together or not at all\n  pannier deploy --from-lock pylock.toml              # all packages and data projects of a lock\n  pannier deploy job-tools@1a2b3c4d --rollback        # back, even without a record"
)]
pub(super) struct Arguments {
    /// Projects, as in pannier.yml, or `project@commit` [default: the job's project]
    #[arg(value_name = "PROJECT")]
    projects: Vec<String>,
    /// Deploy this commit, tag or branch [default: the job's commit]
    ///
    /// In a merge request pipeline, the default is the head of the source branch.
    #[arg(long, value_name = "SHA", conflicts_with = "from_lock")]
    commit: Option<String>,
    /// Move this branch
    #[arg(long, value_name = "NAME", default_value = "production")]
    branch: String,
    /// Refuse if production is at another commit; `none` means no branch
    #[arg(long, value_name = "SHA", conflicts_with = "from_lock")]
    expect: Option<String>,
    /// Deploy the packages and data projects of a lock, or only PROJECT
    #[arg(long, value_name = "FILE")]
    from_lock: Option<PathBuf>,
    /// Go back, also to a commit without a recorded deployment
    #[arg(long)]
    rollback: bool,
    /// Allow what is otherwise refused
    #[arg(long, value_enum, value_name = "WHAT")]
    allow: Vec<Allow>,
    /// Allow commits that are not on the default branch or in an open merge request
    #[arg(long)]
    any_commit: bool,
    #[command(flatten)]
    run: RunOptions,
    #[command(flatten)]
    reason: ReasonOption,
    #[command(flatten)]
    log: LogOptions,
}

/// The flags of every command that deploys.
#[derive(Debug, Clone, Args)]
pub(super) struct RunOptions {
    /// Show the plan and stop
    #[arg(long)]
    dry_run: bool,
    /// Set the environment whose deployments show what was in production
    ///
    /// [env: CI_ENVIRONMENT_NAME] [default: the name of the branch]
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// Append the audit log to this file
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    /// Print the plan and the result in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// What may be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Allow {
    /// A commit that has diverged from production
    #[value(name = "diverged", alias = "sidewise")]
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
