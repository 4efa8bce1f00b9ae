//! Tarballs as other programs read them: one gzip member, one tree, the same bytes every time.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use flate2::bufread::GzDecoder;
use proptest::prelude::*;

use super::manifest::tests::manifest;
use super::*;
use crate::entries::{Coding, Content, Pack};
use crate::venv::testing::{Packer, deflate};
use crate::venv::{Item, ItemKind};
use pannier_base::digest::Digest;

/// What a reader finds at a path: kind or mode, and content or target.
type Tree = BTreeMap<String, (String, Vec<u8>)>;

/// Items that carry every file of one pack to `venv/`, and the pack's own links as it has them.
pub(crate) fn carry_all(pack: &Pack) -> Vec<Item> {
    let items = pack.iter().map(|it| Item {
        path: format!("venv/{}", it.path),
        kind: match &it.content {
            Content::Symlink { target } => ItemKind::Symlink {
                target: target.clone(),
            },
            Content::Directory => ItemKind::Directory,
            Content::File { stream, .. } => ItemKind::Carried {
                pack: 0,
                stream: *stream,
                executable: it.path.contains("exec"),
            },
        },
    });
    items.collect()
}

/// A container that no store knows.
pub(crate) fn container<'a>(file: &'a Arc<fs::File>, pack: &'a Pack) -> Container<'a> {
    Container {
        file,
        pack,
        origin: None,
    }
}

/// All of one container.
pub(crate) fn all_of<'a>(file: &'a Arc<fs::File>, pack: &'a Pack) -> Part<'a> {
    Part {
        containers: vec![container(file, pack)],
        items: carry_all(pack),
    }
}

/// A tarball without a head, packed as usual.
pub(crate) fn usual(manifest: &Manifest) -> Contents<'_> {
    Contents {
        manifest,
        head: None,
        mtime: Mtime::default(),
        packing: Packing::default(),
        cache: None,
    }
}

pub(crate) fn tarball_of(packer: Packer) -> Vec<u8> {
    packed_as(packer, Packing::default())
}

pub(crate) fn packed_as(packer: Packer, packing: Packing) -> Vec<u8> {
    let (file, pack) = packer.finish();
    let manifest = manifest();
    let contents = Contents {
        packing,
        ..usual(&manifest)
    };
    packed(&contents, &[all_of(&file, &pack)])
}

/// The tar archive in a file of exactly one gzip member.
fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut decoder = GzDecoder::new(bytes);
    let mut tar = Vec::new();
    decoder.read_to_end(&mut tar).unwrap();
    assert!(
        decoder.into_inner().is_empty(),
        "nothing follows the member"
    );
    tar
}

fn tree_of(bytes: &[u8]) -> Tree {
    tree_of_tar(&gunzip(bytes))
}

fn tree_of_tar(tar: &[u8]) -> Tree {
    let mut tree = Tree::new();
    for entry in ::tar::Archive::new(tar).entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.header().entry_type().is_pax_global_extensions() {
            continue;
        }
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let mode = entry.header().mode().unwrap();
        let kind = format!("{:?} {mode:o}", entry.header().entry_type());
        let mut content = Vec::new();
        match entry.link_name().unwrap() {
            Some(target) => content.extend(target.to_str().unwrap().bytes()),
            None => assert!(entry.read_to_end(&mut content).is_ok()),
        }
        assert!(tree.insert(path, (kind, content)).is_none());
    }
    tree
}

/// What the system's own programs make of it.
fn check_with_system_tools(bytes: &[u8], tree: &Tree) {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("x.tar.gz");
    fs::write(&archive, bytes).unwrap();
    let run = |command: &mut Command| {
        let output = command.stdin(Stdio::null()).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && message.is_empty(), "{message}");
    };
    run(Command::new("gzip").arg("-t").arg(&archive));
    let into = folder.path().join("a b");
    fs::create_dir(&into).unwrap();
    run(Command::new("tar")
        .arg("-xzf")
        .arg(&archive)
        .arg("-C")
        .arg(&into));
    for (path, (_, content)) in tree {
        let found = into.join(path);
        let meta = fs::symlink_metadata(&found).unwrap();
        if meta.is_symlink() {
            let target = fs::read_link(&found).unwrap();
            assert_eq!(target.to_str().unwrap().as_bytes(), content);
        } else if meta.is_file() {
            assert!(fs::read(&found).unwrap() == *content, "{path}");
        }
    }
}

