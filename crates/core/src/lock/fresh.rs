//! Whether a lock still answers a request: digests are compared, nothing is resolved.

use super::model::PannierTable;
use crate::request::digest::{Parts, changes, whole};

/// Whether a lock answers a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freshness {
    /// It was made from the same request.
    Fresh,
    /// It was made from another one; each line says in words what changed. Never empty.
    Stale(Vec<String>),
}

/// Compares what the lock was made from with the parts of what is wanted now.
#[must_use]
pub fn freshness(locked: &PannierTable, wanted: &Parts) -> Freshness {
    if locked.request == whole(wanted) {
        return Freshness::Fresh;
    }
    let mut lines = changes(&locked.parts, wanted);
    if lines.is_empty() {
        lines.push(
            "the lock's digest of the request does not match its parts: it was edited".to_owned(),
        );
    }
    Freshness::Stale(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pannier_base::digest::Digest;
    use std::collections::BTreeMap;

    fn parts(list: &[(&str, &str)]) -> Parts {
        let digested = list
            .iter()
            .map(|(name, text)| ((*name).to_owned(), Digest::of(text.as_bytes())));
        digested.collect()
    }

    fn table(parts: Parts) -> PannierTable {
        PannierTable {
            format: 1,
            request: whole(&parts),
            constraints: None,
            parts,
            images: BTreeMap::new(),
            data: BTreeMap::new(),
            forks: Vec::new(),
            overrides: Vec::new(),
        }
    }

    #[test]
    fn the_same_request_is_fresh() {
        let wanted = parts(&[("index", "a")]);
        assert_eq!(freshness(&table(wanted.clone()), &wanted), Freshness::Fresh);
    }

    #[test]
    fn changes_are_named() {
        let locked = table(parts(&[("packages of image a", "1"), ("index", "1")]));
        let wanted = parts(&[("packages of image a", "2"), ("index", "1")]);
        let Freshness::Stale(lines) = freshness(&locked, &wanted) else {
            panic!("fresh");
        };
        assert_eq!(lines, ["packages of image a changed"]);
    }

    #[test]
    fn an_edited_digest_is_stale_and_says_so() {
        let wanted = parts(&[("index", "1")]);
        let mut locked = table(wanted.clone());
        locked.request = Digest::of(b"other");
        let Freshness::Stale(lines) = freshness(&locked, &wanted) else {
            panic!("fresh");
        };
        assert!(lines[0].contains("edited"), "{lines:?}");
    }
}
