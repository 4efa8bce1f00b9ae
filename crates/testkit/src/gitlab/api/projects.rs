//! Projects, and those of a group.

use serde_json::{Value, json};

use super::super::answer::{Reply, created, error, forbidden, message, not_found, ok, time};
use super::super::call::Call;
use super::super::router::{Door, Route};
use super::super::state::{Id, Project, Role, State, Visibility};

pub const ROUTES: &[Route] = &[
    Route::new("GET", "projects", Door::SignedIn, list),
    Route::new("POST", "projects", Door::SignedIn, create),
    Route::new("GET", "projects/:id", Door::Project(Role::Guest), get),
    Route::new(
        "PUT",
        "projects/:id",
        Door::Project(Role::Maintainer),
        update,
    ),
    Route::new("DELETE", "projects/:id", Door::Project(Role::Owner), delete),
    Route::new(
        "POST",
        "projects/:id/fork",
        Door::Project(Role::Reporter),
        fork,
    ),
    Route::new(
        "GET",
        "projects/:id/job_token_scope",
        Door::Project(Role::Maintainer),
        job_token_scope,
    ),
    Route::new("GET", "groups/:id", Door::SignedIn, group),
    Route::new("GET", "groups/:id/projects", Door::SignedIn, of_group),
];

/// A project as its list and its page show it.
pub fn show(state: &State, project: &Project) -> Value {
    let (space, name) = project.path.rsplit_once('/').unwrap_or(("", &project.path));
    let url = state.web_url(project.id);
    let host = state.base.trim_start_matches("http://");
    let empty = state.open(project.id).is_empty().unwrap_or(true);
    let group = state.groups.values().find(|group| group.full_path == space);
    let user = state.user(space);
    json!({
        "id": project.id,
        "name": name,
        "path": name,
        "path_with_namespace": project.path,
        "name_with_namespace": project.path.replace('/', " / "),
        "description": null,
        "default_branch": if empty { Value::Null } else { json!(project.default_branch) },
        "visibility": project.visibility.word(),
        "archived": project.archived,
        "empty_repo": empty,
        "web_url": url,
        "http_url_to_repo": format!("{url}.git"),
        "ssh_url_to_repo": format!("git@{host}:{}.git", project.path),
        "namespace": {
            "id": group.map(|it| it.id).or(user.map(|it| it.id)),
            "name": space,
            "path": space.rsplit('/').next(),
            "kind": if group.is_some() { "group" } else { "user" },
            "full_path": space,
        },
        "created_at": time(project.created_at),
        "last_activity_at": time(project.last_activity_at),
        "forked_from_project": project.forked_from.and_then(|id| state.projects.get(&id)).map(|it| {
            json!({ "id": it.id, "path_with_namespace": it.path, "web_url": state.web_url(it.id) })
        }),
        "jobs_enabled": true,
        "merge_requests_enabled": true,
        "resource_group_default_process_mode": "unordered",
    })
}

fn show_to(state: &State, call: &Call<'_>, id: Id) -> Value {
    let project = state.project(id);
    let mut shown = show(state, project);
    let own = call
        .caller
        .user()
        .and_then(|user| project.members.get(&user).copied());
    let level = |role: Option<Role>| {
        role.map(|role| json!({ "access_level": role as i64, "notification_level": 3 }))
    };
    let all = call
        .caller
        .user()
        .map(|user| state.role(user, id))
        .filter(|role| *role > Role::None);
    shown["permissions"] = json!({
        "project_access": level(own),
        "group_access": level(if own.is_some() { None } else { all }),
    });
    if all >= Some(Role::Maintainer) {
        let settings = &project.settings;
        shown["ci_push_repository_for_job_token_allowed"] = json!(settings.job_token_push);
        shown["ci_pipeline_variables_minimum_override_role"] =
            json!(variables_role(settings.variables_role));
        shown["ci_restrict_pipeline_cancellation_role"] = json!(cancel_role(settings.cancel_role));
        shown["ci_forward_deployment_rollback_allowed"] = json!(settings.rollback_allowed);
        shown["ci_forward_deployment_enabled"] = json!(true);
        shown["public_jobs"] = json!(settings.public_pipelines);
    }
    shown
}