fn content_of<'a>(tree: &'a Tree, path: &str) -> &'a [u8] {
    &tree
        .get(path)
        .unwrap_or_else(|| panic!("{path} is missing"))
        .1
}

/// Bytes that look random but are the same every time.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let byte = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(byte).collect()
}

/// Writes bits as deflate has them: least significant bit of a byte first.
#[derive(Default)]
struct BitWriter {
    bits: Vec<bool>,
}

impl BitWriter {
    /// A block of fixed codes (RFC 1951, 3.2.6) with literals from 144 on, of nine bits each.
    fn fixed_block(&mut self, last: bool, literals: &[u8]) {
        self.bits.extend([last, true, false]);
        for &literal in literals {
            assert!(literal >= 144);
            let code = 0b1_1001_0000 + u16::from(literal - 144);
            self.bits
                .extend((0..9).rev().map(|bit| code >> bit & 1 == 1));
        }
        self.bits.extend([false; 7]);
    }

    /// The bytes, with ones behind the end: a reader must not care, a writer must clear them.
    fn finish(self) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            (0..8).fold(0, |byte, i| {
                byte | u8::from(*bits.get(i).unwrap_or(&true)) << i
            })
        };
        self.bits.chunks(8).map(byte).collect()
    }
}

#[test]
fn streams_end_at_any_bit_of_a_byte() {
    let mut packer = Packer::default();
    let mut expected = Vec::new();
    for before in 0..8 {
        for last in 0..8 {
            // Long enough not to be small, so that the stream itself is carried.
            let first = vec![200; 5000 + before];
            let second: Vec<u8> = (0..last as u8).map(|i| 144 + i).collect();
            let mut bits = BitWriter::default();
            bits.fixed_block(false, &first);
            let last_block = bits.bits.len() as u64;
            bits.fixed_block(true, &second);
            let end = bits.bits.len() as u64;
            let content = [first, second].concat();
            let path = format!("{before}-{last}");
            packer.raw(
                &path,
                &content,
                &bits.finish(),
                Coding::Deflate { last_block, end },
            );
            expected.push((path, content, last_block % 8, end % 8));
        }
    }
    for place in 0..8 {
        assert!(expected.iter().any(|(.., start, _)| *start == place));
        assert!(expected.iter().any(|(.., end)| *end == place));
    }
    let (file, pack) = packer.finish();
    let (summary, bytes) = assembled(&usual(&manifest()), &[all_of(&file, &pack)]);
    assert_eq!(summary.carried, 64);
    let tree = tree_of(&bytes);
    for (path, content, ..) in expected {
        assert!(
            content_of(&tree, &format!("venv/{path}")) == content,
            "{path}"
        );
    }
    check_with_system_tools(&bytes, &tree);
}

#[test]
fn stored_and_deflated_files_of_every_length() {
    let sizes = [
        0, 1, 511, 512, 513, 1024, 1025, 65_535, 65_536, 131_071, 200_000, 1_100_000,
    ];
    let mut packer = Packer::default();
    for size in sizes {
        packer.stored(&format!("stored/{size}"), &noise(size));
        packer.deflated(&format!("deflated/{size}"), &noise(size));
        packer.deflated(&format!("zeros/{size}"), &vec![0; size]);
    }
    let bytes = tarball_of(packer);
    let tree = tree_of(&bytes);
    for size in sizes {
        assert!(content_of(&tree, &format!("venv/stored/{size}")) == noise(size));
        assert!(content_of(&tree, &format!("venv/deflated/{size}")) == noise(size));
        assert!(content_of(&tree, &format!("venv/zeros/{size}")) == vec![0; size]);
    }
    check_with_system_tools(&bytes, &tree);
}

