//! The `zip` room from outside: what it refuses, what it accepts, what it writes.
#![allow(missing_docs, clippy::unwrap_used)]

mod accepted;
mod containers;
mod entries;
mod splice;
mod streams;
mod writer;

use pannier_archive::zip::Rules;
use pannier_archive::zip::verify;
use pannier_testkit::zip_forge::{Entry, Forge, file};

pub const TEXT: &[u8] =
    b"The quick brown fox jumps over the lazy dog. The quick brown fox again.\n";

/// Name of the case, the container, the rule.
pub type Case = (&'static str, Vec<u8>, &'static str);

pub fn verdict(bytes: &[u8], rules: &Rules) -> String {
    match verify(&file(bytes), rules) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error
            .rule()
            .map_or_else(|| format!("{error:?}"), |rule| rule.to_string()),
    }
}

#[track_caller]
pub fn refused(cases: Vec<Case>) {
    for (name, bytes, rule) in cases {
        assert_eq!(verdict(&bytes, &Rules::default()), rule, "{name}");
    }
}

/// The entry between two honest ones, so that state carried over would show.
pub fn among(entry: Entry) -> Vec<u8> {
    plain(entry).bytes()
}

pub fn plain(entry: Entry) -> Forge {
    Forge::of([
        Entry::deflated("first", TEXT),
        entry,
        Entry::deflated("last", TEXT),
    ])
}

pub fn honest() -> Entry {
    Entry::deflated("mod.py", TEXT)
}

#[test]
fn the_forge_is_honest_when_asked() {
    assert_eq!(verdict(&among(honest()), &Rules::default()), "accepted");
    assert_eq!(
        verdict(&Forge::default().bytes(), &Rules::default()),
        "accepted"
    );
}

/// Many threads, one verdict: the first fault in the directory's order.
#[test]
fn the_first_fault_is_reported() {
    let content: Vec<u8> = (0..40_000_u32)
        .flat_map(|i| (i * i).to_le_bytes())
        .collect();
    let entries = (0..64).map(|i| {
        let entry = Entry::deflated(&format!("f{i:02}"), &content);
        if i >= 23 {
            entry.both(|header| header.crc ^= 1)
        } else {
            entry
        }
    });
    let bytes = Forge::of(entries).bytes();
    for _ in 0..8 {
        let error = verify(&file(&bytes), &Rules::default()).unwrap_err();
        assert!(error.to_string().starts_with("entry `f23`: "), "{error}");
    }
}
