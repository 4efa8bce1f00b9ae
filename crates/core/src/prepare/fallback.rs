//! When it is right to prepare from a known good lock instead: which failures are not this run's own, and whether that lock
//! is what the run asks for. Pure.
//!
//! Refuses to pass over what a run asks for: a package, revision, version or image that the other lock does not have.

use std::path::Path;

use pep508_rs::{Requirement, VerbatimUrl, VersionOrUrl};

use crate::lock::model::Lock;
use crate::lock::model::LockedData;
use crate::lock::model::LockedPackage;
use crate::lock::model::LockedSource;
use crate::lock::select;
use crate::lock::select::SelectError;
use crate::lock::select::Selected;
use crate::request::ImageRequest;
use crate::request::PackageRequest;
use crate::request::ProjectSource;
use crate::request::Request;
use crate::resolve::ResolveError;
use crate::resolve::update::UpdateError;
use pannier_base::class::{Class, Classify};
use pannier_base::name::{DataName, ImageName, PackageName};
use pannier_base::url::SafeUrl;

use super::PrepareError;

/// Why there is no tarball: no lock could be made, or none of it be prepared.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum Failed {
    /// No lock.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Lock(#[from] UpdateError),
    /// No tarball of it.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Prepare(#[from] PrepareError),
}

/// Whose failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// An index, a repository, a package: something that this run did not bring along.
    Others,
    /// The run's own configuration, lock, folders or machine.
    Own(&'static str),
}

/// Why a lock is not what a run asks for.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Unfit {
    #[error("it was not made for image `{image}`, only for {known}")]
    Image { image: ImageName, known: String },
    #[error("its image `{image}` is {locked}, here it is {wanted}")]
    Target {
        image: ImageName,
        locked: String,
        wanted: String,
    },
    #[error("image `{image}` requests {wanted}, which it does not have{instead}")]
    Lacks {
        image: ImageName,
        wanted: String,
        instead: String,
    },
    #[error(transparent)]
    Select(#[from] SelectError),
}

impl Failed {
    /// Whose failure it is. The class decides, but for three things that it does not know: overrides, which packages are
    /// folders of this run, and whether the lock was there before.
    #[must_use]
    pub fn blame(&self, request: &Request) -> Blame {
        if !request.overrides.list.is_empty() {
            return Blame::Own("this run has overrides, which no release has");
        }
        if self
            .project()
            .is_some_and(|label| is_folder(label, request))
        {
            return Blame::Own("a folder of this run cannot be built");
        }
        let lock = Blame::Own("this run's own lock is not valid");
        match (self, self.class()) {
            (
                Self::Lock(UpdateError::Hashes { .. }) | Self::Prepare(PrepareError::Hashes(_)),
                _,
            )
            | (_, Class::Stale | Class::BadLock | Class::OutOfDate) => lock,
            (Self::Lock(UpdateError::Resolve(ResolveError::TwoDataSources { .. })), _)
            | (_, Class::Usage | Class::NoHash | Class::NotAllowed) => {
                Blame::Own("this run's own configuration is not valid")
            }
            (_, Class::Refused | Class::Unsatisfiable | Class::Upstream) => Blame::Others,
            (_, Class::Credentials) => Blame::Own("the credentials of this run were refused"),
            (_, Class::Offline) => Blame::Own("this run is offline"),
            (_, Class::Cancelled) => Blame::Own("the run was cancelled"),
            (_, Class::Machine) => Blame::Own("the failure is on this machine"),
        }
    }

    /// The project that the failure is about, if it is about one: URL and commit, or the folder.
    fn project(&self) -> Option<&str> {
        match self {
            Self::Prepare(PrepareError::Build(error)) => error.label(),
            Self::Lock(UpdateError::Resolve(
                ResolveError::Metadata { project, .. } | ResolveError::Name { project, .. },
            )) => Some(project),
            _ => None,
        }
    }
}

