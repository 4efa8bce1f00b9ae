//! Releases of projects, by tag.

use serde_json::{Value, json};

use super::super::answer::{Reply, created, error, message, not_found, ok, time};
use super::super::call::Call;
use super::super::repo;
use super::super::router::{Door, Route};
use super::super::state::{Release, Role, State};
use super::users;

pub const ROUTES: &[Route] = &[
    Route::new(
        "GET",
        "projects/:id/releases",
        Door::Project(Role::Guest),
        list,
    )
    .jobs(),
    Route::new(
        "POST",
        "projects/:id/releases",
        Door::Project(Role::Developer),
        create,
    )
    .jobs(),
    Route::new(
        "GET",
        "projects/:id/releases/:tag",
        Door::Project(Role::Guest),
        get,
    )
    .jobs(),
    Route::new(
        "DELETE",
        "projects/:id/releases/:tag",
        Door::Project(Role::Developer),
        delete,
    )
    .jobs(),
    Route::new(
        "POST",
        "projects/:id/releases/:tag/assets/links",
        Door::Project(Role::Developer),
        add_link,
    )
    .jobs(),
];

fn show(state: &State, release: &Release) -> Value {
    let repository = state.open(release.project);
    let url = state.web_url(release.project);
    let commit = repo::resolve(&repository, &release.tag_name).map(|it| repo::show(&it, &url));
    let links = release.links.iter().map(|(id, name, url)| {
        json!({ "id": id, "name": name, "url": url, "direct_asset_url": url, "link_type": "other" })
    });
    let links: Vec<_> = links.collect();
    json!({
        "tag_name": release.tag_name,
        "name": release.name,
        "description": release.description,
        "created_at": time(release.created_at),
        "released_at": time(release.released_at),
        "upcoming_release": release.released_at > state.now(),
        "author": users::show(state, release.author),
        "commit": commit,
        "assets": { "count": links.len(), "links": links, "sources": [] },
    })
}

fn find(state: &State, call: &Call<'_>) -> Reply<usize> {
    let found = state
        .releases
        .iter()
        .position(|it| it.project == call.project() && it.tag_name == call.arg(0));
    found.ok_or_else(|| not_found(""))
}

fn list(state: &mut State, call: &Call<'_>) -> Reply {
    let mut found: Vec<_> = state
        .releases
        .iter()
        .filter(|it| it.project == call.project())
        .collect();
    found.sort_by_key(|it| it.released_at);
    Ok(call.page(found.into_iter().rev().map(|it| show(state, it)).collect()))
}

fn get(state: &mut State, call: &Call<'_>) -> Reply {
    let at = find(state, call)?;
    Ok(ok(&show(state, &state.releases[at])))
}

fn create(state: &mut State, call: &Call<'_>) -> Reply {
    let params = &call.params;
    let tag = params.need("tag_name")?;
    if state
        .releases
        .iter()
        .any(|it| it.project == call.project() && it.tag_name == tag)
    {
        return Err(message(409, "Release already exists"));
    }
    let repository = state.open(call.project());
    if repository
        .find_reference(&format!("refs/tags/{tag}"))
        .is_err()
    {
        let Some(from) = params.text("ref") else {
            return Err(message(422, "Ref is not specified"));
        };
        let Some(commit) = repo::resolve(&repository, &from) else {
            return Err(message(400, &format!("Target {from} is invalid")));
        };
        repo::set_ref(&repository, &format!("refs/tags/{tag}"), commit.id());
    }
    let links = params
        .get("assets")
        .and_then(|it| it["links"].as_array().cloned())
        .unwrap_or_default();
    let links = links.iter().map(|link| {
        let word = |name: &str| link[name].as_str().unwrap_or_default().to_owned();
        (state.next("link"), word("name"), word("url"))
    });
    let links = links.collect();
    let release = Release {
        project: call.project(),
        name: params.text("name").unwrap_or_else(|| tag.clone()),
        tag_name: tag,
        description: params.text("description").unwrap_or_default(),
        author: call.user(),
        links,
        created_at: state.now(),
        released_at: params.time("released_at")?.unwrap_or_else(|| state.now()),
    };
    let shown = show(state, &release);
    state.releases.push(release);
    Ok(created(&shown))
}

fn add_link(state: &mut State, call: &Call<'_>) -> Reply {
    let at = find(state, call)?;
    let (name, url) = (call.params.need("name")?, call.params.need("url")?);
    if state.releases[at]
        .links
        .iter()
        .any(|(_, known, _)| *known == name)
    {
        return Err(error(
            400,
            json!({ "message": { "name": ["has already been taken"] } }),
        ));
    }
    let id = state.next("link");
    state.releases[at]
        .links
        .push((id, name.clone(), url.clone()));
    Ok(created(
        &json!({ "id": id, "name": name, "url": url, "direct_asset_url": url, "link_type": "other" }),
    ))
}

/// The tag stays.
fn delete(state: &mut State, call: &Call<'_>) -> Reply {
    let at = find(state, call)?;
    let shown = show(state, &state.releases[at]);
    state.releases.remove(at);
    Ok(ok(&shown))
}
