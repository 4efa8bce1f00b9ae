//! What an image gets that it did not get before: two locks compared by what the image selects of them. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::lock::model::Lock;
use crate::lock::model::LockedPackage;
use crate::lock::model::LockedSource;
use crate::lock::select::Choice;
use crate::lock::select::SelectError;
use crate::lock::select::Selected;
use crate::lock::select::select;
use pannier_base::name::{ImageName, PackageName};

/// What changes in one image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageChange {
    /// Packages that are new or another version, commit or file.
    pub changed: BTreeSet<PackageName>,
    /// Packages that are gone.
    pub removed: BTreeSet<PackageName>,
    /// All packages that it gets now.
    pub packages: BTreeSet<PackageName>,
}

impl ImageChange {
    /// Whether its tarball is another one.
    #[must_use]
    pub fn is_affected(&self) -> bool {
        !self.changed.is_empty() || !self.removed.is_empty()
    }
}

/// Compares what an image gets of two locks; without an old one, or with one that does not serve it, everything is new.
///
/// # Errors
/// [`SelectError`] when the new lock does not serve the image.
pub fn image_change(
    old: Option<&Lock>,
    new: &Lock,
    image: &ImageName,
) -> Result<ImageChange, SelectError> {
    let old = old.and_then(|lock| select(lock, image).ok());
    let old = old.map(|selected| identities(&selected));
    let old = old.unwrap_or_default();
    let new = identities(&select(new, image)?);
    let differs = |(name, identity): &(&PackageName, &String)| old.get(*name) != Some(*identity);
    Ok(ImageChange {
        changed: new
            .iter()
            .filter(differs)
            .map(|(name, _)| name.clone())
            .collect(),
        removed: old
            .keys()
            .filter(|name| !new.contains_key(*name))
            .cloned()
            .collect(),
        packages: new.into_keys().collect(),
    })
}

fn identities(selected: &[Selected<'_>]) -> BTreeMap<PackageName, String> {
    selected
        .iter()
        .map(|one| (one.package.name.clone(), identity(one)))
        .collect()
}

/// What decides the files of a package.
fn identity(selected: &Selected<'_>) -> String {
    match selected.choice {
        Choice::Wheel(file) | Choice::Archive(file) => format!("file {}", file.sha256),
        Choice::Sdist(file) => format!("sdist {}", file.sha256),
        Choice::Git | Choice::Directory => tree(selected.package),
    }
}

fn tree(package: &LockedPackage) -> String {
    match &package.source {
        LockedSource::Git {
            commit,
            subdirectory,
            ..
        } => {
            let folder = subdirectory.as_deref().unwrap_or("");
            format!("git {commit} {folder}")
        }
        LockedSource::Directory { path } => format!("folder {path}"),
        LockedSource::Index { .. } | LockedSource::Archive { .. } => String::new(),
    }
}
