//! What one image takes from a lock: markers evaluated for the image, the best wheel by its tags (PEP 751).
//!
//! Chooses by file names alone and opens nothing. Refuses to guess: two versions of one package for one image, or a
//! package with no file that could serve it, are errors.

use std::collections::BTreeMap;

use pep440_rs::VersionSpecifiers;

use super::model::{Artifact, Lock, LockedImage, LockedPackage, LockedSource};
use super::python_allowed;
use pannier_archive::wheel::WheelFilename;
use pannier_base::name::{ImageName, PackageName};
use pannier_base::platform::{MarkerError, Tag, Target, evaluate};

/// One package that an image gets.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected<'a> {
    /// The package as it is locked.
    pub package: &'a LockedPackage,
    /// Whether the request names it for this image (`REQUESTED`).
    pub requested: bool,
    /// Which of its files.
    pub choice: Choice<'a>,
}

/// Where the wheel of a selected package comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Choice<'a> {
    /// This wheel of an index.
    Wheel(&'a Artifact),
    /// To be built from this source archive of an index.
    Sdist(&'a Artifact),
    /// To be built from the commit of [`LockedSource::Git`].
    Git,
    /// To be built from the folder of [`LockedSource::Directory`].
    Directory,
    /// This file by URL: a wheel when its name ends with `.whl`, else a source archive to be built.
    Archive(&'a Artifact),
}

/// Why a lock does not serve an image.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SelectError {
    /// The lock does not know the image.
    #[error("the lock has no image `{image}`, only {}", .known.join(", "))]
    #[diagnostic(help("update the lock with `pannier lock`"))]
    UnknownImage {
        /// The image.
        image: ImageName,
        /// Those that it knows.
        known: Vec<String>,
    },
    /// None of the lock's environments is this image's, or its Python is not allowed.
    #[error("the lock was not made for image `{image}` ({target}): {reason}")]
    #[diagnostic(help("regenerate the lock with `pannier lock`"))]
    Environment {
        /// The image.
        image: ImageName,
        /// Its target, for people.
        target: String,
        /// What does not fit.
        reason: String,
    },
    /// A marker has no answer.
    #[error("package `{package}` for image `{image}`")]
    Marker {
        /// The package.
        package: PackageName,
        /// The image.
        image: ImageName,
        /// Why.
        #[source]
        #[diagnostic_source]
        source: MarkerError,
    },
    /// The package does not allow the image's Python.
    #[error(
        "package `{package}` {version} requires Python {requires}, image `{image}` has {python}"
    )]
    #[diagnostic(help(
        "regenerate the lock with `pannier lock`, or pin the package to an older version"
    ))]
    Python {
        /// The package.
        package: PackageName,
        /// Its version.
        version: Box<str>,
        /// What it allows.
        requires: Box<str>,
        /// The image.
        image: ImageName,
        /// The image's Python.
        python: Box<str>,
    },
    /// Two versions of one package hold for one image.
    #[error(
        "the lock has two versions of package `{package}` for image `{image}`: {one} and {other}"
    )]
    #[diagnostic(help("regenerate the lock with `pannier lock`"))]
    Twice {
        /// The package.
        package: PackageName,
        /// The image.
        image: ImageName,
        /// One version.
        one: String,
        /// The other.
        other: String,
    },
    /// A package that the image's list names is not in the lock, or not for it.
    #[error("image `{image}` needs package `{package}`, but the lock has none for it")]
    #[diagnostic(help("regenerate the lock with `pannier lock`"))]
    Missing {
        /// The package.
        package: PackageName,
        /// The image.
        image: ImageName,
    },
    /// No wheel fits and there is nothing to build one from.
    #[error(
        "package `{package}` {version} has no wheel for image `{image}` ({target}): the lock has wheels for {offered} only"
    )]
    #[diagnostic(help(
        "pin the package to a version with such a wheel in the constraints, or set the URL of a wheel; then run `pannier \
        lock`"
    ))]
    NoWheel {
        /// The package.
        package: PackageName,
        /// Its version.
        version: Box<str>,
        /// The image.
        image: ImageName,
        /// Its target, for people.
        target: Box<str>,
        /// What the wheels are for.
        offered: Box<str>,
    },
}

/// What `image` gets from the lock, sorted by name.
///
/// # Errors
/// [`SelectError`] names the package and the image.
pub fn select<'a>(lock: &'a Lock, image: &ImageName) -> Result<Vec<Selected<'a>>, SelectError> {
    let locked = lock
        .pannier
        .images
        .get(image)
        .ok_or_else(|| SelectError::UnknownImage {
            image: image.clone(),
            known: lock
                .pannier
                .images
                .keys()
                .map(|name| format!("`{name}`"))
                .collect(),
        })?;
    let scope = Scope {
        image,
        locked,
        tags: locked.target.tags(),
    };
    scope.check_environment(lock)?;
    let mut chosen: BTreeMap<&PackageName, &LockedPackage> = BTreeMap::new();
    for package in &lock.packages {
        if !scope.takes(package)? {
            continue;
        }
        if let Some(other) = chosen.insert(&package.name, package) {
            return Err(SelectError::Twice {
                package: package.name.clone(),
                image: image.clone(),
                one: shown_version(other),
                other: shown_version(package),
            });
        }
    }
    for name in locked.packages.iter().flatten().chain(&locked.requested) {
        // A requested package may have a marker of its own that excludes this image; one of the list may not.
        let listed = locked
            .packages
            .as_ref()
            .is_some_and(|list| list.contains(name));
        if listed && !chosen.contains_key(name) {
            return Err(SelectError::Missing {
                package: name.clone(),
                image: image.clone(),
            });
        }
    }
    chosen
        .into_values()
        .map(|package| scope.select(package))
        .collect()
}

