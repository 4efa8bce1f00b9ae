//! `pannier constraints lint`: what is wrong with constraints that can be read.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use pannier_base::digest::Digest;
use pannier_base::name::PackageName;
use pannier_clients::uv::ListingError;
use pannier_core::constraint_tools::{self, Finding, Releases, Report, Subject};
use pannier_core::constraints::{Rule, Severity};
use pannier_core::resolve::update;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::report::Failure;
use super::super::session::{self, Beside, RequestOptions, Session, configuration};

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

/// There is nothing to check.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("there are no constraints")]
#[diagnostic(help(
    "set `constraints: constraints/constraints.txt` in pannier.yml, or pass --constraints"
))]
pub(super) struct NoConstraints;

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let configuration = configuration(&arguments.request, Beside::default(), context)?;
    let session = Session::open(&arguments.request, configuration, context)?;
    let request = &session.configuration.request;
    let Some(constraints) = &request.constraints else {
        return Err(Failure::new(Exit::Usage, NoConstraints));
    };
    let lock = update::read(&session.lock_path(), context.reporter()).map_err(session::failure)?;
    let lock = lock.map(|(lock, _)| lock);
    let asked = ask(&session, lock.as_ref());
    let releases = match &asked {
        Asked::Releases(releases) => Ok(releases),
        Asked::Nothing(why) => Err(*why),
        Asked::Failed(_) => Err("the index does not answer"),
    };
    let images = request.images.iter();
    let subject = Subject {
        file: &constraints.path,
        lines: &constraints.lines,
        images: images.map(|it| (it.name.clone(), &it.target)).collect(),
        lock: lock.as_ref(),
        releases,
    };
    let settings = &session.configuration.constraints_lint;
    let report = constraint_tools::lint(&subject, settings);
    match arguments.format {
        LintFormat::Text => context.print(&text(&report, constraints.lines.len()))?,
        LintFormat::Json => context.print_json(&report)?,
        LintFormat::Codequality => {
            context.print_json(&code_quality(&report, &request.root, context))?;
        }
    }
    match asked {
        Asked::Failed(error) => Err(Failure::new(Exit::Failed, error)),
        _ if report.count(Severity::Error) > 0 => Err(Failure::silent(Exit::Drift)),
        _ => Ok(()),
    }
}

/// What came of asking the indexes.
enum Asked {
    Releases(Releases),
    Nothing(&'static str),
    Failed(ListingError),
}

fn ask(session: &Session<'_>, lock: Option<&pannier_core::lock::model::Lock>) -> Asked {
    let configuration = &session.configuration;
    let on = |rule: &Rule| configuration.constraints_lint.is_on(*rule);
    if ![Rule::Yanked, Rule::MissingFromIndex, Rule::Python]
        .iter()
        .any(on)
    {
        return Asked::Nothing("no rule needs the index");
    }
    if session.client.is_offline() {
        return Asked::Nothing("this run is offline");
    }
    let mut configured = configuration.request.index.clone();
    if configured.url.is_none() {
        configured.url = session.default_index();
    }
    let indexes = constraint_tools::indexes(&configured, lock);
    if indexes.is_empty() {
        return Asked::Nothing(
            "no index is configured: set `index: {url: …}` in pannier.yml, or run `pannier lock`",
        );
    }
    let lines = configuration.request.constraints.iter();
    let pinned = lines
        .flat_map(|text| &text.lines)
        .filter(|line| line.pin().is_some());
    let mut names: Vec<PackageName> = pinned.map(|line| line.name()).collect();
    names.sort();
    names.dedup();
    match constraint_tools::releases(&session.client, &indexes, &names) {
        Ok(releases) => Asked::Releases(releases),
        Err(error) => Asked::Failed(error),
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
