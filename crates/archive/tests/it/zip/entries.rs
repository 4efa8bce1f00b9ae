//! Headers, names, types and methods that must be refused, each by its rule.

use pannier_archive::zip::Rules;

use crate::zip::{TEXT, among, honest, refused, verdict};
use pannier_testkit::zip_forge::{Entry, Forge, Header, extra};

#[test]
fn headers() {
    let local = |change: fn(&mut Header)| among(honest().with(|entry| change(&mut entry.local)));
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
