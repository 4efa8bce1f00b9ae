//! `pannier release record`: a lock becomes a release.

use std::path::PathBuf;

use clap::Args;

use pannier_core::release::{ChannelName, WriteOutcome};
use pannier_core::session::RecordOptions;

use super::super::context::Context;
use super::super::release_log::{self, ReasonOption};
use super::super::report::Failure;
use crate::options::Format;
use crate::release_log::LogOptions;

/// Record the lock as a release, and optionally set a channel
///
/// A job that runs again records nothing twice. A lock with overrides is refused (exit 8), because it is a trial run.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier release record                                # pylock.toml\n  pannier release record --tarballs dist                # with the digests of its tarballs\n  pannier release record --channel production --reason 'new parser'"
)]
pub(super) struct Arguments {
    /// Record this lock [default: pylock.toml next to pannier.yml]
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// Record the digests of the tarballs in this folder, too
    #[arg(long, value_name = "FOLDER")]
    tarballs: Option<PathBuf>,
    /// Make this channel point to the release
    #[arg(long, value_name = "NAME", value_parser = release_log::channel)]
    channel: Option<ChannelName>,
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
    let report = opened.session.release_record(&RecordOptions {
        lock: match &arguments.lock {
            Some(path) => context.folder.join(path),
            None => opened.root.join("pylock.toml"),
        },
        tarballs: arguments
            .tarballs
            .as_ref()
            .map(|it| context.folder.join(it)),
        channel: arguments.channel.clone(),
        reason: arguments.reason.text(context),
    })?;
    match arguments.format {
        Format::Json => context.print_json(&report),
        Format::Text => context.print(&recorded(&report.outcome)),
    }
}

/// What was recorded, and what the channel is now.
pub(crate) fn recorded(outcome: &WriteOutcome) -> String {
    let release = &outcome.release;
    let text = if outcome.recorded {
        format!("recorded {release}\n")
    } else {
        format!("{release} is recorded already\n")
    };
    text + &super::promote::switched(outcome)
}
