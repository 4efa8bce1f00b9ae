//! Versions that uv must not choose, and the preferences of an earlier lock.

use pep440_rs::Version;

use crate::lock::model::{Lock, LockedSource};
use crate::lock::pylock;
use crate::resolve::inputs::Inputs;
use crate::resolve::model::Upgrade;
use crate::resolve::wheel_coverage::Unserved;

/// A choice that was taken away from uv.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Exclusion {
    /// What it is about.
    pub unserved: Unserved,
    /// What is left to choose from: `!=2.0.2` or `<=2.2.6`.
    pub bound: String,
    /// The image's marker; `None` where it is for all images.
    pub marker: Option<String>,
}

impl Exclusion {
    /// The line of constraints that takes the choice away.
    pub fn line(&self) -> String {
        let name = &self.unserved.package;
        match &self.marker {
            Some(marker) => format!("{name}{} ; {marker}", self.bound),
            None => format!("{name}{}", self.bound),
        }
    }
}

/// The earlier lock's index packages, for uv to prefer.
pub(super) fn preferences(lock: &Lock, upgrade: &Upgrade) -> Option<String> {
    let mut kept = lock.clone();
    kept.packages.retain(|package| {
        matches!(package.source, LockedSource::Index { .. })
            && !upgrade.concerns(package.name.as_str())
    });
    (!kept.packages.is_empty()).then(|| pylock::write(&kept))
}

/// What an earlier lock found not to serve need not be found again.
pub(super) fn known_forks(lock: &Lock, upgrade: &Upgrade, inputs: &Inputs) -> Vec<Exclusion> {
    let forks = lock
        .pannier
        .forks
        .iter()
        .filter(|fork| !upgrade.concerns(fork.package.as_str()));
    forks
        .filter_map(|fork| {
            let image = inputs
                .images
                .iter()
                .find(|image| image.name == fork.image)?;
            let version: Version = fork.version.parse().ok()?;
            Some(Exclusion {
                bound: format!("!={version}"),
                marker: Some(image.marker.clone()),
                unserved: Unserved {
                    package: fork.package.clone(),
                    version,
                    image: fork.image.clone(),
                    reason: fork.reason.clone(),
                    buildable: false,
                    bare: false,
                },
            })
        })
        .collect()
}
