//! `pannier release fetch`: the tarballs of a release come out of the package registry.

use std::path::PathBuf;

use clap::Args;

use pannier_core::release::ChannelName;
use pannier_core::session::FetchOptions;

use super::super::context::Context;
use super::super::release_log;
use super::super::report::Failure;
use super::publish::transferred;
use crate::options::Format;
use crate::release_log::LogOptions;

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
    #[arg(long, value_name = "NAME", default_value = "production", value_parser = release_log::channel)]
    channel: ChannelName,
    /// Print the result in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    log: LogOptions,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let opened = release_log::open(&arguments.log, context)?;
    let report = opened.session.release_fetch(&FetchOptions {
        release: arguments.release.clone(),
        channel: arguments.channel.clone(),
        project: arguments.project.clone(),
        images: arguments.image.clone(),
        output: context.folder.join(&arguments.output),
    })?;
    match arguments.format {
        Format::Json => context.print_json(&report),
        Format::Text => context.print(&transferred(&report, ["fetched", "was there"])),
    }
}
