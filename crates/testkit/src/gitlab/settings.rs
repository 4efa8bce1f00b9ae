//! What a project's maintainers can set and the tests need.

use std::collections::BTreeSet;

use super::state::{Id, Role};

/// What a project's maintainers can set and the tests need.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `ci_push_repository_for_job_token_allowed`
    pub job_token_push: bool,
    /// Projects whose job tokens are accepted, in addition to its own.
    pub job_token_allowlist: BTreeSet<Id>,
    /// `ci_pipeline_variables_minimum_override_role`; [`Role::None`] for `no_one_allowed`.
    pub variables_role: Role,
    /// `ci_restrict_pipeline_cancellation_role`; [`Role::None`] for `no_one`.
    pub cancel_role: Role,
    /// `ci_forward_deployment_rollback_allowed`
    pub rollback_allowed: bool,
    /// `generic_duplicates_allowed` of the group.
    pub generic_duplicates: bool,
    /// Whether a push makes a pipeline; off, so that tests have the pipelines that they made.
    pub pipelines_on_push: bool,
    pub public_pipelines: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            job_token_push: false,
            job_token_allowlist: BTreeSet::new(),
            variables_role: Role::Developer,
            cancel_role: Role::Developer,
            rollback_allowed: true,
            generic_duplicates: true,
            pipelines_on_push: false,
            public_pipelines: true,
        }
    }
}
