//! Checking and raising the constraints of a request.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pannier_archive::{atomic, limited};
use pannier_base::name::PackageName;
use pannier_base::url::SafeUrl;
use pannier_clients::uv::ListingError;
use schemars::JsonSchema;
use serde::Serialize;

use super::{ConstraintsError, RequestError, Session};
use crate::constraint_tools::{self, Kept, Raised, Releases, Report, Subject};
use crate::constraints::{Bump, Document, Rule, RuleSettings, VARIABLE, compare};
use crate::lock::model::Lock;
use crate::request::{ConstraintsText, Request};
use crate::resolve::Upgrade;

/// Which constraints to check.
#[derive(Debug, Clone)]
pub struct LintOptions<'a> {
    /// The request.
    pub request: &'a Request,
    /// How serious each rule is.
    pub rules: &'a RuleSettings,
}

/// What the rules found.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LintReport {
    /// Findings, and rules that could not be judged.
    #[serde(flatten)]
    pub report: Report,
    /// Number of constraints.
    #[serde(skip)]
    pub lines: usize,
    /// Why the indexes were not read, if they failed.
    #[serde(skip)]
    pub failed: Option<ListingError>,
}

/// Which pins to raise.
#[derive(Debug, Clone)]
pub struct RaiseOptions<'a> {
    /// The request.
    pub request: &'a Request,
    /// The packages; all when empty.
    pub packages: &'a [PackageName],
    /// Values of the variables that lines name.
    pub variables: &'a BTreeMap<String, String>,
    /// Whether nothing is written.
    pub dry_run: bool,
}

/// The pins that were raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RaiseReport {
    /// The files with new text, as the request names them. A dry run lists them too.
    pub written: Vec<PathBuf>,
    /// The changed lines.
    pub changes: Vec<Bump>,
    /// Pins that stay although they may be outdated.
    pub kept: Vec<Kept>,
}

/// What came of asking the indexes.
enum Asked {
    Releases(Releases),
    Nothing(&'static str),
    Failed(ListingError),
}

impl Session<'_> {
    /// Checks the constraints of a request by the rules.
    ///
    /// # Errors
    /// [`RequestError`] when there are no constraints, or the lock cannot be read. An index that fails is in the report.
    pub fn lint_constraints(&self, options: &LintOptions<'_>) -> Result<LintReport, RequestError> {
        let request = options.request;
        let constraints = request.constraints.as_ref().ok_or(ConstraintsError::None)?;
        let lock = self.previous(request)?;
        let asked = self.ask(options, constraints, lock.as_ref());
        let images = request.images.iter();
        let subject = Subject {
            file: &constraints.path,
            lines: &constraints.lines,
            images: images.map(|it| (it.name.clone(), &it.target)).collect(),
            lock: lock.as_ref(),
            releases: match &asked {
                Asked::Releases(releases) => Ok(releases),
                Asked::Nothing(why) => Err(*why),
                Asked::Failed(_) => Err("the index does not answer"),
            },
        };
        Ok(LintReport {
            report: constraint_tools::lint(&subject, options.rules),
            lines: constraints.lines.len(),
            failed: match asked {
                Asked::Failed(error) => Some(error),
                Asked::Releases(_) | Asked::Nothing(_) => None,
            },
        })
    }

    fn ask(
        &self,
        options: &LintOptions<'_>,
        constraints: &ConstraintsText,
        lock: Option<&Lock>,
    ) -> Asked {
        let on = |rule: &Rule| options.rules.is_on(*rule);
        if ![Rule::Yanked, Rule::MissingFromIndex, Rule::Python]
            .iter()
            .any(on)
        {
            return Asked::Nothing("no rule asks the index");
        }
        if self.client.is_offline() {
            return Asked::Nothing("this run is offline");
        }
        let mut configured = options.request.index.clone();
        if configured.url.is_none() {
            configured.url = self.default_index();
        }
        let indexes = constraint_tools::indexes(&configured, lock);
        if indexes.is_empty() {
            return Asked::Nothing(
                "no index is configured: set `index: {url: …}` in pannier.yml, or run `pannier lock`",
            );
        }
        let pinned = constraints.lines.iter();
        let pinned = pinned.filter(|line| line.pin().is_some());
        let mut names: Vec<PackageName> = pinned.map(|line| line.name()).collect();
        names.sort();
        names.dedup();
        match constraint_tools::releases(&self.client, &indexes, &names) {
            Ok(releases) => Asked::Releases(releases),
            Err(error) => Asked::Failed(error),
        }
    }