#[test]
fn long_and_foreign_names_arrive() {
    let mut names: Vec<String> = Vec::new();
    for length in [95, 96, 100, 101, 156, 250] {
        names.push("n".repeat(length));
        names.push(format!("{}/x", "d".repeat(length)));
    }
    names.push(format!(
        "{}/{}/{}",
        "a".repeat(100),
        "b".repeat(100),
        "c".repeat(98)
    ));
    names.push("ünï/çødé/日本語.txt".into());
    names.push(format!("{}é", "é".repeat(60)));
    let mut items = Vec::new();
    for (number, name) in names.iter().enumerate() {
        items.push(Item {
            path: format!("f/{name}"),
            kind: ItemKind::Bytes {
                bytes: number.to_string().into_bytes(),
                executable: false,
            },
        });
        items.push(Item {
            path: format!("l{number}"),
            kind: ItemKind::Symlink {
                target: format!("f/{name}"),
            },
        });
    }
    let part = Part {
        containers: Vec::new(),
        items,
    };
    let bytes = packed(&usual(&manifest()), &[part]);
    let tree = tree_of(&bytes);
    for (number, name) in names.iter().enumerate() {
        assert_eq!(
            content_of(&tree, &format!("f/{name}")),
            number.to_string().as_bytes()
        );
        assert_eq!(
            content_of(&tree, &format!("l{number}")),
            format!("f/{name}").as_bytes()
        );
    }
    check_with_system_tools(&bytes, &tree);
}

#[test]
fn the_manifest_is_first_and_its_folder_last() {
    let mut data = Packer::default();
    data.deflated("sub/deep/file", b"1");
    data.stored("exec.sh", b"#!/bin/sh\n");
    data.link("sub/link", "deep/file");
    data.entry("empty", Content::Directory);
    let (data_file, data_pack) = data.finish();
    let name = "tables".parse().unwrap();
    let manifest = manifest();
    let contents = Contents {
        mtime: Mtime::from_epoch(1_700_000_000),
        ..usual(&manifest)
    };
    let tables = Part::data(&name, container(&data_file, &data_pack)).unwrap();
    let (summary, out) = assembled(&contents, &[Part::data_folder(), tables]);
    assert_eq!(summary.files, 3);
    let tar = gunzip(&out);
    let mut lines = String::new();
    for entry in ::tar::Archive::new(&tar[..]).entries().unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.header().mtime().unwrap(), 1_700_000_000);
        let mode = entry.header().mode().unwrap();
        lines += &format!("{mode:o} {}\n", entry.path().unwrap().display());
    }
    let expected = "644 .pannier/manifest.json\n755 data/\n755 data/tables/\n755 data/tables/empty/\n\
        755 data/tables/sub/\n755 data/tables/sub/deep/\n777 data/tables/sub/link\n755 data/tables/exec.sh\n\
        644 data/tables/sub/deep/file\n755 .pannier/\n";
    assert_eq!(lines, expected);
    assert_eq!(
        content_of(&tree_of(&out), MANIFEST_PATH),
        manifest.to_json()
    );
}

#[test]
fn data_whose_paths_exclude_each_other_is_refused() {
    type Fill = fn(&mut Packer);
    let cases: [(Fill, &str); 4] = [
        // What would be written through a link.
        (
            |data| {
                data.link("out", "/etc");
                data.stored("out/passwd", b"x");
            },
            "`out` as a file or link and as a folder",
        ),
        (
            |data| {
                data.stored("a/b", b"x");
                data.stored("a", b"x");
            },
            "`a` as a file or link and as a folder",
        ),
        (
            |data| {
                data.stored("a/b", b"x");
                data.stored("a/b", b"y");
            },
            "`a/b` twice",
        ),
        (
            |data| {
                data.stored("a", b"x");
                data.link("a", "b");
            },
            "`a` twice",
        ),
    ];
    for (fill, why) in cases {
        let mut data = Packer::default();
        fill(&mut data);
        let (file, pack) = data.finish();
        let name = "tables".parse().unwrap();
        let error = Part::data(&name, container(&file, &pack)).expect_err("it must be refused");
        assert_eq!(
            error.to_string(),
            format!("the data project `tables` contains {why}")
        );
    }
}

#[test]
fn a_table_that_contradicts_itself_is_refused() {
    let content = noise(10_000);
    let (raw, _) = deflate(&content);
    for coding in [
        Coding::Stored,
        Coding::Deflate {
            last_block: 8,
            end: 8,
        },
        Coding::Deflate {
            last_block: 8,
            end: raw.len() as u64 * 8 + 1,
        },
    ] {
        let mut packer = Packer::default();
        packer.raw("x", &content, &raw, coding);
        let (file, pack) = packer.finish();
        let (contents, manifest) = (all_of(&file, &pack), manifest());
        let made = assemble(&usual(&manifest), &[contents], Vec::new());
        let error = made.expect_err("it must be refused");
        assert!(
            matches!(error, AssembleError::Read { .. }) && error.to_string().contains("venv/x")
        );
    }
}

