//! Jobs of pipelines: lists, one, its log, and playing, retrying and cancelling.

use serde_json::{Value, json};

use super::super::answer::{Reply, created, forbidden, maybe, message, ok, text, time};
use super::super::call::Call;
use super::super::repo;
use super::super::router::{Door, Route, owned};
use super::super::state::{Id, Job, Role, State};
use super::super::status::Status;
use super::{pipelines, users};

pub const ROUTES: &[Route] = &[
    Route::new(
        "GET",
        "projects/:id/jobs",
        Door::Project(Role::Reporter),
        list,
    )
    .jobs(),
    Route::new(
        "GET",
        "projects/:id/jobs/:job",
        Door::Project(Role::Reporter),
        get,
    ),
    Route::new(
        "GET",
        "projects/:id/jobs/:job/trace",
        Door::Project(Role::Reporter),
        trace,
    ),
    Route::new(
        "POST",
        "projects/:id/jobs/:job/play",
        Door::Project(Role::Developer),
        play,
    ),
    Route::new(
        "POST",
        "projects/:id/jobs/:job/retry",
        Door::Project(Role::Developer),
        retry,
    ),
    Route::new(
        "POST",
        "projects/:id/jobs/:job/cancel",
        Door::Project(Role::Developer),
        cancel,
    ),
    Route::new(
        "POST",
        "projects/:id/jobs/:job/erase",
        Door::Project(Role::Developer),
        erase,
    ),
];

pub fn show(state: &State, id: Id) -> Value {
    let job = &state.jobs[&id];
    let pipeline = &state.pipelines[&job.pipeline];
    let url = state.web_url(job.project);
    let repository = state.open(job.project);
    let commit = repo::resolve(&repository, &pipeline.sha).map(|it| repo::show(&it, &url));
    let end = job.finished_at.unwrap_or_else(|| state.now());
    let seconds = |from: jiff::Timestamp, to: jiff::Timestamp| to.duration_since(from).as_secs();
    json!({
        "id": id,
        "name": job.name,
        "stage": job.stage,
        "status": job.status.word(),
        "ref": pipeline.ref_,
        "tag": pipeline.tag,
        "coverage": null,
        "allow_failure": job.allow_failure,
        "created_at": time(job.created_at),
        "started_at": maybe(job.started_at),
        "finished_at": maybe(job.finished_at),
        "erased_at": null,
        "duration": job.started_at.map(|at| seconds(at, end)),
        "queued_duration": job.queued_at.map(|at| seconds(at, job.started_at.unwrap_or(end))),
        "failure_reason": job.failure_reason,
        "web_url": format!("{url}/-/jobs/{id}"),
        "user": users::show(state, job.user),
        "commit": commit,
        "pipeline": pipelines::show(state, pipeline),
        "artifacts": [],
        "artifacts_expire_at": null,
        "runner": null,
        "tag_list": job.tags,
        "project": { "ci_job_token_scope_enabled": false },
        "archived": false,
    })
}

fn find<'a>(state: &'a State, call: &Call<'_>) -> Reply<&'a Job> {
    let job = state.jobs.get(&call.id(0)?).filter(|job| !job.bridge);
    owned(job, call.project(), |it| it.project, "")
}

/// The jobs of a list, newest first, with the statuses of `scope[]`.
fn chosen<'a>(call: &Call<'_>, jobs: impl Iterator<Item = &'a Job>) -> Reply<Vec<&'a Job>> {
    let scope = call.params.list("scope");
    if scope.iter().any(|word| Status::of(word).is_none()) {
        return Err(super::super::answer::invalid("scope"));
    }
    let jobs = jobs.filter(|job| !job.bridge);
    let mut jobs: Vec<_> = jobs
        .filter(|job| scope.is_empty() || scope.iter().any(|word| word == job.status.word()))
        .collect();
    jobs.reverse();
    Ok(jobs)
}

fn list(state: &mut State, call: &Call<'_>) -> Reply {
    let jobs = chosen(
        call,
        state
            .jobs
            .values()
            .filter(|job| job.project == call.project()),
    )?;
    Ok(call.keyset(jobs.into_iter().map(|job| show(state, job.id)).collect()))
}

pub fn of_pipeline(state: &mut State, call: &Call<'_>) -> Reply {
    let pipeline = pipelines::id_of(state, call)?;
    let retried = call.params.flag("include_retried")?.unwrap_or(false);
    let jobs = chosen(
        call,
        state
            .jobs_of(pipeline)
            .filter(|job| retried || !job.retried),
    )?;
    Ok(call.page(jobs.into_iter().map(|job| show(state, job.id)).collect()))
}

fn get(state: &mut State, call: &Call<'_>) -> Reply {
    Ok(ok(&show(state, find(state, call)?.id)))
}

fn trace(state: &mut State, call: &Call<'_>) -> Reply {
    Ok(text(find(state, call)?.trace.clone()))
}

fn play(state: &mut State, call: &Call<'_>) -> Reply {
    let job = find(state, call)?;
    if !matches!(job.status, Status::Manual | Status::Scheduled) {
        return Err(message(400, "400 Bad request - Unplayable Job"));
    }
    let id = job.id;
    state.jobs.get_mut(&id).expect("just found").user = call.user();
    state.set_job(id, Status::Pending);
    Ok(ok(&show(state, id)))
}

fn retry(state: &mut State, call: &Call<'_>) -> Reply {
    let job = find(state, call)?;
    if !job.status.is_done() || job.status == Status::Skipped || job.retried {
        return Err(message(403, "403 Forbidden - Job is not retryable"));
    }
    let outdated =
        job.environment.is_some() && !state.project(job.project).settings.rollback_allowed;
    if outdated && state.is_outdated(job.id) {
        return Err(message(403, "403 Forbidden - Job is not retryable"));
    }
    let new = state.retry_job(job.id, call.user());
    Ok(created(&show(state, new)))
}

fn cancel(state: &mut State, call: &Call<'_>) -> Reply {
    let job = find(state, call)?;
    let force = call.params.flag("force")? == Some(true);
    if force && call.role < Role::Maintainer {
        return Err(forbidden());
    }
    let id = job.id;
    if force && job.status == Status::Canceling {
        state.set_job(id, Status::Canceled);
    } else {
        state.cancel_job(id);
    }
    Ok(created(&show(state, id)))
}

fn erase(state: &mut State, call: &Call<'_>) -> Reply {
    let job = find(state, call)?;
    if !job.status.is_done() {
        return Err(message(403, "403 Forbidden - Job is not erasable!"));
    }
    let id = job.id;
    let job = state.jobs.get_mut(&id).expect("just found");
    job.trace.clear();
    Ok(created(&show(state, id)))
}
