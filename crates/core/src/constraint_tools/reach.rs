//! Whom a package reaches: the images that get it, at which version, and who in the lock needs it.

use std::collections::{BTreeMap, BTreeSet};

use pep508_rs::{Requirement, VerbatimUrl};
use schemars::JsonSchema;
use serde::Serialize;

use crate::constraints::parse_requirement;
use crate::lock::model::Lock;
use crate::lock::model::LockedPackage;
use crate::lock::select::SelectError;
use crate::lock::select::select;
use pannier_base::name::{ImageName, PackageName};

/// Everything that a lock tells about who gets what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    packages: BTreeMap<PackageName, Reached>,
}

/// What one package reaches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reached {
    /// The images that get it, with the version; one from a folder has none.
    #[schemars(with = "BTreeMap<String, Option<String>>")]
    pub images: BTreeMap<ImageName, Option<String>>,
    /// Packages of the lock that require it, as far as their requirements are known.
    #[schemars(with = "BTreeSet<String>")]
    pub needed_by: BTreeSet<PackageName>,
}

impl Reach {
    /// What a package reaches; nothing when the lock does not hold it.
    #[must_use]
    pub fn of(&self, name: &PackageName) -> Reached {
        self.packages.get(name).cloned().unwrap_or_default()
    }
}

/// Reads a lock for who gets what. `requires` gives the requirements (PEP 508) of a package where they are known.
///
/// # Errors
/// [`SelectError`] when the lock does not serve one of its own images.
pub fn reach(
    lock: &Lock,
    requires: &dyn Fn(&LockedPackage) -> Option<Vec<String>>,
) -> Result<Reach, SelectError> {
    let mut reach = Reach::default();
    for image in lock.pannier.images.keys() {
        for selected in select(lock, image)? {
            let version = selected.package.version.as_ref().map(ToString::to_string);
            let reached = reach.packages.entry(selected.package.name.clone());
            reached.or_default().images.insert(image.clone(), version);
        }
    }
    for package in &lock.packages {
        for text in requires(package).into_iter().flatten() {
            let needed = name_of(&text).and_then(|name| reach.packages.get_mut(&name));
            if let Some(reached) = needed {
                reached.needed_by.insert(package.name.clone());
            }
        }
    }
    Ok(reach)
}

/// The package that a requirement needs without any extra being asked for.
fn name_of(text: &str) -> Option<PackageName> {
    let requirement: Requirement<VerbatimUrl> = parse_requirement(text).ok()?;
    let only_with_extra = requirement.marker.top_level_extra().is_some();
    (!only_with_extra).then(|| requirement.name.to_string().parse().ok())?
}
