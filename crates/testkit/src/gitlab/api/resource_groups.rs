//! Resource groups: which there are, how they queue, who holds one and who comes next.

use serde_json::{Value, json};

use super::super::answer::{Reply, not_found, ok, time};
use super::super::call::Call;
use super::super::router::{Door, Route};
use super::super::state::{Role, State};
use super::jobs;

pub const ROUTES: &[Route] = &[
    Route::new(
        "GET",
        "projects/:id/resource_groups",
        Door::Project(Role::Developer),
        list,
    ),
    Route::new(
        "GET",
        "projects/:id/resource_groups/:key",
        Door::Project(Role::Developer),
        get,
    ),
    Route::new(
        "PUT",
        "projects/:id/resource_groups/:key",
        Door::Project(Role::Developer),
        update,
    ),
    Route::new(
        "GET",
        "projects/:id/resource_groups/:key/upcoming_jobs",
        Door::Project(Role::Developer),
        upcoming,
    ),
    Route::new(
        "GET",
        "projects/:id/resource_groups/:key/current_job",
        Door::Project(Role::Developer),
        current,
    ),
];

const MODES: [&str; 4] = [
    "unordered",
    "oldest_first",
    "newest_first",
    "newest_ready_first",
];

fn show(state: &State, project: u64, key: &str) -> Reply<Value> {
    let group = state.project(project).resource_groups.get(key);
    let group = group.ok_or_else(|| not_found("Resource Group"))?;
    Ok(json!({
        "id": group.id,
        "key": key,
        "process_mode": group.process_mode,
        "created_at": time(group.created_at),
        "updated_at": time(group.updated_at),
    }))
}

fn list(state: &mut State, call: &Call<'_>) -> Reply {
    let keys = state.project(call.project()).resource_groups.keys();
    let mut rows = keys
        .map(|key| show(state, call.project(), key))
        .collect::<Result<Vec<_>, _>>()?;
    rows.sort_by_key(|row| row["id"].as_u64());
    Ok(call.page(rows))
}

fn get(state: &mut State, call: &Call<'_>) -> Reply {
    show(state, call.project(), call.arg(0)).map(|shown| ok(&shown))
}

fn update(state: &mut State, call: &Call<'_>) -> Reply {
    show(state, call.project(), call.arg(0))?;
    let mode = call.params.word("process_mode", &MODES)?;
    let now = state.now();
    let groups = &mut state.project_mut(call.project()).resource_groups;
    let group = groups.get_mut(call.arg(0)).expect("just shown");
    if let Some(mode) = mode {
        group.process_mode = mode;
        group.updated_at = now;
    }
    get(state, call)
}

fn upcoming(state: &mut State, call: &Call<'_>) -> Reply {
    show(state, call.project(), call.arg(0))?;
    let waiting = state.upcoming(call.project(), call.arg(0));
    Ok(call.page(
        waiting
            .into_iter()
            .map(|job| jobs::show(state, job))
            .collect(),
    ))
}

fn current(state: &mut State, call: &Call<'_>) -> Reply {
    show(state, call.project(), call.arg(0))?;
    let holder = state
        .holder(call.project(), call.arg(0))
        .ok_or_else(|| not_found("Job"))?;
    Ok(ok(&jobs::show(state, holder)))
}
