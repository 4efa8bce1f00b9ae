//! Protected branches: who may push and merge, and whether with force.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::answer::{Reply, created, invalid, message, no_content, not_found, ok};
use super::super::call::Call;
use super::super::router::{Door, Route};
use super::super::state::{Id, ProtectedBranch, Role, State};

pub const ROUTES: &[Route] = &[
    Route::new(
        "GET",
        "projects/:id/protected_branches",
        Door::Project(Role::Maintainer),
        list,
    ),
    Route::new(
        "POST",
        "projects/:id/protected_branches",
        Door::Project(Role::Maintainer),
        create,
    ),
    Route::new(
        "GET",
        "projects/:id/protected_branches/:name",
        Door::Project(Role::Maintainer),
        get,
    ),
    Route::new(
        "PATCH",
        "projects/:id/protected_branches/:name",
        Door::Project(Role::Maintainer),
        update,
    ),
    Route::new(
        "DELETE",
        "projects/:id/protected_branches/:name",
        Door::Project(Role::Maintainer),
        delete,
    ),
];

fn level(id: Id, role: Role) -> Value {
    let description = match role {
        Role::None => "No one",
        Role::Developer => "Developers + Maintainers",
        Role::Admin => "Administrators",
        _ => "Maintainers",
    };
    json!({
        "id": id, "access_level": role as i64, "access_level_description": description,
        "user_id": null, "group_id": null, "deploy_key_id": null,
    })
}

fn show(state: &State, row: &ProtectedBranch) -> Value {
    let users = row.pushers.iter().map(|user| {
        json!({
            "id": row.id * 100 + user, "access_level": 40, "user_id": user, "group_id": null, "deploy_key_id": null,
            "access_level_description": state.users.get(user).map(|user| &user.name),
        })
    });
    let push: Vec<_> = std::iter::once(level(row.id * 10, row.push))
        .chain(users)
        .collect();
    json!({
        "id": row.id,
        "name": row.name,
        "push_access_levels": push,
        "merge_access_levels": [level(row.id * 10 + 1, row.merge)],
        "unprotect_access_levels": [],
        "allow_force_push": row.allow_force_push,
        "code_owner_approval_required": false,
        "inherited": false,
    })
}

fn role(call: &Call<'_>, name: &str) -> Reply<Option<Role>> {
    let known = [Role::None, Role::Developer, Role::Maintainer, Role::Admin];
    let Some(level) = call.params.number(name)? else {
        return Ok(None);
    };
    let role = Role::of(level).filter(|role| known.contains(role));
    role.map(Some).ok_or_else(|| invalid(name))
}

/// Users named in `allowed_to_push[][user_id]`.
fn pushers(call: &Call<'_>) -> BTreeSet<Id> {
    let rows = call.params.get("allowed_to_push").and_then(Value::as_array);
    let ids = rows
        .into_iter()
        .flatten()
        .filter_map(|row| match &row["user_id"] {
            Value::String(text) => text.parse().ok(),
            number => number.as_u64(),
        });
    ids.collect()
}

fn list(state: &mut State, call: &Call<'_>) -> Reply {
    let search = call.params.text("search").unwrap_or_default();
    let rows = state.project(call.project()).protected.iter();
    let found = rows.filter(|row| row.name.contains(&search));
    Ok(call.page(found.map(|row| show(state, row)).collect()))
}

fn get(state: &mut State, call: &Call<'_>) -> Reply {
    let rows = &state.project(call.project()).protected;
    let row = rows
        .iter()
        .find(|row| row.name == call.arg(0))
        .ok_or_else(|| not_found(""))?;
    Ok(ok(&show(state, row)))
}

fn create(state: &mut State, call: &Call<'_>) -> Reply {
    let name = call.params.need("name")?;
    if state
        .project(call.project())
        .protected
        .iter()
        .any(|row| row.name == name)
    {
        return Err(message(
            409,
            &format!("Protected branch '{name}' already exists"),
        ));
    }
    let pushers = pushers(call);
    let default = if pushers.is_empty() {
        Role::Maintainer
    } else {
        Role::None
    };
    let row = ProtectedBranch {
        id: state.next("protected_branch"),
        name,
        push: role(call, "push_access_level")?.unwrap_or(default),
        pushers,
        merge: role(call, "merge_access_level")?.unwrap_or(Role::Maintainer),
        allow_force_push: call.params.flag("allow_force_push")?.unwrap_or(false),
    };
    let shown = show(state, &row);
    state.project_mut(call.project()).protected.push(row);
    Ok(created(&shown))
}

fn update(state: &mut State, call: &Call<'_>) -> Reply {
    let force = call.params.flag("allow_force_push")?;
    let push = role(call, "push_access_level")?;
    let added = pushers(call);
    let rows = &mut state.project_mut(call.project()).protected;
    let row = rows
        .iter_mut()
        .find(|row| row.name == call.arg(0))
        .ok_or_else(|| not_found(""))?;
    row.allow_force_push = force.unwrap_or(row.allow_force_push);
    row.push = push.unwrap_or(row.push);
    row.pushers.extend(added);
    let row = row.clone();
    Ok(ok(&show(state, &row)))
}

fn delete(state: &mut State, call: &Call<'_>) -> Reply {
    let rows = &mut state.project_mut(call.project()).protected;
    let at = rows
        .iter()
        .position(|row| row.name == call.arg(0))
        .ok_or_else(|| not_found(""))?;
    rows.remove(at);
    Ok(no_content())
}
