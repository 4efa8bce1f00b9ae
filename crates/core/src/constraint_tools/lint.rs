//! Checks constraints by the rules of [`crate::constraints::Rule`].
//!
//! Pure: lock and what the indexes list are handed in. What cannot be judged without one of them is said, never passed over.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pep440_rs::{Version, VersionSpecifiers};
use schemars::JsonSchema;
use serde::Serialize;

use super::index::Releases;
use crate::constraints::{ConstraintLine, Rule, RuleSettings, Severity};
use crate::lock::model::Lock;
use crate::lock::model::LockedSource;
use crate::lock::python_allowed;
use crate::lock::select::select;
use pannier_base::name::{ImageName, PackageName};
use pannier_base::platform::Target;
use pannier_clients::uv::ListedFile;

/// What is checked.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// The constraints file; findings about what no line holds are told of it.
    pub file: &'a Path,
    /// The constraints.
    pub lines: &'a [ConstraintLine],
    /// The images, and what decides their wheels.
    pub images: Vec<(ImageName, &'a Target)>,
    /// The lock, where there is one.
    pub lock: Option<&'a Lock>,
    /// What the indexes list of the pinned packages, or why that is not known.
    pub releases: Result<&'a Releases, &'a str>,
}

/// One thing that a rule found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// Which rule.
    pub rule: Rule,
    /// How serious it is.
    pub severity: Severity,
    /// The package.
    #[schemars(with = "String")]
    pub package: PackageName,
    /// The file, as it was named.
    pub file: PathBuf,
    /// Line, from 1; `None` for what no line holds.
    pub line: Option<usize>,
    /// What was found, in one sentence without the package's line.
    pub message: String,
}

/// A rule that could not be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NotJudged {
    /// Which.
    pub rule: Rule,
    /// Why not.
    pub reason: String,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Report {
    /// Findings, by file and line; those of no line come last.
    pub findings: Vec<Finding>,
    /// Rules that are on but could not be judged.
    pub not_judged: Vec<NotJudged>,
}

impl Report {
    /// How many findings are this serious.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        let all = self.findings.iter();
        all.filter(|finding| finding.severity == severity).count()
    }
}

/// Checks the constraints.
#[must_use]
pub fn lint(subject: &Subject<'_>, settings: &RuleSettings) -> Report {
    let mut look = Look {
        subject,
        settings,
        report: Report::default(),
    };
    look.unpinned();
    match subject.lock {
        Some(lock) => look.against_lock(lock),
        None => look.not_judged(
            &[Rule::Unused, Rule::Unconstrained],
            "there is no lock: run `pannier lock`",
        ),
    }
    match subject.releases {
        Ok(releases) => look.against_index(releases),
        Err(reason) => look.not_judged(
            &[Rule::Yanked, Rule::MissingFromIndex, Rule::Python],
            reason,
        ),
    }
    let mut report = look.report;
    report.findings.sort_by(|a, b| {
        let key = |it: &Finding| {
            (
                it.line.is_none(),
                it.file.clone(),
                it.line,
                it.rule,
                it.package.clone(),
            )
        };
        key(a).cmp(&key(b))
    });
    report
}

struct Look<'a> {
    subject: &'a Subject<'a>,
    settings: &'a RuleSettings,
    report: Report,
}

