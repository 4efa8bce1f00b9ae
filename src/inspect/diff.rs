//! What differs between two tarballs: packages and data projects by what the manifests say, files by their content.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Inspection, Node, Size};
use crate::tarball::{Manifest, Source};

/// What differs between two tarballs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// By package, sorted by name.
    pub packages: Vec<Change<Identity>>,
    /// By data project, sorted by name.
    pub data: Vec<Change<Identity>>,
    /// By file, sorted by path.
    pub files: Vec<Change<Node>>,
}

/// One thing that is not the same in both; `None` where it is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change<T> {
    /// Name or path.
    pub name: String,
    /// In the first tarball.
    pub before: Option<T>,
    /// In the second one.
    pub after: Option<T>,
}

/// Which package or data project it is exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// Its version, if it is a package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// SHA-256 of its wheel, if it is a package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<crate::digest::Digest>,
    /// Where it is from.
    pub source: Source,
    /// How much it is.
    pub size: Size,
}

/// Compares two tarballs.
#[must_use]
pub fn diff(before: &Inspection, after: &Inspection) -> Difference {
    Difference {
        packages: changes(&packages(before), &packages(after)),
        data: changes(&data(before), &data(after)),
        files: changes(&before.tree, &after.tree),
    }
}

fn changes<T: Clone + PartialEq>(
    before: &BTreeMap<String, T>,
    after: &BTreeMap<String, T>,
) -> Vec<Change<T>> {
    let gone = before.iter().filter(|(name, _)| !after.contains_key(*name));
    let gone = gone.map(|(name, node)| change(name, Some(node), None));
    let other = after.iter().filter_map(|(name, node)| {
        let old = before.get(name);
        (old != Some(node)).then(|| change(name, old, Some(node)))
    });
    let mut changes: Vec<_> = gone.chain(other).collect();
    changes.sort_by(|a, b| a.name.cmp(&b.name));
    changes
}

fn change<T: Clone>(name: &str, before: Option<&T>, after: Option<&T>) -> Change<T> {
    Change {
        name: name.to_owned(),
        before: before.cloned(),
        after: after.cloned(),
    }
}

fn packages(inspection: &Inspection) -> BTreeMap<String, Identity> {
    let Manifest { packages, .. } = &inspection.manifest;
    let identities = packages.iter().map(|package| {
        let size = inspection.packages.get(&package.name);
        let identity = Identity {
            version: Some(package.version.clone()),
            sha256: Some(package.sha256),
            source: package.source.clone(),
            size: size.copied().unwrap_or_default(),
        };
        (package.name.to_string(), identity)
    });
    identities.collect()
}

fn data(inspection: &Inspection) -> BTreeMap<String, Identity> {
    let Manifest { data, .. } = &inspection.manifest;
    let identities = data.iter().map(|project| {
        let name = project.name.to_string();
        let identity = Identity {
            version: None,
            sha256: None,
            source: project.source.clone(),
            size: inspection.data.get(&name).copied().unwrap_or_default(),
        };
        (name, identity)
    });
    identities.collect()
}
