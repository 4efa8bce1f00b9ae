//! `pannier constraints lint`: what is wrong with constraints that can be read.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use pannier_base::digest::Digest;
use pannier_core::constraint_tools::{Finding, Report};
use pannier_core::constraints::Severity;
use pannier_core::session::LintOptions;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::report::Failure;
use super::super::session::{self, Beside, RequestOptions, configuration};

/// Report pins that are missing, unused, yanked, or not for an image's Python
///
/// Exits with 5 if a rule with the severity `error` finds something, and with 1 if an index does not answer. Set the severity of each
/// rule under `constraints_lint` in pannier.yml.
#[derive(Debug, Args)]
#[command(
    after_help = "Rules:\n  unpinned            a line allows more than one version (warning)\n  unused              no package in the lock has this name (warning)\n  unconstrained       no line constrains a package in the lock (warning)\n  yanked              the pinned version is yanked (error)\n  missing-from-index  the index no longer has a file of the pinned version (error)\n  python              the pinned version does not support an image's Python (error)\n\nExamples:\n  pannier constraints lint\n  pannier constraints lint --format codequality > gl-code-quality-report.json   # artifacts:reports:codequality"
)]
pub(super) struct Arguments {
    /// Print the findings in this format
    #[arg(long, value_enum, default_value = "text")]
    format: LintFormat,
    #[command(flatten)]
    request: RequestOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LintFormat {
    /// Text for people
    Text,
    /// JSON for programs
    Json,
    /// A code quality report for GitLab
    Codequality,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let configuration = configuration(&arguments.request, Beside::default(), context)?;
    let session = session::open(&arguments.request, &configuration, context)?;
    let linted = session.lint_constraints(&LintOptions {
        request: &configuration.request,
        rules: &configuration.constraints_lint,
    })?;
    let report = &linted.report;
    match arguments.format {
        LintFormat::Text => context.print(&text(report, linted.lines))?,
        LintFormat::Json => context.print_json(&linted)?,
        LintFormat::Codequality => {
            context.print_json(&code_quality(report, &configuration.request.root, context))?;
        }
    }
    let errors = report.count(Severity::Error);
    match linted.failed {
        Some(error) => Err(Failure::new(Exit::Failed, error)),
        None if errors > 0 => Err(Failure::silent(Exit::Drift)),
        None => Ok(()),
    }
}

fn text(report: &Report, lines: usize) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let line = finding.line.map(|line| format!(":{line}"));
        text += &format!(
            "{}{}: {}: {} ({})\n",
            finding.file.display(),
            line.unwrap_or_default(),
            finding.severity,
            finding.message,
            finding.rule
        );
    }
    for rule in &report.not_judged {
        text += &format!("not checked: {}: {}\n", rule.rule, rule.reason);
    }
    let counted = |severity, one: &str| match report.count(severity) {
        1 => format!("1 {one}"),
        more => format!("{more} {one}s"),
    };
    let errors = counted(Severity::Error, "error");
    let warnings = counted(Severity::Warning, "warning");
    text + &format!("{errors} and {warnings} in {lines} constraints\n")
}

/// One entry of GitLab's code quality report (the part of Code Climate's format that GitLab reads).
#[derive(Serialize)]
struct Issue<'a> {
    description: &'a str,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: usize,
}

fn code_quality<'a>(report: &'a Report, root: &Path, context: &Context) -> Vec<Issue<'a>> {
    let issue = |finding: &'a Finding| {
        let path = from_here(&root.join(&finding.file), context);
        // Lines move; the same finding keeps its name all the same.
        let identity = format!(
            "{}\0{}\0{path}\0{}",
            finding.rule, finding.package, finding.message
        );
        Issue {
            description: &finding.message,
            check_name: format!("constraints-{}", finding.rule),
            fingerprint: Digest::of(identity.as_bytes()).to_string(),
            severity: match finding.severity {
                Severity::Error => "major",
                Severity::Warning | Severity::Off => "minor",
            },
            location: Location {
                path,
                lines: Lines {
                    begin: finding.line.unwrap_or(1),
                },
            },
        }
    };
    report.findings.iter().map(issue).collect()
}

/// The path as seen from the current folder, which is the repository's in a job.
fn from_here(path: &Path, context: &Context) -> String {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let (path, folder): (PathBuf, PathBuf) = (whole(path), whole(&context.folder));
    let seen = path.strip_prefix(&folder).unwrap_or(&path);
    seen.display().to_string()
}
