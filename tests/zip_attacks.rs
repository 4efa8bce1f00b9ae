//! Containers that must be refused, each by its rule.

#[path = "support/zip_forge.rs"]
mod zip_forge;

use pannier::zip::{Rules, verify};
use zip_forge::{Bits, Entry, Forge, deflate, extra, file, zip64_extra};

const TEXT: &[u8] = b"The quick brown fox jumps over the lazy dog. The quick brown fox again.\n";

/// Name of the case, the container, the rule.
type Case = (&'static str, Vec<u8>, &'static str);

fn verdict(bytes: &[u8], rules: &Rules) -> String {
    match verify(&file(bytes), rules) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error
            .rule()
            .map_or_else(|| format!("{error:?}"), |rule| rule.to_string()),
    }
}

#[track_caller]
fn refused(cases: Vec<Case>) {
    for (name, bytes, rule) in cases {
        assert_eq!(verdict(&bytes, &Rules::default()), rule, "{name}");
    }
}

/// The entry between two honest ones, so that state carried over would show.
fn among(entry: Entry) -> Vec<u8> {
    plain(entry).bytes()
}

fn plain(entry: Entry) -> Forge {
    Forge::of([
        Entry::deflated("first", TEXT),
        entry,
        Entry::deflated("last", TEXT),
    ])
}

