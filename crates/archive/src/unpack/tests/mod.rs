//! Trees as they arrive, and targets as they stay.

mod matrix;
mod place;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;
use crate::tarball::Packing;
use crate::tarball::tests::{noise, packed_as, tarball_of};
use crate::venv::testing::Packer;
use pannier_base::class::{Class, Classify};
use pannier_base::digest::Digest;
use pannier_base::paths::AbsoluteLinks;

/// Kind with mode, time, and content or target, by path. Times of folders are left out: GNU tar does not always set them.
type Snapshot = BTreeMap<String, (String, i64, Vec<u8>)>;

fn snapshot(root: &Path) -> Snapshot {
    let mut found = Snapshot::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let mode = meta.permissions().mode() & 0o7777;
            let state = if meta.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                (
                    "link".to_owned(),
                    meta.mtime(),
                    target.to_str().unwrap().into(),
                )
            } else if meta.is_dir() {
                folders.push(path);
                (format!("folder {mode:o}"), 0, Vec::new())
            } else {
                (
                    format!("file {mode:o}"),
                    meta.mtime(),
                    fs::read(&path).unwrap(),
                )
            };
            found.insert(name, state);
        }
    }
    found
}

fn options(jobs: usize, force: bool) -> Options {
    Options {
        jobs: NonZeroUsize::new(jobs).unwrap(),
        expected: None,
        manifest: None,
        absolute_links: AbsoluteLinks::Refuse,
        force,
    }
}

/// Unpacks bytes as a file to `target`.
fn unpack_bytes(bytes: &[u8], target: &Target, options: &Options) -> Result<Unpacked, UnpackError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    unpack(Input::File(file.path()), target, options)
}

fn gz(tar: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(tar).unwrap();
    encoder.finish().unwrap()
}

/// A tarball with several segments: small files, large ones, links, deep folders.
fn sample() -> Vec<u8> {
    sample_as(Packing::default())
}

fn sample_as(packing: Packing) -> Vec<u8> {
    let mut packer = Packer::default();
    for number in 0..40 {
        packer.deflated(
            &format!("lib/{}/f{number}.py", number % 7),
            &noise(60_000 + number),
        );
        packer.stored(
            &format!("lib/{}/s{number}", number % 5),
            &noise(700 * number),
        );
    }
    packer.deflated("exec-large.so", &noise(3_000_000));
    packer.stored("empty", b"");
    packer.link("lib/link", "0/f0.py");
    packer.link("lib/0/up", "../../empty");
    packed_as(packer, packing)
}

/// A large tarball of several zstd frames.
fn frames() -> Vec<u8> {
    let mut packer = Packer::default();
    for number in 0..12 {
        packer.deflated(&format!("a{number}"), &noise(1_300_000 + number));
    }
    packed_as(packer, Packing::Frames)
}

#[test]
fn every_way_gives_the_tree_that_tar_gives() {
    let bytes = sample();
    let folder = tempfile::tempdir().unwrap();
    let tar = folder.path().join("tar");
    fs::create_dir(&tar).unwrap();
    gnu_tar(&bytes, &tar);
    let expected = snapshot(&tar);
    for jobs in [1, 2, 5] {
        let target = folder.path().join(format!("jobs {jobs}"));
        let done = unpack_bytes(
            &bytes,
            &Target::Folder(target.clone()),
            &options(jobs, false),
        );
        assert!(done.unwrap().indexed);
        assert!(snapshot(&target) == expected);
    }
    let target = folder.path().join("stream");
    let done = unpack(
        Input::Stream(Box::new(&bytes[..])),
        &Target::Folder(target.clone()),
        &options(1, false),
    );
    assert!(!done.unwrap().indexed);
    assert!(snapshot(&target) == expected);
    let target = folder.path().join("inside");
    fs::create_dir(&target).unwrap();
    unpack_bytes(&bytes, &Target::Inside(target.clone()), &options(2, false)).unwrap();
    assert!(snapshot(&target) == expected);
}