impl Classify for Failed {
    fn class(&self) -> Class {
        match self {
            Self::Lock(error) => error.class(),
            Self::Prepare(error) => error.class(),
        }
    }
}

/// Whether a project of a message is one of the request's folders.
fn is_folder(project: &str, request: &Request) -> bool {
    let packages = request.images.iter().flat_map(|image| &image.packages);
    let mut folders = packages.filter_map(|package| match &package.source {
        ProjectSource::Directory { path } => Some(path),
        ProjectSource::Git { .. } => None,
    });
    folders.any(|path| Path::new(project) == path || Path::new(project) == request.root.join(path))
}

/// Whether `lock` is what the request asks for in the images named in `only` (all when empty): each of them with its
/// target, its packages from where they are wanted, versions that its requirements allow, its data projects.
///
/// # Errors
/// [`Unfit`] names the first thing that is not so.
pub fn fits(request: &Request, lock: &Lock, only: &[ImageName]) -> Result<(), Unfit> {
    let wanted = |image: &&ImageRequest| only.is_empty() || only.contains(&image.name);
    for image in request.images.iter().filter(wanted) {
        let known = &lock.pannier.images;
        let Some(locked) = known.get(&image.name) else {
            let known: Vec<String> = known.keys().map(|name| format!("`{name}`")).collect();
            return Err(Unfit::Image {
                image: image.name.clone(),
                known: known.join(", "),
            });
        };
        if locked.target != image.target {
            return Err(Unfit::Target {
                image: image.name.clone(),
                locked: select::shown_target(&locked.target),
                wanted: select::shown_target(&image.target),
            });
        }
        let selected = select::select(lock, &image.name)?;
        let check = Check {
            image,
            selected: &selected,
        };
        image
            .packages
            .iter()
            .try_for_each(|package| check.package(package))?;
        image
            .requirements
            .iter()
            .try_for_each(|requirement| check.requirement(requirement))?;
        for data in &image.data {
            let found = lock.pannier.data.get(&data.name);
            let found = found.filter(|_| locked.data.contains(&data.name));
            check.data(&data.name, &data.source, found)?;
        }
    }
    Ok(())
}

/// One image and what it would get.
struct Check<'a> {
    image: &'a ImageRequest,
    selected: &'a [Selected<'a>],
}

impl Check<'_> {
    fn lacks(&self, wanted: String, instead: Option<String>) -> Unfit {
        Unfit::Lacks {
            image: self.image.name.clone(),
            wanted,
            instead: instead.map_or_else(String::new, |it| format!(": there it is {it}")),
        }
    }

    fn package(&self, wanted: &PackageRequest) -> Result<(), Unfit> {
        let mut requested = self.selected.iter().filter(|one| one.requested);
        let same = |one: &&Selected<'_>| {
            let named = wanted.name.as_ref();
            named.is_none_or(|name| *name == one.package.name)
                && is_from(&one.package.source, &wanted.source)
        };
        if requested.clone().any(|one| same(&one)) {
            return Ok(());
        }
        let instead = requested.find(|one| match &wanted.name {
            Some(name) => one.package.name == *name,
            None => repository(&one.package.source).is_some_and(|url| is_at(url, &wanted.source)),
        });
        let instead = instead.map(|one| place(&one.package.source));
        Err(self.lacks(shown(&wanted.source), instead))
    }

    fn requirement(&self, wanted: &Requirement<VerbatimUrl>) -> Result<(), Unfit> {
        let shown = crate::constraints::shown(wanted);
        let name: Option<PackageName> = wanted.name.to_string().parse().ok();
        let mut selected = self.selected.iter();
        let found = selected.find(|one| Some(&one.package.name) == name.as_ref());
        let Some(found) = found else {
            // Its marker may leave the image out.
            return match wanted.marker.is_true() {
                true => Err(self.lacks(format!("`{shown}`"), None)),
                false => Ok(()),
            };
        };
        let met = match &wanted.version_or_url {
            None => true,
            Some(VersionOrUrl::VersionSpecifier(bounds)) => {
                let version = found.package.version.as_ref();
                version.is_some_and(|version| bounds.contains(version))
            }
            Some(VersionOrUrl::Url(url)) => match &found.package.source {
                LockedSource::Archive { artifact, .. } => {
                    let wanted = SafeUrl::of_server(&url.to_string()).ok();
                    wanted.is_some_and(|wanted| same_page(&wanted, &artifact.url))
                }
                _ => false,
            },
        };
        match met {
            true => Ok(()),
            false => Err(self.lacks(format!("`{shown}`"), Some(version(found.package)))),
        }
    }

    fn data(
        &self,
        name: &DataName,
        wanted: &ProjectSource,
        found: Option<&LockedData>,
    ) -> Result<(), Unfit> {
        let same = match (found, wanted) {
            (
                Some(LockedData::Git {
                    url,
                    requested_revision,
                    subdirectory,
                    ..
                }),
                ProjectSource::Git {
                    revision,
                    subdirectory: folder,
                    ..
                },
            ) => is_at(url, wanted) && requested_revision == revision && subdirectory == folder,
            (Some(LockedData::Directory { path }), ProjectSource::Directory { path: folder }) => {
                Path::new(path) == folder
            }
            _ => false,
        };
        match same {
            true => Ok(()),
            false => Err(self.lacks(format!("data/{name} from {}", shown(wanted)), None)),
        }
    }
}

