//! `pannier constraints update`: raises pins to the newest set that serves all images.

use clap::Args;

use pannier_base::name::PackageName;
use pannier_core::session::{RaiseOptions, RaiseReport};

use super::super::Format;
use super::super::context::Context;
use super::super::report::Failure;
use super::super::session::{self, Beside, RequestOptions, configuration};
use super::diff::table;

/// Raises pins to the newest versions that still resolve for all images
///
/// uv chooses: pins become lower bounds, ranges stay, and what was chosen is written back into the lines. Comments, order and
/// spelling stay. Nothing is lowered.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier constraints update                   # all pins\n  pannier constraints update numpy rich        # two of them, the others stay\n  pannier constraints update --dry-run         # only show what would change"
)]
pub(super) struct Arguments {
    /// Raise the pins of these packages alone
    #[arg(value_name = "PKG")]
    packages: Vec<PackageName>,
    #[command(flatten)]
    request: RequestOptions,
    /// Write nothing
    #[arg(long)]
    dry_run: bool,
    /// How to print what changed
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let configuration = configuration(&arguments.request, Beside::default(), context)?;
    let session = session::open(&arguments.request, &configuration, context)?;
    let report = session.raise_constraints(&RaiseOptions {
        request: &configuration.request,
        packages: &arguments.packages,
        variables: &context.variables,
        dry_run: arguments.dry_run,
    })?;
    match arguments.format {
        Format::Json => context.print_json(&report),
        Format::Text => context.print(&text(&report, arguments.dry_run)),
    }
}

fn text(report: &RaiseReport, dry: bool) -> String {
    let mut text = String::new();
    if report.changes.is_empty() {
        text += "all pins are as new as they can be\n";
    } else {
        text += &table(&report.changes, &[]).render();
    }
    for kept in &report.kept {
        text += &format!(
            "{}:{}: {} stays: {}\n",
            kept.file.display(),
            kept.line,
            kept.package,
            kept.reason
        );
    }
    for path in &report.written {
        let verb = if dry { "would write" } else { "wrote" };
        text += &format!("{verb} {}\n", path.display());
    }
    if !report.written.is_empty() && !dry {
        text += "the lock and the converted file are older now: `pannier lock`, `pannier constraints convert`\n";
    }
    text
}