impl Look<'_> {
    fn found(&mut self, rule: Rule, line: &ConstraintLine, message: String) {
        let package = line.name();
        if let Some(severity) = self.settings.of(rule, &package) {
            self.report.findings.push(Finding {
                rule,
                severity,
                package,
                file: line.file.clone(),
                line: Some(line.line),
                message,
            });
        }
    }

    fn not_judged(&mut self, rules: &[Rule], reason: &str) {
        for &rule in rules {
            if self.settings.is_on(rule) {
                let reason = reason.to_owned();
                self.report.not_judged.push(NotJudged { rule, reason });
            }
        }
    }

    /// Whether the line, or another one of its package that applies wherever it does, allows one version alone.
    fn is_pinned(&self, line: &ConstraintLine) -> bool {
        let covers = |other: &ConstraintLine| {
            let elsewhere = other.constraint.marker().negate();
            line.constraint.marker().is_disjoint(&elsewhere)
        };
        let mut lines = self.subject.lines.iter();
        lines.any(|other| other.pin().is_some() && other.name() == line.name() && covers(other))
    }

    fn unpinned(&mut self) {
        for line in self.subject.lines {
            if !line.constraint.has_url() && !self.is_pinned(line) {
                let specifier = line.specifier();
                let allows = match specifier.as_str() {
                    "" => "any version".to_owned(),
                    specifier => format!("every version {specifier}"),
                };
                self.found(
                    Rule::Unpinned,
                    line,
                    format!(
                        "the line of {} allows {allows}; pin it with `==`",
                        line.name()
                    ),
                );
            }
        }
    }

    fn against_lock(&mut self, lock: &Lock) {
        let locked: BTreeSet<&PackageName> =
            lock.packages.iter().map(|package| &package.name).collect();
        for line in self.subject.lines {
            let name = line.name();
            if !locked.contains(&name) {
                let message = format!(
                    "no package in the lock is called {name}; if only builds need it, list it under `constraints_lint: {{except: {{unused: […]}}}}`"
                );
                self.found(Rule::Unused, line, message);
            }
        }
        let held: BTreeSet<PackageName> = self
            .subject
            .lines
            .iter()
            .map(ConstraintLine::name)
            .collect();
        let mut told = BTreeSet::new();
        for package in &lock.packages {
            let index = matches!(package.source, LockedSource::Index { .. });
            if !index || held.contains(&package.name) || !told.insert(&package.name) {
                continue;
            }
            let Some(severity) = self.settings.of(Rule::Unconstrained, &package.name) else {
                continue;
            };
            let version = package.version.as_ref().map(ToString::to_string);
            self.report.findings.push(Finding {
                rule: Rule::Unconstrained,
                severity,
                package: package.name.clone(),
                file: self.subject.file.to_owned(),
                line: None,
                message: format!(
                    "no line constrains {name}, which is in the lock; add `{name}=={}`",
                    version.unwrap_or_default(),
                    name = package.name
                ),
            });
        }
    }

    fn against_index(&mut self, releases: &Releases) {
        let needs = Needs::of(self.subject);
        for line in self.subject.lines {
            let Some(version) = line.pin() else { continue };
            let name = line.name();
            let Some(listed) = releases.0.get(&name) else {
                continue;
            };
            let files: Vec<&ListedFile> = releases.files(&name, version).collect();
            if files.is_empty() {
                let what = match listed {
                    None => format!("no index has {name}"),
                    Some(_) => format!("the index no longer has a file of {name} {version}"),
                };
                self.found(Rule::MissingFromIndex, line, what);
                continue;
            }
            if let Some(reason) = yanked(&files) {
                self.found(
                    Rule::Yanked,
                    line,
                    format!("{name} {version} was yanked{reason}"),
                );
            }
            self.python(line, version, &files, &needs);
        }
    }

    fn python(
        &mut self,
        line: &ConstraintLine,
        version: &Version,
        files: &[&ListedFile],
        needs: &Needs,
    ) {
        let name = line.name();
        let mut forbidden: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (image, target) in &self.subject.images {
            let environment = target.marker_environment();
            let holds = line.constraint.marker().evaluate(&environment, &[]);
            if !holds || !needs.has(image, &name) {
                continue;
            }
            let allows = |file: &&ListedFile| match &file.requires_python {
                Some(text) => text
                    .parse::<VersionSpecifiers>()
                    .map_or(true, |requires| python_allowed(&requires, target)),
                None => true,
            };
            if !files.iter().any(allows) {
                let requires = files.iter().find_map(|file| file.requires_python.clone());
                let images = forbidden.entry(requires.unwrap_or_default()).or_default();
                images.push(format!("{image} (Python {})", target.python));
            }
        }
        for (requires, images) in forbidden {
            let message = format!(
                "{name} {version} requires Python {requires}, which excludes {}",
                images.join(", ")
            );
            self.found(Rule::Python, line, message);
        }
    }
}

/// Why a version counts as yanked: all of its files are.
fn yanked(files: &[&ListedFile]) -> Option<String> {
    let all = files.iter().all(|file| file.yanked.is_some());
    let reason = files.iter().find_map(|file| {
        let reason = file.yanked.as_deref()?.trim();
        (!reason.is_empty()).then(|| format!(": {reason}"))
    });
    all.then(|| reason.unwrap_or_default())
}

/// Which image needs which package, as far as the lock tells; without a lock every image may need everything.
struct Needs(Option<BTreeMap<ImageName, BTreeSet<PackageName>>>);

impl Needs {
    fn of(subject: &Subject<'_>) -> Self {
        let Some(lock) = subject.lock else {
            return Self(None);
        };
        let images = subject.images.iter().map(|(image, _)| {
            let names = match select(lock, image) {
                Ok(selected) => selected.iter().map(|it| it.package.name.clone()).collect(),
                // The lock is older than the image, or does not serve it: all that it holds may come to it.
                Err(_) => lock.packages.iter().map(|it| it.name.clone()).collect(),
            };
            (image.clone(), names)
        });
        Self(Some(images.collect()))
    }

    fn has(&self, image: &ImageName, package: &PackageName) -> bool {
        match &self.0 {
            Some(images) => images[image].contains(package),
            None => true,
        }
    }
}
