//! Commits: one, several, what lies between two, and which branches and merge requests hold one.

use std::collections::BTreeSet;

use git2::{Oid, Repository};
use serde_json::{Value, json};

use super::super::answer::{Reply, error, invalid, message, missing, not_found, ok};
use super::super::call::Call;
use super::super::repo;
use super::super::router::{Door, Route};
use super::super::state::{Role, State};
use super::merge_requests;

pub const ROUTES: &[Route] = &[
    Route::new(
        "GET",
        "projects/:id/repository/commits",
        Door::Project(Role::Reporter),
        list,
    ),
    Route::new(
        "GET",
        "projects/:id/repository/commits/:sha",
        Door::Project(Role::Reporter),
        get,
    )
    .jobs(),
    Route::new(
        "GET",
        "projects/:id/repository/commits/:sha/merge_requests",
        Door::Project(Role::Reporter),
        in_merge_requests,
    )
    .jobs(),
    Route::new(
        "GET",
        "projects/:id/repository/commits/:sha/refs",
        Door::Project(Role::Reporter),
        refs,
    ),
    Route::new(
        "GET",
        "projects/:id/repository/compare",
        Door::Project(Role::Reporter),
        compare,
    ),
    Route::new(
        "GET",
        "projects/:id/repository/merge_base",
        Door::Project(Role::Reporter),
        merge_base,
    ),
    Route::new(
        "GET",
        "projects/:id/repository/files/:path/raw",
        Door::Project(Role::Reporter),
        raw,
    )
    .jobs(),
];

pub fn show_all(state: &State, project: u64, repository: &Repository, ids: &[Oid]) -> Vec<Value> {
    let url = state.web_url(project);
    let commits = ids.iter().filter_map(|id| repository.find_commit(*id).ok());
    commits.map(|commit| repo::show(&commit, &url)).collect()
}

fn list(state: &mut State, call: &Call<'_>) -> Reply {
    let repository = state.open(call.project());
    let default = state.project(call.project()).default_branch.clone();
    let name = call.params.text("ref_name").unwrap_or(default);
    let (base, tip) = match name.split_once("..") {
        Some((base, tip)) => (Some(state.commit_id(call.project(), base)?), tip.to_owned()),
        None => (None, name),
    };
    let ids = match repo::resolve(&repository, &tip) {
        Some(tip) => repo::between(&repository, base, tip.id(), 5_000),
        None => return Err(not_found("Commit")),
    };
    Ok(call.page(show_all(state, call.project(), &repository, &ids)))
}

fn get(state: &mut State, call: &Call<'_>) -> Reply {
    let repository = state.open(call.project());
    let commit = repo::resolve(&repository, call.arg(0)).ok_or_else(|| not_found("Commit"))?;
    let mut shown = repo::show(&commit, &state.web_url(call.project()));
    let sha = commit.id().to_string();
    let last = state
        .pipelines
        .values()
        .rev()
        .find(|it| it.project == call.project() && it.sha == sha);
    shown["last_pipeline"] = last.map_or(Value::Null, |it| super::pipelines::show(state, it));
    shown["status"] = last.map_or(Value::Null, |it| json!(it.status.word()));
    shown["project_id"] = json!(call.project());
    Ok(ok(&shown))
}

fn in_merge_requests(state: &mut State, call: &Call<'_>) -> Reply {
    let repository = state.open(call.project());
    let commit = repo::resolve(&repository, call.arg(0))
        .ok_or_else(|| not_found("Commit"))?
        .id();
    let wanted = call.params.text("state").filter(|it| it != "all");
    let found = state.merge_requests.values().filter(|it| {
        it.project == call.project()
            && wanted.as_ref().is_none_or(|state| state == it.state)
            && merge_requests::commits(state, it).contains(&commit)
    });
    let shown = found.map(|it| merge_requests::show(state, it));
    Ok(call.page(shown.collect()))
}

fn refs(state: &mut State, call: &Call<'_>) -> Reply {
    let repository = state.open(call.project());
    let commit = repo::resolve(&repository, call.arg(0))
        .ok_or_else(|| not_found("Commit"))?
        .id();
    let kind = call.params.word("type", &["branch", "tag", "all"])?;
    let mut rows = Vec::new();
    if kind.as_deref() != Some("tag") {
        let branches = repo::branches(&repository).into_iter();
        let holding = branches.filter(|(_, head)| repo::contains(&repository, *head, commit));
        rows.extend(holding.map(|(name, _)| json!({ "type": "branch", "name": name })));
    }
    if kind.as_deref() != Some("branch") {
        let tags = repository
            .references_glob("refs/tags/*")
            .expect("references")
            .flatten();
        let holding = tags.filter(|it| {
            it.peel_to_commit()
                .is_ok_and(|tip| repo::contains(&repository, tip.id(), commit))
        });
        rows.extend(
            holding.filter_map(|it| Some(json!({ "type": "tag", "name": it.shorthand().ok()? }))),
        );
    }
    Ok(call.page(rows))
}