#[test]
fn a_full_disk_is_told() {
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let made = assemble(&usual(&manifest()), &[], full);
    let error = made.expect_err("the device is full");
    let AssembleError::Write { source } = error else {
        panic!("{error}");
    };
    assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
}

/// One file of a random tree: how it is stored, and its content.
fn any_file() -> impl Strategy<Value = (bool, Vec<u8>)> {
    let length = prop_oneof![0..40usize, 1_000..1_050usize, 0..150_000usize];
    (any::<bool>(), any::<bool>(), length).prop_map(|(stored, compressible, length)| {
        let mut content = noise(length);
        if compressible {
            content.iter_mut().for_each(|byte| *byte &= 0x11);
        }
        (stored, content)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_tree_arrives_whole_and_always_as_the_same_bytes(
        files in prop::collection::btree_map("[a-z]{1,6}(/[a-zé]{1,60}){0,3}\\.[a-z]", any_file(), 0..12)
    ) {
        let pack = || {
            let mut packer = Packer::default();
            for (path, (stored, content)) in &files {
                if *stored {
                    packer.stored(path, content);
                } else {
                    packer.deflated(path, content);
                }
            }
            packer
        };
        let bytes = tarball_of(pack());
        prop_assert!(bytes == tarball_of(pack()));
        let tree = tree_of(&bytes);
        prop_assert_eq!(tree.len(), files.len() + 2);
        for (path, (_, content)) in &files {
            let same = content_of(&tree, &format!("venv/{path}")) == &content[..];
            prop_assert!(same, "{}", path);
        }
        check_with_system_tools(&bytes, &tree);
    }
}

const PACKINGS: [Packing; 4] = [
    Packing::Spliced,
    Packing::Members,
    Packing::Frames,
    Packing::OneFrame,
];

/// Small files, large ones of both codings, an empty one, a link.
fn mixed() -> (Arc<fs::File>, Pack) {
    let mut packer = Packer::default();
    for number in 0..40 {
        packer.deflated(&format!("small/{number}"), &noise(number * 37));
        packer.deflated(&format!("middle/{number}"), &noise(9_000));
    }
    packer.deflated("empty", b"");
    packer.stored("stored.bin", &noise(200_000));
    packer.deflated("exec-large.so", &noise(6_000_000));
    packer.deflated("zeros", &vec![0; 5_000_000]);
    packer.finish()
}

/// An output that several hold.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn assembled(contents: &Contents<'_>, parts: &[Part<'_>]) -> (Summary, Vec<u8>) {
    let out = Shared::default();
    let summary = assemble(contents, parts, out.clone()).unwrap();
    let bytes = std::mem::take(&mut *out.0.lock().unwrap());
    assert_eq!(summary.bytes, bytes.len() as u64);
    assert_eq!(summary.sha256, pannier_base::digest::Digest::of(&bytes));
    (summary, bytes)
}

fn packed(contents: &Contents<'_>, parts: &[Part<'_>]) -> Vec<u8> {
    let (summary, out) = assembled(contents, parts);
    let mut plain = Vec::new();
    let read = read::plain(&out[..]).unwrap().read_to_end(&mut plain);
    assert!(read.is_ok());
    assert_eq!(summary.unpacked, plain.len() as u64);
    out
}

fn tree_of_any(bytes: &[u8]) -> Tree {
    let mut tar = Vec::new();
    read::plain(bytes).unwrap().read_to_end(&mut tar).unwrap();
    tree_of_tar(&tar)
}

#[test]
fn every_packing_holds_the_same_tree() {
    let (file, pack) = mixed();
    let manifest = manifest();
    let pack_as = |packing| {
        let contents = Contents {
            packing,
            ..usual(&manifest)
        };
        packed(&contents, &[all_of(&file, &pack)])
    };
    let expected = tree_of(&pack_as(Packing::Spliced));
    for packing in PACKINGS {
        let bytes = pack_as(packing);
        assert!(tree_of_any(&bytes) == expected, "{packing}");
        assert!(pack_as(packing) == bytes, "{packing}: the same again");
    }
}

