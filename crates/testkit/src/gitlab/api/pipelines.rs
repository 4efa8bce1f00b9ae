//! Pipelines: list with GitLab's filters, one, making, cancelling, retrying, and starting by token.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::answer::{
    Reply, base, created, error, forbidden, maybe, message, no_content, not_found, ok, time,
};
use super::super::call::Call;
use super::super::params::decode;
use super::super::repo;
use super::super::router::{Door, Route, owned};
use super::super::state::{Id, Pipeline, Role, State};
use super::super::status::Status;
use super::super::tokens::{Caller, unauthorized};
use super::{jobs, users};

pub const ROUTES: &[Route] = &[
    Route::new(
        "GET",
        "projects/:id/pipelines",
        Door::Project(Role::Reporter),
        list,
    )
    .jobs(),
    Route::new(
        "GET",
        "projects/:id/pipelines/latest",
        Door::Project(Role::Reporter),
        latest,
    ),
    Route::new(
        "GET",
        "projects/:id/pipelines/:pid",
        Door::Project(Role::Reporter),
        get,
    )
    .jobs(),
    Route::new(
        "GET",
        "projects/:id/pipelines/:pid/variables",
        Door::Project(Role::Reporter),
        variables,
    ),
    Route::new(
        "GET",
        "projects/:id/pipelines/:pid/bridges",
        Door::Project(Role::Reporter),
        bridges,
    )
    .jobs(),
    Route::new(
        "GET",
        "projects/:id/pipelines/:pid/jobs",
        Door::Project(Role::Reporter),
        jobs::of_pipeline,
    )
    .jobs(),
    Route::new(
        "PUT",
        "projects/:id/pipelines/:pid/metadata",
        Door::Project(Role::Developer),
        metadata,
    )
    .jobs(),
    Route::new(
        "POST",
        "projects/:id/pipelines/:pid/retry",
        Door::Project(Role::Developer),
        retry,
    ),
    Route::new(
        "POST",
        "projects/:id/pipelines/:pid/cancel",
        Door::Project(Role::Developer),
        cancel,
    ),
    Route::new(
        "DELETE",
        "projects/:id/pipelines/:pid",
        Door::Project(Role::Owner),
        delete,
    ),
    Route::new(
        "POST",
        "projects/:id/pipeline",
        Door::Project(Role::Developer),
        create,
    ),
    Route::new("POST", "projects/:id/trigger/pipeline", Door::Open, trigger),
    Route::new(
        "POST",
        "projects/:id/ref/:ref/trigger/pipeline",
        Door::Open,
        trigger,
    ),
];

/// The short form of lists.
pub fn show(state: &State, pipeline: &Pipeline) -> Value {
    json!({
        "id": pipeline.id,
        "iid": pipeline.iid,
        "project_id": pipeline.project,
        "status": pipeline.status.word(),
        "source": pipeline.source,
        "ref": pipeline.ref_,
        "sha": pipeline.sha,
        "name": pipeline.name,
        "web_url": format!("{}/-/pipelines/{}", state.web_url(pipeline.project), pipeline.id),
        "created_at": time(pipeline.created_at),
        "updated_at": time(pipeline.updated_at),
    })
}

pub fn show_full(state: &State, id: Id) -> Value {
    let pipeline = &state.pipelines[&id];
    let mut shown = show(state, pipeline);
    let seconds = |from, to: Option<jiff::Timestamp>| Some(to?.duration_since(from).as_secs());
    let word = pipeline.status.word();
    let more = json!({
        "before_sha": "0".repeat(40),
        "tag": pipeline.tag,
        "yaml_errors": null,
        "user": users::show(state, pipeline.user),
        "started_at": maybe(pipeline.started_at),
        "finished_at": maybe(pipeline.finished_at),
        "committed_at": null,
        "duration": pipeline.started_at.and_then(|at| seconds(at, pipeline.finished_at)),
        "queued_duration": seconds(pipeline.created_at, pipeline.started_at),
        "coverage": null,
        "detailed_status": {
            "icon": format!("status_{word}"), "text": word, "label": word, "group": word, "tooltip": word,
            "has_details": true, "details_path": shown["web_url"], "illustration": null,
        },
        "archived": false,
    });
    let fields = more.as_object().expect("it is one").clone();
    shown.as_object_mut().expect("it is one").extend(fields);
    shown
}

