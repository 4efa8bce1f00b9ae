//! `pannier release publish`: the tarballs of a release go into the package registry.

use std::path::PathBuf;

use clap::Args;

use pannier_core::release::ChannelName;
use pannier_core::session::{PublishOptions, TransferReport};

use super::super::context::Context;
use super::super::release_log;
use super::super::report::Failure;
use super::super::table::{self, Align, Table};
use crate::options::Format;
use crate::release_log::LogOptions;

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
    let report = opened.session.release_publish(&PublishOptions {
        release: arguments.release.clone(),
        channel: arguments.channel.clone(),
        project: arguments.project.clone(),
        tarballs: context.folder.join(&arguments.tarballs),
        reason: release_log::job_reason(context),
    })?;
    match arguments.format {
        Format::Json => context.print_json(&report),
        Format::Text => context.print(&transferred(&report, ["uploaded", "was there"])),
    }
}

/// A table of what became of the tarballs; `words` for carried over and for there already.
pub(super) fn transferred(report: &TransferReport, words: [&str; 2]) -> String {
    let mut table = Table::new(&[
        ("tarball", Align::Left),
        ("size", Align::Right),
        ("", Align::Left),
        ("as", Align::Left),
    ]);
    for one in &report.tarballs {
        let word = words[usize::from(!one.carried)];
        table.row([
            one.tarball.name.clone(),
            table::bytes(one.tarball.size),
            word.to_owned(),
            one.place.clone(),
        ]);
    }
    let (release, project) = (&report.release, &report.project);
    format!(
        "{}release {release}, packages of project {project}\n",
        table.render()
    )
}
