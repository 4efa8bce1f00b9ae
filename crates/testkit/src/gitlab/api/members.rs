//! Members of projects: direct ones, and all that a group above lends.

use serde_json::{Value, json};

use super::super::answer::{
    Reply, created, forbidden, invalid, missing, no_content, not_found, ok,
};
use super::super::call::Call;
use super::super::router::{Door, Route};
use super::super::state::{Id, Role, State};
use super::users;

pub const ROUTES: &[Route] = &[
    Route::new(
        "GET",
        "projects/:id/members",
        Door::Project(Role::Guest),
        direct,
    ),
    Route::new(
        "GET",
        "projects/:id/members/all",
        Door::Project(Role::Guest),
        all,
    ),
    Route::new(
        "GET",
        "projects/:id/members/all/:user",
        Door::Project(Role::Guest),
        effective,
    ),
    Route::new(
        "GET",
        "projects/:id/members/:user",
        Door::Project(Role::Guest),
        one_direct,
    ),
    Route::new(
        "POST",
        "projects/:id/members",
        Door::Project(Role::Maintainer),
        add,
    ),
    Route::new(
        "DELETE",
        "projects/:id/members/:user",
        Door::Project(Role::Maintainer),
        remove,
    ),
];

fn show(state: &State, user: Id, role: Role) -> Value {
    let mut member = users::show(state, user);
    member["access_level"] = json!(role as i64);
    member["expires_at"] = Value::Null;
    member["membership_state"] = json!("active");
    member
}

fn direct(state: &mut State, call: &Call<'_>) -> Reply {
    let members = &state.project(call.project()).members;
    Ok(call.page(
        members
            .iter()
            .map(|(user, role)| show(state, *user, *role))
            .collect(),
    ))
}

fn all(state: &mut State, call: &Call<'_>) -> Reply {
    let roles = state
        .users
        .keys()
        .map(|user| (*user, state.role(*user, call.project())));
    let members = roles.filter(|(_, role)| *role > Role::None);
    Ok(call.page(
        members
            .map(|(user, role)| show(state, user, role))
            .collect(),
    ))
}

fn effective(state: &mut State, call: &Call<'_>) -> Reply {
    let user = call.id(0)?;
    match state
        .users
        .contains_key(&user)
        .then(|| state.role(user, call.project()))
    {
        Some(role) if role > Role::None => Ok(ok(&show(state, user, role))),
        _ => Err(not_found("")),
    }
}

fn one_direct(state: &mut State, call: &Call<'_>) -> Reply {
    let user = call.id(0)?;
    let role = state.project(call.project()).members.get(&user).copied();
    role.map(|role| ok(&show(state, user, role)))
        .ok_or_else(|| not_found(""))
}

fn add(state: &mut State, call: &Call<'_>) -> Reply {
    let user = call
        .params
        .number("user_id")?
        .ok_or_else(|| missing("user_id"))?
        .unsigned_abs();
    let level = call
        .params
        .number("access_level")?
        .ok_or_else(|| missing("access_level"))?;
    let role = Role::of(level).ok_or_else(|| invalid("access_level"))?;
    if !state.users.contains_key(&user) {
        return Err(not_found("User"));
    }
    if role > call.role {
        return Err(forbidden());
    }
    state.project_mut(call.project()).members.insert(user, role);
    Ok(created(&show(state, user, role)))
}

fn remove(state: &mut State, call: &Call<'_>) -> Reply {
    let user = call.id(0)?;
    let gone = state.project_mut(call.project()).members.remove(&user);
    gone.map(|_| no_content()).ok_or_else(|| not_found(""))
}
