//! `pannier constraints update`: raises pins to the newest set that serves all images.

use clap::Args;

use pannier_base::name::PackageName;
use pannier_core::session::{RaiseOptions, RaiseReport};

use super::super::context::Context;
use super::super::report::Failure;
use super::super::session::{self, Beside, RequestOptions, configuration};
use super::diff::table;
use crate::options::Format;

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
        text += "all pins are up to date\n";
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
        text += "now run `pannier lock` and `pannier constraints convert`\n";
    }
    text
}