    /// The index that uv asks last where none is configured; `None` when uv cannot be asked.
    fn default_index(&self) -> Option<SafeUrl> {
        let uv = self.uv().ok()?;
        let folder = tempfile::tempdir().ok()?;
        uv.default_index(folder.path(), &self.around).ok()?
    }

    /// Raises pins to the newest versions that resolve for all images, and writes the files.
    ///
    /// # Errors
    /// [`RequestError`]; no file is written then, unless writing a later one fails.
    pub fn raise_constraints(
        &self,
        options: &RaiseOptions<'_>,
    ) -> Result<RaiseReport, RequestError> {
        let request = options.request;
        let constraints = request.constraints.as_ref().ok_or(ConstraintsError::None)?;
        if constraints.path == Path::new(VARIABLE) {
            return Err(ConstraintsError::Variable.into());
        }
        let names = names(options, constraints)?;
        let documents = documents(options, constraints)?;
        let relaxed = Request {
            constraints: Some(ConstraintsText {
                path: constraints.path.clone(),
                lines: constraint_tools::loosened(&constraints.lines, names),
            }),
            ..request.clone()
        };
        let upgrade = match names {
            None => Upgrade::All,
            Some(names) => Upgrade::Packages(names.to_vec()),
        };
        let lock = self.resolve(&relaxed, &self.parts(request)?, &upgrade)?;
        let raised = constraint_tools::raised(&documents, &lock, names);
        let changes = changes(&documents, &raised, options.variables)?;
        if !options.dry_run {
            write(&raised, &request.root)?;
        }
        Ok(RaiseReport {
            written: raised.texts.into_keys().collect(),
            changes,
            kept: raised.kept,
        })
    }
}

/// The packages that were named; each must have a pin.
fn names<'a>(
    options: &RaiseOptions<'a>,
    constraints: &ConstraintsText,
) -> Result<Option<&'a [PackageName]>, ConstraintsError> {
    let pinned = |name: &PackageName| {
        let mut lines = constraints.lines.iter();
        lines.any(|line| line.pin().is_some() && line.name() == *name)
    };
    let missing = options.packages.iter().filter(|name| !pinned(name));
    let missing: Vec<String> = missing.map(ToString::to_string).collect();
    if !missing.is_empty() {
        return Err(ConstraintsError::NotPinned(missing));
    }
    Ok(Some(options.packages).filter(|names| !names.is_empty()))
}

/// The files that contain the constraints, by the names that lines know them by.
fn documents(
    options: &RaiseOptions<'_>,
    constraints: &ConstraintsText,
) -> Result<BTreeMap<PathBuf, Document>, ConstraintsError> {
    let root = &options.request.root;
    constraint_tools::documents(&constraints.lines, |path| {
        let text = limited::read_text(&root.join(path), limited::LIST)
            .map_err(|error| changed(path, &error))?;
        Document::parse(&text, path, options.variables).map_err(|error| changed(path, &error))
    })
}

fn changed(path: &Path, why: &dyn std::error::Error) -> ConstraintsError {
    ConstraintsError::Changed {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

/// What the new texts change, by package.
fn changes(
    documents: &BTreeMap<PathBuf, Document>,
    raised: &Raised,
    variables: &BTreeMap<String, String>,
) -> Result<Vec<Bump>, ConstraintsError> {
    let mut changes = Vec::new();
    for (path, text) in &raised.texts {
        let after =
            Document::parse(text, path, variables).map_err(|error| changed(path, &error))?;
        changes.extend(compare(documents[path].constraints(), after.constraints()));
    }
    changes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(changes)
}

fn write(raised: &Raised, root: &Path) -> Result<(), ConstraintsError> {
    for (path, text) in &raised.texts {
        atomic::write(&root.join(path), text.as_bytes(), None).map_err(|source| {
            let path = path.clone();
            ConstraintsError::Write { path, source }
        })?;
    }
    Ok(())
}
