//! `pannier release list`: the newest releases, with what moved.

use clap::Args;
use jiff::Timestamp;

use pannier_core::release::{ChannelName, ListedRelease};
use pannier_core::session::ListOptions;

use super::super::context::Context;
use super::super::release_log;
use super::super::report::Failure;
use super::super::table::{Align, Table};
use crate::options::Format;
use crate::release_log::LogOptions;

/// How many changes of one release the table shows.
const CHANGES: usize = 4;

/// List the newest releases with age, author, channels and changes
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier release list\n  pannier release list --limit 100 --format json"
)]
pub(super) struct Arguments {
    /// List at most this many releases
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    limit: usize,
    /// Print the list in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    log: LogOptions,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let opened = release_log::open(&arguments.log, context)?;
    let limit = arguments.limit;
    let report = opened.session.release_list(&ListOptions { limit })?;
    match arguments.format {
        Format::Json => context.print_json(&report),
        Format::Text if report.releases.is_empty() => {
            context.print("there is no release yet: `pannier release record` writes the first\n")
        }
        Format::Text => context.print(&table(&report.releases, (opened.session.run.now)())),
    }
}

fn table(releases: &[ListedRelease], now: Timestamp) -> String {
    let mut table = Table::new(&[
        ("release", Align::Left),
        ("age", Align::Right),
        ("by", Align::Left),
        ("on", Align::Left),
        ("what moved", Align::Left),
    ]);
    for release in releases {
        let on: Vec<&str> = release.channels.iter().map(ChannelName::as_str).collect();
        let mut moved = moved(release).into_iter();
        table.row([
            release.id.to_string(),
            release.age(now),
            release.by.clone(),
            on.join(", "),
            moved.next().unwrap_or_default(),
        ]);
        for more in moved {
            let blank = String::new;
            table.row([blank(), blank(), blank(), blank(), more]);
        }
    }
    table.render()
}

/// What moved, one line each and not too many.
fn moved(release: &ListedRelease) -> Vec<String> {
    let Some(moved) = &release.moved else {
        return vec!["the first".to_owned()];
    };
    if moved.is_empty() {
        return vec!["nothing".to_owned()];
    }
    let mut lines = moved.clone();
    if lines.len() > CHANGES {
        let more = lines.len() - (CHANGES - 1);
        lines.truncate(CHANGES - 1);
        lines.push(format!("{more} more (`pannier release diff`)"));
    }
    lines
}
