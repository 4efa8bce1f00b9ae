//! Hostile wheels through the binary, one for each check: refused with exit 4, naming wheel, entry and rule, and no tarball.
//!
//! The whole corpus is in `tests/zip` and in the tests of `wheel`; here it is only seen that every kind of verdict arrives.

use std::process::Command;

use pannier_base::digest::Digest;
use pannier_testkit::zip_forge::{Entry, Forge, deflate, extra};

use crate::e2e::image::Image;
use crate::e2e::world::{World, fail, succeed, tool};
use pannier_testkit::index::{Index, IndexFile};

const TEXT: &[u8] =
    b"VALUE = 'the quick brown fox jumps over the lazy dog, and over the lazy dog again'\n";
const METADATA: &str = "Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n";
const WHEEL: &str = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n";

/// A wheel under construction: its entries, which `RECORD` accounts for.
struct Wheel(Vec<(String, Vec<u8>)>);

impl Wheel {
    fn new() -> Self {
        Self(Vec::new())
            .with("evil.py", TEXT)
            .with("evil-1.0.dist-info/METADATA", METADATA.as_bytes())
            .with("evil-1.0.dist-info/WHEEL", WHEEL.as_bytes())
    }

    fn with(mut self, path: &str, content: &[u8]) -> Self {
        self.0.push((path.to_owned(), content.to_vec()));
        self
    }

    /// The container, its first entry (`evil.py`) changed.
    fn forge(&self, change: impl FnOnce(Entry) -> Entry) -> Forge {
        let row = |(path, bytes): &(String, Vec<u8>)| {
            format!(
                "{path},sha256={},{}\n",
                Digest::of(bytes).urlsafe(),
                bytes.len()
            )
        };
        let rows: String = self.0.iter().map(row).collect();
        let record = format!("{rows}evil-1.0.dist-info/RECORD,,\n");
        let mut entries: Vec<_> = self
            .0
            .iter()
            .map(|(path, bytes)| Entry::deflated(path, bytes))
            .collect();
        entries.push(Entry::deflated(
            "evil-1.0.dist-info/RECORD",
            record.as_bytes(),
        ));
        let first = change(entries.remove(0));
        entries.insert(0, first);
        Forge::of(entries)
    }

    fn plain(&self) -> Forge {
        self.forge(|entry| entry)
    }
}

/// What is wrong, the rule, and what the message names beside it.
fn cases() -> Vec<(Forge, &'static str, &'static str)> {
    let evil = |change: fn(Entry) -> Entry| Wheel::new().forge(change);
    let beside = |path: &str, content: &[u8]| Wheel::new().with(path, content).plain();
    let mut smuggled = deflate(TEXT);
    smuggled.extend(b"\x1f\x8b\x08\0\0\0\0\0\0\xff");
    smuggled.extend(deflate(b"injected"));
    let cut = deflate(TEXT)[..20].to_vec();
    let bomb = vec![0; 65 << 20];
    vec![
        (
            Wheel::new().forge(|_| Entry::raw("evil.py", smuggled, TEXT)),
            "trailing-compressed-data",
            "evil.py",
        ),
        (
            Wheel::new().forge(|_| Entry::raw("evil.py", cut, TEXT)),
            "truncated-stream",
            "evil.py",
        ),
        (
            Wheel::new().forge(|_| Entry::raw("evil.py", vec![7, 0, 0], TEXT)),
            "bad-deflate",
            "evil.py",
        ),
        (
            evil(|entry| entry.both(|header| header.size -= 1)),
            "size-mismatch",
            "evil.py",
        ),
        (
            evil(|entry| entry.both(|header| header.crc ^= 1)),
            "crc-mismatch",
            "evil.py",
        ),
        (
            evil(|entry| entry.with(|it| it.local.name = b"good.py".to_vec())),
            "header-mismatch",
            "evil.py",
        ),
        (
            evil(|entry| entry.with(|it| it.gap = b"#!/bin/sh\n".to_vec())),
            "tiling",
            "",
        ),
        (
            Wheel::new()
                .plain()
                .with(|forge| forge.comment = b"PK".to_vec()),
            "eocd",
            "",
        ),
        (
            Wheel::new().plain().with(|forge| forge.all_ones = true),
            "zip64",
            "",
        ),
        (
            evil(|entry| entry.with(|it| it.disk = 1)),
            "directory",
            "evil.py",
        ),
        (
            evil(|entry| entry.both(|header| header.extra = extra(0x7075, b"\x01"))),
            "unicode-path",
            "evil.py",
        ),
        (
            evil(|entry| entry.both(|header| header.method = 14)),
            "unsupported",
            "evil.py",
        ),
        (
            evil(|entry| entry.descriptor(true).with(|it| it.descriptor[4] ^= 1)),
            "descriptor",
            "evil.py",
        ),
        (evil(|entry| entry.mode(0o120_777)), "file-type", "evil.py"),
        (beside("../evil.pth", TEXT), "bad-name", "../evil.pth"),
        (beside("evil.py", TEXT), "duplicate", "evil.py"),
        (beside("EVIL.py", TEXT), "collision", "EVIL.py"),
        (beside("evil.py/x", TEXT), "file-dir-conflict", "evil.py"),
        (beside("zeros", &bomb), "limit", ""),
        (
            evil(|_| Entry::deflated("evil.py", b"VALUE = 'another'\n")),
            "record",
            "evil.py",
        ),
        (
            beside("other-1.0.dist-info/METADATA", b""),
            "wheel-metadata",
            "dist-info",
        ),
        (
            beside(
                "evil-1.0.dist-info/entry_points.txt",
                b"[console_scripts]\npython3 = evil:f\n",
            ),
            "entry-point",
            "python3",
        ),
        (
            beside("evil-1.0.data/data/bin/python3", TEXT),
            "reserved-path",
            "bin/python3",
        ),
        (beside("evil-1.0.data/conf/x", TEXT), "wheel-data", "conf"),
    ]
}

/// `prepare` of the wheel that the index has.
fn prepare(index: &Index, world: &World) -> Command {
    let image = Image::machine().yaml();
    let request = format!(
        "requirements: [evil]\nindex: {{url: \"{}\"}}\nimages:\n{image}",
        index.url()
    );
    world.write("pannier.yml", &request);
    let mut command = world.pannier(["prepare"]);
    command.env("PANNIER_UV", tool("uv"));
    World::without_index(&mut command);
    command
}

fn index(forge: &Forge) -> Index {
    let index = Index::start();
    let mut file = IndexFile::new("evil", "evil-1.0-py3-none-any.whl", forge.bytes());
    file.metadata = Some(METADATA.as_bytes().to_vec());
    index.add(file);
    index
}

#[test]
#[ignore = "needs the tools of .ci/install"]
fn each_kind_is_refused_by_name() {
    let world = World::new();
    succeed(prepare(&index(&Wheel::new().plain()), &world));
    for (forge, rule, named) in cases() {
        let world = World::new();
        let (code, said) = fail(prepare(&index(&forge), &world));
        // A report breaks its lines where they become too long.
        let flat: String = said
            .split_whitespace()
            .filter(|word| *word != "│")
            .collect();
        assert_eq!(code, 4, "{rule}: {said}");
        for word in ["evil-1.0-py3-none-any.whl", named, &format!("[{rule}]")] {
            assert!(flat.contains(word), "`{word}` in:\n{said}");
        }
        assert!(!world.tarball("machine").exists(), "{rule}");
        succeed(world.pannier(["store", "verify"]));
    }
}
