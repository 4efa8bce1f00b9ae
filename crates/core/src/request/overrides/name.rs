//! The name that an override is said under: that of a package or data project, in a spelling that fits a variable's name.

use std::fmt;
use std::str::FromStr;

use pannier_base::name::{DataName, NameError, PackageName};

/// What stands before `_pip_url` in the name of a variable.
const SUFFIX: &str = "_pip_url";

/// A name with case and all signs folded: `Job.Tools`, `job-tools` and `job__tools` are `job_tools`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OverrideName(String);

impl OverrideName {
    /// Folds a name: letters become small, each run of anything but ASCII letters and digits one `_`.
    #[must_use]
    pub fn fold(name: &str) -> Self {
        let mut folded = String::with_capacity(name.len());
        for c in name.chars() {
            match c {
                c if c.is_ascii_alphanumeric() => folded.push(c.to_ascii_lowercase()),
                _ if folded.ends_with('_') => {}
                _ => folded.push('_'),
            }
        }
        Self(folded)
    }

    /// The name in the name of a variable, in any case: `job_tools` of `job_tools_pip_url` and of `JOB_TOOLS_PIP_URL`. `None`
    /// for other variables.
    #[must_use]
    pub fn of_variable(variable: &str) -> Option<Self> {
        let start = variable.len().checked_sub(SUFFIX.len())?;
        let (name, suffix) = (variable.get(..start)?, variable.get(start..)?);
        (!name.is_empty() && suffix.eq_ignore_ascii_case(SUFFIX)).then(|| Self::fold(name))
    }

    /// The variable that says it.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("{}{SUFFIX}", self.0)
    }

    /// Whether it is this name of a package or data project.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        *self == Self::fold(name)
    }

    /// The package of that name: package names hold no sign that folding loses. `None` where no package can be called so.
    #[must_use]
    pub fn package(&self) -> Option<PackageName> {
        self.0.parse().ok()
    }

    /// The folded name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OverrideName {
    type Err = NameError;

    /// Takes the name of a package or data project in any spelling.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let name: DataName = text.trim().parse()?;
        Ok(Self::fold(name.as_str()))
    }
}

impl fmt::Display for OverrideName {
    /// As packages are spelled; what no package can be called, as it was folded.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.package() {
            Some(name) => name.fmt(f),
            None => f.write_str(&self.0),
        }
    }
}
