//! Merge requests, from branches and from forks.

use git2::Oid;
use serde_json::{Value, json};

use super::super::answer::{Reply, created, error, forbidden, maybe, message, not_found, ok, time};
use super::super::call::Call;
use super::super::push::Update;
use super::super::repo;
use super::super::router::{Door, Route, owned};
use super::super::state::{Id, MergeRequest, Role, State};
use super::{commits as commit_routes, pipelines, users};

pub const ROUTES: &[Route] = &[
    Route::new(
        "GET",
        "projects/:id/merge_requests",
        Door::Project(Role::Guest),
        list,
    )
    .jobs(),
    Route::new(
        "POST",
        "projects/:id/merge_requests",
        Door::Project(Role::Reporter),
        create,
    ),
    Route::new(
        "GET",
        "projects/:id/merge_requests/:iid",
        Door::Project(Role::Guest),
        get,
    )
    .jobs(),
    Route::new(
        "PUT",
        "projects/:id/merge_requests/:iid",
        Door::Project(Role::Developer),
        update,
    ),
    Route::new(
        "GET",
        "projects/:id/merge_requests/:iid/commits",
        Door::Project(Role::Reporter),
        list_commits,
    ),
    Route::new(
        "GET",
        "projects/:id/merge_requests/:iid/pipelines",
        Door::Project(Role::Reporter),
        list_pipelines,
    ),
    Route::new(
        "POST",
        "projects/:id/merge_requests/:iid/pipelines",
        Door::Project(Role::Developer),
        create_pipeline,
    ),
    Route::new(
        "PUT",
        "projects/:id/merge_requests/:iid/merge",
        Door::Project(Role::Developer),
        merge,
    ),
];

/// The merge request with this `iid` in the called project.
pub fn find<'a>(state: &'a State, call: &Call<'_>) -> Reply<&'a MergeRequest> {
    let iid = call.id(0)?;
    let found = state
        .merge_requests
        .values()
        .find(|it| it.project == call.project() && it.iid == iid);
    owned(found, call.project(), |it| it.project, "")
}

/// Commits that the merge request brings, newest first. They stay the same after the merge.
pub fn commits(state: &State, merge_request: &MergeRequest) -> Vec<Oid> {
    let repository = state.open(merge_request.project);
    let (Some(base), Ok(tip)) = (
        base(state, merge_request),
        Oid::from_str(&merge_request.sha),
    ) else {
        return Vec::new();
    };
    repo::between(&repository, Some(base), tip, 1_000)
}

/// Where the source left the target. After the merge that is the merge base with the target's commit before it.
fn base(state: &State, merge_request: &MergeRequest) -> Option<Oid> {
    let repository = state.open(merge_request.project);
    let head = repo::branch(&repository, &merge_request.target_branch)?;
    let target = match &merge_request.merge_commit_sha {
        None => head,
        Some(merge) => repository
            .find_commit(Oid::from_str(merge).ok()?)
            .ok()?
            .parent_id(0)
            .ok()?,
    };
    repository
        .merge_base(target, Oid::from_str(&merge_request.sha).ok()?)
        .ok()
}

pub fn show(state: &State, merge_request: &MergeRequest) -> Value {
    let project = state.project(merge_request.project);
    let url = format!(
        "{}/-/merge_requests/{}",
        state.web_url(project.id),
        merge_request.iid
    );
    let opened = merge_request.state == "opened";
    let author = state.role(merge_request.author, project.id);
    json!({
        "id": merge_request.id,
        "iid": merge_request.iid,
        "project_id": project.id,
        "title": merge_request.title,
        "description": merge_request.description,
        "state": merge_request.state,
        "draft": merge_request.draft,
        "work_in_progress": merge_request.draft,
        "author": users::show(state, merge_request.author),
        "source_branch": merge_request.source_branch,
        "target_branch": merge_request.target_branch,
        "source_project_id": merge_request.source_project,
        "target_project_id": project.id,
        "sha": merge_request.sha,
        "merge_commit_sha": merge_request.merge_commit_sha,
        "squash_commit_sha": null,
        "detailed_merge_status": match (opened, merge_request.draft) {
            (false, _) => "not_open",
            (true, true) => "draft_status",
            (true, false) => "mergeable",
        },
        "has_conflicts": false,
        "blocking_discussions_resolved": true,
        "labels": merge_request.labels,
        "web_url": url,
        "merge_user": merge_request.merged_by.map(|user| users::show(state, user)),
        "merged_at": maybe(merge_request.merged_at),
        "created_at": time(merge_request.created_at),
        "updated_at": time(merge_request.updated_at),
        "prepared_at": time(merge_request.created_at),
        "references": {
            "short": format!("!{}", merge_request.iid),
            "relative": format!("!{}", merge_request.iid),
            "full": format!("{}!{}", project.path, merge_request.iid),
        },
        "user": { "can_merge": author >= Role::Maintainer },
    })
}