fn variables_role(role: Role) -> &'static str {
    match role {
        Role::Maintainer => "maintainer",
        Role::Owner => "owner",
        Role::None => "no_one_allowed",
        _ => "developer",
    }
}

fn cancel_role(role: Role) -> &'static str {
    match role {
        Role::Maintainer => "maintainer",
        Role::None => "no_one",
        _ => "developer",
    }
}

fn get(state: &mut State, call: &Call<'_>) -> Reply {
    Ok(ok(&show_to(state, call, call.project())))
}

/// What of a list of projects the caller asked for, and in which order.
fn chosen<'a>(
    state: &'a State,
    call: &Call<'_>,
    all: impl Iterator<Item = &'a Project>,
) -> Reply<Vec<Value>> {
    let archived = call.params.flag("archived")?;
    let search = call.params.text("search").map(|text| text.to_lowercase());
    let least = call.params.number("min_access_level")?;
    let membership = call.params.flag("membership")?.unwrap_or(false);
    let visibility = call
        .params
        .word("visibility", &["private", "internal", "public"])?;
    let words = [
        "id",
        "name",
        "path",
        "created_at",
        "updated_at",
        "last_activity_at",
        "similarity",
        "star_count",
    ];
    let order = call
        .params
        .word("order_by", &words)?
        .unwrap_or_else(|| "created_at".to_owned());
    let sort = call.params.word("sort", &["asc", "desc"])?;
    let user = call.user();
    let mut found: Vec<_> = all
        .filter(|project| state.caller_role(&call.caller, project.id) >= Role::Guest)
        .filter(|project| archived.is_none_or(|wanted| wanted == project.archived))
        .filter(|project| {
            search
                .as_ref()
                .is_none_or(|text| project.path.to_lowercase().contains(text))
        })
        .filter(|project| {
            visibility
                .as_ref()
                .is_none_or(|word| *word == project.visibility.word())
        })
        .filter(|project| !membership || state.role(user, project.id) > Role::None)
        .filter(|project| least.is_none_or(|level| state.role(user, project.id) as i64 >= level))
        .collect();
    match order.as_str() {
        "name" | "path" => found.sort_by(|a, b| (&a.path, a.id).cmp(&(&b.path, b.id))),
        "last_activity_at" | "updated_at" => found.sort_by_key(|it| (it.last_activity_at, it.id)),
        _ => found.sort_by_key(|it| it.id),
    }
    if sort.as_deref() != Some("asc") {
        found.reverse();
    }
    Ok(found.into_iter().map(|it| show(state, it)).collect())
}

fn list(state: &mut State, call: &Call<'_>) -> Reply {
    let rows = chosen(state, call, state.projects.values())?;
    Ok(call.keyset(rows))
}

fn create(state: &mut State, call: &Call<'_>) -> Reply {
    let name = match (call.params.text("path"), call.params.text("name")) {
        (Some(path), _) => path,
        (None, Some(name)) => name.to_lowercase().replace(' ', "-"),
        (None, None) => {
            return Err(error(
                400,
                json!({ "error": "name, path are missing, at least one parameter must be provided" }),
            ));
        }
    };
    let user = call.user();
    let space = match call.params.number("namespace_id")? {
        Some(id) => {
            let group = state
                .groups
                .get(&id.unsigned_abs())
                .ok_or_else(|| not_found("Namespace"))?;
            if group
                .members
                .get(&user)
                .is_none_or(|role| *role < Role::Maintainer)
            {
                return Err(forbidden());
            }
            group.full_path.clone()
        }
        None => state.users[&user].username.clone(),
    };
    let path = format!("{space}/{name}");
    if state.project_at(&path).is_some() {
        let taken =
            json!({ "name": ["has already been taken"], "path": ["has already been taken"] });
        return Err(error(400, json!({ "message": taken })));
    }
    let visibility = match call
        .params
        .word("visibility", &["private", "internal", "public"])?
        .as_deref()
    {
        Some("public") => Visibility::Public,
        Some("internal") => Visibility::Internal,
        _ => Visibility::Private,
    };
    let id = state.add_project(&path);
    let project = state.project_mut(id);
    project.visibility = visibility;
    project.members.insert(user, Role::Owner);
    if call.params.flag("initialize_with_readme")? == Some(true) {
        state.first_commit(id);
    }
    Ok(created(&show_to(state, call, id)))
}

