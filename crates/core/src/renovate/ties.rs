//! Which pins can only be raised together: one package names exactly one version of another.
//!
//! Looks at `==` and `===` alone. Ranges leave room, and whether the room is enough is the gate's question.

use std::collections::{BTreeMap, BTreeSet};

use pep440_rs::Operator;
use pep508_rs::{ExtraName, VersionOrUrl};

use crate::constraints::parse_requirement;
use pannier_base::name::PackageName;

/// What one locked package says that it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// The package.
    pub package: PackageName,
    /// Its `Requires-Dist` lines.
    pub requirements: Vec<String>,
}

/// Packages that are raised together: two or more, sorted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group(pub Vec<PackageName>);

/// The groups among the packages that are `held` by constraints, sorted.
///
/// Lines that are not requirements are skipped here: the resolution reports them.
#[must_use]
pub fn groups(held: &BTreeSet<PackageName>, needs: &[Needs]) -> Vec<Group> {
    let mut leader: BTreeMap<&PackageName, &PackageName> =
        held.iter().map(|name| (name, name)).collect();
    for need in needs {
        for line in &need.requirements {
            let Some(other) = exactly(line) else { continue };
            let (Some(mine), Some(its)) = (
                leader.get(&need.package).copied(),
                leader.get(&other).copied(),
            ) else {
                continue;
            };
            for of in leader.values_mut() {
                if *of == its {
                    *of = mine;
                }
            }
        }
    }
    let mut gathered: BTreeMap<&PackageName, Vec<PackageName>> = BTreeMap::new();
    for (name, of) in leader {
        gathered.entry(of).or_default().push(name.clone());
    }
    let several = gathered.into_values().filter(|names| names.len() > 1);
    let mut groups: Vec<Group> = several.map(Group).collect();
    groups.sort();
    groups
}

/// The package of a requirement that holds without extras and names one version.
fn exactly(line: &str) -> Option<PackageName> {
    let requirement = parse_requirement(line).ok()?;
    let none: &[ExtraName] = &[];
    if !requirement.marker.evaluate_optional_environment(None, none) {
        return None;
    }
    let Some(VersionOrUrl::VersionSpecifier(specifiers)) = &requirement.version_or_url else {
        return None;
    };
    let exact = specifiers
        .iter()
        .any(|specifier| matches!(specifier.operator(), Operator::Equal | Operator::ExactEqual));
    exact.then(|| requirement.name.to_string().parse().ok())?
}