fn show_full(state: &State, call: &Call<'_>, merge_request: &MergeRequest) -> Value {
    let mut shown = show(state, merge_request);
    let base = base(state, merge_request).map(|id| id.to_string());
    shown["diff_refs"] =
        json!({ "base_sha": base, "start_sha": base, "head_sha": merge_request.sha });
    let head = of(state, merge_request).find(|it| it.sha == merge_request.sha);
    shown["head_pipeline"] = head.map_or(Value::Null, |it| pipelines::show(state, it));
    let can_merge = state.may_merge_branch(
        call.user(),
        call.role,
        call.project(),
        &merge_request.target_branch,
    );
    shown["user"] = json!({ "can_merge": can_merge });
    shown
}

fn get(state: &mut State, call: &Call<'_>) -> Reply {
    Ok(ok(&show_full(state, call, find(state, call)?)))
}

fn list(state: &mut State, call: &Call<'_>) -> Reply {
    let params = &call.params;
    let wanted = params
        .word("state", &["opened", "closed", "locked", "merged", "all"])?
        .filter(|it| it != "all");
    let (source, target) = (params.text("source_branch"), params.text("target_branch"));
    let author = params.text("author_username");
    let labels = params.list("labels");
    let (after, before) = (
        params.time("updated_after")?,
        params.time("updated_before")?,
    );
    let source_project = params.number("source_project_id")?;
    let iids: Vec<_> = params
        .list("iids")
        .iter()
        .filter_map(|it| it.parse::<Id>().ok())
        .collect();
    let order = params.word(
        "order_by",
        &["created_at", "updated_at", "merged_at", "title"],
    )?;
    let sort = params.word("sort", &["asc", "desc"])?;
    let mut found: Vec<_> = state
        .merge_requests
        .values()
        .filter(|it| it.project == call.project())
        .filter(|it| wanted.as_ref().is_none_or(|state| state == it.state))
        .filter(|it| {
            source
                .as_ref()
                .is_none_or(|branch| *branch == it.source_branch)
        })
        .filter(|it| {
            target
                .as_ref()
                .is_none_or(|branch| *branch == it.target_branch)
        })
        .filter(|it| source_project.is_none_or(|id| id.unsigned_abs() == it.source_project))
        .filter(|it| {
            author
                .as_ref()
                .is_none_or(|name| state.users[&it.author].username == *name)
        })
        .filter(|it| labels.iter().all(|label| it.labels.contains(label)))
        .filter(|it| iids.is_empty() || iids.contains(&it.iid))
        .filter(|it| {
            after.is_none_or(|at| it.updated_at >= at)
                && before.is_none_or(|at| it.updated_at <= at)
        })
        .collect();
    match order.as_deref() {
        Some("updated_at") => found.sort_by_key(|it| (it.updated_at, it.id)),
        Some("merged_at") => found.sort_by_key(|it| (it.merged_at, it.id)),
        Some("title") => found.sort_by(|a, b| (&a.title, a.id).cmp(&(&b.title, b.id))),
        _ => found.sort_by_key(|it| (it.created_at, it.id)),
    }
    if sort.as_deref() != Some("asc") {
        found.reverse();
    }
    Ok(call.page(found.into_iter().map(|it| show(state, it)).collect()))
}

fn create(state: &mut State, call: &Call<'_>) -> Reply {
    let params = &call.params;
    let (source, target) = (params.need("source_branch")?, params.need("target_branch")?);
    let title = params.need("title")?;
    let into = params
        .number("target_project_id")?
        .map_or(call.project(), i64::unsigned_abs);
    let into = state.visible_project(&call.caller, &into.to_string())?;
    if state.role(call.user(), call.project()) < Role::Developer {
        return Err(forbidden());
    }
    let head = repo::branch(&state.open(call.project()), &source);
    if head.is_none() || repo::branch(&state.open(into), &target).is_none() {
        return Err(error(
            400,
            json!({ "message": ["Source branch or target branch does not exist"] }),
        ));
    }
    let twin = state.merge_requests.values().find(|it| {
        it.project == into
            && it.source_project == call.project()
            && it.state == "opened"
            && it.source_branch == source
            && it.target_branch == target
    });
    if let Some(twin) = twin {
        let text = format!(
            "Another open merge request already exists for this source branch: !{}",
            twin.iid
        );
        return Err(error(409, json!({ "message": [text] })));
    }
    let id = state.add_merge_request(
        call.user(),
        (call.project(), &source),
        (into, &target),
        &title,
    );
    if let Some(it) = state.merge_requests.get_mut(&id) {
        it.description = params.text("description").unwrap_or_default();
        it.labels = params.list("labels");
    }
    Ok(created(&show_full(state, call, &state.merge_requests[&id])))
}

