//! The generic package registry: files by name and version, with digests.

use pannier_base::digest::Digest;
use serde_json::{Value, json};

use super::super::answer::{
    Reply, created, error, forbidden, message, no_content, not_found, ok, time,
};
use super::super::call::Call;
use super::super::loopback::Answer;
use super::super::router::{Door, Route, owned};
use super::super::state::{Id, Package, PackageFile, Role, State};
use super::super::tokens::{Caller, Scope, need_scope};

const FILE: &str = "projects/:id/packages/generic/:name/:version/*file";

pub const ROUTES: &[Route] = &[
    Route::new("PUT", FILE, Door::Package(Role::Guest), upload).jobs(),
    Route::new("GET", FILE, Door::Package(Role::Guest), download).jobs(),
    Route::new("HEAD", FILE, Door::Package(Role::Guest), download).jobs(),
    Route::new(
        "GET",
        "projects/:id/packages",
        Door::Package(Role::Reporter),
        list,
    )
    .jobs(),
    Route::new(
        "GET",
        "projects/:id/packages/:pkg",
        Door::Package(Role::Reporter),
        get,
    )
    .jobs(),
    Route::new(
        "DELETE",
        "projects/:id/packages/:pkg",
        Door::Package(Role::Maintainer),
        delete,
    )
    .jobs(),
    Route::new(
        "GET",
        "projects/:id/packages/:pkg/package_files",
        Door::Package(Role::Reporter),
        files,
    )
    .jobs(),
    Route::new(
        "DELETE",
        "projects/:id/packages/:pkg/package_files/:file",
        Door::Package(Role::Maintainer),
        delete_file,
    )
    .jobs(),
];

fn show(state: &State, package: &Package) -> Value {
    let url = state.web_url(package.project);
    json!({
        "id": package.id,
        "name": package.name,
        "version": package.version,
        "package_type": "generic",
        "status": package.status,
        "creator_id": package.creator,
        "created_at": time(package.created_at),
        "last_downloaded_at": null,
        "tags": [],
        "_links": {
            "web_path": format!("/{}/-/packages/{}", state.project(package.project).path, package.id),
            "delete_api_path": format!("{url}/-/packages/{}", package.id),
        },
    })
}

fn show_file(package: Id, file: &PackageFile) -> Value {
    json!({
        "id": file.id,
        "package_id": package,
        "created_at": time(file.created_at),
        "file_name": file.name,
        "size": file.bytes.len(),
        "file_sha256": file.sha256,
        "pipelines": [],
    })
}

fn reading(call: &Call<'_>) -> Reply<()> {
    need_scope(
        &call.caller,
        &[
            Scope::Api,
            Scope::ReadApi,
            Scope::ReadPackages,
            Scope::WritePackages,
        ],
        "api read_api",
    )
}

/// Writing requires a developer, or a deploy token for it.
fn writing(call: &Call<'_>) -> Reply<()> {
    need_scope(&call.caller, &[Scope::Api, Scope::WritePackages], "api")?;
    let deploy = matches!(call.caller, Caller::Deploy { .. });
    match call.caller {
        Caller::Nobody => Err(super::super::tokens::unauthorized()),
        _ if deploy || call.role >= Role::Developer => Ok(()),
        _ => Err(forbidden()),
    }
}

/// Name, version and file of the path, in the characters that are taken.
fn names<'a>(call: &'a Call<'_>) -> Reply<(&'a str, &'a str, &'a str)> {
    let (name, version, file) = (call.arg(0), call.arg(1), call.arg(2));
    let fits = |text: &str| {
        text.bytes()
            .all(|it| it.is_ascii_alphanumeric() || b".-_+~@".contains(&it))
    };
    let wrong = |which: &str| error(400, json!({ "error": format!("{which} is invalid") }));
    if !fits(name) {
        return Err(wrong("package_name"));
    }
    if !fits(version) || version.contains("..") {
        return Err(wrong("package_version"));
    }
    if !file
        .split('/')
        .all(|part| fits(part) && !part.is_empty() && part != "..")
    {
        return Err(wrong("file_name"));
    }
    Ok((name, version, file))
}