/// The pipeline that the path names.
fn find<'a>(state: &'a State, call: &Call<'_>) -> Reply<&'a Pipeline> {
    owned(
        state.pipelines.get(&call.id(0)?),
        call.project(),
        |it| it.project,
        "",
    )
}

pub fn id_of(state: &State, call: &Call<'_>) -> Reply<Id> {
    find(state, call).map(|it| it.id)
}

const SOURCES: [&str; 19] = [
    "push",
    "web",
    "trigger",
    "schedule",
    "api",
    "external",
    "pipeline",
    "chat",
    "webide",
    "merge_request_event",
    "external_pull_request_event",
    "parent_pipeline",
    "ondemand_dast_scan",
    "ondemand_dast_validation",
    "security_orchestration_policy",
    "container_registry_push",
    "duo_workflow",
    "pipeline_execution_policy_schedule",
    "unknown",
];

fn list(state: &mut State, call: &Call<'_>) -> Reply {
    let params = &call.params;
    let status = params.word("status", &Status::ALL.map(Status::word))?;
    let scope = params.word(
        "scope",
        &["running", "pending", "finished", "branches", "tags"],
    )?;
    let source = params.word("source", &SOURCES)?;
    let (name_of_ref, sha) = (params.text("ref"), params.text("sha"));
    let (username, name) = (params.text("username"), params.text("name"));
    let (updated_after, updated_before) = (
        params.time("updated_after")?,
        params.time("updated_before")?,
    );
    let (created_after, created_before) = (
        params.time("created_after")?,
        params.time("created_before")?,
    );
    let broken = params.flag("yaml_errors")?;
    let order = params.word(
        "order_by",
        &["id", "status", "ref", "updated_at", "user_id"],
    )?;
    let sort = params.word("sort", &["asc", "desc"])?;
    let mut found: Vec<_> = state
        .pipelines
        .values()
        .filter(|it| it.project == call.project())
        // Children are shown only to those who ask for them.
        .filter(|it| match &source {
            Some(source) => *source == it.source,
            None => it.source != "parent_pipeline",
        })
        .filter(|it| status.as_ref().is_none_or(|word| *word == it.status.word()))
        .filter(|it| name_of_ref.as_ref().is_none_or(|name| *name == it.ref_))
        .filter(|it| sha.as_ref().is_none_or(|sha| *sha == it.sha))
        .filter(|it| {
            name.as_ref()
                .is_none_or(|name| it.name.as_ref() == Some(name))
        })
        .filter(|it| {
            username
                .as_ref()
                .is_none_or(|name| state.users[&it.user].username == *name)
        })
        .filter(|it| updated_after.is_none_or(|at| it.updated_at > at))
        .filter(|it| updated_before.is_none_or(|at| it.updated_at < at))
        .filter(|it| created_after.is_none_or(|at| it.created_at > at))
        .filter(|it| created_before.is_none_or(|at| it.created_at < at))
        .filter(|_| broken != Some(true))
        .collect();
    found.retain(|it| match scope.as_deref() {
        Some("running") => it.status == Status::Running,
        Some("pending") => it.status == Status::Pending,
        Some("finished") => it.status.is_done(),
        Some("branches") => !it.tag,
        Some("tags") => it.tag,
        _ => true,
    });
    if matches!(scope.as_deref(), Some("branches" | "tags")) {
        let newest: BTreeMap<_, _> = found.iter().map(|it| (&it.ref_, it.id)).collect();
        found.retain(|it| newest[&it.ref_] == it.id);
    }
    match order.as_deref() {
        Some("status") => found.sort_by_key(|it| (it.status.word(), it.id)),
        Some("ref") => found.sort_by(|a, b| (&a.ref_, a.id).cmp(&(&b.ref_, b.id))),
        Some("updated_at") => found.sort_by_key(|it| (it.updated_at, it.id)),
        Some("user_id") => found.sort_by_key(|it| (it.user, it.id)),
        _ => {}
    }
    if sort.as_deref() != Some("asc") {
        found.reverse();
    }
    Ok(call.page(found.into_iter().map(|it| show(state, it)).collect()))
}