/// Whether a locked package is from where it is wanted, by the same name of the revision.
fn is_from(locked: &LockedSource, wanted: &ProjectSource) -> bool {
    match (locked, wanted) {
        (
            LockedSource::Git {
                repository,
                requested_revision,
                subdirectory,
                ..
            },
            ProjectSource::Git {
                revision,
                subdirectory: folder,
                ..
            },
        ) => {
            is_at(repository, wanted)
                && requested_revision.as_ref() == Some(revision)
                && subdirectory == folder
        }
        (LockedSource::Directory { path }, ProjectSource::Directory { path: folder }) => {
            Path::new(path) == folder
        }
        _ => false,
    }
}

fn is_at(url: &SafeUrl, wanted: &ProjectSource) -> bool {
    matches!(wanted, ProjectSource::Git { repository, .. }
        if repository.without_credentials() == url.without_credentials())
}

fn same_page(one: &SafeUrl, other: &SafeUrl) -> bool {
    let bare = |url: &SafeUrl| {
        let mut url = url.without_credentials().expose().clone();
        url.set_fragment(None);
        url
    };
    bare(one) == bare(other)
}

const fn repository(source: &LockedSource) -> Option<&SafeUrl> {
    match source {
        LockedSource::Git { repository, .. } => Some(repository),
        _ => None,
    }
}

fn place(source: &LockedSource) -> String {
    match source {
        LockedSource::Git {
            repository,
            requested_revision,
            commit,
            ..
        } => {
            let revision = requested_revision.as_ref().unwrap_or(commit);
            format!("{}@{revision}", repository.without_credentials())
        }
        LockedSource::Directory { path } => path.clone(),
        LockedSource::Archive { artifact, .. } => artifact.url.to_string(),
        LockedSource::Index { .. } => "from an index".to_owned(),
    }
}

fn shown(source: &ProjectSource) -> String {
    match source {
        ProjectSource::Git {
            repository,
            revision,
            ..
        } => format!("{}@{revision}", repository.without_credentials()),
        ProjectSource::Directory { path } => path.display().to_string(),
    }
}

fn version(package: &LockedPackage) -> String {
    let version = package.version.as_ref();
    version.map_or_else(|| place(&package.source), ToString::to_string)
}

#[cfg(test)]
#[path = "fallback_tests.rs"]
mod tests;
