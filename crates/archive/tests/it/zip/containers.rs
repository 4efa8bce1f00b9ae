//! Files that can be read in two ways: tiling, end records, ZIP64.

use pannier_archive::zip::Rules;

use crate::zip::{TEXT, among, honest, plain, refused, verdict};
use pannier_testkit::zip_forge::{Entry, Forge, deflate, extra, zip64_extra};

#[test]
fn tiling() {
    let shared = |i| {
        honest()
            .with(|entry| entry.written = false)
            .both(|header| header.name = vec![i; 6])
    };
    let same = Forge::of([honest(), honest().with(|entry| entry.written = false)]);
    let bodies = Forge::of(std::iter::once(honest()).chain((b'a'..=b'z').map(shared)));
    // The second entry lies inside the data of the first.
    let inner = Forge::of([Entry::stored("inner", TEXT)]).bytes();
    let outer = Entry::stored("outer", &inner);
    let nested = Entry::stored("inner", TEXT).with(|entry| {
        entry.written = false;
        entry.shift = 30 + 5;
    });
    // The first entry claims the second's header as its data ("quoted overlap").
    let quoted = Entry::stored("a", TEXT).both(|header| {
        header.size += 31;
        header.compressed += 31;
    });
    let zip = Forge::of([honest()]).bytes();
    let prefixed = [&b"#!/bin/sh\n"[..], &zip].concat();
    let adjusted = Forge::of([honest().with(|entry| entry.gap = b"#!/bin/sh\n".to_vec())]);
    let hidden = honest().with(|entry| entry.listed = false);
    let after_end = |suffix: &[u8]| [&zip[..], suffix].concat();
    let swallowing =
        honest().with(|entry| (entry.central.compressed, entry.local.compressed) = (4000, 4000));
    refused(vec![
        ("one offset twice", same.bytes(), "duplicate"),
        ("one body under many names", bodies.bytes(), "tiling"),
        (
            "one entry inside another",
            Forge::of([outer, nested]).bytes(),
            "tiling",
        ),
        (
            "quoted overlap",
            Forge::of([quoted, Entry::stored("b", TEXT)]).bytes(),
            "tiling",
        ),
        (
            "gap before the directory",
            plain(honest()).with(|forge| forge.gap = vec![0; 4]).bytes(),
            "tiling",
        ),
        (
            "gap between entries",
            among(honest().with(|entry| entry.gap = vec![0])),
            "tiling",
        ),
        ("hidden entry", among(hidden.clone()), "tiling"),
        (
            "hidden entry at the end",
            Forge::of([honest(), hidden.clone()]).bytes(),
            "tiling",
        ),
        ("only a hidden entry", Forge::of([hidden]).bytes(), "tiling"),
        ("prefix, offsets adjusted", adjusted.bytes(), "tiling"),
        ("prefix, offsets as they were", prefixed, "eocd"),
        ("suffix", after_end(b"more"), "eocd"),
        ("NUL suffix", after_end(&[0; 22]), "eocd"),
        ("two containers", after_end(&zip), "eocd"),
        (
            "data into the directory",
            Forge::of([swallowing]).bytes(),
            "tiling",
        ),
        (
            "offset beyond the directory",
            among(honest().with(|entry| entry.shift = 1 << 20)),
            "tiling",
        ),
    ]);
}

#[test]
fn end_record() {
    let end = |change: fn(&mut Forge)| plain(honest()).with(change).bytes();
    let with_zip = plain(honest()).with(|forge| forge.comment = Forge::of([honest()]).bytes());
    refused(vec![
        ("empty file", vec![], "eocd"),
        ("no container", vec![b'x'; 4000], "eocd"),
        (
            "cut by one",
            {
                let mut cut = end(|_| ());
                cut.pop();
                cut
            },
            "eocd",
        ),
        (
            "comment",
            end(|forge| forge.comment = b"hello".to_vec()),
            "eocd",
        ),
        (
            "a container as comment, numbers of the outer",
            with_zip.bytes(),
            "eocd",
        ),
        (
            "count short",
            end(|forge| (forge.count, forge.count_here) = (-1, -1)),
            "eocd",
        ),
        (
            "count long",
            end(|forge| (forge.count, forge.count_here) = (1, 1)),
            "eocd",
        ),
        ("counts differ", end(|forge| forge.count = 1), "eocd"),
        ("size", end(|forge| forge.size = -1), "eocd"),
        ("offset", end(|forge| forge.offset = 1), "eocd"),
        (
            "size and offset",
            end(|forge| (forge.size, forge.offset) = (-1, 1)),
            "eocd",
        ),
        ("disks", end(|forge| forge.disk = 1), "eocd"),
        (
            "comment of an entry",
            among(honest().with(|entry| entry.comment = b"c".to_vec())),
            "directory",
        ),
        (
            "disk of an entry",
            among(honest().with(|entry| entry.disk = 1)),
            "directory",
        ),
        (
            "comment beyond the directory",
            {
                let mut bytes = Forge::of([honest()]).bytes();
                let at = bytes.len() - 22 - 46 - 6 + 32;
                bytes[at] = 1;
                bytes
            },
            "directory",
        ),
    ]);
}