#[test]
fn every_packing_gives_the_same_tree_by_threads_and_in_sequence() {
    let folder = tempfile::tempdir().unwrap();
    let mut expected = None;
    for packing in [
        Packing::Spliced,
        Packing::Members,
        Packing::Frames,
        Packing::OneFrame,
    ] {
        let bytes = sample_as(packing);
        for jobs in [1, 3] {
            let place = folder.path().join(format!("{packing} {jobs}"));
            let target = Target::Folder(place.clone());
            let done = unpack_bytes(&bytes, &target, &options(jobs, false)).unwrap();
            let indexed = matches!(packing, Packing::Spliced | Packing::Frames);
            assert_eq!(done.indexed, indexed, "{packing}");
            assert!(snapshot(&place) == *expected.get_or_insert(snapshot(&place)));
            let place = folder.path().join(format!("{packing} {jobs} stream"));
            let input = Input::Stream(Box::new(&bytes[..]));
            unpack(input, &Target::Folder(place.clone()), &options(jobs, false)).unwrap();
            assert!(Some(snapshot(&place)) == expected, "{packing}");
        }
    }
}

#[test]
fn damaged_frames_are_refused_and_leave_nothing() {
    let bytes = frames();
    let file = |bytes: &[u8]| {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    };
    let index = Index::find(&file(&bytes), bytes.len() as u64)
        .unwrap()
        .unwrap();
    assert!(index.parts.len() > 3);
    let table = bytes.len() - index.parts.len() * 8 - 9;
    let mut damaged = Vec::new();
    for at in [100, 2_000_000, table, table + 4] {
        let mut other = bytes.clone();
        other[at] ^= 0x11;
        damaged.push(other);
    }
    damaged.push(bytes[..bytes.len() - 1].to_vec());
    damaged.push(bytes[..index.parts[2].offset as usize].to_vec());
    damaged.push([&bytes[..], b"x"].concat());
    // Two lengths exchanged: each frame is right, the table is not.
    let mut exchanged = bytes.clone();
    exchanged[table + 4..table + 8].copy_from_slice(&bytes[table + 12..table + 16]);
    damaged.push(exchanged);
    // The mark or the end of the table: what nobody reads but who looks for an index.
    for at in [table - 20, bytes.len() - 3] {
        let mut other = bytes.clone();
        other[at] ^= 0x11;
        let folder = tempfile::tempdir().unwrap();
        let target = Target::Folder(folder.path().join("to"));
        let done = unpack_bytes(&other, &target, &options(2, false)).unwrap();
        assert!(!done.indexed);
    }
    for (number, bytes) in damaged.into_iter().enumerate() {
        for jobs in [1, 2] {
            let folder = tempfile::tempdir().unwrap();
            let place = folder.path().join("to");
            let target = Target::Folder(place.clone());
            let error = unpack_bytes(&bytes, &target, &options(jobs, false)).expect_err("damage");
            assert_eq!(error.class(), Class::Refused, "case {number}: {error}");
            assert!(!place.exists());
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
}

fn gnu_tar(bytes: &[u8], target: &Path) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let output = Command::new("tar")
        .args(["--no-same-owner", "-xpzf"])
        .arg(file.path())
        .arg("-C")
        .arg(target)
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && message.is_empty(), "{message}");
}