fn update(state: &mut State, call: &Call<'_>) -> Reply {
    let id = find(state, call)?.id;
    let event = call.params.word("state_event", &["close", "reopen"])?;
    let (title, description) = (call.params.text("title"), call.params.text("description"));
    let labels = call
        .params
        .get("labels")
        .map(|_| call.params.list("labels"));
    let now = state.now();
    let it = state.merge_requests.get_mut(&id).expect("just found");
    match (event.as_deref(), it.state) {
        (Some("close"), "opened") => it.state = "closed",
        (Some("reopen"), "closed") => it.state = "opened",
        _ => {}
    }
    if let Some(title) = title {
        it.draft = title.starts_with("Draft:");
        it.title = title;
    }
    it.description = description.unwrap_or_else(|| it.description.clone());
    it.labels = labels.unwrap_or_else(|| it.labels.clone());
    it.updated_at = now;
    Ok(ok(&show_full(state, call, &state.merge_requests[&id])))
}

fn list_commits(state: &mut State, call: &Call<'_>) -> Reply {
    let found = find(state, call)?;
    let ids = commits(state, found);
    let repository = state.open(call.project());
    Ok(call.page(commit_routes::show_all(
        state,
        call.project(),
        &repository,
        &ids,
    )))
}

/// Pipelines of a merge request, newest first: its own and those of its source branch's commits.
fn of<'a>(
    state: &'a State,
    merge_request: &'a MergeRequest,
) -> impl Iterator<Item = &'a super::super::state::Pipeline> {
    state.pipelines.values().rev().filter(move |it| {
        it.merge_request == Some(merge_request.id)
            || (it.project == merge_request.source_project
                && it.ref_ == merge_request.source_branch
                && it.sha == merge_request.sha
                && it.source != "parent_pipeline")
    })
}

fn list_pipelines(state: &mut State, call: &Call<'_>) -> Reply {
    let found = find(state, call)?;
    Ok(call.page(
        of(state, found)
            .map(|it| pipelines::show(state, it))
            .collect(),
    ))
}

fn create_pipeline(state: &mut State, call: &Call<'_>) -> Reply {
    let found = find(state, call)?.clone();
    if found.state != "opened" {
        return Err(message(405, "405 Method Not Allowed"));
    }
    let name = format!("refs/merge-requests/{}/head", found.iid);
    let made = state.create_pipeline(
        call.project(),
        call.user(),
        &name,
        &found.sha,
        "merge_request_event",
        Vec::new(),
    );
    // No job for merge requests: there is nothing that could be made.
    let id = made.map_err(|_| message(405, "405 Method Not Allowed"))?;
    if let Some(pipeline) = state.pipelines.get_mut(&id) {
        pipeline.merge_request = Some(found.id);
    }
    if call.params.flag("async")? == Some(true) {
        return Ok(super::super::loopback::Answer::new(202, ""));
    }
    Ok(ok(&pipelines::show_full(state, id)))
}

fn merge(state: &mut State, call: &Call<'_>) -> Reply {
    let found = find(state, call)?.clone();
    if found.state != "opened" || found.draft {
        return Err(message(405, "405 Method Not Allowed"));
    }
    if !state.may_merge_branch(call.user(), call.role, call.project(), &found.target_branch) {
        return Err(super::super::tokens::unauthorized());
    }
    if call.params.text("sha").is_some_and(|sha| sha != found.sha) {
        return Err(message(409, "SHA does not match HEAD of source branch"));
    }
    let repository = state.open(call.project());
    let old = repo::branch(&repository, &found.target_branch).ok_or_else(|| not_found("Branch"))?;
    let tip = Oid::from_str(&found.sha).expect("an id");
    let Some(new) = merge_commit(state, &repository, old, tip, &found) else {
        return Err(message(422, "Branch cannot be merged"));
    };
    let name = format!("refs/heads/{}", found.target_branch);
    repo::set_ref(&repository, &name, new);
    let update = Update {
        old: Some(old),
        new: Some(new),
        name,
    };
    state.pushed(call.project(), call.user(), &[update], false);
    Ok(ok(&show_full(
        state,
        call,
        &state.merge_requests[&found.id],
    )))
}

fn merge_commit(
    state: &State,
    repository: &git2::Repository,
    old: Oid,
    tip: Oid,
    found: &MergeRequest,
) -> Option<Oid> {
    let (ours, theirs) = (
        repository.find_commit(old).ok()?,
        repository.find_commit(tip).ok()?,
    );
    let mut index = repository.merge_commits(&ours, &theirs, None).ok()?;
    let tree = repository
        .find_tree(index.write_tree_to(repository).ok()?)
        .ok()?;
    let when = git2::Time::new(state.now().as_second(), 0);
    let author = git2::Signature::new("Ann Author", "ann@example.org", &when).ok()?;
    let text = format!(
        "Merge branch '{}' into '{}'",
        found.source_branch, found.target_branch
    );
    repository
        .commit(None, &author, &author, &text, &tree, &[&ours, &theirs])
        .ok()
}

/// `not_found` of a merge request, for the nouns below it.
pub fn id_of(state: &State, call: &Call<'_>) -> Reply<Id> {
    find(state, call).map(|it| it.id)
}
