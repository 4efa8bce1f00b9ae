//! `pannier release promote`: a channel is put on a release.

use clap::Args;
use serde::Serialize;

use pannier_core::release::{self, Action, ChannelName, Outcome};

use super::super::Format;
use super::super::book::{self, Desk, ReasonOption, failure};
use super::super::context::Context;
use super::super::log_check::LogCheck;
use super::super::report::Failure;
use super::BookOptions;

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
    #[arg(long, value_name = "NAME", default_value = "production", value_parser = book::channel)]
    channel: ChannelName,
    #[command(flatten)]
    reason: ReasonOption,
    /// Print the result in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    book: BookOptions,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let desk = Desk::open(&arguments.book, context)?;
    let channel = &arguments.channel;
    let stamp = desk.stamp(&arguments.reason);
    let (book, log) = desk.caught_up(&stamp)?;
    // What was meant when the command was given holds for all tries, whoever promotes meanwhile.
    let id = book.find(&arguments.release, channel).map_err(failure)?;
    let outcome = release::write(&desk.shelf(), &stamp, |book| {
        release::promote(book, &id, channel, Action::Promote, &stamp)
    });
    let outcome = outcome.map_err(failure)?;
    desk.tell_trail(&outcome, &stamp);
    match arguments.format {
        Format::Json => context.print_json(&Written { outcome, log }),
        Format::Text => context.print(&switched(&outcome)),
    }
}

/// What `--format json` prints, here and of `record`.
#[derive(Serialize)]
pub(super) struct Written {
    #[serde(flatten)]
    pub(super) outcome: Outcome,
    #[serde(flatten)]
    pub(super) log: LogCheck,
}

/// What happened to the channel, if one was named.
pub(super) fn switched(outcome: &Outcome) -> String {
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
