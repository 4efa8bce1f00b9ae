//! `pannier gate`: what a merge request that touches constraints must pass.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use pannier_archive::atomic;
use pannier_base::secret::scrub_values;
use pannier_core::gate::{self, CheckResult, Outcome, Report};
use pannier_core::session::GateOptions;

use super::context::Context;
use super::exit::Exit;
use super::report::Failure;
use super::session::{self, Beside, RequestOptions, configuration};
use super::table::{Align, Table};
use crate::options::Format;

/// What GitLab calls the commit that a merge request started at.
const MERGE_REQUEST_BASE: &str = "CI_MERGE_REQUEST_DIFF_BASE_SHA";

/// Check a change of the constraints for every image
///
/// Resolves the old and the new constraints, and finds the bump that breaks resolution. Builds, unpacks and tests the affected images,
/// and rejects yanked pins. Exits with 6 if the change is refused, with 5 if the converted constraints are out of date, and with 1 if
/// the gate cannot decide, for example because an index does not answer.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier gate                                       # since the branch left origin/main\n  pannier gate --base v1.2 --image builder\n  pannier gate --base old/constraints.txt            # without git\n  pannier gate --junit gate.xml --report gate.md     # for a merge request\n\nIn .gitlab-ci.yml (the clone must reach back to the base: GIT_DEPTH):\n  constraints-gate:\n    rules: [{changes: [constraints/**/*]}]\n    variables: {GIT_DEPTH: 0}\n    script: pannier gate --junit gate.xml --report gate.md\n    artifacts: {when: always, paths: [gate.md], reports: {junit: gate.xml}}"
)]
pub(super) struct Arguments {
    /// Compare with the constraints of this revision, or with this file
    ///
    /// Of a revision, the commit counts at which HEAD left it. [default: CI_MERGE_REQUEST_DIFF_BASE_SHA, else origin/main]
    #[arg(long, value_name = "REV|FILE")]
    base: Option<String>,
    /// Write the checks as JUnit, which GitLab shows in the merge request
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write a report in Markdown
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Check only this image; repeat the flag for more [default: all]
    #[arg(long, value_name = "NAME")]
    image: Vec<String>,
    /// Set the path of the converted constraints [default: that of the constraints, as .yml]
    #[arg(long, value_name = "FILE")]
    converted: Option<PathBuf>,
    /// Limit the time of one smoke test
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..))]
    timeout: u32,
    /// Run this many downloads, builds and smoke tests in parallel
    #[arg(short, long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Print the result in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    request: RequestOptions,
}

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot write {}", path.display())]
#[diagnostic(help("check that this user may write there and that the disk is not full"))]
struct Unwritten {
    path: PathBuf,
    source: io::Error,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let beside = Beside {
        images: arguments.image.clone(),
        ..Beside::default()
    };
    let configuration = configuration(&arguments.request, beside, context)?;
    let session = session::open(&arguments.request, &configuration, context)?;
    let base = arguments.base.as_deref();
    let base = base.or_else(|| context.variable(MERGE_REQUEST_BASE));
    let report = session.gate(&GateOptions {
        request: &configuration.request,
        base: base.unwrap_or("origin/main"),
        folder: &context.folder,
        converted: arguments.converted.as_deref(),
        variables: &context.variables,
        images: &configuration.selected,
        smoke: &configuration.smoke,
        limit: Duration::from_secs(u64::from(arguments.timeout)),
        jobs: usize::from(arguments.jobs),
        path: context.variable("PATH").unwrap_or("/usr/bin:/bin"),
    })?;
    for (path, text) in [
        (&arguments.junit, gate::junit(&report)),
        (&arguments.report, gate::markdown(&report)),
    ] {
        if let Some(path) = path {
            write(&context.folder.join(path), &text)?;
        }
    }
    match arguments.format {
        Format::Json => context.print_json(&report)?,
        Format::Text => context.print(&screen(&report))?,
    }
    match report.outcome {
        Outcome::Passed => Ok(()),
        Outcome::Drifted => Err(Failure::silent(Exit::Drift)),
        Outcome::Refused => Err(Failure::silent(Exit::GateRefused)),
        Outcome::NotJudged => Err(Failure::silent(Exit::Failed)),
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    atomic::write(path, scrub_values(text).as_bytes(), None).map_err(|source| {
        let path = path.to_owned();
        Failure::new(Exit::Failed, Unwritten { path, source })
    })
}

fn screen(report: &Report) -> String {
    let mut shown = format!(
        "constraints gate: {}\n{}\n",
        report.outcome.shown(),
        gate::summary(report)
    );
    if !report.bumps.is_empty() {
        let left = |name| (name, Align::Left);
        let head = ["bump", "change", "level", "reach", "result"].map(left);
        let mut table = Table::new(&head);
        for one in &report.bumps {
            table.row([
                one.bump.name.to_string(),
                one.change(),
                one.level(),
                one.reach.shown(),
                one.verdict.shown().to_owned(),
            ]);
        }
        shown += &table.render();
    }
    for check in &report.checks {
        let what = match &check.result {
            CheckResult::Passed(_) => continue,
            CheckResult::Drifted(_) => "out of date",
            CheckResult::Refused(_) => "refused",
            CheckResult::Skipped(_) => "skipped",
            CheckResult::NotJudged(_) => "undecided",
        };
        let image = check.image.as_ref();
        let image = image.map_or_else(String::new, |image| format!("{image}: "));
        let text = check.result.text().trim_end().replace('\n', "\n    ");
        shown += &format!("{what}: {image}{}\n    {text}\n", check.name);
    }
    shown
}
