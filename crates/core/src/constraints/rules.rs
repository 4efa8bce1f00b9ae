//! The rules that constraints are checked with, and the severity of each.
//!
//! Contains only names and defaults; [`crate::constraint_tools`] checks.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use pannier_base::name::PackageName;

/// What can be wrong with valid constraints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A line allows more than one version.
    Unpinned,
    /// No package in the lock has this name.
    Unused,
    /// No line constrains a package in the lock.
    Unconstrained,
    /// The pinned version is yanked ([PEP 592](https://peps.python.org/pep-0592/)).
    Yanked,
    /// The index no longer has a file of the pinned version.
    MissingFromIndex,
    /// The pinned version does not support an image's Python (`Requires-Python`).
    Python,
}

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The rule is not checked.
    Off,
    /// A finding is reported.
    Warning,
    /// A finding is reported, and the check fails.
    Error,
}

/// How serious each rule is, and which packages are exempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSettings {
    levels: BTreeMap<Rule, Severity>,
    except: BTreeMap<Rule, Vec<PackageName>>,
}

impl Rule {
    /// All of them, in the order in which findings of one line are reported.
    pub const ALL: [Self; 6] = [
        Self::Unpinned,
        Self::Unused,
        Self::Unconstrained,
        Self::Yanked,
        Self::MissingFromIndex,
        Self::Python,
    ];

    /// How serious it is unless set.
    #[must_use]
    pub const fn default_severity(self) -> Severity {
        match self {
            Self::Unpinned | Self::Unused | Self::Unconstrained => Severity::Warning,
            Self::Yanked | Self::MissingFromIndex | Self::Python => Severity::Error,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unpinned => "unpinned",
            Self::Unused => "unused",
            Self::Unconstrained => "unconstrained",
            Self::Yanked => "yanked",
            Self::MissingFromIndex => "missing-from-index",
            Self::Python => "python",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

impl Default for RuleSettings {
    fn default() -> Self {
        let levels = Rule::ALL.map(|rule| (rule, rule.default_severity()));
        Self {
            levels: levels.into(),
            except: BTreeMap::new(),
        }
    }
}

impl RuleSettings {
    /// Sets how serious a rule is.
    pub fn set(&mut self, rule: Rule, severity: Severity) {
        self.levels.insert(rule, severity);
    }

    /// Exempts packages from a rule.
    pub fn except(&mut self, rule: Rule, packages: impl IntoIterator<Item = PackageName>) {
        self.except.entry(rule).or_default().extend(packages);
    }

    /// How serious the rule is for a package; `None` if it is not checked.
    #[must_use]
    pub fn of(&self, rule: Rule, package: &PackageName) -> Option<Severity> {
        let excepted = self.except.get(&rule);
        let severity = self.levels[&rule];
        let checked = severity != Severity::Off
            && !excepted.is_some_and(|packages| packages.contains(package));
        checked.then_some(severity)
    }

    /// Whether the rule is checked for any package.
    #[must_use]
    pub fn is_on(&self, rule: Rule) -> bool {
        self.levels[&rule] != Severity::Off
    }
}
