//! Which commits the overrides of a request mean now.

use schemars::JsonSchema;
use serde::Serialize;

use super::{RequestError, Session};
use crate::request::overrides::{Override, OverrideValue};

/// An override, and the commit that it means now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ResolvedOverride {
    /// The package or data project.
    pub name: String,
    /// Where it comes from.
    pub to: String,
    /// The commit of a git repository; files and versions have none.
    pub commit: Option<String>,
    /// The variable, flag or key that sets it.
    pub said_by: String,
}

impl Session<'_> {
    /// Asks the repositories of git overrides for their commits.
    ///
    /// # Errors
    /// [`RequestError::Git`] when a repository does not have the revision, or does not answer.
    pub fn resolve_overrides<'o>(
        &self,
        overrides: impl Iterator<Item = &'o Override>,
    ) -> Result<Vec<ResolvedOverride>, RequestError> {
        let resolved = overrides.map(|one| {
            let commit = match &one.value {
                OverrideValue::Git {
                    repository,
                    revision,
                    ..
                } => Some(self.git.resolve(repository, revision)?),
                OverrideValue::File { .. } | OverrideValue::Version(_) => None,
            };
            Ok(ResolvedOverride {
                name: one.name.to_string(),
                to: one.value.to_string(),
                commit,
                said_by: one.origin.to_string(),
            })
        });
        resolved.collect()
    }
}
