//! `pannier release list`: the newest releases, with what moved.

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use pannier_base::digest::Digest;
use pannier_base::url::SafeUrl;
use pannier_core::release::{self, ChannelName, ReleaseId, Row};

use super::super::Format;
use super::super::book::{Desk, failure};
use super::super::context::Context;
use super::super::log_check::LogCheck;
use super::super::report::Failure;
use super::super::table::{Align, Table};
use super::BookOptions;

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
    book: BookOptions,
}

/// What `--format json` prints.
#[derive(Serialize)]
struct List<'a> {
    releases: Vec<Shown<'a>>,
    #[serde(flatten)]
    log: LogCheck,
}

/// A release in it.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a ReleaseId,
    at: String,
    by: &'a str,
    channels: &'a [ChannelName],
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline: Option<&'a SafeUrl>,
    lock: Digest,
    packages: usize,
    data: usize,
    /// `null` for the first release.
    moved: Option<Vec<String>>,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let desk = Desk::open(&arguments.book, context)?;
    let (book, log) = desk.compared()?;
    let rows = release::rows(&book, arguments.limit).map_err(failure)?;
    match arguments.format {
        Format::Json => {
            let releases = rows.iter().map(shown).collect();
            context.print_json(&List { releases, log })
        }
        Format::Text if rows.is_empty() => {
            context.print("there is no release yet: `pannier release record` writes the first\n")
        }
        Format::Text => context.print(&table(&rows, Timestamp::now())),
    }
}

fn shown(row: &Row) -> Shown<'_> {
    let release = &row.release;
    let moved = row.moved.as_ref();
    Shown {
        id: &release.id,
        at: release.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        by: &release.by,
        channels: &row.channels,
        reason: release.reason.as_deref(),
        pipeline: release.pipeline.as_ref(),
        lock: release.lock,
        packages: release.packages.len(),
        data: release.data.len(),
        moved: moved.map(|moved| moved.iter().map(ToString::to_string).collect()),
    }
}

fn table(rows: &[Row], now: Timestamp) -> String {
    let mut table = Table::new(&[
        ("release", Align::Left),
        ("age", Align::Right),
        ("by", Align::Left),
        ("on", Align::Left),
        ("what moved", Align::Left),
    ]);
    for row in rows {
        let on: Vec<&str> = row.channels.iter().map(ChannelName::as_str).collect();
        let mut moved = moved(row).into_iter();
        table.row([
            row.release.id.to_string(),
            row.age(now),
            row.release.by.clone(),
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
fn moved(row: &Row) -> Vec<String> {
    let Some(moved) = &row.moved else {
        return vec!["the first".to_owned()];
    };
    if moved.is_empty() {
        return vec!["nothing".to_owned()];
    }
    let mut lines: Vec<String> = moved.iter().map(ToString::to_string).collect();
    if lines.len() > CHANGES {
        let more = lines.len() - (CHANGES - 1);
        lines.truncate(CHANGES - 1);
        lines.push(format!("{more} more (`pannier release diff`)"));
    }
    lines
}
