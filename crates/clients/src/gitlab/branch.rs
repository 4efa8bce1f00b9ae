//! Branches as the API knows them: who may push, whether force is allowed.

use globset::GlobBuilder;
use serde::Deserialize;

use super::Gitlab;
use super::error::GitlabError;
use super::project::ProjectRef;
use super::request::ApiRequest;
use super::token::{Needs, Role};

/// What the API reports about a branch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Branch {
    /// Its name.
    pub name: String,
    /// Whether it is protected.
    #[serde(default)]
    pub protected: Option<bool>,
    /// Whether the one who asks may push to it.
    #[serde(default)]
    pub can_push: Option<bool>,
}

/// A rule that protects branches.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Protection {
    /// A branch's name, or a pattern with `*`.
    pub name: String,
    /// Whether those who may push may also force.
    #[serde(default)]
    pub allow_force_push: Option<bool>,
}

impl Protection {
    /// Whether the rule is about this branch.
    #[must_use]
    pub fn covers(&self, branch: &str) -> bool {
        if !self.name.contains('*') {
            return self.name == branch;
        }
        // Only `*` means something in such a rule; it reaches across slashes.
        let text = self.name.replace(['\\', '?', '[', ']', '{', '}'], "?");
        let glob = GlobBuilder::new(&text).literal_separator(false).build();
        glob.is_ok_and(|glob| glob.compile_matcher().is_match(branch))
    }
}

impl Gitlab {
    /// A branch; `None` if it does not exist. A job token may only list branches, so the request is for a list: of
    /// those that begin so, as GitLab takes `^` or `$` in a search, but not both.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn branch(&self, project: &ProjectRef, name: &str) -> Result<Option<Branch>, GitlabError> {
        let path = format!("projects/{}/repository/branches", project.encoded());
        let request = ApiRequest::get(path).with("search", format!("^{name}"));
        let found: Vec<Branch> = self.list(&request, &Needs::READ_BY_JOB)?;
        Ok(found.into_iter().find(|branch| branch.name == name))
    }

    /// Whether force is allowed on a protected branch; `None`: no rule is about it.
    ///
    /// # Errors
    /// [`GitlabError`]; GitLab tells maintainers only.
    pub fn allows_force(
        &self,
        project: &ProjectRef,
        branch: &str,
    ) -> Result<Option<bool>, GitlabError> {
        let path = format!("projects/{}/protected_branches", project.encoded());
        let needs = Needs {
            role: Role::Maintainer,
            ..Needs::READ
        };
        let rules: Vec<Protection> = self.list(&ApiRequest::get(path), &needs)?;
        let about: Vec<&Protection> = rules.iter().filter(|it| it.covers(branch)).collect();
        // Where several rules are about a branch, the most generous one holds.
        let allowed = about.iter().any(|rule| rule.allow_force_push == Some(true));
        Ok((!about.is_empty()).then_some(allowed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_cover_names_and_patterns() {
        let covers = |name: &str, branch: &str| {
            let rule = Protection {
                name: name.to_owned(),
                allow_force_push: None,
            };
            rule.covers(branch)
        };
        assert!(covers("production", "production"));
        assert!(!covers("production", "production2"));
        assert!(covers("production*", "production/eu"));
        assert!(covers("*/stable", "a/b/stable"));
        assert!(!covers("*-stable", "stable"));
    }
}