#[test]
fn other_programs_tarballs_are_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    let deep = source.join("d".repeat(120)).join("e".repeat(120));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("ü".repeat(60)), "long").unwrap();
    fs::write(source.join("x.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(source.join("x.sh"), fs::Permissions::from_mode(0o750)).unwrap();
    std::os::unix::fs::symlink("d".repeat(120), source.join("link")).unwrap();
    for format in ["gnu", "pax", "ustar"] {
        if format == "ustar" {
            // It has no room for these.
            fs::remove_dir_all(source.join("d".repeat(120))).unwrap();
            fs::remove_file(source.join("link")).unwrap();
        }
        let tarball = folder.path().join(format!("{format}.tar.gz"));
        let made = Command::new("tar")
            .arg(format!("--format={format}"))
            .arg("-czf")
            .arg(&tarball)
            .arg("-C")
            .arg(&source)
            .arg(".")
            .status();
        assert!(made.unwrap().success());
        let target = folder.path().join(format);
        unpack(
            Input::File(&tarball),
            &Target::Folder(target.clone()),
            &options(2, false),
        )
        .unwrap();
        assert!(snapshot(&target) == snapshot(&source), "{format}");
    }
}

#[test]
fn members_one_behind_the_other_are_one_tarball() {
    let bytes = sample();
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut plain).unwrap();
    let (front, back) = plain.split_at(100_001);
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
    unpack_bytes(&bytes, &Target::Folder(one.clone()), &options(2, false)).unwrap();
    let members = [gz(front), gz(back)].concat();
    unpack_bytes(&members, &Target::Folder(two.clone()), &options(2, false)).unwrap();
    assert!(snapshot(&one) == snapshot(&two));
}

/// What the target and the folder around it hold.
fn refused(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target");
    let error = unpack_bytes(bytes, &Target::Folder(target.clone()), &options(2, false))
        .expect_err("it must be refused");
    assert_eq!(error.class(), Class::Refused, "{error}");
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing is left"
    );
    fs::create_dir(&target).unwrap();
    fs::write(target.join("mine"), "1").unwrap();
    let before = snapshot(folder.path());
    for target in [
        Target::Folder(target.clone()),
        Target::Inside(target.clone()),
    ] {
        let stream = Input::Stream(Box::new(bytes));
        let again = unpack(stream, &target, &options(2, true)).expect_err("also with force");
        assert_eq!(again.class(), Class::Refused, "{again}");
        assert!(snapshot(folder.path()) == before);
    }
    error.to_string()
}

/// A header with any name, flag and size.
fn block(name: &[u8], flag: u8, size: u64, link: &str) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_mode(0o644);
    header.set_mtime(1);
    header.set_size(size);
    header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(tar::EntryType::new(flag));
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn file(name: &[u8]) -> Vec<u8> {
    block(name, b'0', 0, "")
}