fn get(state: &mut State, call: &Call<'_>) -> Reply {
    Ok(ok(&show_full(state, find(state, call)?.id)))
}

fn latest(state: &mut State, call: &Call<'_>) -> Reply {
    let default = state.project(call.project()).default_branch.clone();
    let name = call.params.text("ref").unwrap_or(default);
    let head = repo::resolve(&state.open(call.project()), &name).map(|it| it.id().to_string());
    let mut found = state.pipelines.values().rev();
    let found = found.find(|it| {
        it.project == call.project()
            && Some(&it.sha) == head.as_ref()
            && it.ref_ == name
            && it.source != "parent_pipeline"
    });
    found
        .map(|it| ok(&show_full(state, it.id)))
        .ok_or_else(forbidden)
}

fn variables(state: &mut State, call: &Call<'_>) -> Reply {
    let pipeline = find(state, call)?;
    if call.role < Role::Maintainer && Some(pipeline.user) != call.caller.user() {
        return Err(forbidden());
    }
    let rows = pipeline.variables.iter();
    let rows =
        rows.map(|(key, value)| json!({ "key": key, "value": value, "variable_type": "env_var" }));
    Ok(ok(&Value::Array(rows.collect())))
}

fn bridges(state: &mut State, call: &Call<'_>) -> Reply {
    let pipeline = find(state, call)?.id;
    let scope = call.params.list("scope");
    // Those that were tried again are not shown.
    let rows = state.jobs_of(pipeline);
    let rows = rows.filter(|job| job.bridge && !job.retried);
    let mut rows: Vec<_> = rows
        .filter(|job| scope.is_empty() || scope.iter().any(|word| word == job.status.word()))
        .collect();
    rows.reverse();
    let shown = rows.into_iter().map(|job| {
        let mut shown = jobs::show(state, job.id);
        shown["downstream_pipeline"] = state
            .downstream(job.id)
            .map_or(Value::Null, |it| show(state, it));
        shown
    });
    Ok(call.page(shown.collect()))
}

fn metadata(state: &mut State, call: &Call<'_>) -> Reply {
    let id = find(state, call)?.id;
    let name = call.params.need("name")?;
    state.pipelines.get_mut(&id).expect("just found").name = Some(name);
    Ok(ok(&show_full(state, id)))
}

fn retry(state: &mut State, call: &Call<'_>) -> Reply {
    let id = find(state, call)?.id;
    let broken: Vec<_> = state
        .jobs_of(id)
        .filter(|job| !job.retried && matches!(job.status, Status::Failed | Status::Canceled))
        .map(|job| job.id)
        .collect();
    for job in broken {
        state.retry_job(job, call.user());
    }
    Ok(created(&show_full(state, id)))
}

fn cancel(state: &mut State, call: &Call<'_>) -> Reply {
    let id = find(state, call)?.id;
    let least = state.project(call.project()).settings.cancel_role;
    if least == Role::None || call.role < least {
        return Err(forbidden());
    }
    state.cancel_pipeline(id);
    Ok(ok(&show_full(state, id)))
}

fn delete(state: &mut State, call: &Call<'_>) -> Reply {
    let id = find(state, call)?.id;
    state.pipelines.remove(&id);
    state.jobs.retain(|_, job| job.pipeline != id);
    Ok(no_content())
}

