//! Overrides: from where one package or data project is to come in this run alone.
//!
//! [`said`] gathers what variables, flags and the file of overrides say; [`name`] and [`value`] make types of it;
//! [`policy`] says which of them are allowed. Opens no connection and does not know which packages exist: that is
//! the lock's matter.

mod applied;
mod error;
mod name;
mod policy;
#[cfg(test)]
mod tests;
mod value;

pub use applied::{Applied, Kind};
pub use error::{OverrideError, Refusal, ValueError};
pub use name::OverrideName;
pub use policy::{Policy, Prefix, RefPattern};
pub use value::{OverrideValue, Subdirectory};

use crate::request::origin::Origin;
use pannier_base::url::SafeUrl;

/// One override as it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The package or data project.
    pub name: OverrideName,
    /// From where it is to come.
    pub value: OverrideValue,
    /// Its origin.
    pub origin: Origin,
    /// The person whose run this is (`GITLAB_USER_LOGIN`), where that is known.
    pub asked_by: Option<String>,
}

/// The overrides of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overrides {
    /// Sorted by name, none twice.
    pub list: Vec<Override>,
    /// What happens to one whose name nothing has.
    pub unmatched: Unmatched,
}

/// What happens to an override whose name no package and no data project has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unmatched {
    /// A warning.
    #[default]
    Warn,
    /// An error.
    Refuse,
}

impl Overrides {
    /// The override of a name, in any spelling.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<&Override> {
        let mut list = self.list.iter();
        list.find(|one| one.name.is(name))
    }

    /// URLs that must not lead to another server, nor anything below them: a file whose digest is stated may.
    #[must_use]
    pub fn confined(&self) -> Vec<SafeUrl> {
        let urls = self.list.iter().filter_map(|one| match &one.value {
            OverrideValue::Git { repository, .. } => Some(repository),
            OverrideValue::File { url, sha256: None } => Some(url),
            OverrideValue::File { .. } | OverrideValue::Version(_) => None,
        });
        urls.cloned().collect()
    }
}
