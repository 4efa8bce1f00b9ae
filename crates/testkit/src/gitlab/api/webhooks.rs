//! Webhooks of projects: which there are and what they want. Addresses off this machine are refused.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::answer::{Reply, created, error, no_content, ok, time};
use super::super::call::Call;
use super::super::router::{Door, Route, owned};
use super::super::state::{Hook, Id, Role, State};

pub const ROUTES: &[Route] = &[
    Route::new(
        "GET",
        "projects/:id/hooks",
        Door::Project(Role::Maintainer),
        list,
    ),
    Route::new(
        "POST",
        "projects/:id/hooks",
        Door::Project(Role::Maintainer),
        create,
    ),
    Route::new(
        "GET",
        "projects/:id/hooks/:hook",
        Door::Project(Role::Maintainer),
        get,
    ),
    Route::new(
        "PUT",
        "projects/:id/hooks/:hook",
        Door::Project(Role::Maintainer),
        update,
    ),
    Route::new(
        "DELETE",
        "projects/:id/hooks/:hook",
        Door::Project(Role::Maintainer),
        delete,
    ),
];

/// The events of a hook; by default it gets pushes.
const EVENTS: [&str; 4] = [
    "push_events",
    "note_events",
    "pipeline_events",
    "deployment_events",
];

fn show(hook: &Hook) -> Value {
    let mut shown = json!({
        "id": hook.id,
        "project_id": hook.project,
        "url": hook.url,
        "created_at": time(hook.created_at),
        "enable_ssl_verification": true,
        "alert_status": "executable",
        "disabled_until": null,
    });
    for event in EVENTS {
        shown[event] = json!(hook.events.contains(event));
    }
    shown
}

fn find(state: &State, call: &Call<'_>) -> Reply<Id> {
    owned(
        state.hooks.get(&call.id(0)?),
        call.project(),
        |it| it.project,
        "",
    )
    .map(|it| it.id)
}

/// The address, when it is one of this machine.
fn address(url: &str) -> Reply<String> {
    let host = url::Url::parse(url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    match host.as_deref() {
        Some("127.0.0.1" | "localhost" | "[::1]") => Ok(url.to_owned()),
        _ => Err(error(422, json!({ "error": "Invalid url given" }))),
    }
}

fn events(call: &Call<'_>, before: &BTreeSet<String>) -> Reply<BTreeSet<String>> {
    let mut events = before.clone();
    for event in EVENTS {
        match call.params.flag(event)? {
            Some(true) => drop(events.insert(event.to_owned())),
            Some(false) => drop(events.remove(event)),
            None => {}
        }
    }
    Ok(events)
}

fn list(state: &mut State, call: &Call<'_>) -> Reply {
    let hooks = state
        .hooks
        .values()
        .filter(|hook| hook.project == call.project());
    Ok(call.page(hooks.map(show).collect()))
}

fn get(state: &mut State, call: &Call<'_>) -> Reply {
    let id = find(state, call)?;
    Ok(ok(&show(&state.hooks[&id])))
}

fn create(state: &mut State, call: &Call<'_>) -> Reply {
    let hook = Hook {
        url: address(&call.params.need("url")?)?,
        token: call.params.text("token"),
        events: events(call, &BTreeSet::from(["push_events".to_owned()]))?,
        id: state.next("hook"),
        project: call.project(),
        created_at: state.now(),
    };
    let shown = show(&hook);
    state.hooks.insert(hook.id, hook);
    Ok(created(&shown))
}

fn update(state: &mut State, call: &Call<'_>) -> Reply {
    let id = find(state, call)?;
    let url = call
        .params
        .text("url")
        .map(|url| address(&url))
        .transpose()?;
    let events = events(call, &state.hooks[&id].events)?;
    let hook = state.hooks.get_mut(&id).expect("just found");
    hook.url = url.unwrap_or_else(|| hook.url.clone());
    hook.token = call.params.text("token").or(hook.token.take());
    hook.events = events;
    Ok(ok(&show(hook)))
}

fn delete(state: &mut State, call: &Call<'_>) -> Reply {
    let id = find(state, call)?;
    state.hooks.remove(&id);
    Ok(no_content())
}