/// The head of the branch or tag that a pipeline is requested for; a commit is not a reference.
fn head(state: &State, project: Id, name: &str) -> Reply<String> {
    let repository = state.open(project);
    let refs = [format!("refs/heads/{name}"), format!("refs/tags/{name}")];
    let mut found = refs
        .iter()
        .filter_map(|it| repository.find_reference(it).ok()?.peel_to_commit().ok());
    found
        .next()
        .map(|it| it.id().to_string())
        .ok_or_else(|| base("Reference not found"))
}

fn create(state: &mut State, call: &Call<'_>) -> Reply {
    let name = call.params.need("ref")?;
    let sha = head(state, call.project(), &name)?;
    if !state.may_merge_branch(call.user(), call.role, call.project(), &name) {
        return Err(base(
            "You do not have sufficient permission to run a pipeline on this branch",
        ));
    }
    let mut variables = Vec::new();
    for row in call
        .params
        .get("variables")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let word = |name: &str| row[name].as_str().map(str::to_owned);
        let key = word("key")
            .ok_or_else(|| error(400, json!({ "error": "variables[0][key] is missing" })))?;
        if variables.iter().any(|(known, _)| *known == key) {
            return Err(base(&format!("Duplicate variable name: {key}")));
        }
        variables.push((key, word("value").unwrap_or_default()));
    }
    check_variables(state, call.project(), call.role, &variables)?;
    let id = state.create_pipeline(call.project(), call.user(), &name, &sha, "api", variables)?;
    Ok(created(&show_full(state, id)))
}

fn check_variables(
    state: &State,
    project: Id,
    role: Role,
    variables: &[(String, String)],
) -> Reply<()> {
    let least = state.project(project).settings.variables_role;
    if variables.is_empty() || (least != Role::None && role >= least) {
        return Ok(());
    }
    Err(base("Insufficient permissions to set pipeline variables"))
}

fn trigger(state: &mut State, call: &Call<'_>) -> Reply {
    let params = &call.params;
    let token = params.need("token")?;
    let name = match call.args.get(1) {
        Some(name) => decode(name),
        None => params.need("ref")?,
    };
    let project = call.arg(0);
    let by_id = project
        .parse()
        .ok()
        .filter(|id| state.projects.contains_key(id));
    let found = by_id.or_else(|| state.project_at(project).map(|it| it.id));
    let id = found.ok_or_else(|| not_found(""))?;
    let caller = state
        .trigger_caller(&token, id)
        .ok_or_else(|| not_found(""))?;
    if call
        .request
        .header("x-gitlab-event")
        .is_some_and(|event| event == "Pipeline Hook")
    {
        return Err(forbidden());
    }
    let mut variables = Vec::new();
    let refused = || message(400, "variables needs to be a map of key-valued strings");
    match params.get("variables") {
        None => {}
        Some(Value::Object(map)) => {
            for (key, value) in map {
                variables.push((key.clone(), value.as_str().ok_or_else(refused)?.to_owned()));
            }
        }
        Some(_) => return Err(refused()),
    }
    let user = caller.user().ok_or_else(unauthorized)?;
    let role = state.caller_role(&caller, id);
    let sha = head(state, id, &name)?;
    if !state.may_merge_branch(user, role, id, &name) {
        return Err(base(
            "You do not have sufficient permission to run a pipeline on this branch",
        ));
    }
    check_variables(state, id, role, &variables)?;
    let source = if matches!(caller, Caller::Job { .. }) {
        "pipeline"
    } else {
        "trigger"
    };
    let made = state.create_pipeline(id, user, &name, &sha, source, variables)?;
    if let Caller::Job { job, .. } = caller {
        state.pipelines.get_mut(&made).expect("just made").parent = Some(job);
    }
    Ok(created(&show_full(state, made)))
}
