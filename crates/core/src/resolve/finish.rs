//! The last step: what uv wrote becomes the lock. Stubs become the sources that they stood for, and `[tool.pannier]` is
//! filled in.

use std::collections::BTreeMap;

use crate::lock::model::{
    Lock, LockedData, LockedImage, LockedPackage, LockedSource, PannierTable,
};
use crate::lock::pylock::TABLE_FORMAT;
use crate::request::digest::whole;
use crate::request::{DataRequest, ProjectSource};
use crate::resolve::error::ResolveError;
use crate::resolve::inputs::{Image, Inputs};
use crate::resolve::model::Wanted;
use crate::resolve::projects::stub_of;
use crate::resolve::projects::{Project, Projects};
use crate::resolve::rounds::Chosen;
use crate::resolve::source_id::Revision;
use crate::resolve::source_id::{Place, shown};
use pannier_base::name::ImageName;

/// Puts the lock together.
pub(super) fn lock(
    wanted: &Wanted<'_>,
    projects: &Projects,
    inputs: &Inputs,
    chosen: Chosen,
) -> Result<Lock, ResolveError> {
    let Chosen {
        document,
        lists,
        forks,
    } = chosen;
    let packages = document
        .packages
        .into_iter()
        .map(|package| match stub_of(&package, projects) {
            Some(project) => restore(package, project),
            None => package,
        });
    let mut images = BTreeMap::new();
    let mut data = BTreeMap::new();
    for (asked, image) in wanted.request.images.iter().zip(&inputs.images) {
        let mut names: Vec<_> = asked.data.iter().map(|data| data.name.clone()).collect();
        names.sort();
        names.dedup();
        let locked = locked_image(image, lists.get(&image.name).cloned(), names);
        images.insert(image.name.clone(), locked);
        for project in &asked.data {
            let locked = locked_data(project, projects);
            if let Some(other) = data.insert(project.name.clone(), locked.clone())
                && other != locked
            {
                return Err(two_sources(project, &other, &image.name));
            }
        }
    }
    let constraints = wanted.request.constraints.as_ref();
    Ok(Lock {
        requires_python: document.requires_python,
        environments: inputs.environments.clone(),
        packages: packages.collect(),
        pannier: PannierTable {
            format: TABLE_FORMAT,
            request: whole(wanted.parts),
            constraints: constraints.and_then(|_| wanted.parts.get("constraints").copied()),
            parts: wanted.parts.clone(),
            images,
            data,
            forks,
            overrides: Vec::new(),
        },
    })
}

fn restore(package: LockedPackage, project: &Project) -> LockedPackage {
    let (source, version) = match &project.place {
        Place::Tree(ProjectSource::Git {
            repository,
            revision,
            subdirectory,
        }) => {
            let source = LockedSource::Git {
                repository: repository.without_credentials(),
                requested_revision: Some(revision.clone()),
                commit: project.commit.clone().unwrap_or_default(),
                subdirectory: subdirectory.clone(),
            };
            (source, package.version)
        }
        Place::Tree(ProjectSource::Directory { path }) => {
            (LockedSource::Directory { path: plain(path) }, None)
        }
        Place::File(artifact) => {
            let source = LockedSource::Archive {
                artifact: artifact.clone(),
                subdirectory: None,
            };
            (source, package.version)
        }
    };
    LockedPackage {
        version,
        requires_python: project.wheel.requires_python.clone(),
        source,
        ..package
    }
}

/// A path as the lock has it: `/`-separated, without `./` before it.
fn plain(path: &std::path::Path) -> String {
    let text = path.to_string_lossy();
    match text.strip_prefix("./") {
        Some("") | None => text.into_owned(),
        Some(rest) => rest.to_owned(),
    }
}

fn locked_image(
    image: &Image,
    packages: Option<Vec<pannier_base::name::PackageName>>,
    data: Vec<pannier_base::name::DataName>,
) -> LockedImage {
    LockedImage {
        target: image.target.clone(),
        requested: image.requested.clone(),
        packages,
        data,
    }
}

fn locked_data(data: &DataRequest, projects: &Projects) -> LockedData {
    match &data.source {
        ProjectSource::Git {
            repository,
            revision,
            subdirectory,
        } => {
            let commit = projects.commits.get(&Revision::new(repository, revision));
            LockedData::Git {
                url: repository.without_credentials(),
                requested_revision: revision.clone(),
                commit_id: commit
                    .cloned()
                    .expect("every revision of the request has a commit"),
                subdirectory: subdirectory.clone(),
            }
        }
        ProjectSource::Directory { path } => LockedData::Directory { path: plain(path) },
    }
}

fn two_sources(data: &DataRequest, other: &LockedData, image: &ImageName) -> ResolveError {
    let other = match other {
        LockedData::Git {
            url,
            requested_revision,
            ..
        } => format!("{url}@{requested_revision}"),
        LockedData::Directory { path } => path.clone(),
    };
    ResolveError::TwoDataSources {
        data: data.name.clone(),
        image: image.clone(),
        one: shown(&data.source).into(),
        other: other.into(),
    }
}