fn honest() -> Entry {
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

/// Own trailer, more members that hold an attacker's tar, then deflate again: valid gzip once its header is put before.
fn gzip_smuggling() -> Entry {
    let mut data = deflate(TEXT);
    data.extend(crc32fast::hash(TEXT).to_le_bytes());
    data.extend((TEXT.len() as u32).to_le_bytes());
    for content in [&b"injected"[..], TEXT] {
        data.extend(b"\x1f\x8b\x08\0\0\0\0\0\0\xff");
        data.extend(deflate(content));
    }
    Entry::raw("mod.py", data, TEXT)
}

#[test]
fn streams() {
    let stream = |data: Vec<u8>| among(Entry::raw("mod.py", data, TEXT));
    let size =
        |change: i32| honest().both(|header| header.size = header.size.wrapping_add_signed(change));
    let mut short = deflate(TEXT);
    short.pop();
    let prefix = size(-5).both(|header| header.crc = crc32fast::hash(&TEXT[..TEXT.len() - 5]));
    let endless = Bits::default().fixed(false, TEXT);
    let halved = Bits::default().fixed(true, TEXT).bytes[..20].to_vec();
    // Length 3 (code 257), distance 1 (code 0), with nothing before it; then behind two literals distance 3 (code 2).
    let before = Bits::default()
        .number(1, 1)
        .number(1, 2)
        .code(1, 7)
        .code(0, 5)
        .code(0, 7);
    let beyond = Bits::default()
        .number(1, 1)
        .number(1, 2)
        .code(0x30, 8)
        .code(0x30, 8);
    let beyond = beyond.code(1, 7).code(2, 5).code(0, 7);
    let window_of_the_first = Entry::raw("mod.py", before.bytes, b"\n\n\n");
    let bad_length = b"\x01\x05\x00\x00\x00hello".to_vec();
    refused(vec![
        (
            "gzip members behind the end",
            among(gzip_smuggling()),
            "trailing-compressed-data",
        ),
        (
            "junk behind the end",
            stream([deflate(TEXT), vec![7; 9]].concat()),
            "trailing-compressed-data",
        ),
        (
            "a NUL behind the end",
            stream([deflate(TEXT), vec![0]].concat()),
            "trailing-compressed-data",
        ),
        (
            "second stream",
            stream([deflate(TEXT), deflate(TEXT)].concat()),
            "trailing-compressed-data",
        ),
        ("one byte short", stream(short), "truncated-stream"),
        ("cut in a block", stream(halved), "truncated-stream"),
        ("no data at all", stream(vec![]), "truncated-stream"),
        ("no final block", stream(endless.bytes), "truncated-stream"),
        (
            "smaller size, CRC of the prefix",
            among(prefix),
            "size-mismatch",
        ),
        ("smaller size", among(size(-1)), "size-mismatch"),
        ("larger size", among(size(1)), "size-mismatch"),
        (
            "wrong CRC",
            among(honest().both(|header| header.crc ^= 1)),
            "crc-mismatch",
        ),
        (
            "stored, wrong CRC",
            among(Entry::stored("x", TEXT).both(|header| header.crc ^= 1)),
            "crc-mismatch",
        ),
        (
            "stored, sizes differ",
            among(Entry::stored("x", TEXT).both(|header| header.size += 1)),
            "size-mismatch",
        ),
        (
            "distance before the start",
            among(window_of_the_first),
            "bad-deflate",
        ),
        (
            "distance beyond what is there",
            stream(beyond.bytes),
            "bad-deflate",
        ),
        ("reserved block type", stream(vec![7, 0, 0]), "bad-deflate"),
        (
            "stored block, wrong complement",
            stream(bad_length),
            "bad-deflate",
        ),
        (
            "stored content called deflated",
            stream(TEXT.to_vec()),
            "bad-deflate",
        ),
    ]);
}

#[test]
fn bombs() {
    let zeros = vec![0; 65 << 20];
    let bomb = Entry::deflated("zeros", &zeros);
    let small = bomb.clone().both(|header| header.size = 100);
    let huge = bomb.clone().both(|header| header.size = u32::MAX - 1);
    let many = (0..12).map(|i| huge.clone().both(|header| header.name.push(b'a' + i)));
    refused(vec![
        ("ratio of a thousand", among(bomb), "limit"),
        ("declared small", among(small), "size-mismatch"),
        ("declared huge", Forge::of(many).bytes(), "limit"),
    ]);
    let entries = Rules {
        entries: 2,
        ..Rules::default()
    };
    assert_eq!(verdict(&among(honest()), &entries), "limit");
    let total = Rules {
        total: 2 * TEXT.len() as u64,
        ..Rules::default()
    };
    assert_eq!(verdict(&among(honest()), &total), "limit");
}

#[test]
fn headers() {
    let local =
        |change: fn(&mut zip_forge::Header)| among(honest().with(|entry| change(&mut entry.local)));
    refused(vec![
        (
            "name",
            local(|header| header.name = b"mod.pz".to_vec()),
            "header-mismatch",
        ),
        (
            "longer name",
            local(|header| header.name.push(b'c')),
            "header-mismatch",
        ),
        (
            "method",
            local(|header| header.method = 0),
            "header-mismatch",
        ),
        ("flags", local(|header| header.flags = 2), "header-mismatch"),
        ("CRC", local(|header| header.crc ^= 1), "header-mismatch"),
        (
            "CRC of zero",
            local(|header| header.crc = 0),
            "header-mismatch",
        ),
        ("size", local(|header| header.size += 1), "header-mismatch"),
        (
            "compressed size",
            local(|header| header.compressed -= 1),
            "header-mismatch",
        ),
        (
            "extra fields that do not parse",
            local(|header| header.extra = vec![9; 3]),
            "bad-extra",
        ),
        (
            "extra field too long",
            local(|header| header.extra = vec![9, 9, 9, 0, 1]),
            "bad-extra",
        ),
        (
            "descriptor flag here only",
            local(|header| header.flags = 8),
            "header-mismatch",
        ),
    ]);
}

#[test]
fn names_beside_each_other() {
    let names = |names: &[&str]| {
        let entries = names.iter().map(|name| match name.ends_with('/') {
            true => Entry::stored(name, b""),
            false => Entry::deflated(name, TEXT),
        });
        Forge::of(entries).bytes()
    };
    let other = Forge::of([honest(), Entry::deflated("mod.py", b"another")]).bytes();
    refused(vec![
        (
            "equal content",
            names(&["mod.py", "x", "mod.py"]),
            "duplicate",
        ),
        ("other content", other, "duplicate"),
        ("folders", names(&["m/", "m/"]), "duplicate"),
        ("case", names(&["mod.py", "x", "Mod.py"]), "collision"),
        ("NFC and NFD", names(&["é.py", "e\u{301}.py"]), "collision"),
        ("case fold", names(&["straße", "STRASSE"]), "collision"),
        (
            "file and folder",
            names(&["m", "m-x", "m/x"]),
            "file-dir-conflict",
        ),
        (
            "folder and file",
            names(&["m/x/y", "m/x"]),
            "file-dir-conflict",
        ),
        (
            "file and folder of another case",
            names(&["M", "m/x"]),
            "file-dir-conflict",
        ),
        (
            "file and folder entry",
            names(&["m", "m/"]),
            "file-dir-conflict",
        ),
    ]);
}

#[test]
fn tiling() {
    let shared = |i| {
        honest()
            .with(|entry| entry.written = false)
            .both(|header| header.name = vec![i; 6])
    };
    let same = Forge::of([honest(), honest().with(|entry| entry.written = false)]);
    let bodies = Forge::of(std::iter::once(honest()).chain((b'a'..b'z').map(shared)));
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
        ("empty field", narrow(extra(1, b"")), "zip64"),
    ]);
}

