//! What each image needs, as plain values: pure, made from request and lock alone.

use std::path::PathBuf;

use pep440_rs::Version;

use crate::lock::model::Artifact;
use crate::lock::model::Lock;
use crate::lock::model::LockedData;
use crate::lock::model::LockedPackage;
use crate::lock::model::LockedSource;
use crate::lock::select;
use crate::lock::select::Choice;
use crate::lock::select::Selected;
use crate::request::Request;
use crate::request::overrides::Applied;
use crate::request::overrides::Kind;
use crate::wheel_build::BuildSource;
use pannier_archive::tarball::{ManifestOverride, OverrideKind, Source};
use pannier_archive::venv::{DirectUrl, PythonLink};
use pannier_archive::wheel::WheelFilename;
use pannier_base::digest::Digest;
use pannier_base::name::{DataName, ImageName, PackageName};
use pannier_base::platform::Target;
use pannier_base::url::SafeUrl;

use super::error::PrepareError;

/// What all images need.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Sorted by name.
    pub(super) images: Vec<ImagePlan>,
}

/// What one image needs.
#[derive(Debug, Clone)]
pub(super) struct ImagePlan {
    pub(super) name: ImageName,
    pub(super) image: Option<String>,
    pub(super) target: Target,
    pub(super) interpreter: PathBuf,
    pub(super) python_link: PythonLink,
    /// Sorted by name.
    pub(super) packages: Vec<PackagePlan>,
    /// Sorted by name.
    pub(super) data: Vec<DataPlan>,
    /// Those of the lock that are about something of this image.
    pub(super) overrides: Vec<ManifestOverride>,
}

/// One package of one image.
#[derive(Debug, Clone)]
pub(super) struct PackagePlan {
    pub(super) name: PackageName,
    pub(super) requested: bool,
    pub(super) wheel: WheelNeed,
    /// Content of `direct_url.json`; none for an index.
    pub(super) origin: Option<DirectUrl>,
    /// Where it comes from, for the manifest.
    pub(super) source: Source,
}

/// A wheel that must be in the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum WheelNeed {
    /// A file of an index.
    Download {
        filename: WheelFilename,
        url: SafeUrl,
        sha256: Digest,
        /// Its length in bytes, where the lock tells it.
        size: Option<u64>,
        /// Whether an index lists it, and so may list its metadata.
        listed: bool,
    },
    /// Something that is built, for a target that it must fit.
    Build {
        source: BuildSource,
        target: Target,
        /// The locked version; a folder has none.
        version: Option<Version>,
    },
}

/// One data project of one image.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct DataPlan {
    pub(super) name: DataName,
    pub(super) source: DataSource,
}

/// Where the tree of a data project is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum DataSource {
    Git {
        repository: SafeUrl,
        revision: String,
        commit: String,
        subdirectory: Option<String>,
    },
    Directory {
        path: PathBuf,
    },
}

/// Says what the images named in `only` (all when empty) need.
pub(super) fn plan(
    request: &Request,
    lock: &Lock,
    only: &[ImageName],
) -> Result<Plan, PrepareError> {
    let wanted = |name: &ImageName| only.is_empty() || only.contains(name);
    let images = request.images.iter().filter(|image| wanted(&image.name));
    let images = images.map(|image| {
        let packages = select::select(lock, &image.name)?
            .into_iter()
            .map(|selected| package(selected, &image.target, request))
            .collect::<Result<Vec<_>, _>>()?;
        let locked = lock.pannier.images.get(&image.name);
        let names = locked.map_or(&[][..], |locked| &locked.data);
        let data = names
            .iter()
            .map(|name| data(name, lock, request))
            .collect::<Result<Vec<_>, _>>()?;
        let overrides = overrides(lock, &packages, names);
        Ok(ImagePlan {
            name: image.name.clone(),
            image: image.image.clone(),
            target: image.target.clone(),
            interpreter: image.interpreter.clone(),
            python_link: image.python_link,
            packages,
            data,
            overrides,
        })
    });
    Ok(Plan {
        images: images.collect::<Result<_, PrepareError>>()?,
    })
}

/// The overrides of the packages and data projects of one image.
fn overrides(lock: &Lock, packages: &[PackagePlan], data: &[DataName]) -> Vec<ManifestOverride> {
    let concerns = |one: &&Applied| match one.kind {
        Kind::Package => packages.iter().any(|it| it.name.as_str() == one.name),
        Kind::Data => data.iter().any(|name| name.as_str() == one.name),
    };
    let overrides = lock.pannier.overrides.iter();
    overrides.filter(concerns).cloned().map(shown).collect()
}