fn update(state: &mut State, call: &Call<'_>) -> Reply {
    let id = call.project();
    if let Some(branch) = call.params.text("default_branch") {
        if super::super::repo::branch(&state.open(id), &branch).is_none() {
            return Err(error(
                400,
                json!({ "message": { "base": ["Could not set the default branch"] } }),
            ));
        }
        state.set_default_branch(id, &branch);
    }
    let push = call
        .params
        .flag("ci_push_repository_for_job_token_allowed")?;
    let rollback = call.params.flag("ci_forward_deployment_rollback_allowed")?;
    let words = ["developer", "maintainer", "owner", "no_one_allowed"];
    let role = call
        .params
        .word("ci_pipeline_variables_minimum_override_role", &words)?;
    let archived = call.params.flag("archived")?;
    let project = state.project_mut(id);
    project.settings.job_token_push = push.unwrap_or(project.settings.job_token_push);
    project.settings.rollback_allowed = rollback.unwrap_or(project.settings.rollback_allowed);
    project.archived = archived.unwrap_or(project.archived);
    project.settings.variables_role = match role.as_deref() {
        Some("developer") => Role::Developer,
        Some("maintainer") => Role::Maintainer,
        Some("owner") => Role::Owner,
        Some(_) => Role::None,
        None => project.settings.variables_role,
    };
    Ok(ok(&show_to(state, call, id)))
}

fn delete(state: &mut State, call: &Call<'_>) -> Reply {
    state.projects.remove(&call.project());
    Ok(message(202, "202 Accepted"))
}

fn fork(state: &mut State, call: &Call<'_>) -> Reply {
    let space = match call.params.text("namespace_path") {
        Some(path) => path,
        None => state.users[&call.user()].username.clone(),
    };
    let known = state
        .user(&space)
        .is_some_and(|user| user.id == call.user())
        || state.groups.values().any(|group| {
            group.full_path == space
                && group
                    .members
                    .get(&call.user())
                    .is_some_and(|role| *role >= Role::Maintainer)
        });
    if !known {
        return Err(not_found("Target Namespace"));
    }
    let name = state
        .project(call.project())
        .path
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    if state.project_at(&format!("{space}/{name}")).is_some() {
        return Err(error(
            409,
            json!({ "message": { "name": ["has already been taken"] } }),
        ));
    }
    let id = state.add_fork(call.project(), &format!("{space}/{name}"));
    Ok(created(&show_to(state, call, id)))
}

fn job_token_scope(_: &mut State, _: &Call<'_>) -> Reply {
    Ok(ok(
        &json!({ "inbound_enabled": true, "outbound_enabled": false }),
    ))
}

/// The group that the path names, where the caller is a member of it or of a project below it.
fn visible_group(state: &State, call: &Call<'_>) -> Reply<Id> {
    let name = call.arg(0);
    let found = state
        .groups
        .values()
        .find(|group| group.full_path == name || group.id.to_string() == name);
    let group = found.ok_or_else(|| not_found("Group"))?;
    let member = group.members.contains_key(&call.user());
    let below = state.projects.values().any(|project| {
        project.path.starts_with(&format!("{}/", group.full_path))
            && state.caller_role(&call.caller, project.id) > Role::None
    });
    if member || below {
        Ok(group.id)
    } else {
        Err(not_found("Group"))
    }
}

fn group(state: &mut State, call: &Call<'_>) -> Reply {
    let group = &state.groups[&visible_group(state, call)?];
    let name = group.full_path.rsplit('/').next();
    Ok(ok(&json!({
        "id": group.id,
        "name": name,
        "path": name,
        "full_path": group.full_path,
        "full_name": group.full_path.replace('/', " / "),
        "visibility": "private",
        "web_url": format!("{}/groups/{}", state.base, group.full_path),
    })))
}

fn of_group(state: &mut State, call: &Call<'_>) -> Reply {
    let group = state.groups[&visible_group(state, call)?].full_path.clone();
    let deep = call.params.flag("include_subgroups")?.unwrap_or(false);
    let inside = state.projects.values().filter(|project| {
        let below = project.path.strip_prefix(&format!("{group}/"));
        below.is_some_and(|rest| deep || !rest.contains('/'))
    });
    let rows = chosen(state, call, inside)?;
    Ok(call.page(rows))
}
