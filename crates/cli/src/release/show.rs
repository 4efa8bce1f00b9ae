//! `pannier release show`: one release with everything that it holds, or its lock.

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;

use pannier_base::visible;
use pannier_core::release::{
    Action, BackTo, Book, ChannelName, Entry, Recorded, Release, ReleaseError,
};

use super::super::Format;
use super::super::book::{self, Desk, failure};
use super::super::context::Context;
use super::super::log_check::LogCheck;
use super::super::report::Failure;
use super::super::table::{self, Align, Table};
use super::BookOptions;

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
    #[arg(long, value_name = "NAME", default_value = "production", value_parser = book::channel)]
    channel: ChannelName,
    /// Print the lock of the release
    #[arg(long, conflicts_with = "format")]
    lock: bool,
    /// Print the result in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    book: BookOptions,
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    release: Release,
    channels: Vec<ChannelName>,
    history: Vec<Entry>,
    #[serde(flatten)]
    log: LogCheck,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let desk = Desk::open(&arguments.book, context)?;
    let (book, log) = desk.compared()?;
    let shown = gather(&book, &arguments.release, &arguments.channel, log).map_err(failure)?;
    if arguments.lock {
        let (text, _) = book.lock(&shown.release).map_err(failure)?;
        return context.print_exact("the lock", &text);
    }
    match arguments.format {
        Format::Json => context.print_json(&shown),
        Format::Text => context.print(&told(&shown)),
    }
}

fn gather(
    book: &Book,
    text: &str,
    channel: &ChannelName,
    log: LogCheck,
) -> Result<Shown, ReleaseError> {
    let id = book.find(text, channel)?;
    let mut channels = Vec::new();
    for name in book.channels() {
        if book.channel(&name)?.is_some_and(|held| held.release == id) {
            channels.push(name);
        }
    }
    let history = book.history()?.into_iter();
    Ok(Shown {
        release: book.release(&id)?,
        channels,
        history: history.filter(|entry| entry.release == id).collect(),
        log,
    })
}

fn told(shown: &Shown) -> String {
    let release = &shown.release;
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
    line("back to", release.back_to.as_ref().map(self::shown));
    line("lock", Some(release.lock.to_string()));
    line("constraints", release.constraints.map(|it| it.to_string()));
    let channels: Vec<&str> = shown.channels.iter().map(ChannelName::as_str).collect();
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
    for entry in &shown.history {
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

fn shown(back: &BackTo) -> String {
    match back.only.is_empty() {
        true => back.release.to_string(),
        false => format!("{} (only {})", back.release, back.only.join(", ")),
    }
}

fn what(entry: &Entry) -> String {
    let channel = entry.channel.as_ref().map_or("", ChannelName::as_str);
    let from = entry.from.as_ref();
    let from = from.map_or_else(String::new, |from| format!(" from {from}"));
    let back = entry.back_to.as_ref();
    let back = back.map_or_else(
        || " to it".to_owned(),
        |back| format!(" to {}", shown(back)),
    );
    match entry.action {
        Action::Record => "recorded".to_owned(),
        Action::Promote => format!("promoted to {channel}{from}"),
        Action::Rollback => format!("{channel} rolled back{from}{back}"),
    }
}