#[test]
fn parts_one_by_one_are_the_parts_at_once() {
    let (file, pack) = mixed();
    let mut other = Packer::default();
    for number in 0..40 {
        other.deflated(&format!("other/{number}"), &noise(number * 41));
    }
    let (other_file, other_pack) = other.finish();
    let manifest = manifest();
    for packing in PACKINGS {
        let contents = Contents {
            packing,
            ..usual(&manifest)
        };
        let parts = || [all_of(&file, &pack), all_of(&other_file, &other_pack)];
        let expected = packed(&contents, &parts());
        let out = Shared::default();
        let mut fill = |tarball: &mut dyn Parts| {
            for part in parts() {
                // Closed behind it: the next one gets its descriptor.
                let own = Arc::new(part.containers[0].file.try_clone().unwrap());
                let containers = vec![container(&own, part.containers[0].pack)];
                tarball.add(&[Part { containers, ..part }])?;
            }
            Ok::<_, Failed<_, std::convert::Infallible>>(())
        };
        assert!(assemble::assemble_filled(&contents, &mut fill, out.clone()).is_ok());
        assert!(*out.0.lock().unwrap() == expected, "{packing}");
    }
}

#[test]
fn large_files_are_members_that_the_wheel_had() {
    let (file, pack) = mixed();
    let manifest = manifest();
    let contents = Contents {
        packing: Packing::Members,
        ..usual(&manifest)
    };
    let bytes = packed(&contents, &[all_of(&file, &pack)]);
    let members = bytes
        .windows(10)
        .filter(|run| *run == gzip::GZIP_HEADER)
        .count();
    // Three large files, and what stands before (two pieces of our own), between and behind them.
    assert_eq!(members, 8);
}

/// Packed runs in memory, with the container that each is of.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<CachedRun>>>);

/// Container, key, frames and their bytes.
type CachedRun = (Digest, Digest, Vec<Frame>, Vec<u8>);

/// A run on its way there.
struct MemoryRun(Memory, Vec<u8>);

impl FrameCache for Memory {
    fn load(&self, origin: &Digest, key: &Digest) -> Result<Option<PackedRun>, FrameCacheError> {
        let runs = self.0.lock().unwrap();
        let found = runs.iter().find(|run| (&run.0, &run.1) == (origin, key));
        Ok(found.map(|(_, _, frames, bytes)| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            let frames = frames.clone();
            PackedRun { file, frames }
        }))
    }

    fn create(&self) -> Result<Box<dyn NewRun>, FrameCacheError> {
        Ok(Box::new(MemoryRun(self.clone(), Vec::new())))
    }
}

impl NewRun for MemoryRun {
    fn save(
        self: Box<Self>,
        origin: &Digest,
        key: &Digest,
        frames: Vec<Frame>,
    ) -> Result<PackedRun, FrameCacheError> {
        let Self(memory, bytes) = *self;
        let run = (*origin, *key, frames, bytes);
        memory.0.lock().unwrap().push(run);
        Ok(memory.load(origin, key)?.expect("it was just added"))
    }
}

impl Write for MemoryRun {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.1.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn cached_frames_are_the_frames_that_would_be_made() {
    let (file, pack) = mixed();
    let origin = Digest::of(b"the container");
    let manifest = manifest();
    let frames = |cache, seconds| {
        let contents = Contents {
            mtime: Mtime::from_epoch(seconds),
            packing: Packing::Frames,
            cache,
            ..usual(&manifest)
        };
        let mut part = all_of(&file, &pack);
        part.containers[0].origin = Some(&origin);
        packed(&contents, &[part])
    };
    let memory = Memory::default();
    let cache: Option<&dyn FrameCache> = Some(&memory);
    let runs = || memory.0.lock().unwrap().len();
    let fresh = frames(None, 1_000_000_000);
    assert!(frames(cache, 1_000_000_000) == fresh, "packed and cached");
    let cached = runs();
    assert!(cached > 0 && memory.0.lock().unwrap().iter().all(|run| run.0 == origin));
    assert!(frames(cache, 1_000_000_000) == fresh, "cached");
    assert_eq!(runs(), cached);
    assert!(frames(cache, 1_000_000_001) == frames(None, 1_000_000_001));
    assert_eq!(runs(), 2 * cached, "another time is another frame");
}

/// The manifest in every tarball of these tests, as bytes.
pub(crate) fn manifest_bytes() -> Vec<u8> {
    manifest().to_json()
}
