//! `pannier unpack`: a tarball becomes its tree.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use miette::Diagnostic;
use serde::Serialize;
use thiserror::Error;

use pannier_archive::limited;
use pannier_archive::unpack::{Input, Options, Target, Unpacked, unpack};
use pannier_base::digest::Digest;
use pannier_base::paths::AbsoluteLinks;

use super::context::Context;
use super::exit::Exit;
use super::report::Failure;
use super::table;
use crate::options::Format;

/// Unpack a tarball, completely or not at all
///
/// Reads any tar.gz, and tarballs of Pannier with several threads. Verifies all checksums first, and also FILE.sha256 and the
/// manifest if they are next to the tarball. After a failure the target is unchanged.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier unpack dist/builder.tar.gz                 # into the current folder, as tar xzf does\n  pannier unpack dist/builder.tar.gz --to /opt/env   # into the new folder /opt/env\n  curl -s https://example.org/env.tar.gz | pannier unpack - --verify 7d1a…"
)]
pub(super) struct Arguments {
    /// The tarball; `-` reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Unpack to this new or empty folder [default: the current folder]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Use this many threads [default: the number of cores]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Refuse a tarball with another SHA-256 digest [default: from FILE.sha256, if it exists]
    #[arg(long, value_name = "DIGEST")]
    verify: Option<Digest>,
    /// Accept links to absolute paths, which `absolute_links: keep` produces
    #[arg(long)]
    allow_absolute_links: bool,
    /// Replace existing files
    #[arg(long)]
    force: bool,
    /// Print the result in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Shown {
    target: PathBuf,
    seconds: f64,
    #[serde(flatten)]
    unpacked: Unpacked,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let started = Instant::now();
    let stdin = arguments.file == Path::new("-");
    let file = context.folder.join(&arguments.file);
    let expected = match arguments.verify {
        None if !stdin => beside(&file)?,
        given => given,
    };
    let input = if stdin {
        Input::Stream(Box::new(std::io::stdin()))
    } else {
        Input::File(&file)
    };
    let target = target(arguments, context);
    let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let options = Options {
        jobs: arguments.jobs.unwrap_or_else(cores),
        expected,
        manifest: if stdin { None } else { manifest_beside(&file)? },
        absolute_links: match arguments.allow_absolute_links {
            true => AbsoluteLinks::Keep,
            false => AbsoluteLinks::Refuse,
        },
        force: arguments.force,
    };
    let unpacked = unpack(input, &target, &options)?;
    let (Target::Folder(place) | Target::Inside(place)) = target;
    let seconds = started.elapsed().as_secs_f64();
    if arguments.format == Format::Json {
        return context.print_json(&Shown {
            target: place,
            seconds,
            unpacked,
        });
    }
    let verified = if unpacked.verified {
        "digest verified"
    } else {
        "no digest to verify"
    };
    context.print(&format!(
        "{} files, {} in {} ({seconds:.2}s, {verified})\n",
        unpacked.files,
        table::bytes(unpacked.bytes),
        place.display()
    ))
}

/// The current folder cannot be replaced, so entries go into it.
fn target(arguments: &Arguments, context: &Context) -> Target {
    let Some(to) = &arguments.to else {
        return Target::Inside(context.folder.clone());
    };
    let to = context.folder.join(to);
    match (to.canonicalize(), context.folder.canonicalize()) {
        (Ok(target), Ok(here)) if here.starts_with(&target) => Target::Inside(to),
        _ => Target::Folder(to),
    }
}

/// What `IMAGE.manifest.json` beside `IMAGE.tar.gz` holds, if there is such a file.
fn manifest_beside(file: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let stem = [".tar.gz", ".tar.zst"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending));
    let Some(stem) = stem else {
        return Ok(None);
    };
    let path = file.with_file_name(format!("{stem}.manifest.json"));
    match limited::read(&path, limited::MANIFEST) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Failure::new(Exit::Failed, Beside::Read { path, source })),
    }
}

/// The digest in `FILE.sha256` (`sha256sum` writes it), if there is such a file.
fn beside(file: &Path) -> Result<Option<Digest>, Failure> {
    let mut path = file.as_os_str().to_owned();
    path.push(".sha256");
    let path = PathBuf::from(path);
    let text = match limited::read_text(&path, limited::SMALL) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Failure::new(Exit::Failed, Beside::Read { path, source })),
    };
    let digest = text
        .split_whitespace()
        .next()
        .and_then(|it| it.parse().ok());
    match digest {
        Some(digest) => Ok(Some(digest)),
        None => Err(Failure::new(Exit::Refused, Beside::NoDigest { path })),
    }
}

#[derive(Debug, Error, Diagnostic)]
enum Beside {
    #[error("cannot read `{}`", path.display())]
    #[diagnostic(help("make it readable, or move the tarball to another folder"))]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{}` contains no SHA-256 digest", path.display())]
    #[diagnostic(help("write it again with sha256sum, or pass the digest with --verify"))]
    NoDigest { path: PathBuf },
}
