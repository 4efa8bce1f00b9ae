//! Whether this token may cancel pipelines: asked before anything is waited for, so that nobody learns it an hour later.

use serde::Deserialize;

use super::plan::GuardError;
use super::retry_policy::Budget;
use pannier_clients::gitlab::{ApiRequest, Gitlab, Needs, ProjectRef};

/// Developer.
const DEVELOPER: u64 = 30;
/// Maintainer.
const MAINTAINER: u64 = 40;

#[derive(Deserialize)]
struct Own {
    scopes: Vec<String>,
}

#[derive(Deserialize)]
struct Me {
    id: u64,
}

#[derive(Deserialize)]
struct Member {
    access_level: u64,
}

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    ci_restrict_pipeline_cancellation_role: Option<String>,
}

/// Fails unless the token may cancel pipelines of each of `projects`, as far as GitLab tells.
pub(super) fn to_cancel<'p>(
    gitlab: &Gitlab,
    projects: impl Iterator<Item = &'p ProjectRef>,
    budget: &mut Budget<'_>,
) -> Result<(), GuardError> {
    let refused = |why: String| Err(GuardError::MayNotCancel { why });
    if gitlab.tokens().access().is_none() {
        return refused("a job token cannot do that".to_owned());
    }
    let own = ApiRequest::get("personal_access_tokens/self");
    let own: Option<Own> = budget.find(|| gitlab.ask(&own, &Needs::READ))?;
    if own.is_some_and(|own| !own.scopes.iter().any(|scope| scope == "api")) {
        return refused("the token's scope is not `api`".to_owned());
    }
    let me = ApiRequest::get("user");
    let me: Me = budget.ask(|| gitlab.ask(&me, &Needs::READ))?;
    for project in projects {
        let path = format!("projects/{}", project.encoded());
        let member = ApiRequest::get(format!("{path}/members/all/{}", me.id));
        let member: Option<Member> = budget.find(|| gitlab.ask(&member, &Needs::READ))?;
        let settings: Settings =
            budget.ask(|| gitlab.ask(&ApiRequest::get(path.as_str()), &Needs::READ))?;
        let wanted = match settings.ci_restrict_pipeline_cancellation_role.as_deref() {
            Some("no_one") => {
                return refused(format!("project {project} allows nobody to do that"));
            }
            Some("maintainer") => MAINTAINER,
            _ => DEVELOPER,
        };
        if member.is_none_or(|member| member.access_level < wanted) {
            return refused(format!(
                "the token's user may not do that in project {project}"
            ));
        }
    }
    Ok(())
}
