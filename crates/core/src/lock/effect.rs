//! What the overrides of a run moved away from production: pure, from two locks.
//!
//! Refuses to guess: what it cannot put down to an override is among [`Effect::others`].

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::diff::{Change, ChangeKind, diff};
use super::model::Lock;

/// What differs from the production lock, sorted by name in each list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Effect {
    /// What was overridden.
    #[schemars(with = "Vec<String>")]
    pub overridden: Vec<Change>,
    /// What the overridden now need, no longer need, or need in another version.
    #[schemars(with = "Vec<String>")]
    pub needed: Vec<Change>,
    /// What changed in addition.
    #[schemars(with = "Vec<String>")]
    pub others: Vec<Change>,
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Compares a lock that was made with overrides with the production lock that it was made from.
#[must_use]
pub fn effect(production: &Lock, overridden: &Lock) -> Effect {
    let records = &overridden.pannier.overrides;
    let is_overridden = |change: &Change| records.iter().any(|one| one.is(&change.name));
    let has_to_move = |change: &Change| {
        let mut moves = records.iter().flat_map(|one| &one.moves);
        moves.any(|name| name.as_str() == change.name)
    };
    let mut found = Effect::default();
    for change in diff(production, overridden) {
        let came_or_went = matches!(change.kind, ChangeKind::Added(_) | ChangeKind::Removed(_));
        let is_package = !change.name.starts_with("data/");
        if is_overridden(&change) {
            found.overridden.push(change);
        } else if is_package && (came_or_went || has_to_move(&change)) {
            found.needed.push(change);
        } else {
            found.others.push(change);
        }
    }
    found
}