/// An override as the manifest shows it.
fn shown(one: Applied) -> ManifestOverride {
    ManifestOverride {
        name: one.name,
        kind: match one.kind {
            Kind::Package => OverrideKind::Package,
            Kind::Data => OverrideKind::Data,
        },
        from: one.from,
        version: one.version,
        url: one.url,
        revision: one.revision,
        commit: one.commit,
        subdirectory: one.subdirectory,
        sha256: one.sha256,
        said_by: one.said_by,
        asked_by: one.asked_by,
        set_aside: one.set_aside,
        moves: one.moves,
    }
}

fn package(
    selected: Selected<'_>,
    target: &Target,
    request: &Request,
) -> Result<PackagePlan, PrepareError> {
    let locked = selected.package;
    let build = |source| WheelNeed::Build {
        source,
        target: target.clone(),
        version: locked.version.clone(),
    };
    let wheel = match selected.choice {
        Choice::Wheel(artifact) => download(artifact, true)?,
        Choice::Archive(artifact) if artifact.name.ends_with(".whl") => download(artifact, false)?,
        Choice::Sdist(artifact) | Choice::Archive(artifact) => build(BuildSource::Sdist {
            url: artifact.url.clone(),
            name: artifact.name.clone(),
            sha256: artifact.sha256,
        }),
        Choice::Git | Choice::Directory => build(tree(locked, request)),
    };
    Ok(PackagePlan {
        name: locked.name.clone(),
        requested: selected.requested,
        wheel,
        origin: origin(locked),
        source: manifest_source(locked, selected.choice),
    })
}

fn download(artifact: &Artifact, listed: bool) -> Result<WheelNeed, PrepareError> {
    Ok(WheelNeed::Download {
        filename: artifact.name.parse()?,
        url: artifact.url.clone(),
        sha256: artifact.sha256,
        size: artifact.size,
        listed,
    })
}

/// The source tree that a git package or a folder is built from.
fn tree(locked: &LockedPackage, request: &Request) -> BuildSource {
    match &locked.source {
        LockedSource::Git {
            repository,
            commit,
            subdirectory,
            ..
        } => BuildSource::Git {
            repository: repository.clone(),
            commit: commit.clone(),
            subdirectory: subdirectory.clone(),
        },
        LockedSource::Directory { path } => BuildSource::Directory {
            path: request.root.join(path),
        },
        LockedSource::Archive { .. } | LockedSource::Index { .. } => {
            unreachable!("only git packages and folders are chosen by their tree")
        }
    }
}

fn origin(locked: &LockedPackage) -> Option<DirectUrl> {
    match &locked.source {
        LockedSource::Index { .. } => None,
        LockedSource::Git {
            repository,
            requested_revision,
            commit,
            subdirectory,
        } => Some(DirectUrl::Git {
            url: repository.without_credentials().to_string(),
            commit: commit.clone(),
            requested_revision: requested_revision.clone(),
            subdirectory: subdirectory.clone(),
        }),
        LockedSource::Directory { .. } => Some(DirectUrl::Directory),
        LockedSource::Archive { artifact, .. } => Some(DirectUrl::Archive {
            url: artifact.url.without_credentials().to_string(),
            sha256: artifact.sha256.to_string(),
        }),
    }
}

/// Where a package comes from, as the manifest says it.
fn manifest_source(locked: &LockedPackage, choice: Choice<'_>) -> Source {
    let file = |artifact: &Artifact| artifact.url.without_credentials();
    match (&locked.source, choice) {
        (LockedSource::Archive { artifact, .. }, _) => Source::Archive {
            url: file(artifact),
        },
        (LockedSource::Index { .. }, Choice::Wheel(artifact) | Choice::Sdist(artifact)) => {
            Source::Index {
                url: file(artifact),
            }
        }
        (
            LockedSource::Git {
                repository,
                requested_revision,
                commit,
                subdirectory,
            },
            _,
        ) => Source::Git {
            url: repository.without_credentials(),
            commit: commit.clone(),
            requested_revision: requested_revision.clone(),
            subdirectory: subdirectory.clone(),
        },
        (LockedSource::Directory { .. } | LockedSource::Index { .. }, _) => Source::Directory,
    }
}

fn data(name: &DataName, lock: &Lock, request: &Request) -> Result<DataPlan, PrepareError> {
    let locked = lock
        .pannier
        .data
        .get(name)
        .ok_or_else(|| PrepareError::NoData { name: name.clone() })?;
    let source = match locked {
        LockedData::Git {
            url,
            requested_revision,
            commit_id,
            subdirectory,
        } => DataSource::Git {
            repository: url.clone(),
            revision: requested_revision.clone(),
            commit: commit_id.clone(),
            subdirectory: subdirectory.clone(),
        },
        LockedData::Directory { path } => DataSource::Directory {
            path: request.root.join(path),
        },
    };
    Ok(DataPlan {
        name: name.clone(),
        source,
    })
}
