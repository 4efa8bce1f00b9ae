//! `pannier release diff`: what changed from one release to another, in the words of `pannier lock`.

use clap::Args;

use pannier_core::release::ChannelName;
use pannier_core::session::{DiffOptions, DiffReport, DiffSide};

use super::super::context::Context;
use super::super::release_log;
use super::super::report::Failure;
use super::super::{Format, lock};
use super::LogOptions;

/// Tells what changed from one release to another, or to a lock file
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier release diff                          # what the last change of production brought\n  pannier release diff production latest        # what promoting would bring\n  pannier release diff production pylock.toml   # what recording this lock would bring"
)]
pub(super) struct Arguments {
    /// The release to start from
    #[arg(value_name = "BEFORE", default_value = "previous")]
    before: String,
    /// The release to compare with it, or a lock file (ends in .toml) [default: what the channel holds]
    #[arg(value_name = "AFTER")]
    after: Option<String>,
    #[command(flatten)]
    log: LogOptions,
    /// The channel whose `previous` is meant
    #[arg(long, value_name = "NAME", default_value = "production", value_parser = release_log::channel)]
    channel: ChannelName,
    /// How to print the difference
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
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
