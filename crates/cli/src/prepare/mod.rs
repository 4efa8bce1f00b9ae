//! `pannier prepare`: from request to tarballs.

mod junit;

use std::path::{Path, PathBuf};

use clap::Args;

use pannier_archive::tarball::{Mtime, Packing};
use pannier_config::file::Compression;
use pannier_core::release::ChannelName;
use pannier_core::request::Bytecode;
use pannier_core::request::overrides::Applied;
use pannier_core::session::{PrepareOptions, PrepareReport};

use super::context::Context;
use super::exit::Exit;
use super::report::Failure;
use super::session::{self, Beside, RequestOptions, configuration};
use super::table::{self, Align, Table};
use crate::options::Format;

/// Write one venv tarball per image, with its manifest and digest
///
/// If no lock matches the request, this command locks first. It adds missing wheels and data to the store.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier prepare                                  # all images of pannier.yml, into dist/\n  pannier prepare --image builder --image tester   # two of them\n  pannier prepare --locked --offline               # as locked, from the store alone\n  GITLAB_COM_PACKAGES='job-tools other/lib@v2' DATA_PROJECTS=job-data pannier prepare --here\n  pannier prepare --fallback production --junit prepare.xml   # or the last good release\n\nIn a job:\n  tar xzf dist/builder.tar.gz && . ./activate"
)]
pub(super) struct Arguments {
    /// Prepare only this image; repeat the flag for more [default: all]
    #[arg(long, value_name = "NAME")]
    image: Vec<String>,
    /// Never change the lock; exit with 3 if it does not match the request
    #[arg(long)]
    locked: bool,
    /// Prepare the release of this channel if an index, repository or package fails
    #[arg(long, value_name = "CHANNEL", value_parser = super::release_log::channel)]
    fallback: Option<ChannelName>,
    /// Set the repository of the release log, `project[@branch]` [env: PANNIER_RELEASES]
    #[arg(
        long = "release-log",
        alias = "book",
        value_name = "PROJECT",
        help_heading = "Release log"
    )]
    book: Option<String>,
    /// Write a JUnit report, in which a fallback is a failed test
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Set the folder for the tarballs [env: PANNIER_OUTPUT] [default: dist]
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Compress the tarballs with this format [default: gzip]
    #[arg(long, value_enum, value_name = "KIND")]
    compression: Option<CompressionArgument>,
    /// Add bytecode to the tarballs [default: none]
    #[arg(long, value_enum, value_name = "KIND")]
    bytecode: Option<BytecodeArgument>,
    /// Write gzip with one member per large file; some readers stop after the first
    #[arg(long)]
    members: bool,
    /// Write zstd as one frame, for readers that stop after the first; slower
    #[arg(long, conflicts_with = "members")]
    single_frame: bool,
    /// Run this many downloads, builds and tarballs in parallel
    #[arg(short, long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Print the result in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    request: RequestOptions,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let beside = Beside {
        images: arguments.image.clone(),
        output: arguments.output.clone(),
        compression: arguments.compression.map(Into::into),
        bytecode: arguments.bytecode.map(Into::into),
        book: arguments.book.clone(),
    };
    let configuration = configuration(&arguments.request, beside, context)?;
    let session = session::open(&arguments.request, &configuration, context)?;
    let done = session.prepare(&PrepareOptions {
        request: &configuration.request,
        locked: arguments.locked,
        images: configuration.selected.clone(),
        output: context.folder.join(&configuration.output),
        jobs: usize::from(arguments.jobs),
        mtime: mtime(configuration.source_date_epoch),
        packing: packing(arguments, configuration.compression)?,
        bytecode: configuration.bytecode,
        fallback: arguments.fallback.clone(),
    });
    if let Some(path) = &arguments.junit {
        junit::write(&context.folder.join(path), done.as_ref())?;
    }
    let report = done?;
    match arguments.format {
        Format::Json => context.print_json(&report),
        Format::Text => context.print(&summary(&report, &configuration.output)),
    }
}

/// What `--compression` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum CompressionArgument {
    /// NAME.tar.gz, which every tar reads
    Gzip,
    /// NAME.tar.zst: smaller, for a tar that supports zstd
    Zstd,
}

impl From<CompressionArgument> for Compression {
    fn from(argument: CompressionArgument) -> Self {
        match argument {
            CompressionArgument::Gzip => Self::Gzip,
            CompressionArgument::Zstd => Self::Zstd,
        }
    }
}

/// What `--bytecode` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum BytecodeArgument {
    /// No bytecode: Python compiles a module when it first imports it
    None,
    /// Compile with a Python of the image's version, if one is available
    UncheckedHash,
}

impl From<BytecodeArgument> for Bytecode {
    fn from(argument: BytecodeArgument) -> Self {
        match argument {
            BytecodeArgument::None => Self::None,
            BytecodeArgument::UncheckedHash => Self::UncheckedHash,
        }
    }
}

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{flag} is for {kind}, but the tarballs are compressed with {compression}")]
#[diagnostic(help("add --compression {kind}, or omit {flag}"))]
struct Misfit {
    flag: &'static str,
    kind: Compression,
    compression: Compression,
}

fn packing(arguments: &Arguments, compression: Compression) -> Result<Packing, Failure> {
    let misfit = |flag, kind| {
        let error = Misfit {
            flag,
            kind,
            compression,
        };
        Err(Failure::new(Exit::Usage, error))
    };
    match (compression, arguments.members, arguments.single_frame) {
        (Compression::Gzip, false, false) => Ok(Packing::Spliced),
        (Compression::Gzip, true, _) => Ok(Packing::Members),
        (Compression::Zstd, false, false) => Ok(Packing::Frames),
        (Compression::Zstd, false, true) => Ok(Packing::OneFrame),
        (Compression::Gzip, false, true) => misfit("--single-frame", Compression::Zstd),
        (Compression::Zstd, true, _) => misfit("--members", Compression::Gzip),
    }
}

fn mtime(epoch: Option<i64>) -> Mtime {
    let epoch = epoch.and_then(|epoch| u64::try_from(epoch).ok());
    epoch.map_or_else(Mtime::default, Mtime::from_epoch)
}

fn summary(done: &PrepareReport, output: &Path) -> String {
    let mut table = Table::new(&[
        ("image", Align::Left),
        ("packages", Align::Right),
        ("files", Align::Right),
        ("size", Align::Right),
        ("time", Align::Right),
        ("sha256", Align::Left),
    ]);
    for image in &done.images {
        table.row([
            image.image.to_string(),
            image.packages.to_string(),
            image.files.to_string(),
            table::bytes(image.bytes),
            format!("{:.2}s", image.seconds),
            image.sha256.to_string(),
        ]);
    }
    let mut text = format!("{}in {}\n", table.render(), output.display());
    if let Some(instead) = &done.fallback {
        text += &format!("{instead}\n");
    }
    text + &overridden(&done.overrides)
}

/// What came from elsewhere, as a table; empty when nothing did.
fn overridden(overrides: &[Applied]) -> String {
    if overrides.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        ("override", Align::Left),
        ("version", Align::Left),
        ("from", Align::Left),
        ("to", Align::Left),
        ("by", Align::Left),
    ]);
    for one in overrides {
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let cells = [
            or_dash(&one.version),
            or_dash(&one.from),
            one.to(),
            one.by(),
        ];
        table.row(std::iter::once(one.name.clone()).chain(cells));
    }
    format!("\n{}", table.render())
}
