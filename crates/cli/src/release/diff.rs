//! `pannier release diff`: what changed from one release to another, in the words of `pannier lock`.

use clap::Args;

use pannier_core::release::ChannelName;
use pannier_core::session::{DiffOptions, DiffReport, DiffSide};

use super::super::context::Context;
use super::super::lock;
use super::super::release_log;
use super::super::report::Failure;
use crate::options::Format;
use crate::release_log::LogOptions;

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
    #[arg(long, value_name = "NAME", default_value = "production", value_parser = release_log::channel)]
    channel: ChannelName,
    /// Print the differences in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    log: LogOptions,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let opened = release_log::open(&arguments.log, context)?;
    let channel = &arguments.channel;
    let after = match arguments.after.as_deref() {
        Some(file) if file.ends_with(".toml") => DiffSide::Lock {
            name: file.to_owned(),
            lock: Box::new(lock::read(&context.folder.join(file), context)?),
        },
        Some(text) => DiffSide::Release(text.to_owned()),
        None => DiffSide::Release(channel.to_string()),
    };
    let report = opened.session.release_diff(&DiffOptions {
        before: arguments.before.clone(),
        after,
        channel: channel.clone(),
    })?;
    match arguments.format {
        Format::Json => context.print_json(&report),
        Format::Text => context.print(&text(&report)),
    }
}

fn text(report: &DiffReport) -> String {
    let mut text = format!("{} -> {}\n", report.before, report.after);
    if report.changes.is_empty() {
        text += "  nothing changed\n";
    }
    for change in &report.changes {
        text += &format!("  {change}\n");
    }
    text
}
