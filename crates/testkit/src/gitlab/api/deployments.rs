//! Deployments: what went where, from jobs or told by API.

use serde_json::{Value, json};

use super::super::answer::{Reply, created, invalid, message, no_content, ok, time};
use super::super::call::Call;
use super::super::repo;
use super::super::router::{Door, Route, owned};
use super::super::state::{Deployment, Id, Role, State};
use super::{environments, jobs, merge_requests, users};

pub const ROUTES: &[Route] = &[
    Route::new(
        "GET",
        "projects/:id/deployments",
        Door::Project(Role::Reporter),
        list,
    )
    .jobs(),
    Route::new(
        "POST",
        "projects/:id/deployments",
        Door::Project(Role::Developer),
        create,
    )
    .jobs(),
    Route::new(
        "GET",
        "projects/:id/deployments/:did",
        Door::Project(Role::Reporter),
        get,
    )
    .jobs(),
    Route::new(
        "PUT",
        "projects/:id/deployments/:did",
        Door::Project(Role::Developer),
        update,
    )
    .jobs(),
    Route::new(
        "DELETE",
        "projects/:id/deployments/:did",
        Door::Project(Role::Maintainer),
        delete,
    )
    .jobs(),
    Route::new(
        "GET",
        "projects/:id/deployments/:did/merge_requests",
        Door::Project(Role::Reporter),
        in_merge_requests,
    )
    .jobs(),
];

const STATUSES: [&str; 7] = [
    "created", "running", "success", "failed", "canceled", "blocked", "skipped",
];

pub fn show(state: &State, id: Id) -> Value {
    let it = &state.deployments[&id];
    json!({
        "id": it.id,
        "iid": it.iid,
        "ref": it.ref_,
        "sha": it.sha,
        "created_at": time(it.created_at),
        "updated_at": time(it.updated_at),
        "status": it.status,
        "user": users::show(state, it.user),
        "environment": environments::show(&state.environments[&it.environment]),
        "deployable": it.job.filter(|job| state.jobs.contains_key(job)).map(|job| jobs::show(state, job)),
    })
}

fn find<'a>(state: &'a State, call: &Call<'_>) -> Reply<&'a Deployment> {
    owned(
        state.deployments.get(&call.id(0)?),
        call.project(),
        |it| it.project,
        "Deployment",
    )
}

/// Filters by time are taken only with the order that fits.
fn check_times(call: &Call<'_>, order: &str, status: Option<&str>) -> Reply<()> {
    let given = |names: [&str; 2]| names.iter().any(|name| call.params.get(name).is_some());
    let finished = given(["finished_after", "finished_before"]);
    let updated = given(["updated_after", "updated_before"]);
    let refuse = |reason: &str| Err(message(400, &format!("400 Bad request - {reason}")));
    if finished && updated {
        return refuse("Both `updated_at` filter and `finished_at` filter can not be specified");
    }
    if finished && status != Some("success") {
        return refuse("`finished_at` filter must be combined with `success` status filter.");
    }
    if finished && order != "finished_at" {
        return refuse("`finished_at` filter requires `finished_at` sort.");
    }
    if updated && order != "updated_at" {
        return refuse("`updated_at` filter requires `updated_at` sort");
    }
    Ok(())
}

