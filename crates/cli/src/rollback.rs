//! `pannier rollback`: the production branches of a whole set go back to a release, or none of them does.

use clap::Args;

use pannier_core::release::ChannelName;
use pannier_core::session::RollbackOptions;

use super::context::Context;
use super::deploy::RunOptions;
use super::release_log::{self, LogOptions, ReasonOption};
use super::report::Failure;

/// Moves the production branches of a whole set back to a release
///
/// Shows a plan first; pushes only what nobody has moved meanwhile, and moves everything back when one project fails (exit 8
/// or 1). Afterwards the channel holds a new release that says what it goes back to. Rolling back again goes further back.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier rollback --dry-run                            # what going back to the previous release would move\n  pannier rollback --reason 'job-tools loses rows'\n  pannier rollback --only job-tools --only job-data\n  pannier rollback --to 20260301-091500-3f2a1b\n  pannier rollback --to production                      # where somebody has moved branches past the log"
)]
pub(super) struct Arguments {
    /// The release to go back to
    #[arg(long, value_name = "RELEASE", default_value = "previous")]
    to: String,
    /// Move this package or data project only; may be given more than once [default: all of the release]
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// The channel that goes back
    #[arg(long, value_name = "NAME", default_value = "production", value_parser = release_log::channel)]
    channel: ChannelName,
    /// The branch that is moved
    #[arg(long, value_name = "NAME", default_value = "production")]
    branch: String,
    #[command(flatten)]
    run: RunOptions,
    #[command(flatten)]
    log: LogOptions,
    #[command(flatten)]
    reason: ReasonOption,
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
