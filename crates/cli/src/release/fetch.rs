//! `pannier release fetch`: the tarballs of a release come out of the package registry.

use std::path::PathBuf;

use clap::Args;

use pannier_core::release::{self, ChannelName};

use super::super::Format;
use super::super::book::{self, Desk, failure};
use super::super::context::Context;
use super::super::report::Failure;
use super::BookOptions;
use super::publish::{Shown, told};

/// Download the tarballs of a release and verify them against the release log
///
/// A tarball that is not the recorded one is refused (exit 4) and never appears in the folder. In a job, CI_JOB_TOKEN is enough.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier release fetch                                 # the release of production, into dist/\n  pannier release fetch previous --image builder -o old"
)]
pub(super) struct Arguments {
    /// The release, or a channel
    #[arg(value_name = "RELEASE", default_value = "production")]
    release: String,
    /// Set the project of the package registry, by ID or path [default: the release log's]
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// Download only the tarball of this image; repeat the flag for more [default: all]
    #[arg(long, value_name = "NAME")]
    image: Vec<String>,
    /// Set the folder for the tarballs
    #[arg(short, long, value_name = "FOLDER", default_value = "dist")]
    output: PathBuf,
    /// Set the channel that `previous` refers to
    #[arg(long, value_name = "NAME", default_value = "production", value_parser = book::channel)]
    channel: ChannelName,
    /// Print the result in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    book: BookOptions,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let desk = Desk::open(&arguments.book, context)?;
    let gitlab = desk.gitlab()?;
    let registry = desk.registry(&gitlab, arguments.project.as_deref())?;
    let (book, log) = desk.compared()?;
    let work = || {
        let release = book.release(&book.find(&arguments.release, &arguments.channel)?)?;
        let folder = context.folder.join(&arguments.output);
        let only = &arguments.image;
        Ok(Shown {
            tarballs: release::fetch(&registry, &release, only, &folder, context.reporter())?,
            project: registry.project.to_string(),
            release: release.id,
            log,
        })
    };
    let shown = work().map_err(failure)?;
    match arguments.format {
        Format::Json => context.print_json(&shown),
        Format::Text => context.print(&told(&shown, ["fetched", "was there"])),
    }
}
