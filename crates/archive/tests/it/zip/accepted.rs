//! Unusual but honest containers; and that no bytes at all bring the reader down.

use pannier_archive::entries::Coding;
use pannier_archive::entries::Content;
use pannier_archive::entries::Pack;
use pannier_archive::entries::PackEntry;
use pannier_archive::entries::Stream;
use pannier_archive::zip::Rules;
use pannier_archive::zip::read_entry;
use pannier_archive::zip::verify;
use pannier_base::digest::Digest;
use proptest::prelude::*;

use pannier_testkit::zip_forge::{Bits, Entry, Forge, Header, file, zip64_extra};

/// Verifies a container and reads every entry again.
#[track_caller]
pub fn accepted(forge: &Forge) -> Pack {
    let file = file(&forge.bytes());
    let pack = verify(&file, &Rules::default()).unwrap();
    for entry in pack.iter() {
        if let Content::File { stream, .. } = entry.content {
            let content = read_entry(&file, &stream).unwrap();
            assert_eq!(Digest::of(&content), stream.sha256, "{}", entry.path);
            assert_eq!(content.len() as u64, stream.size, "{}", entry.path);
        }
    }
    pack
}

pub fn stream(entry: &PackEntry) -> Stream {
    *entry.stream().unwrap_or_else(|| panic!("{entry:?}"))
}

/// The stream of a container's only entry.
fn only(entry: Entry) -> Stream {
    stream(accepted(&Forge::of([entry])).get(0).unwrap())
}

#[test]
fn blocks_are_told_to_the_bit() {
    let mut seen = [[false; 8]; 2];
    for (before, behind) in (0..64).map(|i| (i % 8, i / 8)) {
        // A literal of the upper half takes nine bits, one of the lower half eight.
        let bits = Bits::default()
            .stored(false, b"first")
            .fixed(false, &vec![0xff; before]);
        let last_block = bits.length as u64;
        let bits = bits.fixed(true, &[&b"last"[..], &vec![0xff; behind]].concat());
        let end = bits.length as u64;
        seen[0][last_block as usize % 8] = true;
        seen[1][end as usize % 8] = true;
        for bits in [bits.clone(), bits.dirty()] {
            let coding = only(bits.entry("f")).coding;
            assert_eq!(coding, Coding::Deflate { last_block, end });
        }
    }
    assert_eq!(seen, [[true; 8]; 2]);
}

#[test]
fn blocks_of_every_kind() {
    let empty = Bits::default().fixed(true, b"");
    let stored = Bits::default().stored(true, b"");
    let mut many = Bits::default();
    for i in 0..500_u32 {
        many = match i % 3 {
            0 => many.fixed(false, &i.to_le_bytes()),
            1 => many.stored(false, &vec![i as u8; i as usize]),
            _ => many.fixed(false, b""),
        };
    }
    let empty_at_the_end = many.clone().fixed(true, b"");
    for bits in [
        empty,
        stored,
        empty_at_the_end,
        many.stored(true, &[3; 65_535]),
    ] {
        let end = bits.length as u64;
        assert!(matches!(only(bits.entry("f")).coding, Coding::Deflate { end: e, .. } if e == end));
    }
}

#[test]
fn stored_of_all_lengths() {
    for length in [0, 1, 65_535, 65_536, 131_071, 200_000] {
        let content: Vec<u8> = (0..length).map(|i| ((i * i) >> 3) as u8).collect();
        let stream = only(Entry::stored("f", &content));
        assert_eq!((stream.coding, stream.size), (Coding::Stored, length));
        assert_eq!((stream.offset, stream.compressed), (31, length));
        assert_eq!(stream.sha256, Digest::of(&content));
    }
}

#[test]
fn right_descriptors() {
    for signed in [true, false] {
        let entries =
            ["a", "b"].map(|name| Entry::deflated(name, b"text text text").descriptor(signed));
        let filled = Entry::stored("c", b"x").descriptor(signed).with(|entry| {
            let flags = entry.local.flags;
            entry.local = Header {
                flags,
                ..entry.central.clone()
            };
        });
        assert_eq!(
            accepted(&Forge::of(entries.into_iter().chain([filled]))).len(),
            3
        );
    }
}

