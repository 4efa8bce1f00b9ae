//! `pannier lock`: one set of versions for all images.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use pannier_base::name::PackageName;
use pannier_core::lock::effect::Effect;
use pannier_core::lock::model::Lock;
use pannier_core::request::overrides::Applied;
use pannier_core::resolve::overridden::Movement;
use pannier_core::resolve::update::{Happened, Mode, UpToDate, UpdateError};
use pannier_core::resolve::{Upgrade, update};

use super::Format;
use super::context::Context;
use super::exit::Exit;
use super::report::Failure;
use super::session::{Beside, RequestOptions, Session, configuration, failure};

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

/// What `--format json` prints.
#[derive(Serialize)]
struct Shown {
    lock: String,
    digest: String,
    changed: bool,
    changes: Vec<String>,
    forks: Vec<pannier_core::lock::model::Fork>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    overrides: Vec<Applied>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<Effect>,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let configuration = configuration(&arguments.request, Beside::default(), context)?;
    let session = Session::open(&arguments.request, configuration, context)?;
    let mode = if arguments.check {
        Mode::Check
    } else {
        Mode::Update(upgrade(&arguments.upgrade)?)
    };
    let uv = || session.uv();
    let builder = session.builder(&uv);
    let movement = match arguments.strict {
        true => Movement::Refused,
        false => Movement::Told,
    };
    let done = session.lock(&builder, &mode, movement)?;
    let path = session.lock_path();
    match arguments.format {
        Format::Json => context.print_json(&shown(&done, &path)),
        Format::Text => context.print(&summary(&done, &path)),
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

/// What people read about a lock that was brought up to date.
pub(super) fn summary(done: &UpToDate, path: &Path) -> String {
    let path = path.display();
    let count = match done.lock.packages.len() {
        1 => "1 package".to_owned(),
        more => format!("{more} packages"),
    };
    let mut text = match &done.happened {
        Happened::Nothing => format!("{path} matches the request ({count})\n"),
        Happened::Made => format!("wrote {path} ({count})\n"),
        Happened::Renewed(changes) if changes.is_empty() => {
            format!("wrote {path}: no version changed ({count})\n")
        }
        Happened::Renewed(changes) => {
            let lines: String = changes
                .iter()
                .map(|change| format!("  {change}\n"))
                .collect();
            format!("wrote {path} ({count})\n{lines}")
        }
    };
    if done.happened != Happened::Nothing {
        for fork in &done.lock.pannier.forks {
            text += &format!(
                "  {} {} does not support {}: {}\n",
                fork.package, fork.version, fork.image, fork.reason
            );
        }
    }
    text + &overridden(done)
}

/// What people read about overrides: each of them, and what they moved.
fn overridden(done: &UpToDate) -> String {
    let overrides = done.lock.pannier.overrides.iter();
    let mut text: String = overrides.map(|one| format!("  {one}\n")).collect();
    let Some(effect) = &done.effect else {
        if !text.is_empty() {
            text += "  there is no production lock to compare with\n";
        }
        return text;
    };
    for (title, changes) in [
        ("overridden", &effect.overridden),
        ("required by the overrides", &effect.needed),
        ("changed in addition", &effect.others),
    ] {
        for change in changes {
            text += &format!("  {title}: {change}\n");
        }
    }
    if effect.others.is_empty() {
        text += "  nothing else differs from production\n";
    }
    text
}

fn shown(done: &UpToDate, path: &Path) -> Shown {
    let changes = match &done.happened {
        Happened::Renewed(changes) => changes.iter().map(ToString::to_string).collect(),
        Happened::Nothing | Happened::Made => Vec::new(),
    };
    Shown {
        lock: path.display().to_string(),
        digest: done.digest.to_string(),
        changed: done.happened != Happened::Nothing,
        changes,
        forks: done.lock.pannier.forks.clone(),
        overrides: done.lock.pannier.overrides.clone(),
        effect: done.effect.clone(),
    }
}

/// Reads a lock that must be there.
pub(super) fn read(path: &Path, context: &Context) -> Result<Lock, Failure> {
    match update::read(path, context.reporter()).map_err(failure)? {
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
