//! What became of the overrides: the records that the lock keeps of them.

use crate::lock::model::{Lock, LockedData, LockedPackage, LockedSource};
use crate::request::ProjectSource;
use crate::request::overrides::{Applied, Kind, Override, OverrideValue};
use crate::resolve::model::Wanted;
use crate::resolve::overriding::{Overriding, set_aside};
use crate::resolve::projects::Projects;
use crate::resolve::source_id::{Place, shown};
use pannier_base::name::PackageName;

/// The records of all overrides that took effect in `lock`, sorted by name. `wanted` is the request as it was without them.
pub(super) fn records(
    wanted: &Wanted<'_>,
    overriding: &Overriding<'_>,
    projects: &Projects,
    lock: &Lock,
) -> Vec<Applied> {
    let mut records = Vec::new();
    for one in &wanted.request.overrides.list {
        let mut packages = lock.packages.iter();
        if let Some(package) = packages.find(|package| one.name.is(package.name.as_str())) {
            records.push(Applied {
                from: instead_of(&package.name, wanted, overriding, projects),
                set_aside: set_aside(wanted.request, &package.name),
                ..of_package(one, package, projects)
            });
        }
        let mut data = lock.pannier.data.iter();
        if let Some((name, locked)) = data.find(|(name, _)| one.name.is(name.as_str())) {
            records.push(Applied {
                from: data_before(name.as_str(), wanted),
                ..of_data(one, name.as_str(), locked)
            });
        }
    }
    records.sort_by(|a, b| (&a.name, a.kind).cmp(&(&b.name, b.kind)));
    records
}

fn plain(one: &Override, name: &str, kind: Kind) -> Applied {
    Applied {
        name: name.to_owned(),
        kind,
        from: None,
        version: None,
        url: None,
        revision: None,
        commit: None,
        subdirectory: None,
        sha256: None,
        said_by: one.origin.to_string(),
        asked_by: one.asked_by.clone(),
        set_aside: Vec::new(),
        moves: Vec::new(),
    }
}

fn of_package(one: &Override, package: &LockedPackage, projects: &Projects) -> Applied {
    let plain = Applied {
        version: package.version.as_ref().map(ToString::to_string),
        ..plain(one, package.name.as_str(), Kind::Package)
    };
    let project = projects.by_name.get(&package.name);
    match (&one.value, project.map(|project| &project.place)) {
        (
            OverrideValue::Git {
                repository,
                revision,
                ..
            },
            Some(Place::Tree(ProjectSource::Git { subdirectory, .. })),
        ) => Applied {
            url: Some(repository.without_credentials()),
            revision: Some(revision.clone()),
            commit: project.and_then(|project| project.commit.clone()),
            subdirectory: subdirectory.clone(),
            ..plain
        },
        (OverrideValue::File { .. }, Some(Place::File(artifact))) => Applied {
            url: Some(artifact.url.without_credentials()),
            sha256: Some(artifact.sha256),
            ..plain
        },
        _ => plain,
    }
}

fn of_data(one: &Override, name: &str, locked: &LockedData) -> Applied {
    let plain = plain(one, name, Kind::Data);
    match locked {
        LockedData::Git {
            url,
            requested_revision,
            commit_id,
            subdirectory,
        } => Applied {
            url: Some(url.without_credentials()),
            revision: Some(requested_revision.clone()),
            commit: Some(commit_id.clone()),
            subdirectory: subdirectory.clone(),
            ..plain
        },
        LockedData::Directory { .. } => plain,
    }
}

/// What a package was without its override: as the production lock has it, else as the request or another project asks for it.
fn instead_of(
    name: &PackageName,
    wanted: &Wanted<'_>,
    overriding: &Overriding<'_>,
    projects: &Projects,
) -> Option<String> {
    let locked = wanted.previous.iter().flat_map(|lock| &lock.packages);
    let locked: Vec<String> = locked
        .filter(|package| package.name == *name)
        .map(described)
        .collect();
    if !locked.is_empty() {
        return Some(locked.join(" and "));
    }
    let images = &wanted.request.images;
    let mut packages = images.iter().flat_map(|image| &image.packages);
    let package = packages.find(|package| overriding.stands_for(package).as_ref() == Some(name));
    let mut required = images.iter().flat_map(|image| &image.requirements);
    package
        .map(|package| shown(&package.source))
        .or_else(|| projects.instead.get(name).cloned())
        .or_else(|| {
            let one = required.find(|one| one.name.to_string().parse().as_ref() == Ok(name))?;
            Some(format!("`{}` of the index", crate::constraints::shown(one)))
        })
}

fn described(package: &LockedPackage) -> String {
    let version = package.version.as_ref().map(ToString::to_string);
    let version = version.unwrap_or_else(|| "a version".to_owned());
    let place = match &package.source {
        LockedSource::Index { .. } => return format!("{version} of the index"),
        LockedSource::Git {
            repository,
            requested_revision,
            commit,
            ..
        } => {
            let revision = requested_revision.as_ref().map(|text| format!("@{text}"));
            let commit = commit.get(..10).unwrap_or(commit);
            format!("{repository}{} ({commit})", revision.unwrap_or_default())
        }
        LockedSource::Directory { path } => path.clone(),
        LockedSource::Archive { artifact, .. } => artifact.url.to_string(),
    };
    format!("{version} from {place}")
}

fn data_before(name: &str, wanted: &Wanted<'_>) -> Option<String> {
    let locked = wanted.previous.map(|lock| &lock.pannier.data);
    let locked = locked.and_then(|data| data.iter().find(|(known, _)| known.as_str() == name));
    if let Some((
        _,
        LockedData::Git {
            url,
            requested_revision,
            commit_id,
            ..
        },
    )) = locked
    {
        let commit = commit_id.get(..10).unwrap_or(commit_id);
        return Some(format!("{url}@{requested_revision} ({commit})"));
    }
    let mut asked = wanted.request.images.iter().flat_map(|image| &image.data);
    let asked = asked.find(|data| data.name.as_str() == name)?;
    Some(shown(&asked.source))
}
