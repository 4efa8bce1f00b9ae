//! `pannier release diff`: what changed from one release to another, in the words of `pannier lock`.

use clap::Args;
use serde::Serialize;

use pannier_core::lock::diff::diff;
use pannier_core::lock::model::Lock;
use pannier_core::release::{Book, ChannelName};

use super::super::book::{self, Desk, failure};
use super::super::context::Context;
use super::super::log_check::LogCheck;
use super::super::report::Failure;
use super::super::{Format, lock};
use super::BookOptions;

/// Compare two releases, or a release and a lock file
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier release diff                          # the last change of production\n  pannier release diff production latest        # what promoting would change\n  pannier release diff production pylock.toml   # what recording this lock would change"
)]
pub(super) struct Arguments {
    /// The release to start from
    #[arg(value_name = "BEFORE", default_value = "previous")]
    before: String,
    /// The release or lock file (.toml) to compare with [default: the channel's release]
    #[arg(value_name = "AFTER")]
    after: Option<String>,
    /// Set the channel that `previous` refers to
    #[arg(long, value_name = "NAME", default_value = "production", value_parser = book::channel)]
    channel: ChannelName,
    /// Print the differences in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    book: BookOptions,
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Shown {
    before: String,
    after: String,
    changes: Vec<String>,
    #[serde(flatten)]
    log: LogCheck,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let desk = Desk::open(&arguments.book, context)?;
    let (book, log) = desk.compared()?;
    let channel = &arguments.channel;
    let (before, old) = named(&book, &arguments.before, channel)?;
    let (after, new) = match arguments.after.as_deref() {
        Some(file) if file.ends_with(".toml") => {
            let lock = lock::read(&context.folder.join(file), context)?;
            (file.to_owned(), lock)
        }
        Some(text) => named(&book, text, channel)?,
        None => named(&book, channel.as_str(), channel)?,
    };
    let changes = diff(&old, &new).iter().map(ToString::to_string).collect();
    let shown = Shown {
        before,
        after,
        changes,
        log,
    };
    match arguments.format {
        Format::Json => context.print_json(&shown),
        Format::Text => context.print(&told(&shown)),
    }
}

/// The release that a text means, and its lock.
fn named(book: &Book, text: &str, channel: &ChannelName) -> Result<(String, Lock), Failure> {
    let found = || {
        let id = book.find(text, channel)?;
        let (_, lock) = book.lock(&book.release(&id)?)?;
        Ok((id.to_string(), lock))
    };
    found().map_err(failure)
}

fn told(shown: &Shown) -> String {
    let mut text = format!("{} -> {}\n", shown.before, shown.after);
    if shown.changes.is_empty() {
        text += "  nothing changed\n";
    }
    for change in &shown.changes {
        text += &format!("  {change}\n");
    }
    text
}
