//! `pannier deploy`: production branches are moved to tested commits.

mod arguments;
mod show;
mod targets;

use std::cell::RefCell;
use std::ops::ControlFlow;

use pannier_core::deploy::{DeployError, Rules};
use pannier_core::session::{DeployOptions, DeployReport, PushOptions};

use super::context::Context;
use super::release_log::{self, ReasonOption};
use super::report::Failure;
use crate::options::Format;

use arguments::Allow;
pub(super) use arguments::{Arguments, RunOptions};

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