fn list(state: &mut State, call: &Call<'_>) -> Reply {
    let params = &call.params;
    let environment = params.text("environment");
    let status = params.word("status", &STATUSES)?;
    let orders = [
        "id",
        "iid",
        "created_at",
        "updated_at",
        "finished_at",
        "ref",
    ];
    let order = params
        .word("order_by", &orders)?
        .unwrap_or_else(|| "id".to_owned());
    let sort = params.word("sort", &["asc", "desc"])?;
    check_times(call, &order, status.as_deref())?;
    let (updated_after, updated_before) = (
        params.time("updated_after")?,
        params.time("updated_before")?,
    );
    let (finished_after, finished_before) = (
        params.time("finished_after")?,
        params.time("finished_before")?,
    );
    let mut found: Vec<_> = state
        .deployments
        .values()
        .filter(|it| it.project == call.project())
        .filter(|it| status.as_ref().is_none_or(|status| *status == it.status))
        .filter(|it| {
            environment
                .as_ref()
                .is_none_or(|name| *name == state.environments[&it.environment].name)
        })
        .filter(|it| updated_after.is_none_or(|at| it.updated_at >= at))
        .filter(|it| updated_before.is_none_or(|at| it.updated_at <= at))
        .filter(|it| finished_after.is_none_or(|at| it.finished_at >= Some(at)))
        .filter(|it| finished_before.is_none_or(|at| it.finished_at <= Some(at)))
        .collect();
    match order.as_str() {
        "created_at" => found.sort_by_key(|it| (it.created_at, it.id)),
        "updated_at" => found.sort_by_key(|it| (it.updated_at, it.id)),
        "finished_at" => found.sort_by_key(|it| (it.finished_at, it.id)),
        "ref" => found.sort_by(|a, b| (&a.ref_, a.id).cmp(&(&b.ref_, b.id))),
        _ => found.sort_by_key(|it| it.id),
    }
    if sort.as_deref() == Some("desc") {
        found.reverse();
    }
    Ok(call.page(found.into_iter().map(|it| show(state, it.id)).collect()))
}

fn get(state: &mut State, call: &Call<'_>) -> Reply {
    Ok(ok(&show(state, find(state, call)?.id)))
}

fn create(state: &mut State, call: &Call<'_>) -> Reply {
    let params = &call.params;
    let (environment, sha, ref_) = (
        params.need("environment")?,
        params.need("sha")?,
        params.need("ref")?,
    );
    params.need("tag")?;
    params.need("status")?;
    let tag = params.flag("tag")?.ok_or_else(|| invalid("tag"))?;
    let words = ["running", "success", "failed", "canceled"];
    let status = params
        .word("status", &words)?
        .ok_or_else(|| invalid("status"))?;
    if repo::resolve(&state.open(call.project()), &sha).is_none() {
        return Err(message(
            400,
            "400 Bad request - The commit SHA does not exist",
        ));
    }
    let id = state.add_deployment(
        call.project(),
        &environment,
        call.user(),
        (&ref_, &sha, tag),
    );
    state.set_deployment(id, &status);
    Ok(created(&show(state, id)))
}

fn update(state: &mut State, call: &Call<'_>) -> Reply {
    let found = find(state, call)?;
    if found.job.is_some() {
        return Err(message(
            403,
            "Deployments created using GitLab CI can not be updated using the API",
        ));
    }
    let id = found.id;
    call.params.need("status")?;
    let words = ["running", "success", "failed", "canceled"];
    let status = call
        .params
        .word("status", &words)?
        .ok_or_else(|| invalid("status"))?;
    state.set_deployment(id, &status);
    Ok(ok(&show(state, id)))
}

fn delete(state: &mut State, call: &Call<'_>) -> Reply {
    let found = find(state, call)?;
    if found.status == "running" {
        return Err(message(400, "Cannot destroy running deployment"));
    }
    if state
        .last_deployment(found.environment)
        .is_some_and(|last| last.id == found.id)
    {
        return Err(message(400, "Deployment currently deployed to environment"));
    }
    let id = found.id;
    state.deployments.remove(&id);
    Ok(no_content())
}

/// Merge requests that the deployment brought, as against the successful one before it.
fn in_merge_requests(state: &mut State, call: &Call<'_>) -> Reply {
    let found = find(state, call)?;
    let mut earlier = state.deployments.values().filter(|it| {
        it.environment == found.environment && it.status == "success" && it.id < found.id
    });
    let before = earlier
        .next_back()
        .and_then(|it| state.commit_id(call.project(), &it.sha).ok());
    let now = state.commit_id(call.project(), &found.sha)?;
    let repository = state.open(call.project());
    let new = repo::between(&repository, before, now, 10_000);
    let rows = state.merge_requests.values().filter(|it| {
        it.project == call.project()
            && it.state == "merged"
            && it
                .merge_commit_sha
                .as_ref()
                .is_some_and(|sha| new.iter().any(|id| id.to_string() == *sha))
    });
    Ok(call.page(rows.map(|it| merge_requests::show(state, it)).collect()))
}
