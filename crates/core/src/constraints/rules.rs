//! The rules that constraints are looked through with, and how serious each is.
//!
//! Knows names and defaults alone; what looks is [`crate::constraint_tools`].

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use pannier_base::name::PackageName;

/// What may be wrong with constraints that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A line allows more than one version.
    Unpinned,
    /// Nothing in the lock is called like this.
    Unused,
    /// A package of the lock that no line holds.
    Unheld,
    /// The pinned version was taken back (PEP 592).
    Yanked,
    /// The index has no file of the pinned version any more.
    Gone,
    /// The pinned version does not allow an image's Python (`Requires-Python`).
    Python,
}

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The rule is not looked at.
    Off,
    /// It is told.
    Warning,
    /// It is told, and the check fails.
    Error,
}

/// How serious each rule is, and what it passes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSettings {
    levels: BTreeMap<Rule, Severity>,
    except: BTreeMap<Rule, Vec<PackageName>>,
}

impl Rule {
    /// All of them, in the order in which findings of one line are told.
    pub const ALL: [Self; 6] = [
        Self::Unpinned,
        Self::Unused,
        Self::Unheld,
        Self::Yanked,
        Self::Gone,
        Self::Python,
    ];

    /// How serious it is unless set.
    #[must_use]
    pub const fn default_severity(self) -> Severity {
        match self {
            Self::Unpinned | Self::Unused | Self::Unheld => Severity::Warning,
            Self::Yanked | Self::Gone | Self::Python => Severity::Error,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unpinned => "unpinned",
            Self::Unused => "unused",
            Self::Unheld => "unheld",
            Self::Yanked => "yanked",
            Self::Gone => "gone",
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

    /// Lets a rule pass over packages.
    pub fn except(&mut self, rule: Rule, packages: impl IntoIterator<Item = PackageName>) {
        self.except.entry(rule).or_default().extend(packages);
    }

    /// How serious the rule is for a package; `None` when it is not looked at.
    #[must_use]
    pub fn of(&self, rule: Rule, package: &PackageName) -> Option<Severity> {
        let excepted = self.except.get(&rule);
        let severity = self.levels[&rule];
        let looked_at = severity != Severity::Off
            && !excepted.is_some_and(|packages| packages.contains(package));
        looked_at.then_some(severity)
    }

    /// Whether the rule is looked at for any package.
    #[must_use]
    pub fn is_on(&self, rule: Rule) -> bool {
        self.levels[&rule] != Severity::Off
    }
}