/// `3.13 on x86_64-manylinux_2_41`
#[must_use]
pub fn shown_target(target: &Target) -> String {
    format!("Python {} on {}", target.python, target.platform)
}

fn shown_version(package: &LockedPackage) -> String {
    package
        .version
        .as_ref()
        .map_or_else(|| "(no version)".to_owned(), ToString::to_string)
}

/// The wheel that fits best, and of equal ones the first.
pub(crate) fn best_wheel<'a>(wheels: &'a [Artifact], tags: &[Tag]) -> Option<&'a Artifact> {
    let ranked = wheels.iter().filter_map(|wheel| {
        let name: WheelFilename = wheel.name.parse().ok()?;
        Some((name.rank(tags)?, wheel))
    });
    ranked
        .min_by(|(left, _), (right, _)| left.cmp(right))
        .map(|(_, wheel)| wheel)
}

struct Scope<'s> {
    image: &'s ImageName,
    locked: &'s LockedImage,
    tags: Vec<Tag>,
}

impl Scope<'_> {
    fn check_environment(&self, lock: &Lock) -> Result<(), SelectError> {
        let target = &self.locked.target;
        let fail = |reason: String| {
            Err(SelectError::Environment {
                image: self.image.clone(),
                target: shown_target(target),
                reason,
            })
        };
        if let Some(text) = &lock.requires_python
            && let Ok(specifiers) = text.parse::<VersionSpecifiers>()
            && !python_allowed(&specifiers, target)
        {
            return fail(format!("it requires Python {text}"));
        }
        let holds = |marker: &String| evaluate(marker, target, &[]).unwrap_or(false);
        match lock.environments.is_empty() || lock.environments.iter().any(holds) {
            true => Ok(()),
            false => fail("none of its environments applies".to_owned()),
        }
    }

    fn takes(&self, package: &LockedPackage) -> Result<bool, SelectError> {
        if let Some(list) = &self.locked.packages
            && !list.contains(&package.name)
        {
            return Ok(false);
        }
        let Some(marker) = &package.marker else {
            return Ok(true);
        };
        evaluate(marker, &self.locked.target, &[]).map_err(|source| SelectError::Marker {
            package: package.name.clone(),
            image: self.image.clone(),
            source,
        })
    }

    fn select<'a>(&self, package: &'a LockedPackage) -> Result<Selected<'a>, SelectError> {
        let target = &self.locked.target;
        if let Some(text) = &package.requires_python
            && let Ok(specifiers) = text.parse::<VersionSpecifiers>()
            && !python_allowed(&specifiers, target)
        {
            return Err(SelectError::Python {
                package: package.name.clone(),
                version: shown_version(package).into(),
                requires: text.as_str().into(),
                image: self.image.clone(),
                python: target.python.to_string().into(),
            });
        }
        Ok(Selected {
            package,
            requested: self.locked.requested.contains(&package.name),
            choice: self.choose(package)?,
        })
    }

    fn choose<'a>(&self, package: &'a LockedPackage) -> Result<Choice<'a>, SelectError> {
        let none = |wheels: &[Artifact]| SelectError::NoWheel {
            package: package.name.clone(),
            version: shown_version(package).into(),
            image: self.image.clone(),
            target: shown_target(&self.locked.target).into(),
            offered: offered(wheels).into(),
        };
        match &package.source {
            LockedSource::Git { .. } => Ok(Choice::Git),
            LockedSource::Directory { .. } => Ok(Choice::Directory),
            LockedSource::Archive { artifact, .. } => {
                let unfit = artifact.name.ends_with(".whl")
                    && best_wheel(std::slice::from_ref(artifact), &self.tags).is_none();
                match unfit {
                    true => Err(none(std::slice::from_ref(artifact))),
                    false => Ok(Choice::Archive(artifact)),
                }
            }
            LockedSource::Index { sdist, wheels } => {
                let wheel = best_wheel(wheels, &self.tags).map(Choice::Wheel);
                let sdist = sdist.as_ref().map(Choice::Sdist);
                wheel.or(sdist).ok_or_else(|| none(wheels))
            }
        }
    }
}

/// What the wheels are for, shortly: their distinct tags without the name and version.
fn offered(wheels: &[Artifact]) -> String {
    let mut tags: Vec<&str> = wheels
        .iter()
        .filter_map(|wheel| {
            let stem = wheel.name.strip_suffix(".whl")?;
            let start = stem.rmatch_indices('-').nth(2)?.0;
            Some(&stem[start + 1..])
        })
        .collect();
    tags.sort_unstable();
    tags.dedup();
    match tags.len() {
        0 => "nothing".to_owned(),
        1..=6 => tags.join(", "),
        more => format!("{} and {} more", tags[..6].join(", "), more - 6),
    }
}

#[cfg(test)]
#[path = "select_tests.rs"]
mod tests;
