//! What differs between two tarballs: packages and data projects by what the manifests say, files by their content.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::iter;

use serde::Serialize;

use super::{Inspection, Node, Size};
use crate::tarball::{Manifest, Source};

/// What differs between two tarballs.
#[derive(Debug, Clone, Serialize)]
pub struct Difference<'a> {
    /// By package, sorted by name.
    pub packages: Vec<Change<Identity>>,
    /// By data project, sorted by name.
    pub data: Vec<Change<Identity>>,
    /// By file, sorted by path.
    pub files: Vec<Change<&'a Node>>,
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
    pub sha256: Option<pannier_base::digest::Digest>,
    /// Where it is from.
    pub source: Source,
    /// How much it is.
    pub size: Size,
}

/// Compares two tarballs.
#[must_use]
pub fn diff<'a>(before: &'a Inspection, after: &'a Inspection) -> Difference<'a> {
    Difference {
        packages: changes(packages(before), packages(after)).collect(),
        data: changes(data(before), data(after)).collect(),
        files: changes(nodes(before), nodes(after)).collect(),
    }
}

/// What is not the same in both, which are sorted by name.
fn changes<T: PartialEq>(
    before: impl IntoIterator<Item = (String, T)>,
    after: impl IntoIterator<Item = (String, T)>,
) -> impl Iterator<Item = Change<T>> {
    let mut before = before.into_iter().peekable();
    let mut after = after.into_iter().peekable();
    let pairs = iter::from_fn(move || {
        let order = match (before.peek(), after.peek()) {
            (Some((before, _)), Some((after, _))) => before.cmp(after),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        let old = before.next_if(|_| order.is_le());
        let new = after.next_if(|_| order.is_ge());
        Some((old, new))
    });
    pairs.filter_map(|(old, new)| {
        let (old_name, before) = old.unzip();
        let (new_name, after) = new.unzip();
        let name = new_name.or(old_name)?;
        (before != after).then_some(Change {
            name,
            before,
            after,
        })
    })
}

fn nodes(inspection: &Inspection) -> impl Iterator<Item = (String, &Node)> {
    let nodes = inspection.tree.iter();
    nodes.map(|(path, node)| (path.clone(), node))
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