#[test]
fn wide_descriptors() {
    for signature in [&b"PK\x07\x08"[..], b""] {
        let entry = Entry::deflated("a", b"text")
            .both(|header| header.flags |= 8)
            .with(|entry| {
                let header = entry.central.clone();
                entry.local.extra = zip64_extra(&[0, 0]);
                (entry.local.size, entry.local.compressed) = (u32::MAX, u32::MAX);
                let sizes =
                    [header.compressed, header.size].map(|size| u64::from(size).to_le_bytes());
                entry.descriptor = [signature, &header.crc.to_le_bytes(), &sizes.concat()].concat();
            });
        accepted(&Forge::of([entry.clone(), Entry::stored("b", b"")]));
        accepted(&Forge::of([entry]));
    }
}

#[test]
fn modes() {
    let executable = |mode: u32, system: u16| {
        let entry = Entry::stored("f", b"")
            .mode(mode)
            .with(|entry| entry.made_by = system << 8 | 20);
        match accepted(&Forge::of([entry])).get(0).unwrap().content {
            Content::File { executable, .. } => executable,
            _ => panic!("no file"),
        }
    };
    for mode in [0o100_755, 0o100_777, 0o104_755, 0o100_641, 0o755] {
        assert!(executable(mode, 3), "{mode:o}");
        assert!(!executable(mode, 0), "{mode:o} made by DOS");
    }
    for mode in [0o100_644, 0o100_666, 0o102_644, 0] {
        assert!(!executable(mode, 3), "{mode:o}");
    }
}

#[test]
fn names_and_order() {
    let deep = |length: usize| ["d".repeat(99), "e".repeat(length - 100)].join("/");
    let names = [
        "z/",
        "z/ä.py",
        "b",
        "日本語",
        &deep(101),
        &deep(256),
        &deep(300),
        "a b",
        "Z.py",
        "…",
        "x/y/",
    ];
    let entries = accepted(&Forge::of(names.map(|name| Entry::stored(name, b""))));
    let paths: Vec<_> = entries.iter().map(|entry| &*entry.path).collect();
    assert_eq!(paths, names.map(|name| name.trim_end_matches('/')));
    assert_eq!(entries.get(0).unwrap().content, Content::Directory);
    // The directory's order counts, not that of the data.
    let swapped = Forge::of([
        Entry::stored("one", b"1").with(|entry| entry.listed = false),
        Entry::stored("two", b"2"),
        Entry::stored("one", b"1").with(|entry| (entry.written, entry.shift) = (false, -34)),
    ]);
    let entries = accepted(&swapped);
    assert_eq!(
        [0, 1].map(|number| &*entries.get(number).unwrap().path),
        ["two", "one"]
    );
}

#[test]
fn many_files() {
    let entries = (0..10_000).map(|i| Entry::stored(&format!("{}/{i}", i % 100), b""));
    assert_eq!(accepted(&Forge::of(entries)).len(), 10_000);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_bring_it_down(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let ends_well = [&bytes[..], &Forge::default().bytes()].concat();
        for bytes in [bytes, ends_well] {
            let _ = verify(&file(&bytes), &Rules::default());
        }
    }

    /// Changed containers are refused, or still hold what they say.
    #[test]
    fn no_change_brings_it_down(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..4)) {
        let mut bytes = sample().bytes();
        for (at, value, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = value,
                1 => bytes.insert(at, value),
                _ => { bytes.remove(at); }
            }
        }
        let rules = Rules { symlinks: true, ..Rules::default() };
        let file = file(&bytes);
        if let Ok(pack) = verify(&file, &rules) {
            for entry in pack.iter() {
                if let Content::File { stream, .. } = entry.content {
                    prop_assert_eq!(Digest::of(&read_entry(&file, &stream).unwrap()), stream.sha256);
                }
            }
        }
    }
}

fn sample() -> Forge {
    Forge::of([
        Entry::stored("d/", b""),
        Entry::deflated("d/a.py", b"text text text text"),
        Entry::stored("d/é", b"stored").descriptor(true),
        Entry::stored("l", b"target").mode(0o120_777),
        Bits::default()
            .fixed(false, b"one")
            .stored(true, b"two")
            .entry("b"),
    ])
    .with(|forge| forge.zip64 = Some(|_| ()))
}