#[test]
fn names() {
    let named = |name: &[u8], flags: u16| {
        among(honest().both(|header| (header.name, header.flags) = (name.to_vec(), flags)))
    };
    let long = "x".repeat(256);
    let deep = vec!["x".repeat(200); 6].join("/");
    let names = [
        "",
        "/",
        "..",
        "a/..",
        "../a",
        "a/../b",
        "/etc/passwd",
        "a\\b",
        "C:",
        "C:/x",
        "c:x",
        ".",
        "./a",
        "a/./b",
        "a//b",
        "a//",
        "a\0b",
        "a\nb",
        "a\rb",
        "\x7f",
        "a\u{202e}b",
        "a\u{200d}b",
        "\u{9b}",
        "\u{e000}",
        "\u{378}",
        &long,
        &deep,
    ];
    for name in names {
        assert_eq!(
            verdict(&named(name.as_bytes(), 1 << 11), &Rules::default()),
            "bad-name",
            "{name:?}"
        );
    }
    let path = |version: u8, crc: u32, name: &str| {
        let body = [&[version][..], &crc.to_le_bytes(), name.as_bytes()].concat();
        extra(0x7075, &body)
    };
    let with = |extra: Vec<u8>| among(honest().both(|header| header.extra = extra.clone()));
    let here = |extra: Vec<u8>| among(honest().with(|entry| entry.local.extra = extra));
    let crc = crc32fast::hash(b"mod.py");
    assert_eq!(
        verdict(&with(path(1, crc, "mod.py")), &Rules::default()),
        "accepted"
    );
    refused(vec![
        (
            "invalid UTF-8 with flag",
            named(b"a\xff", 1 << 11),
            "bad-name",
        ),
        ("invalid UTF-8 without flag", named(b"a\xff", 0), "bad-name"),
        ("UTF-8 without flag", named("é".as_bytes(), 0), "bad-name"),
        ("cp437", named(b"\x82.py", 0), "bad-name"),
        (
            "Unicode path of another name",
            with(path(1, crc, "other")),
            "unicode-path",
        ),
        (
            "the same in the local header only",
            here(path(1, crc, "other")),
            "unicode-path",
        ),
        (
            "Unicode path with another CRC",
            with(path(1, !crc, "mod.py")),
            "unicode-path",
        ),
        (
            "Unicode path of another version",
            with(path(2, crc, "mod.py")),
            "unicode-path",
        ),
        (
            "Unicode path twice",
            with([path(1, crc, "mod.py"), path(1, crc, "mod.py")].concat()),
            "unicode-path",
        ),
        (
            "Unicode path, empty",
            with(extra(0x7075, b"")),
            "unicode-path",
        ),
    ]);
}