fn compare(state: &mut State, call: &Call<'_>) -> Reply {
    let (from, to) = (call.params.need("from")?, call.params.need("to")?);
    let straight = call.params.flag("straight")?.unwrap_or(false);
    let repository = state.open(call.project());
    let from = repo::resolve(&repository, &from).ok_or_else(|| not_found("Ref"))?;
    let to = repo::resolve(&repository, &to).ok_or_else(|| not_found("Ref"))?;
    let base = repository.merge_base(from.id(), to.id()).ok();
    // Two dots and three differ in the diffs; the commits are the same.
    let old = if straight { Some(from.id()) } else { base };
    let ids: Vec<_> = repo::between(&repository, Some(from.id()), to.id(), 1_000)
        .into_iter()
        .rev()
        .collect();
    let url = state.web_url(call.project());
    Ok(ok(&json!({
        "commit": if ids.is_empty() { Value::Null } else { repo::show(&to, &url) },
        "commits": show_all(state, call.project(), &repository, &ids),
        "diffs": diffs(&repository, old, to.id()),
        "compare_timeout": false,
        "compare_same_ref": from.id() == to.id(),
        "web_url": format!("{url}/-/compare/{}...{}", from.id(), to.id()),
    })))
}

/// Which files differ, without the text of the differences.
fn diffs(repository: &Repository, old: Option<Oid>, new: Oid) -> Vec<Value> {
    let tree = |id: Oid| {
        repository
            .find_commit(id)
            .and_then(|it| it.tree())
            .expect("a tree")
    };
    let (old, new) = (old.map(tree), tree(new));
    let diff = repository
        .diff_tree_to_tree(old.as_ref(), Some(&new), None)
        .expect("a difference");
    let path =
        |file: git2::DiffFile<'_>| file.path().map(|path| path.to_string_lossy().into_owned());
    let shown = diff.deltas().map(|delta| {
        json!({
            "old_path": path(delta.old_file()),
            "new_path": path(delta.new_file()),
            "new_file": delta.status() == git2::Delta::Added,
            "deleted_file": delta.status() == git2::Delta::Deleted,
            "renamed_file": false,
            "diff": "",
        })
    });
    shown.collect()
}

fn merge_base(state: &mut State, call: &Call<'_>) -> Reply {
    let refs = call.params.list("refs");
    match refs.len() {
        0 => return Err(missing("refs")),
        1 => return Err(message(400, "400 Bad request - Provide at least 2 refs")),
        _ => {}
    }
    let repository = state.open(call.project());
    let mut ids = Vec::new();
    for name in &refs {
        let Some(commit) = repo::resolve(&repository, name) else {
            return Err(message(
                400,
                &format!("400 Bad request - Could not find ref: {name}"),
            ));
        };
        ids.push(commit.id());
    }
    let distinct: BTreeSet<_> = ids.iter().collect();
    let base = match distinct.len() {
        1 => Some(ids[0]),
        _ => repository.merge_base_many(&ids).ok(),
    };
    let base = base
        .and_then(|id| repository.find_commit(id).ok())
        .ok_or_else(|| not_found("Merge Base"))?;
    Ok(ok(&repo::show(&base, &state.web_url(call.project()))))
}

fn raw(state: &mut State, call: &Call<'_>) -> Reply {
    let repository = state.open(call.project());
    let default = state.project(call.project()).default_branch.clone();
    let name = call.params.text("ref").unwrap_or(default);
    if name.is_empty() {
        return Err(invalid("ref"));
    }
    let commit = repo::resolve(&repository, &name).ok_or_else(|| not_found("Commit"))?;
    let path = std::path::Path::new(call.arg(0));
    let entry = commit.tree().and_then(|tree| tree.get_path(path));
    let blob = entry.and_then(|it| repository.find_blob(it.id()));
    match blob {
        Ok(blob) => Ok(super::super::answer::text(blob.content())),
        Err(_) => Err(error(404, json!({ "message": "404 File Not Found" }))),
    }
}