fn upload(state: &mut State, call: &Call<'_>) -> Reply {
    writing(call)?;
    let (name, version, file) = names(call)?;
    let select = call.params.word("select", &["package_file"])?;
    let status = call.params.word("status", &["default", "hidden"])?;
    let now = state.now();
    let same =
        |it: &Package| it.project == call.project() && it.name == name && it.version == version;
    let known = state.packages.values().find(|it| same(it)).map(|it| it.id);
    let twice = known.is_some_and(|id| state.packages[&id].files.iter().any(|it| it.name == file));
    if twice && !state.project(call.project()).settings.generic_duplicates {
        return Err(message(
            400,
            "400 Bad request - Duplicate package is not allowed",
        ));
    }
    let id = known.unwrap_or_else(|| state.next("package"));
    let creator = match call.caller {
        Caller::User { user, .. } => Some(user),
        _ => None,
    };
    let added = PackageFile {
        id: state.next("file"),
        name: file.to_owned(),
        sha256: hex(&call.request.body),
        bytes: call.request.body.clone(),
        created_at: now,
    };
    let shown = show_file(id, &added);
    let package = state.packages.entry(id).or_insert_with(|| Package {
        id,
        project: call.project(),
        name: name.to_owned(),
        version: version.to_owned(),
        status: "default".to_owned(),
        creator,
        created_at: now,
        files: Vec::new(),
    });
    package.files.push(added);
    package.status = status.unwrap_or_else(|| package.status.clone());
    Ok(match select {
        Some(_) => created(&shown),
        None => created(&json!({ "message": "201 Created" })),
    })
}

fn hex(bytes: &[u8]) -> String {
    let digest = Digest::of(bytes).to_string();
    digest.rsplit(':').next().unwrap_or_default().to_owned()
}

fn download(state: &mut State, call: &Call<'_>) -> Reply {
    reading(call)?;
    let (name, version, file) = names(call)?;
    let mut packages = state.packages.values();
    let package = packages
        .find(|it| it.project == call.project() && it.name == name && it.version == version);
    let package = package.ok_or_else(|| not_found("Package"))?;
    let newest = package.files.iter().rev().find(|it| it.name == file);
    let file = newest.ok_or_else(|| not_found(""))?;
    Ok(Answer::new(200, file.bytes.clone())
        .with("content-type", "application/octet-stream")
        .with("x-checksum-sha256", file.sha256.clone()))
}

fn list(state: &mut State, call: &Call<'_>) -> Reply {
    reading(call)?;
    let params = &call.params;
    let kind = params.text("package_type").filter(|it| it != "generic");
    let (name, version) = (params.text("package_name"), params.text("package_version"));
    let order = params.word("order_by", &["created_at", "name", "version", "type"])?;
    let sort = params.word("sort", &["asc", "desc"])?;
    let status = params
        .text("status")
        .unwrap_or_else(|| "default".to_owned());
    let mut found: Vec<_> = state
        .packages
        .values()
        .filter(|it| it.project == call.project() && it.status == status && kind.is_none())
        // The name matches anywhere in it, the version does not.
        .filter(|it| name.as_ref().is_none_or(|name| it.name.contains(name)))
        .filter(|it| {
            version
                .as_ref()
                .is_none_or(|version| *version == it.version)
        })
        .collect();
    match order.as_deref() {
        Some("name") => found.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id))),
        Some("version") => found.sort_by(|a, b| (&a.version, a.id).cmp(&(&b.version, b.id))),
        _ => found.sort_by_key(|it| (it.created_at, it.id)),
    }
    if sort.as_deref() == Some("desc") {
        found.reverse();
    }
    Ok(call.page(found.into_iter().map(|it| show(state, it)).collect()))
}

fn find<'a>(state: &'a State, call: &Call<'_>) -> Reply<&'a Package> {
    owned(
        state.packages.get(&call.id(0)?),
        call.project(),
        |it| it.project,
        "Package",
    )
}

fn get(state: &mut State, call: &Call<'_>) -> Reply {
    reading(call)?;
    Ok(ok(&show(state, find(state, call)?)))
}

fn files(state: &mut State, call: &Call<'_>) -> Reply {
    reading(call)?;
    let package = find(state, call)?;
    Ok(call.page(
        package
            .files
            .iter()
            .map(|file| show_file(package.id, file))
            .collect(),
    ))
}

fn delete(state: &mut State, call: &Call<'_>) -> Reply {
    writing(call)?;
    let id = find(state, call)?.id;
    state.packages.remove(&id);
    Ok(no_content())
}

fn delete_file(state: &mut State, call: &Call<'_>) -> Reply {
    writing(call)?;
    let (id, file) = (find(state, call)?.id, call.id(1)?);
    let files = &mut state.packages.get_mut(&id).expect("just found").files;
    let at = files
        .iter()
        .position(|it| it.id == file)
        .ok_or_else(|| not_found(""))?;
    files.remove(at);
    Ok(no_content())
}
