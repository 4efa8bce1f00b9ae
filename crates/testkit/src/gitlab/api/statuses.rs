//! Statuses of commits, told by others.

use serde_json::{Value, json};

use super::super::answer::{Reply, created, message, missing, not_found, time};
use super::super::call::Call;
use super::super::repo;
use super::super::router::{Door, Route};
use super::super::state::{CommitStatus, Role, State};
use super::super::status::Status;
use super::users;

pub const ROUTES: &[Route] = &[
    Route::new(
        "POST",
        "projects/:id/statuses/:sha",
        Door::Project(Role::Developer),
        create,
    ),
    Route::new(
        "GET",
        "projects/:id/repository/commits/:sha/statuses",
        Door::Project(Role::Reporter),
        list,
    ),
];

const STATES: [&str; 6] = [
    "pending", "running", "success", "failed", "canceled", "skipped",
];

fn show(state: &State, status: &CommitStatus) -> Value {
    json!({
        "id": status.id,
        "sha": status.sha,
        "ref": status.ref_,
        "status": status.state,
        "name": status.name,
        "target_url": status.target_url,
        "description": status.description,
        "pipeline_id": status.pipeline,
        "allow_failure": false,
        "coverage": null,
        "author": users::show(state, status.author),
        "created_at": time(status.created_at),
    })
}

fn create(state: &mut State, call: &Call<'_>) -> Reply {
    let params = &call.params;
    let wanted = params
        .word("state", &STATES)?
        .ok_or_else(|| missing("state"))?;
    let commit =
        repo::resolve(&state.open(call.project()), call.arg(0)).map(|it| it.id().to_string());
    let sha = commit.ok_or_else(|| not_found("Commit"))?;
    let name = params.text("name").or_else(|| params.text("context"));
    let name = name.unwrap_or_else(|| "default".to_owned());
    let pipeline = match params.number("pipeline_id")? {
        Some(id) => Some(id.unsigned_abs()),
        None => {
            let mut known = state.pipelines.values().rev();
            known
                .find(|it| it.project == call.project() && it.sha == sha)
                .map(|it| it.id)
        }
    };
    let last = state.statuses.values().rev().find(|it| {
        it.project == call.project() && it.sha == sha && it.name == name && it.pipeline == pipeline
    });
    if let Some(last) = last.filter(|last| last.state == wanted) {
        let event = match wanted.as_str() {
            "pending" => "enqueue",
            "running" => "run",
            "success" => "succeed",
            "failed" => "drop",
            "canceled" => "cancel",
            _ => "skip",
        };
        let reason = format!(
            "Cannot transition status via :{event} from :{} (Reason(s): Status cannot transition via \"{event}\")",
            last.state
        );
        return Err(message(400, &reason));
    }
    let ref_ = params.text("ref");
    let pipeline = pipeline.unwrap_or_else(|| {
        let branch = ref_
            .clone()
            .unwrap_or_else(|| state.project(call.project()).default_branch.clone());
        state.add_pipeline(call.project(), call.user(), &branch, &sha, "external")
    });
    if state
        .pipelines
        .get(&pipeline)
        .is_some_and(|it| it.source == "external")
    {
        let status = Status::of(&wanted).expect("a status");
        state.set_pipeline(pipeline, status);
    }
    let status = CommitStatus {
        id: state.next("status"),
        project: call.project(),
        pipeline: Some(pipeline),
        sha,
        ref_,
        name,
        state: wanted,
        target_url: params.text("target_url"),
        description: params.text("description"),
        author: call.user(),
        created_at: state.now(),
    };
    let shown = show(state, &status);
    state.statuses.insert(status.id, status);
    Ok(created(&shown))
}

/// The newest of each name, or all of them.
fn list(state: &mut State, call: &Call<'_>) -> Reply {
    let sha = state.commit_id(call.project(), call.arg(0))?.to_string();
    let all = call.params.flag("all")?.unwrap_or(false);
    let name = call.params.text("name");
    let pipeline = call.params.number("pipeline_id")?.map(i64::unsigned_abs);
    let fits = |it: &&CommitStatus| {
        it.project == call.project()
            && it.sha == sha
            && name.as_ref().is_none_or(|name| *name == it.name)
            && pipeline.is_none_or(|id| it.pipeline == Some(id))
    };
    let found: Vec<_> = state.statuses.values().filter(fits).collect();
    let newest = |it: &&&CommitStatus| {
        all || !found
            .iter()
            .any(|other| other.name == it.name && other.id > it.id)
    };
    Ok(call.page(
        found
            .iter()
            .filter(newest)
            .map(|it| show(state, it))
            .collect(),
    ))
}
