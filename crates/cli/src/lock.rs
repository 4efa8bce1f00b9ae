//! `pannier lock`: one set of versions for all images.

use std::path::Path;

use clap::Args;

use pannier_base::name::PackageName;
use pannier_core::lock::model::Lock;
use pannier_core::resolve::overridden::Movement;
use pannier_core::resolve::update::{Mode, UpdateError};
use pannier_core::resolve::{Upgrade, update};
use pannier_core::session::LockOptions;

use super::context::Context;
use super::exit::Exit;
use super::report::Failure;
use super::session::{self, Beside, RequestOptions, configuration};
use crate::options::Format;

/// Choose one set of versions for all images and write it to pylock.toml
///
/// Versions and commits of an existing lock stay if they can. pip and uv can install from the file (PEP 751).
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier lock                    # create or update the lock\n  pannier lock --upgrade          # newest versions and commits\n  pannier lock --upgrade=numpy    # the newest version of one package\n  pannier lock --check            # exit with 3 if the lock does not match the request\n  pannier lock --strict --override job-tools=https://host/group/job-tools/-/merge_requests/5"
)]
pub(super) struct Arguments {
    /// Take the newest versions and commits, of all packages or only this one
    #[arg(long, value_name = "PKG", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    upgrade: Vec<String>,
    /// Write nothing; exit with 3 if the lock does not match the request
    #[arg(long, conflicts_with = "upgrade")]
    check: bool,
    /// Exit with 5 if overrides change more than their packages and dependencies
    #[arg(long)]
    strict: bool,
    /// Print the result in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    request: RequestOptions,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let configuration = configuration(&arguments.request, Beside::default(), context)?;
    let session = session::open(&arguments.request, &configuration, context)?;
    let report = session.lock(&LockOptions {
        request: &configuration.request,
        mode: if arguments.check {
            Mode::Check
        } else {
            Mode::Update(upgrade(&arguments.upgrade)?)
        },
        movement: if arguments.strict {
            Movement::Refused
        } else {
            Movement::Told
        },
    })?;
    match arguments.format {
        Format::Json => context.print_json(&report),
        Format::Text => context.print(&report.to_string()),
    }
}

fn upgrade(typed: &[String]) -> Result<Upgrade, Failure> {
    if typed.iter().any(String::is_empty) {
        return Ok(Upgrade::All);
    }
    if typed.is_empty() {
        return Ok(Upgrade::None);
    }
    let names: Result<Vec<PackageName>, _> = typed
        .iter()
        .flat_map(|list| list.split(','))
        .map(|name| name.trim().parse())
        .collect();
    let names = names.map_err(|error| Failure::new(Exit::Usage, BadName(error)))?;
    Ok(Upgrade::Packages(names))
}

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("--upgrade: {0}")]
#[diagnostic(help("pass --upgrade=NAME, or --upgrade alone for all packages"))]
struct BadName(pannier_base::name::NameError);

/// Reads a lock that must be there.
pub(super) fn read(path: &Path, context: &Context) -> Result<Lock, Failure> {
    match update::read(path, context.reporter())? {
        Some((lock, _)) => Ok(lock),
        // Nothing is compared with a request here, so this is not the code of a lock that does not fit.
        None => Err(Failure::new(
            Exit::Failed,
            UpdateError::Missing {
                path: path.to_owned(),
            },
        )),
    }
}
