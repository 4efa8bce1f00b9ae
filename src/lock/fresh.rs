//! Whether a lock still answers a request: digests are compared, nothing is resolved.

use std::collections::{BTreeMap, BTreeSet};

use super::model::PannierTable;
use crate::digest::Digest;

/// What a request is known by: one digest of all of it, and one of each part, so that a change can be named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// Digest of the whole request.
    pub request: Digest,
    /// Digest of the constraints, if there are any.
    pub constraints: Option<Digest>,
    /// Digest of each part, by its name in words.
    pub parts: BTreeMap<String, Digest>,
}

/// Whether a lock answers a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freshness {
    /// It was made from the same request.
    Fresh,
    /// It was made from another one; each line names a part and what happened to it. Never empty.
    Stale(Vec<String>),
}

/// Compares what the lock was made from with what is wanted now.
#[must_use]
pub fn freshness(locked: &PannierTable, wanted: &Fingerprint) -> Freshness {
    if locked.request == wanted.request && locked.constraints == wanted.constraints {
        return Freshness::Fresh;
    }
    let names: BTreeSet<_> = locked.parts.keys().chain(wanted.parts.keys()).collect();
    let mut changes: Vec<String> = names
        .into_iter()
        .filter_map(|name| change(name, locked.parts.get(name), wanted.parts.get(name)))
        .collect();
    // The constraints may or may not be among the parts; they are named once.
    if !changes.iter().any(|line| line.starts_with("constraints")) {
        changes.extend(change(
            "constraints",
            locked.constraints.as_ref(),
            wanted.constraints.as_ref(),
        ));
    }
    if changes.is_empty() {
        changes.push("the request changed".to_owned());
    }
    Freshness::Stale(changes)
}

fn change(name: &str, before: Option<&Digest>, now: Option<&Digest>) -> Option<String> {
    match (before, now) {
        (Some(before), Some(now)) if before == now => None,
        (Some(_), Some(_)) => Some(format!("{name} changed")),
        (None, Some(_)) => Some(format!("{name} came in")),
        (Some(_), None) => Some(format!("{name} went away")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(parts: &[(&str, &str)]) -> Fingerprint {
        let digested = |text: &str| Digest::of(text.as_bytes());
        Fingerprint {
            request: digested(&format!("{parts:?}")),
            constraints: None,
            parts: parts
                .iter()
                .map(|(name, text)| ((*name).to_owned(), digested(text)))
                .collect(),
        }
    }

    fn table(fingerprint: Fingerprint) -> PannierTable {
        PannierTable {
            format: 1,
            request: fingerprint.request,
            constraints: fingerprint.constraints,
            parts: fingerprint.parts,
            images: BTreeMap::new(),
            data: BTreeMap::new(),
            forks: Vec::new(),
        }
    }

    #[test]
    fn the_same_request_is_fresh() {
        let wanted = fingerprint(&[("index", "a")]);
        assert_eq!(freshness(&table(wanted.clone()), &wanted), Freshness::Fresh);
    }

    #[test]
    fn changes_are_named() {
        let locked = table(fingerprint(&[
            ("image a", "1"),
            ("image b", "1"),
            ("index", "1"),
        ]));
        let wanted = fingerprint(&[("image a", "2"), ("image c", "1"), ("index", "1")]);
        let Freshness::Stale(changes) = freshness(&locked, &wanted) else {
            panic!("fresh");
        };
        assert_eq!(
            changes,
            ["image a changed", "image b went away", "image c came in"]
        );
    }

    #[test]
    fn changed_constraints_are_stale_even_when_nothing_else_is_told() {
        let wanted = fingerprint(&[]);
        let mut locked = table(wanted.clone());
        locked.constraints = Some(Digest::of(b"x"));
        assert_eq!(
            freshness(&locked, &wanted),
            Freshness::Stale(vec!["constraints went away".into()])
        );
        locked.constraints = None;
        locked.request = Digest::of(b"y");
        assert_eq!(
            freshness(&locked, &wanted),
            Freshness::Stale(vec!["the request changed".into()])
        );
    }
}