#[test]
fn zip64() {
    let end = |change: fn(&mut Vec<u8>)| {
        plain(honest())
            .with(|forge| (forge.zip64, forge.all_ones) = (Some(change), true))
            .bytes()
    };
    let (size, compressed) = (TEXT.len() as u64, deflate(TEXT).len() as u64);
    let wide = |extra: Vec<u8>| {
        among(honest().both(|header| {
            (header.size, header.compressed) = (u32::MAX, u32::MAX);
            header.extra = extra.clone();
        }))
    };
    let narrow = |extra: Vec<u8>| among(honest().both(|header| header.extra = extra.clone()));
    let right = zip64_extra(&[size, compressed]);
    assert_eq!(verdict(&end(|_| ()), &Rules::default()), "accepted");
    assert_eq!(verdict(&wide(right.clone()), &Rules::default()), "accepted");
    let repeated = |extra: Vec<u8>| among(honest().with(|entry| entry.local.extra = extra));
    assert_eq!(
        verdict(&repeated(right.clone()), &Rules::default()),
        "accepted"
    );
    let disagreeing = plain(honest()).with(|forge| {
        forge.zip64 = Some(|_| ());
        forge.offset = 1;
    });
    refused(vec![
        (
            "locator one off",
            end(|records| records[56 + 8] += 1),
            "zip64",
        ),
        (
            "locator far off",
            end(|records| records[56 + 15] = 0xff),
            "zip64",
        ),
        (
            "locator of two disks",
            end(|records| records[56 + 16] = 2),
            "zip64",
        ),
        (
            "record of two disks",
            end(|records| records[16] = 1),
            "zip64",
        ),
        (
            "record without signature",
            end(|records| records[0] = 0),
            "zip64",
        ),
        (
            "extensible data, length told",
            end(|records| {
                records[4] += 4;
                records.splice(56..56, [0; 4]);
            }),
            "zip64",
        ),
        (
            "extensible data, locator right",
            end(|records| {
                records.splice(56..56, [0; 4]);
            }),
            "zip64",
        ),
        ("counts differ", end(|records| records[24] += 1), "zip64"),
        (
            "count wrong",
            end(|records| {
                records[24] += 1;
                records[32] += 1;
            }),
            "eocd",
        ),
        ("offset wrong", end(|records| records[48] ^= 1), "eocd"),
        (
            "no locator",
            plain(honest()).with(|forge| forge.all_ones = true).bytes(),
            "zip64",
        ),
        (
            "end record tells something else",
            disagreeing.bytes(),
            "zip64",
        ),
        (
            "field twice",
            wide([right.clone(), right.clone()].concat()),
            "zip64",
        ),
        ("all ones without a field", wide(vec![]), "zip64"),
        ("field too short", wide(zip64_extra(&[size])), "zip64"),
        (
            "field too long",
            wide(zip64_extra(&[size, compressed, 0])),
            "zip64",
        ),
        ("field that nothing asks for", narrow(right), "zip64"),
        (
            "field that repeats wrongly",
            repeated(zip64_extra(&[size + 1, compressed])),
            "zip64",
        ),
        (
            "field that repeats swapped",
            repeated(zip64_extra(&[compressed, size])),
            "zip64",
        ),
        (
            "field that repeats one",
            repeated(zip64_extra(&[size])),
            "zip64",
        ),
        ("empty field", narrow(extra(1, b"")), "zip64"),
    ]);
}
