//! The third step: uv gets a wheel of metadata alone for every project, so that it builds and clones nothing.
//!
//! Requirements on git become requirements on those wheels: one URL per package at every depth, which uv sees no conflict
//! in, and which no package of the same name on an index can take the place of. What is overridden with a version of the index
//! is requested only by its name. Extras stay requested with any override.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pep508_rs::VersionOrUrl;
use url::Url;

use crate::constraints::parse_requirement;
use crate::resolve::error::ResolveError;
use crate::resolve::overriding::Overriding;
use crate::resolve::projects::{Project, Projects, git_requirement};
use pannier_archive::wheel::{StubMetadata, stub};
use pannier_base::name::PackageName;

/// URL of the stub of each project.
pub(super) type Stubs = BTreeMap<PackageName, Url>;

/// Writes all stubs below `work`.
pub(super) fn write(
    projects: &Projects,
    overriding: &Overriding<'_>,
    work: &Path,
) -> Result<Stubs, ResolveError> {
    let folder = work.join("stubs");
    fs::create_dir(&folder).map_err(ResolveError::Work)?;
    let mut metadata = BTreeMap::new();
    let mut urls = Stubs::new();
    for (name, project) in &projects.by_name {
        let stub = describe(name, project)?;
        let path = folder.join(stub.filename());
        let url = Url::from_file_path(&path).expect("temporary folders are absolute");
        urls.insert(name.clone(), url);
        metadata.insert(path, (stub, project));
    }
    for (path, (mut meta, project)) in metadata {
        let project = project.place.shown();
        for line in &mut meta.requires_dist {
            if let Some(rewritten) = rewrite(line, &urls, overriding, &project)? {
                *line = rewritten;
            }
        }
        fs::write(&path, stub(&meta)).map_err(ResolveError::Work)?;
    }
    Ok(urls)
}

fn describe(name: &PackageName, project: &Project) -> Result<StubMetadata, ResolveError> {
    let wheel = &project.wheel;
    Ok(StubMetadata {
        name: name.clone(),
        version: wheel.version.parse().map_err(|_| ResolveError::Version {
            package: name.clone(),
            version: wheel.version.clone(),
        })?,
        requires_dist: wheel.requires_dist.clone(),
        requires_python: wheel.requires_python.clone(),
        extras: wheel.extras.clone(),
    })
}

/// `name[extras] @ git+… ; marker` as a requirement on the stub, or on the name where that is overridden with a version; so for
/// any other URL of what is overridden. `None` where it is no such requirement.
fn rewrite(
    line: &str,
    urls: &Stubs,
    overriding: &Overriding<'_>,
    project: &str,
) -> Result<Option<String>, ResolveError> {
    let from_git = git_requirement(line, project)?.is_some();
    let Ok(requirement) = parse_requirement(line) else {
        return Ok(None);
    };
    let name: PackageName = requirement.name.to_string().parse()?;
    let by_url = matches!(requirement.version_or_url, Some(VersionOrUrl::Url(_)));
    let overridden = overriding.package(&name).is_some();
    if !by_url || !(from_git || overridden) {
        return Ok(None);
    }
    let extras: Vec<String> = requirement.extras.iter().map(ToString::to_string).collect();
    let marker = requirement
        .marker
        .contents()
        .map(|marker| format!(" ; {marker}"));
    let text = match urls.get(&name) {
        Some(url) => requirement_on(&name, &extras, url),
        None if overridden => named(&name, &extras),
        None => return Ok(None),
    };
    Ok(Some(text + &marker.unwrap_or_default()))
}

/// `name[extras] @ file:///…`
pub(super) fn requirement_on(name: &PackageName, extras: &[String], url: &Url) -> String {
    format!("{} @ {url}", named(name, extras))
}

/// `name[extras]`
pub(super) fn named(name: &PackageName, extras: &[String]) -> String {
    match extras.is_empty() {
        true => name.to_string(),
        false => format!("{name}[{}]", extras.join(",")),
    }
}
