//! `pannier constraints update`: raises pins to the newest set that serves all images.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use pannier_archive::{atomic, limited};
use pannier_base::name::PackageName;
use pannier_core::constraint_tools::{self, Kept, Raised};
use pannier_core::constraints::{Bump, Document, VARIABLE, compare};
use pannier_core::request::{ConstraintsText, Request};
use pannier_core::resolve::{Upgrade, update as lock_file};

use super::super::Format;
use super::super::context::Context;
use super::super::exit::Exit;
use super::super::report::Failure;
use super::super::session::{self, Beside, RequestOptions, Session, configuration};
use super::convert::unwritable;
use super::diff::table;
use super::lint::NoConstraints;

/// Update pins to the newest versions that resolve for all images
///
/// Turns pins into lower bounds, lets uv choose versions, and writes them back into the lines. Ranges, comments, order and spelling
/// stay. No version is lowered.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier constraints update                   # all pins\n  pannier constraints update numpy rich        # only these two\n  pannier constraints update --dry-run         # only show what would change"
)]
pub(super) struct Arguments {
    /// Update only the pins of these packages [default: all]
    #[arg(value_name = "PKG")]
    packages: Vec<PackageName>,
    /// Show what would change and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the changes in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    request: RequestOptions,
}

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum UpdateError {
    #[error("no line pins {}", .0.join(", "))]
    #[diagnostic(help("only packages that a line pins with `==` can be updated"))]
    NotPinned(Vec<String>),
    #[error("the constraints come from the variable {VARIABLE}, which cannot be written")]
    #[diagnostic(help(
        "run the command in a checkout with the file, or set the file with --constraints"
    ))]
    Variable,
    #[error("the constraints {} cannot be read again: {why}", path.display())]
    Read { path: PathBuf, why: String },
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Shown<'a> {
    written: Vec<&'a Path>,
    changes: &'a [Bump],
    kept: &'a [Kept],
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let configuration = configuration(&arguments.request, Beside::default(), context)?;
    let session = Session::open(&arguments.request, configuration, context)?;
    let Some(constraints) = session.configuration.request.constraints.clone() else {
        return Err(Failure::new(Exit::Usage, NoConstraints));
    };
    let fail = |error| Failure::new(Exit::Usage, error);
    if constraints.path == Path::new(VARIABLE) {
        return Err(fail(UpdateError::Variable));
    }
    let names = names(arguments, &constraints).map_err(fail)?;
    let root = &session.configuration.request.root;
    let files = Files::read(&constraints, root, context).map_err(fail)?;
    let lock = resolve(&session, &constraints, names.as_deref())?;
    let raised = constraint_tools::raised(&files.documents, &lock, names.as_deref());
    let changes = files.changes(&raised, context).map_err(fail)?;
    if !arguments.dry_run {
        files.write(&raised, root)?;
    }
    match arguments.format {
        Format::Json => context.print_json(&shown(&raised, &changes)),
        Format::Text => context.print(&text(&raised, &changes, arguments.dry_run)),
    }
}

/// The packages that were named; each must have a pin.
fn names(
    arguments: &Arguments,
    constraints: &ConstraintsText,
) -> Result<Option<Vec<PackageName>>, UpdateError> {
    let pinned = |name: &PackageName| {
        let mut lines = constraints.lines.iter();
        lines.any(|line| line.pin().is_some() && line.name() == *name)
    };
    let missing: Vec<String> = arguments
        .packages
        .iter()
        .filter(|name| !pinned(name))
        .map(ToString::to_string)
        .collect();
    match (missing.is_empty(), arguments.packages.is_empty()) {
        (false, _) => Err(UpdateError::NotPinned(missing)),
        (true, true) => Ok(None),
        (true, false) => Ok(Some(arguments.packages.clone())),
    }
}

/// Resolves with the pins as lower bounds.
fn resolve(
    session: &Session<'_>,
    constraints: &ConstraintsText,
    names: Option<&[PackageName]>,
) -> Result<pannier_core::lock::model::Lock, Failure> {
    let request = Request {
        constraints: Some(ConstraintsText {
            path: constraints.path.clone(),
            lines: constraint_tools::loosened(&constraints.lines, names),
        }),
        ..session.configuration.request.clone()
    };
    let previous = lock_file::read(&session.lock_path(), session.reporter());
    let previous = previous.map_err(session::failure)?.map(|(lock, _)| lock);
    let upgrade = match names {
        None => Upgrade::All,
        Some(names) => Upgrade::Packages(names.to_vec()),
    };
    let uv = || session.uv();
    let builder = session.builder(&uv);
    session.resolve(&request, &builder, (previous.as_ref(), &upgrade))
}

/// The files that the constraints stand in.
struct Files {
    documents: BTreeMap<PathBuf, Document>,
}

impl Files {
    fn read(
        constraints: &ConstraintsText,
        root: &Path,
        context: &Context,
    ) -> Result<Self, UpdateError> {
        let documents = constraint_tools::documents(&constraints.lines, |path| {
            let fail = |why: String| UpdateError::Read {
                path: path.to_owned(),
                why,
            };
            let text = limited::read_text(&root.join(path), limited::LIST)
                .map_err(|error| fail(error.to_string()))?;
            Document::parse(&text, path, &context.variables)
                .map_err(|error| fail(error.to_string()))
        })?;
        Ok(Self { documents })
    }

    /// What the new texts change.
    fn changes(&self, raised: &Raised, context: &Context) -> Result<Vec<Bump>, UpdateError> {
        let mut changes = Vec::new();
        for (path, text) in &raised.texts {
            let after = Document::parse(text, path, &context.variables);
            let after = after.map_err(|errors| UpdateError::Read {
                path: path.clone(),
                why: errors.to_string(),
            })?;
            changes.extend(compare(
                self.documents[path].constraints(),
                after.constraints(),
            ));
        }
        changes.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(changes)
    }

    fn write(&self, raised: &Raised, root: &Path) -> Result<(), Failure> {
        for (path, text) in &raised.texts {
            atomic::write(&root.join(path), text.as_bytes(), None)
                .map_err(|source| unwritable(path, source))?;
        }
        Ok(())
    }
}

fn shown<'a>(raised: &'a Raised, changes: &'a [Bump]) -> Shown<'a> {
    Shown {
        written: raised.texts.keys().map(PathBuf::as_path).collect(),
        changes,
        kept: &raised.kept,
    }
}

fn text(raised: &Raised, changes: &[Bump], dry: bool) -> String {
    let mut text = String::new();
    if changes.is_empty() {
        text += "all pins are up to date\n";
    } else {
        text += &table(changes, &[]).render();
    }
    for kept in &raised.kept {
        text += &format!(
            "{}:{}: {} stays: {}\n",
            kept.file.display(),
            kept.line,
            kept.package,
            kept.reason
        );
    }
    for path in raised.texts.keys() {
        let verb = if dry { "would write" } else { "wrote" };
        text += &format!("{verb} {}\n", path.display());
    }
    if !raised.texts.is_empty() && !dry {
        text += "now run `pannier lock` and `pannier constraints convert`\n";
    }
    text
}