#[test]
fn file_types() {
    let mode = |mode: u32| among(honest().mode(mode));
    let folder = Entry::stored("m/", b"");
    let windows_link = honest().mode(0o120_777).with(|entry| entry.made_by = 20);
    refused(vec![
        ("symbolic link", mode(0o120_777), "file-type"),
        (
            "symbolic link by another system",
            among(windows_link),
            "file-type",
        ),
        ("FIFO", mode(0o010_644), "file-type"),
        ("character device", mode(0o020_644), "file-type"),
        ("block device", mode(0o060_644), "file-type"),
        ("socket", mode(0o140_644), "file-type"),
        ("no known type", mode(0o170_644), "file-type"),
        ("folder by mode only", mode(0o040_755), "file-type"),
        (
            "file by mode only",
            among(folder.clone().mode(0o100_644)),
            "file-type",
        ),
        (
            "folder with data",
            among(Entry::stored("m/", TEXT)),
            "file-type",
        ),
        (
            "folder with a CRC",
            among(folder.both(|header| header.crc = 1)),
            "file-type",
        ),
    ]);
    let links = Rules {
        symlinks: true,
        ..Rules::default()
    };
    let link = |target: &[u8]| among(Entry::stored("link", target).mode(0o120_777));
    assert_eq!(verdict(&link(b"../x"), &links), "accepted");
    assert_eq!(verdict(&link(b""), &links), "limit");
    assert_eq!(verdict(&link(&[b'x'; 4097]), &links), "limit");
    assert_eq!(verdict(&link(b"a\0b"), &links), "bad-name");
    assert_eq!(verdict(&link(b"a\xff"), &links), "bad-name");
}

#[test]
fn methods_and_flags() {
    for method in [1, 6, 9, 12, 14, 93, 95, 99] {
        let bytes = among(honest().both(|header| header.method = method));
        assert_eq!(
            verdict(&bytes, &Rules::default()),
            "unsupported",
            "method {method}"
        );
    }
    for bit in [0, 4, 5, 6, 7, 12, 13, 14, 15] {
        let bytes = among(honest().both(|header| header.flags |= 1 << bit));
        assert_eq!(
            verdict(&bytes, &Rules::default()),
            "unsupported",
            "flag bit {bit}"
        );
    }
}

#[test]
fn descriptors() {
    let changed = |signed: bool, at: usize| {
        among(
            honest()
                .descriptor(signed)
                .with(|entry| entry.descriptor[at] ^= 1),
        )
    };
    let sized = |size: usize| {
        among(
            honest()
                .descriptor(true)
                .with(|entry| entry.descriptor.resize(size, 0)),
        )
    };
    let wrong_local = honest().descriptor(true).with(|entry| entry.local.size = 1);
    refused(vec![
        ("signature", changed(true, 0), "descriptor"),
        ("CRC", changed(true, 4), "descriptor"),
        ("compressed size", changed(true, 8), "descriptor"),
        ("size", changed(true, 12), "descriptor"),
        ("CRC without signature", changed(false, 0), "descriptor"),
        ("size without signature", changed(false, 8), "descriptor"),
        ("missing", sized(0), "descriptor"),
        ("short", sized(11), "descriptor"),
        ("long", sized(17), "descriptor"),
        ("64-bit sizes without ZIP64", sized(24), "descriptor"),
        (
            "missing before the directory",
            {
                Forge::of([honest()
                    .descriptor(true)
                    .with(|entry| entry.descriptor.clear())])
                .bytes()
            },
            "descriptor",
        ),
        (
            "header tells another size",
            among(wrong_local),
            "header-mismatch",
        ),
    ]);
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
