//! The last step of a resolution with overrides: undoes changes that are not needed.
//!
//! A package that is not overridden changes only if there is no solution with its version in production. This tries that for
//! each changed package, and records those that could not stay.

use crate::lock::diff::{ChangeKind, diff};
use crate::lock::model::{Lock, LockedSource};
use crate::resolve::error::ResolveError;
use crate::resolve::inputs::Inputs;
use crate::resolve::model::Upgrade;
use pannier_base::name::PackageName;

/// Gives the lock in which only what has to moves away from `before`, and what the upgrade gives up. `choose` resolves with
/// other inputs.
pub(super) fn minimize(
    (before, upgrade): (&Lock, &Upgrade),
    mut lock: Lock,
    inputs: &mut Inputs,
    choose: &mut dyn FnMut(&Inputs) -> Result<Lock, ResolveError>,
) -> Result<Lock, ResolveError> {
    let mut moves = Vec::new();
    for (name, version) in moved(before, &lock) {
        if upgrade.concerns(name.as_str()) {
            continue;
        }
        let bounds = inputs.constraints.len();
        inputs.constraints.push(format!("{name}=={version}"));
        match choose(inputs) {
            Ok(held) => lock = held,
            Err(why) if why.is_conflict() => {
                inputs.constraints.truncate(bounds);
                moves.push(name);
            }
            Err(why) => return Err(why),
        }
    }
    moves.sort();
    for one in &mut lock.pannier.overrides {
        one.moves.clone_from(&moves);
    }
    Ok(lock)
}

/// Packages of the index with another version than before, and that version; those that had several are left alone.
fn moved(before: &Lock, after: &Lock) -> Vec<(PackageName, pep440_rs::Version)> {
    let overridden = |name: &str| after.pannier.overrides.iter().any(|one| one.name == name);
    let changes = diff(before, after).into_iter().filter(|change| {
        let other = matches!(
            change.kind,
            ChangeKind::Raised(..) | ChangeKind::Lowered(..) | ChangeKind::Moved(..)
        );
        other && !overridden(&change.name)
    });
    let moved = changes.filter_map(|change| {
        let packages = before.packages.iter();
        let mut packages = packages.filter(|package| package.name.as_str() == change.name);
        let package = packages.next()?;
        let from_index = matches!(package.source, LockedSource::Index { .. });
        let alone = packages.next().is_none();
        let version = package.version.clone().filter(|_| from_index && alone)?;
        Some((package.name.clone(), version))
    });
    moved.collect()
}
