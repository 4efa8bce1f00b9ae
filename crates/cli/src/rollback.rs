//! `pannier rollback`: the production branches of a whole set go back to a release, or none of them does.

use clap::Args;

use pannier_core::release::ChannelName;
use pannier_core::session::RollbackOptions;

use super::context::Context;
use super::deploy::RunOptions;
use super::release_log::{self, LogOptions, ReasonOption};
use super::report::Failure;

/// Move the production branches of a whole set back to a release
///
/// Shows a plan first. Pushes only branches that have not changed since the plan, and restores all of them if one project fails (exit
/// 8 or 1). Then records a new release and makes the channel point to it. Another rollback goes further back.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier rollback --dry-run                            # show the way back to the previous release\n  pannier rollback --reason 'job-tools loses rows'\n  pannier rollback --only job-tools --only job-data\n  pannier rollback --to 20260301-091500-3f2a1b\n  pannier rollback --to production                      # if branches moved without a record"
)]
pub(super) struct Arguments {
    /// Go back to this release
    #[arg(long, value_name = "RELEASE", default_value = "previous")]
    to: String,
    /// Move only this package or data project; repeat the flag for more [default: all]
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Set the channel that goes back
    #[arg(long, value_name = "NAME", default_value = "production", value_parser = release_log::channel)]
    channel: ChannelName,
    /// Move this branch
    #[arg(long, value_name = "NAME", default_value = "production")]
    branch: String,
    #[command(flatten)]
    run: RunOptions,
    #[command(flatten)]
    reason: ReasonOption,
    #[command(flatten)]
    log: LogOptions,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let opened = release_log::open(&arguments.log, context)?;
    arguments.run.run(&arguments.reason, context, |run| {
        opened.session.rollback(&RollbackOptions {
            to: arguments.to.clone(),
            only: arguments.only.clone(),
            channel: arguments.channel.clone(),
            branch: arguments.branch.clone(),
            environment: arguments.run.environment(&arguments.branch, context),
            run,
        })
    })
}
