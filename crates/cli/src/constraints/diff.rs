//! `pannier constraints diff`: what changed between two versions of the constraints, and whom it reaches.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use pannier_archive::limited;
use pannier_clients::git::{Local, LocalError};
use pannier_core::constraint_tools::{self, Reach, Reached};
use pannier_core::constraints::{self, Bound, Bump, ConstraintLine, Loader};
use pannier_core::lock::model::Lock;

use super::super::context::{Context, StoreOption};
use super::super::exit::Exit;
use super::super::lock;
use super::super::renovate::requirements;
use super::super::report::Failure;
use super::super::table::{Align, Table};
use crate::options::Format;

/// Show what changed in the constraints since a revision or against a file
///
/// Shows which bounds were added, removed, raised or lowered, at which level (PEP 440), and which images and packages of the lock are
/// affected. The exit code is 0 whether something changed or not.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier constraints diff origin/main          # since that revision of this repository\n  pannier constraints diff old-constraints.txt  # against a file\n  pannier constraints diff HEAD~3 --format json"
)]
pub(super) struct Arguments {
    /// A file, or a branch, tag or commit of the current repository
    #[arg(value_name = "REV|FILE")]
    before: String,
    /// Compare these constraints
    ///
    /// [default: those of pannier.yml, else constraints/constraints.txt]
    #[arg(long, value_name = "FILE")]
    constraints: Option<PathBuf>,
    /// Read from this lock which images and packages are affected [default: pylock.toml]
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    #[command(flatten)]
    store: StoreOption,
    /// Print the result in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum DiffError {
    #[error("cannot read {}", path.display())]
    #[diagnostic(help("set the file with --constraints"))]
    Read { path: PathBuf, source: io::Error },
    #[error("`{text}` is neither a file nor a readable revision")]
    Revision {
        text: String,
        #[source]
        #[diagnostic_source]
        source: LocalError,
    },
    #[error("{path} does not exist at `{revision}`", path = path.display())]
    #[diagnostic(help("name another revision, or the old file itself"))]
    NotThere { path: PathBuf, revision: String },
}

/// What `--format json` prints for one change.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    bump: &'a Bump,
    #[serde(flatten)]
    reached: Option<&'a Reached>,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let path = super::files::file(arguments.constraints.as_ref(), context)?;
    let now = |path: &Path| limited::read_text(&context.folder.join(path), limited::LIST);
    let before = if context.folder.join(&arguments.before).is_file() {
        load(Path::new(&arguments.before), &now, context)?
    } else {
        at_revision(&arguments.before, &path, context)?
    };
    let after = load(&path, &now, context)?;
    let bumps = constraints::compare(&before, &after);
    let reach = reach(arguments, context)?;
    let reached: Vec<Reached> = match &reach {
        Some(reach) => bumps.iter().map(|bump| reach.of(&bump.name)).collect(),
        None => Vec::new(),
    };
    match arguments.format {
        Format::Json => {
            let shown = bumps.iter().enumerate().map(|(i, bump)| Shown {
                bump,
                reached: reached.get(i),
            });
            context.print_json(&shown.collect::<Vec<_>>())
        }
        Format::Text if bumps.is_empty() => context.print("nothing changed\n"),
        Format::Text => context.print(&table(&bumps, &reached).render()),
    }
}

fn load(
    path: &Path,
    read: &constraints::Reader<'_>,
    context: &Context,
) -> Result<Vec<ConstraintLine>, Failure> {
    let mut loader = Loader::new(read, &context.variables);
    loader.constraints(path).map_err(|source| {
        let path = path.to_owned();
        Failure::new(Exit::Usage, DiffError::Read { path, source })
    })?;
    let found = loader
        .finish()
        .map_err(|errors| Failure::new(Exit::Usage, errors))?;
    Ok(found.constraints)
}

/// The constraints as they were, with the files that they named then.
fn at_revision(
    revision: &str,
    path: &Path,
    context: &Context,
) -> Result<Vec<ConstraintLine>, Failure> {
    let fail = |source| {
        let text = revision.to_owned();
        Failure::new(Exit::Usage, DiffError::Revision { text, source })
    };
    let repository = Local::around(&context.folder).map_err(fail)?;
    let commit = repository.commit(revision).map_err(fail)?;
    if repository.read(commit, path).map_err(fail)?.is_none() {
        let error = DiffError::NotThere {
            path: path.to_owned(),
            revision: revision.to_owned(),
        };
        return Err(Failure::new(Exit::Usage, error));
    }
    let read = |path: &Path| match repository.read(commit, path) {
        Ok(Some(bytes)) => limited::text(bytes),
        Ok(None) => Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("it does not exist at `{revision}`"),
        )),
        Err(error) => Err(io::Error::other(error)),
    };
    load(path, &read, context)
}

/// Who gets what, where there is a lock.
fn reach(arguments: &Arguments, context: &Context) -> Result<Option<Reach>, Failure> {
    let standard = PathBuf::from("pylock.toml");
    let path = match &arguments.lock {
        Some(path) => path.clone(),
        None if context.folder.join(&standard).is_file() => standard,
        None => return Ok(None),
    };
    let lock: Lock = lock::read(&context.folder.join(path), context)?;
    let store = context.open_store(&arguments.store)?;
    constraint_tools::reach(&lock, &|package| requirements(package, &store))
        .map(Some)
        .map_err(|error| Failure::new(Exit::Failed, error))
}

/// The changes as a table; with what each reaches where that is known.
pub(super) fn table(bumps: &[Bump], reached: &[Reached]) -> Table {
    let mut head = vec![
        ("change", Align::Left),
        ("package", Align::Left),
        ("from", Align::Left),
        ("to", Align::Left),
        ("level", Align::Left),
    ];
    if !reached.is_empty() {
        head.extend([("images", Align::Left), ("needed by", Align::Left)]);
    }
    let mut table = Table::new(&head);
    for (i, bump) in bumps.iter().enumerate() {
        let bound = |bound: &Option<Bound>| match bound {
            Some(bound) => bound.to_string(),
            None => "-".to_owned(),
        };
        let level = bump.level.map(|level| level.to_string());
        let mut row = vec![
            bump.kind.to_string(),
            bump.name.to_string(),
            bound(&bump.old),
            bound(&bump.new),
            level.unwrap_or_else(|| "-".to_owned()),
        ];
        if let Some(reached) = reached.get(i) {
            let images = reached.images.iter().map(|(image, version)| match version {
                Some(version) => format!("{image} {version}"),
                None => image.to_string(),
            });
            row.push(listed(images.collect()));
            row.push(listed(
                reached.needed_by.iter().map(ToString::to_string).collect(),
            ));
        }
        table.row(row);
    }
    table
}

fn listed(names: Vec<String>) -> String {
    match names.is_empty() {
        true => "-".to_owned(),
        false => names.join(", "),
    }
}
