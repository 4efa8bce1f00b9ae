//! Branches and tags as the API has them.

use git2::{Oid, Repository};
use serde_json::{Value, json};

use super::super::answer::{Reply, created, forbidden, message, no_content, not_found, ok};
use super::super::call::Call;
use super::super::push::Update;
use super::super::repo;
use super::super::router::{Door, Route};
use super::super::state::{Id, Role, State};

pub const ROUTES: &[Route] = &[
    Route::new(
        "GET",
        "projects/:id/repository/branches",
        Door::Project(Role::Reporter),
        list,
    )
    .jobs(),
    Route::new(
        "POST",
        "projects/:id/repository/branches",
        Door::Project(Role::Developer),
        create,
    ),
    Route::new(
        "GET",
        "projects/:id/repository/branches/:branch",
        Door::Project(Role::Reporter),
        get,
    ),
    Route::new(
        "DELETE",
        "projects/:id/repository/branches/:branch",
        Door::Project(Role::Developer),
        delete,
    ),
    Route::new(
        "GET",
        "projects/:id/repository/tags",
        Door::Project(Role::Reporter),
        tags,
    )
    .jobs(),
    Route::new(
        "POST",
        "projects/:id/repository/tags",
        Door::Project(Role::Developer),
        create_tag,
    ),
];

fn show(state: &State, call: &Call<'_>, repository: &Repository, name: &str, head: Oid) -> Value {
    let id = call.project();
    let project = state.project(id);
    let main = repo::branch(repository, &project.default_branch);
    let default = project.default_branch == name;
    let can_push = state.may_push_branch(call.user(), call.role, id, name);
    let rows = || project.protected.iter().filter(|row| row.covers(name));
    let open_to_developers = |role: Role| role != Role::None && role <= Role::Developer;
    let url = state.web_url(id);
    let commit = repository.find_commit(head).expect("a commit");
    json!({
        "name": name,
        "merged": !default && main.is_some_and(|main| repo::contains(repository, main, head)),
        "protected": state.is_protected(id, name),
        "default": default,
        "developers_can_push": rows().any(|row| open_to_developers(row.push)),
        "developers_can_merge": rows().any(|row| open_to_developers(row.merge)),
        "can_push": can_push,
        "web_url": format!("{url}/-/tree/{name}"),
        "commit": repo::show(&commit, &url),
    })
}

fn list(state: &mut State, call: &Call<'_>) -> Reply {
    let repository = state.open(call.project());
    let search = call.params.text("search");
    let fits = |name: &str| match search.as_deref() {
        None => true,
        Some(text) => match (text.strip_prefix('^'), text.strip_suffix('$')) {
            (Some(start), _) => name.starts_with(start),
            (None, Some(end)) => name.ends_with(end),
            (None, None) => name.contains(text),
        },
    };
    let branches = repo::branches(&repository);
    let found = branches.iter().filter(|(name, _)| fits(name));
    Ok(call.page(
        found
            .map(|(name, head)| show(state, call, &repository, name, *head))
            .collect(),
    ))
}

fn get(state: &mut State, call: &Call<'_>) -> Reply {
    let repository = state.open(call.project());
    let head = repo::branch(&repository, call.arg(0)).ok_or_else(|| not_found("Branch"))?;
    Ok(ok(&show(state, call, &repository, call.arg(0), head)))
}

fn create(state: &mut State, call: &Call<'_>) -> Reply {
    let (name, from) = (call.params.need("branch")?, call.params.need("ref")?);
    let repository = state.open(call.project());
    if repo::branch(&repository, &name).is_some() {
        return Err(message(400, "Branch already exists"));
    }
    let Some(head) = repo::resolve(&repository, &from).map(|it| it.id()) else {
        return Err(message(
            400,
            &format!("Failed to create branch '{name}': invalid reference name '{from}'"),
        ));
    };
    if !git2::Reference::is_valid_name(&format!("refs/heads/{name}")) {
        return Err(message(400, "Branch name is invalid"));
    }
    if !state.may_push_branch(call.user(), call.role, call.project(), &name) {
        return Err(forbidden());
    }
    repo::set_ref(&repository, &format!("refs/heads/{name}"), head);
    moved(state, call, &name, None, Some(head));
    Ok(created(&show(state, call, &repository, &name, head)))
}

fn delete(state: &mut State, call: &Call<'_>) -> Reply {
    let (id, name) = (call.project(), call.arg(0));
    let repository = state.open(id);
    let head = repo::branch(&repository, name).ok_or_else(|| not_found("Branch"))?;
    if state.project(id).default_branch == name {
        return Err(message(
            403,
            "The default branch of a project cannot be deleted.",
        ));
    }
    if state.is_protected(id, name) && call.role < Role::Maintainer {
        return Err(forbidden());
    }
    let mut reference = repository
        .find_reference(&format!("refs/heads/{name}"))
        .expect("just seen");
    reference.delete().expect("it can be deleted");
    moved(state, call, name, Some(head), None);
    Ok(no_content())
}

fn moved(state: &mut State, call: &Call<'_>, name: &str, old: Option<Oid>, new: Option<Oid>) {
    let name = format!("refs/heads/{name}");
    state.pushed(
        call.project(),
        call.user(),
        &[Update { old, new, name }],
        false,
    );
}

fn tag(state: &State, project: Id, repository: &Repository, name: &str) -> Option<Value> {
    let reference = repository
        .find_reference(&format!("refs/tags/{name}"))
        .ok()?;
    let commit = reference.peel_to_commit().ok()?;
    let url = state.web_url(project);
    Some(json!({
        "name": name,
        "message": "",
        "target": commit.id().to_string(),
        "commit": repo::show(&commit, &url),
        "release": null,
        "protected": false,
    }))
}

fn tags(state: &mut State, call: &Call<'_>) -> Reply {
    let repository = state.open(call.project());
    let names = repository.tag_names(None).expect("tags");
    let shown = names
        .iter()
        .filter_map(|name| tag(state, call.project(), &repository, name.ok()??));
    Ok(call.page(shown.collect()))
}

fn create_tag(state: &mut State, call: &Call<'_>) -> Reply {
    let (name, from) = (call.params.need("tag_name")?, call.params.need("ref")?);
    let repository = state.open(call.project());
    if repository
        .find_reference(&format!("refs/tags/{name}"))
        .is_ok()
    {
        return Err(message(400, &format!("Tag {name} already exists")));
    }
    let Some(commit) = repo::resolve(&repository, &from) else {
        return Err(message(400, &format!("Target {from} is invalid")));
    };
    repo::set_ref(&repository, &format!("refs/tags/{name}"), commit.id());
    let shown = tag(state, call.project(), &repository, &name);
    Ok(created(&shown.expect("just made")))
}