/// An extended header with one record.
fn pax(flag: u8, record: &str) -> Vec<u8> {
    let mut bytes = block(b"pax", flag, record.len() as u64, "");
    bytes.extend_from_slice(record.as_bytes());
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

#[test]
fn hostile_entries_are_refused() {
    let link = |name: &[u8], target| block(name, b'2', 0, target);
    let folder = |name: &[u8]| block(name, b'5', 0, "");
    for (entries, rule) in [
        (file(b"/etc/passwd"), "absolute"),
        (file(b"../x"), "climbs"),
        (file(b"a/../../x"), "climbs"),
        (file(b"a\\b"), "backslash"),
        (file(b"a\nb"), "control"),
        (file(b"\xff"), "UTF-8"),
        (file(b""), "no name"),
        (folder(b"/"), "absolute"),
        (file(b"x/"), "named as a folder"),
        (file(b"./."), "replace the top folder"),
        (block(b"x", b'1', 0, "y"), "hard link"),
        (block(b"x", b'3', 0, ""), "device"),
        (block(b"x", b'4', 0, ""), "device"),
        (block(b"x", b'6', 0, ""), "pipe"),
        (block(b"x", b'S', 0, ""), "sparse"),
        (block(b"x", b'Z', 0, ""), "unknown"),
        (block(b"x", b'5', 512, ""), "content"),
        (link(b"x", "/etc"), "absolute path"),
        (link(b"x", "../y"), "out of the tree"),
        (link(b"x", ""), "target is empty"),
        (
            [
                pax(b'x', &format!("266 path={}\n", "n".repeat(256))),
                file(b"x"),
            ]
            .concat(),
            "longer than 255 bytes",
        ),
        (
            [
                pax(b'x', &format!("270 linkpath={}\n", "n".repeat(256))),
                link(b"x", "y"),
            ]
            .concat(),
            "longer than 255 bytes",
        ),
        ([link(b"x", "y"), file(b"x/z")].concat(), "twice"),
        ([file(b"x/z"), link(b"x", "y")].concat(), "twice"),
        (
            [link(b"x", "y"), folder(b"y"), link(b"x/z", "y")].concat(),
            "twice",
        ),
        ([file(b"x"), file(b"x")].concat(), "twice"),
        ([file(b"x"), file(b"./x")].concat(), "twice"),
        ([folder(b"x"), folder(b"x/")].concat(), "twice"),
        ([folder(b"x"), file(b"x")].concat(), "twice"),
        ([file(b"x"), file(b"x/y")].concat(), "below a file"),
        ([file(b"x"), folder(b"x")].concat(), "below a file"),
        (
            [pax(b'x', "10 size=1\n"), file(b"x")].concat(),
            "the values differ",
        ),
        ([pax(b'x', "13 path=../x\n"), file(b"x")].concat(), "climbs"),
        (
            [pax(b'x', "9 path=a\n"), pax(b'x', "9 path=b\n"), file(b"x")].concat(),
            "two extended",
        ),
        (
            [pax(b'x', "22 GNU.sparse.major=1\n"), file(b"x")].concat(),
            "sparse",
        ),
        (
            [pax(b'g', "9 path=a\n"), file(b"x")].concat(),
            "all entries",
        ),
        ([pax(b'x', "99 path=a\n"), file(b"x")].concat(), "broken"),
        (
            [
                pax(b'x', "9 path=a\n"),
                pax(b'g', "13 comment=x\n"),
                file(b"x"),
            ]
            .concat(),
            "between",
        ),
    ] {
        let end = vec![0; 1024];
        let message = refused(&gz(&[entries, end].concat()));
        assert!(
            message.contains("refused") && message.contains(rule),
            "{message} / {rule}"
        );
    }
}

#[test]
fn damaged_archives_are_refused() {
    let end = vec![0; 1024];
    let whole = [file(b"x"), end.clone()].concat();
    let mut wrong_sum = file(b"x");
    wrong_sum[0] = b'y';
    for tar in [
        Vec::new(),
        file(b"x"),
        [file(b"x"), end[..512].to_vec()].concat(),
        [file(b"x"), end[..700].to_vec()].concat()[..1000].to_vec(),
        [wrong_sum, end.clone()].concat(),
        [block(b"x", b'0', 600, ""), end.clone()].concat(),
        [whole.clone(), b"x".to_vec()].concat(),
        [pax(b'x', "9 path=a\n"), end.clone()].concat(),
        [pax(b'x', "9 path=a\n")].concat(),
    ] {
        assert!(refused(&gz(&tar)).contains("damaged"));
    }
    let good = gz(&whole);
    let mut wrong_crc = good.clone();
    let length = good.len();
    wrong_crc[length - 8] ^= 1;
    let mut wrong_size = good.clone();
    wrong_size[length - 1] ^= 1;
    for bytes in [
        b"no gzip at all, but long enough".to_vec(),
        wrong_crc,
        wrong_size,
        [good.clone(), b"garbage".to_vec()].concat(),
        [good.clone(), vec![0; 512]].concat(),
        [good.clone(), good.clone()].concat(),
        good[..length - 1].to_vec(),
    ] {
        assert!(refused(&bytes).contains("damaged"));
    }
}

#[test]
fn a_tarball_cut_anywhere_is_refused() {
    let mut packer = Packer::default();
    packer.deflated("large", &noise(700_000));
    packer.deflated("larger", &noise(1_200_000));
    let bytes = tarball_of(packer);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    let index = Index::find(&file, bytes.len() as u64).unwrap().unwrap();
    assert!(index.parts.len() > 2);
    let boundaries = index.parts.iter().map(|part| part.offset as usize);
    let random = (0..20).map(|i| (i * 7_919_977) % bytes.len());
    let tail = (bytes.len() - 40)..bytes.len();
    for length in boundaries.chain(random).chain(tail).chain([0, 1, 9]) {
        assert!(refused(&bytes[..length]).contains("damaged"), "{length}");
    }
}

#[test]
fn a_changed_byte_is_refused() {
    let bytes = sample();
    let all = 0..bytes.len();
    let tail = bytes.len() - 2700..bytes.len();
    for at in all.step_by(bytes.len() / 23).chain(tail.step_by(41)) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        let folder = tempfile::tempdir().unwrap();
        let target = Target::Folder(folder.path().join("x"));
        let error =
            unpack_bytes(&changed, &target, &options(2, false)).expect_err("a changed byte");
        assert_eq!(
            error.class(),
            Class::Refused,
            "{at} of {}: {error}",
            bytes.len()
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn the_digest_decides() {
    let bytes = sample();
    let folder = tempfile::tempdir().unwrap();
    let target = Target::Folder(folder.path().join("x"));
    let with = |expected| Options {
        expected: Some(expected),
        ..options(2, false)
    };
    let wrong = with(Digest::of(b"other"));
    for input in [true, false] {
        let error = if input {
            unpack_bytes(&bytes, &target, &wrong)
        } else {
            unpack(Input::Stream(Box::new(&bytes[..])), &target, &wrong)
        };
        assert!(matches!(error, Err(UnpackError::Digest { .. })));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
    let right = with(Digest::of(&bytes));
    assert!(unpack_bytes(&bytes, &target, &right).unwrap().verified);
    let force = Options {
        force: true,
        ..right
    };
    let again = unpack(Input::Stream(Box::new(&bytes[..])), &target, &force);
    assert!(again.unwrap().verified);
}

#[test]
fn the_manifest_decides_too() {
    let bytes = sample();
    let folder = tempfile::tempdir().unwrap();
    let target = Target::Folder(folder.path().join("x"));
    let with = |manifest: &[u8]| Options {
        manifest: Some(manifest.to_vec()),
        ..options(2, false)
    };
    let error = unpack_bytes(&bytes, &target, &with(b"{}")).unwrap_err();
    assert!(matches!(error, UnpackError::Manifest) && error.class() == Class::Refused);
    let none = gz(&[block(b"file", b'0', 0, ""), vec![0; 1024]].concat());
    let error = unpack_bytes(&none, &target, &with(b"{}")).unwrap_err();
    assert!(matches!(error, UnpackError::Manifest));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let right = with(&crate::tarball::tests::manifest_bytes());
    assert!(unpack_bytes(&bytes, &target, &right).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_tree_arrives_as_tar_has_it(
        files in prop::collection::btree_map("[a-z]{1,6}(/[a-zé]{1,60}){0,3}\\.[a-z]", (any::<bool>(), 0..900_000usize), 0..9),
        jobs in 1..4usize,
    ) {
        let mut packer = Packer::default();
        for (path, (stored, length)) in &files {
            if *stored {
                packer.stored(path, &noise(*length));
            } else {
                packer.deflated(path, &noise(*length));
            }
        }
        let bytes = tarball_of(packer);
        let folder = tempfile::tempdir().unwrap();
        let [tar, parallel, stream] = ["tar", "parallel", "stream"].map(|it| folder.path().join(it));
        fs::create_dir(&tar).unwrap();
        gnu_tar(&bytes, &tar);
        unpack_bytes(&bytes, &Target::Folder(parallel.clone()), &options(jobs, false)).unwrap();
        let input = Input::Stream(Box::new(&bytes[..]));
        unpack(input, &Target::Folder(stream.clone()), &options(1, false)).unwrap();
        let expected = snapshot(&tar);
        prop_assert!(snapshot(&parallel) == expected);
        prop_assert!(snapshot(&stream) == expected);
    }
}
