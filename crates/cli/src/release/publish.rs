//! `pannier release publish`: the tarballs of a release go into the package registry.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use pannier_core::release::{self, Carried, ChannelName, ReleaseError, ReleaseId};

use super::super::Format;
use super::super::book::{self, Desk, ReasonOption, failure};
use super::super::context::Context;
use super::super::log_check::LogCheck;
use super::super::report::Failure;
use super::super::table::{self, Align, Table};
use super::BookOptions;

/// Upload the tarballs of a release to the generic package registry
///
/// Skips tarballs that the registry has already. In a job, CI_JOB_TOKEN is enough.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier release record --tarballs dist && pannier release publish\n  pannier release publish production --project platform/releases --tarballs dist"
)]
pub(super) struct Arguments {
    /// The release [default: the newest one with the tarballs of the folder]
    #[arg(value_name = "RELEASE")]
    release: Option<String>,
    /// Set the project of the package registry, by ID or path [default: the release log's]
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Upload the tarballs in this folder
    #[arg(long, value_name = "FOLDER", default_value = "dist")]
    tarballs: PathBuf,
    /// Set the channel that `previous` refers to
    #[arg(long, value_name = "NAME", default_value = "production", value_parser = book::channel)]
    channel: ChannelName,
    /// Print the result in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    book: BookOptions,
}

/// What `--format json` prints, here and of `fetch`.
#[derive(Serialize)]
pub(super) struct Shown {
    pub(super) release: ReleaseId,
    pub(super) project: String,
    pub(super) tarballs: Vec<Carried>,
    #[serde(flatten)]
    pub(super) log: LogCheck,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let desk = Desk::open(&arguments.book, context)?;
    let folder = context.folder.join(&arguments.tarballs);
    let gitlab = desk.gitlab()?;
    let registry = desk.registry(&gitlab, arguments.project.as_deref())?;
    let stamp = desk.stamp(&ReasonOption { reason: None });
    let (book, log) = desk.caught_up(&stamp)?;
    let work = || {
        let release = match &arguments.release {
            Some(text) => book.release(&book.find(text, &arguments.channel)?)?,
            None => {
                let found = book.holding(&release::gather_any(&folder)?)?;
                found.ok_or_else(|| ReleaseError::Unrecorded {
                    folder: arguments.tarballs.clone(),
                })?
            }
        };
        Ok(Shown {
            tarballs: release::publish(&registry, &release, &folder)?,
            project: registry.project.to_string(),
            release: release.id,
            log,
        })
    };
    let shown = work().map_err(failure)?;
    match arguments.format {
        Format::Json => context.print_json(&shown),
        Format::Text => context.print(&told(&shown, ["uploaded", "was there"])),
    }
}

/// A table of what became of the tarballs; `words` for carried over and for there already.
pub(super) fn told(shown: &Shown, words: [&str; 2]) -> String {
    let mut table = Table::new(&[
        ("tarball", Align::Left),
        ("size", Align::Right),
        ("", Align::Left),
        ("as", Align::Left),
    ]);
    for one in &shown.tarballs {
        let word = words[usize::from(!one.carried)];
        table.row([
            one.tarball.name.clone(),
            table::bytes(one.tarball.size),
            word.to_owned(),
            one.place.clone(),
        ]);
    }
    let (release, project) = (&shown.release, &shown.project);
    format!(
        "{}release {release}, packages of project {project}\n",
        table.render()
    )
}
