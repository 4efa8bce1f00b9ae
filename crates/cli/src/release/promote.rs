//! `pannier release promote`: a channel is put on a release.

use clap::Args;

use pannier_core::release::{ChannelName, WriteOutcome};
use pannier_core::session::PromoteOptions;

use super::super::context::Context;
use super::super::release_log::{self, ReasonOption};
use super::super::report::Failure;
use crate::options::Format;
use crate::release_log::LogOptions;

/// Make a channel point to a release
///
/// Moves no branch; `pannier deploy --from-lock` and `pannier rollback` do that.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier release promote latest                        # production points to the newest release\n  pannier release promote 20260301-091500-3f2a1b --channel staging"
)]
pub(super) struct Arguments {
    /// The release
    #[arg(value_name = "RELEASE")]
    release: String,
    /// Set the channel
    #[arg(long, value_name = "NAME", default_value = "production", value_parser = release_log::channel)]
    channel: ChannelName,
    #[command(flatten)]
    reason: ReasonOption,
    /// Print the result in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    log: LogOptions,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let opened = release_log::open(&arguments.log, context)?;
    let report = opened.session.release_promote(&PromoteOptions {
        release: arguments.release.clone(),
        channel: arguments.channel.clone(),
        reason: arguments.reason.text(context),
    })?;
    match arguments.format {
        Format::Json => context.print_json(&report),
        Format::Text => context.print(&switched(&report.outcome)),
    }
}

/// What happened to the channel, if one was named.
pub(super) fn switched(outcome: &WriteOutcome) -> String {
    let release = &outcome.release;
    let Some(channel) = &outcome.channel else {
        return String::new();
    };
    match &channel.from {
        Some(from) if from == release => format!("{} is {release} already\n", channel.name),
        Some(from) => format!("{} is now {release}, before it was {from}\n", channel.name),
        None => format!("{} is {release} now\n", channel.name),
    }
}
