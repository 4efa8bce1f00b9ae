//! Environments, and what stands in them.

use serde_json::{Value, json};

use super::super::answer::{Reply, created, error, forbidden, no_content, ok, time};
use super::super::call::Call;
use super::super::router::{Door, Route, owned};
use super::super::state::{Environment, Id, Role, State};
use super::deployments;

pub const ROUTES: &[Route] = &[
    Route::new(
        "GET",
        "projects/:id/environments",
        Door::Project(Role::Reporter),
        list,
    )
    .jobs(),
    Route::new(
        "POST",
        "projects/:id/environments",
        Door::Project(Role::Developer),
        create,
    )
    .jobs(),
    Route::new(
        "GET",
        "projects/:id/environments/:env",
        Door::Project(Role::Reporter),
        get,
    )
    .jobs(),
    Route::new(
        "PUT",
        "projects/:id/environments/:env",
        Door::Project(Role::Developer),
        update,
    )
    .jobs(),
    Route::new(
        "DELETE",
        "projects/:id/environments/:env",
        Door::Project(Role::Developer),
        delete,
    )
    .jobs(),
    Route::new(
        "POST",
        "projects/:id/environments/:env/stop",
        Door::Project(Role::Developer),
        stop,
    )
    .jobs(),
];

const TIERS: [&str; 5] = ["production", "staging", "testing", "development", "other"];

pub fn show(environment: &Environment) -> Value {
    json!({
        "id": environment.id,
        "name": environment.name,
        "slug": slug(&environment.name),
        "description": environment.description,
        "external_url": environment.external_url,
        "state": environment.state,
        "tier": environment.tier,
        "created_at": time(environment.created_at),
        "updated_at": time(environment.updated_at),
        "auto_stop_at": null,
        "auto_stop_setting": "always",
    })
}

/// A name in at most 24 characters of a host's name.
fn slug(name: &str) -> String {
    let plain = |it: char| {
        if it.is_ascii_alphanumeric() {
            it.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let slug: String = name.chars().map(plain).take(24).collect();
    slug.trim_matches('-').to_owned()
}

fn find(state: &State, call: &Call<'_>) -> Reply<Id> {
    let found = state.environments.get(&call.id(0)?);
    owned(found, call.project(), |it| it.project, "Environment").map(|it| it.id)
}

fn list(state: &mut State, call: &Call<'_>) -> Reply {
    let (name, search) = (call.params.text("name"), call.params.text("search"));
    if name.is_some() && search.is_some() {
        return Err(error(
            400,
            json!({ "error": "name, search are mutually exclusive" }),
        ));
    }
    if search.as_ref().is_some_and(|text| text.chars().count() < 3) {
        return Err(error(
            400,
            json!({ "message": "400 Bad request - Search query is less than 3 characters" }),
        ));
    }
    let wanted = call
        .params
        .word("states", &["available", "stopping", "stopped"])?;
    let found = state.environments.values().filter(|it| {
        it.project == call.project()
            && name.as_ref().is_none_or(|name| *name == it.name)
            && search.as_ref().is_none_or(|text| it.name.contains(text))
            && wanted.as_ref().is_none_or(|state| state == it.state)
    });
    Ok(call.page(found.map(show).collect()))
}

fn get(state: &mut State, call: &Call<'_>) -> Reply {
    let id = find(state, call)?;
    let mut shown = show(&state.environments[&id]);
    let last = state.last_deployment(id);
    shown["last_deployment"] = last.map_or(Value::Null, |it| deployments::show(state, it.id));
    Ok(ok(&shown))
}

fn create(state: &mut State, call: &Call<'_>) -> Reply {
    let name = call.params.need("name")?;
    let tier = call.params.word("tier", &TIERS)?;
    let taken = state
        .environments
        .values()
        .any(|it| it.project == call.project() && it.name == name);
    if taken || name.is_empty() {
        let reason = if taken {
            "has already been taken"
        } else {
            "can't be blank"
        };
        return Err(error(400, json!({ "message": { "name": [reason] } })));
    }
    let id = state.environment(call.project(), &name);
    let environment = state.environments.get_mut(&id).expect("just made");
    environment.external_url = call.params.text("external_url");
    environment.description = call.params.text("description");
    environment.tier = tier.unwrap_or_else(|| environment.tier.clone());
    Ok(created(&show(&state.environments[&id])))
}

fn update(state: &mut State, call: &Call<'_>) -> Reply {
    let id = find(state, call)?;
    let tier = call.params.word("tier", &TIERS)?;
    let now = state.now();
    let environment = state.environments.get_mut(&id).expect("just found");
    environment.external_url = call
        .params
        .text("external_url")
        .or(environment.external_url.take());
    environment.description = call
        .params
        .text("description")
        .or(environment.description.take());
    environment.tier = tier.unwrap_or_else(|| environment.tier.clone());
    environment.updated_at = now;
    Ok(ok(&show(environment)))
}

fn delete(state: &mut State, call: &Call<'_>) -> Reply {
    let id = find(state, call)?;
    if state.environments[&id].state != "stopped" {
        return Err(forbidden());
    }
    state.environments.remove(&id);
    state.deployments.retain(|_, it| it.environment != id);
    Ok(no_content())
}

fn stop(state: &mut State, call: &Call<'_>) -> Reply {
    let id = find(state, call)?;
    let now = state.now();
    let environment = state.environments.get_mut(&id).expect("just found");
    environment.state = "stopped";
    environment.updated_at = now;
    Ok(ok(&show(environment)))
}
