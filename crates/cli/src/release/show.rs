//! `pannier release show`: one release with everything that it holds, or its lock.

use std::fmt::Write as _;

use clap::Args;

use pannier_base::visible;
use pannier_core::release::{Action, BackTo, ChannelName, Entry, Recorded, Release};
use pannier_core::session::{ShowOptions, ShowReport};

use super::super::context::Context;
use super::super::release_log;
use super::super::report::Failure;
use super::super::table::{self, Align, Table};
use crate::options::Format;
use crate::release_log::LogOptions;

/// Show one release with its packages, data projects and history
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier release show                           # the release of production\n  pannier release show previous\n  pannier release show production --lock > pylock.toml"
)]
pub(super) struct Arguments {
    /// The release
    #[arg(value_name = "RELEASE", default_value = "production")]
    release: String,
    /// Set the channel that `previous` refers to
    #[arg(long, value_name = "NAME", default_value = "production", value_parser = release_log::channel)]
    channel: ChannelName,
    /// Print the lock of the release
    #[arg(long, conflicts_with = "format")]
    lock: bool,
    /// Print the result in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    log: LogOptions,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let opened = release_log::open(&arguments.log, context)?;
    let report = opened.session.release_show(&ShowOptions {
        release: arguments.release.clone(),
        channel: arguments.channel.clone(),
        lock: arguments.lock,
    })?;
    if let Some(lock) = &report.lock {
        return context.print_exact("the lock", lock);
    }
    match arguments.format {
        Format::Json => context.print_json(&report),
        Format::Text => context.print(&text(&report)),
    }
}

fn text(report: &ShowReport) -> String {
    let release = &report.release;
    let mut text = format!("release {}\n", release.id);
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _ = writeln!(text, "{name:<13}{}", visible::line(&value));
        }
    };
    line(
        "recorded",
        Some(format!("{} by {}", release.at, release.by)),
    );
    line("why", release.reason.clone());
    line(
        "pipeline",
        release.pipeline.as_ref().map(ToString::to_string),
    );
    line("back to", release.back_to.as_ref().map(back_to));
    line("lock", Some(release.lock.to_string()));
    line("constraints", release.constraints.map(|it| it.to_string()));
    let channels: Vec<&str> = report.channels.iter().map(ChannelName::as_str).collect();
    line("on", (!channels.is_empty()).then(|| channels.join(", ")));
    text.push('\n');
    text += &projects(release);
    if !release.tarballs.is_empty() {
        let mut tarballs = Table::new(&[
            ("tarball", Align::Left),
            ("size", Align::Right),
            ("sha256", Align::Left),
        ]);
        for tarball in &release.tarballs {
            let size = table::bytes(tarball.size);
            tarballs.row([tarball.name.clone(), size, tarball.sha256.to_string()]);
        }
        let _ = write!(text, "\n{}", tarballs.render());
    }
    let mut history = Table::new(&[
        ("when", Align::Left),
        ("who", Align::Left),
        ("what", Align::Left),
        ("why", Align::Left),
    ]);
    for entry in &report.history {
        let why = entry.reason.clone().unwrap_or_default();
        history.row([entry.at.to_string(), entry.by.clone(), what(entry), why]);
    }
    let _ = write!(text, "\n{}", history.render());
    text
}

fn projects(release: &Release) -> String {
    let mut table = Table::new(&[
        ("project", Align::Left),
        ("version", Align::Left),
        ("from", Align::Left),
    ]);
    let data = release
        .data
        .iter()
        .map(|one| (format!("data/{}", one.name), one));
    let packages = release.packages.iter().map(|one| (one.name.clone(), one));
    for (name, one) in packages.chain(data) {
        let version = one.version.clone().unwrap_or_default();
        table.row([name, version, origin(one)]);
    }
    table.render()
}

fn origin(one: &Recorded) -> String {
    match (&one.repository, &one.commit, &one.folder) {
        (Some(repository), Some(commit), _) => format!("{repository}@{commit}"),
        (_, _, Some(folder)) => folder.clone(),
        _ => match one.sha256.len() {
            1 => "1 file".to_owned(),
            more => format!("{more} files"),
        },
    }
}

fn back_to(back: &BackTo) -> String {
    if back.only.is_empty() {
        return back.release.to_string();
    }
    format!("{} (only {})", back.release, back.only.join(", "))
}

fn what(entry: &Entry) -> String {
    let channel = entry.channel.as_ref().map_or("", ChannelName::as_str);
    let from = entry.from.as_ref();
    let from = from.map_or_else(String::new, |from| format!(" from {from}"));
    let back = entry.back_to.as_ref();
    let back = back.map_or_else(
        || " to it".to_owned(),
        |back| format!(" to {}", back_to(back)),
    );
    match entry.action {
        Action::Record => "recorded".to_owned(),
        Action::Promote => format!("promoted to {channel}{from}"),
        Action::Rollback => format!("{channel} rolled back{from}{back}"),
    }
}
