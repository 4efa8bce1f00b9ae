//! `pannier release record`: a lock becomes a release.

use std::path::PathBuf;

use clap::Args;

use pannier_archive::limited;
use pannier_base::digest::Digest;
use pannier_core::release::{self, ChannelName, Outcome};

use super::super::Format;
use super::super::book::{self, Desk, ReasonOption, failure};
use super::super::context::Context;
use super::super::exit::Exit;
use super::super::report::Failure;
use super::BookOptions;
use super::promote::Written;

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
    #[arg(long, value_name = "NAME", value_parser = book::channel)]
    channel: Option<ChannelName>,
    #[command(flatten)]
    reason: ReasonOption,
    /// Print the result in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    book: BookOptions,
}

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot read the lock {}", path.display())]
#[diagnostic(help("run `pannier lock`, or set another file with --lock"))]
struct NoLock {
    path: PathBuf,
    source: std::io::Error,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let desk = Desk::open(&arguments.book, context)?;
    let path = match &arguments.lock {
        Some(path) => context.folder.join(path),
        None => desk.root.join("pylock.toml"),
    };
    let text = limited::read_text(&path, limited::LOCK)
        .map_err(|source| Failure::new(Exit::Failed, NoLock { path, source }))?;
    let tarballs = match &arguments.tarballs {
        Some(folder) => {
            let digest = Digest::of(text.as_bytes());
            release::gather(&context.folder.join(folder), &digest).map_err(failure)?
        }
        None => Vec::new(),
    };
    let stamp = desk.stamp(&arguments.reason);
    let (_, log) = desk.caught_up(&stamp)?;
    let channel = arguments.channel.as_ref();
    let outcome = release::write(&desk.shelf(), &stamp, |book| {
        release::record(book, &text, &tarballs, channel, &stamp)
    });
    let outcome = outcome.map_err(failure)?;
    desk.tell_trail(&outcome, &stamp);
    match arguments.format {
        Format::Json => context.print_json(&Written { outcome, log }),
        Format::Text => context.print(&told(&outcome)),
    }
}

/// What was recorded, and what the channel is now.
pub(crate) fn told(outcome: &Outcome) -> String {
    let release = &outcome.release;
    let mut text = match outcome.recorded {
        true => format!("recorded {release}\n"),
        false => format!("{release} is recorded already\n"),
    };
    text += &super::promote::switched(outcome);
    text
}
