//! `pannier unpack`, `inspect` and `diff` as jobs run them: exit codes, output, and kills at any moment.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use pannier_archive::entries::Coding;
use pannier_archive::entries::Content;
use pannier_archive::entries::Pack;
use pannier_archive::entries::PackEntry;
use pannier_archive::entries::Stream;
use pannier_archive::tarball::Container;
use pannier_archive::tarball::Contents;
use pannier_archive::tarball::Manifest;
use pannier_archive::tarball::ManifestImage;
use pannier_archive::tarball::ManifestPackage;
use pannier_archive::tarball::ManifestTarget;
use pannier_archive::tarball::Mtime;
use pannier_archive::tarball::Packing;
use pannier_archive::tarball::Part;
use pannier_archive::tarball::Source;
use pannier_archive::tarball::assemble;
use pannier_archive::venv::Item;
use pannier_archive::venv::ItemKind;
use pannier_base::digest::Digest;

/// Files of one package by path below site-packages.
type Files = BTreeMap<String, Vec<u8>>;

const SITE: &str = "venv/lib/python3.13/site-packages";

/// Bytes that do not compress and differ by `seed`.
fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed;
    let byte = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(byte).collect()
}

/// The package `tool` with a module of this length.
fn tool(version: &str, length: usize) -> Files {
    let dist_info = format!("tool-{version}.dist-info");
    let mut record = format!("{dist_info}/RECORD,,\n../../../bin/tool,,\n");
    let mut files = Files::new();
    for number in 0..60 {
        let path = format!("tool/m{number}.py");
        files.insert(path, noise(number, length));
    }
    for path in files.keys() {
        record += &format!("{path},,\n");
    }
    files.insert(format!("{dist_info}/RECORD"), record.into_bytes());
    files
}

/// A tarball of the package `tool`, written as `prepare` does, with its digest beside it.
fn tarball(path: &Path, version: &str, files: &Files) {
    tarball_as(path, version, files, Packing::default());
}

/// The same, packed in this way.
fn tarball_as(path: &Path, version: &str, files: &Files, packing: Packing) {
    let mut container = tempfile::tempfile().unwrap();
    let mut pack = Pack::default();
    let mut offset = 0;
    for (path, content) in files {
        container.write_all(content).unwrap();
        let size = content.len() as u64;
        let stream = Stream {
            offset,
            compressed: size,
            size,
            crc32: crc32fast::hash(content),
            sha256: Digest::of(content),
            coding: Coding::Stored,
        };
        let content = Content::File {
            executable: false,
            stream,
        };
        let path = path.clone();
        pack.push(PackEntry { path, content });
        offset += size;
    }
    let carried = pack.iter().map(|it| Item {
        path: format!("{SITE}/{}", it.path),
        kind: ItemKind::Carried {
            pack: 0,
            stream: *it.stream().unwrap(),
            executable: false,
        },
    });
    let script = Item {
        path: "venv/bin/tool".to_owned(),
        kind: ItemKind::Bytes {
            bytes: b"#!/bin/sh\n".to_vec(),
            executable: true,
        },
    };
    let manifest = Manifest {
        format: Manifest::FORMAT,
        pannier: "1.2.3".to_owned(),
        lock: Digest::of(b"lock"),
        image: ManifestImage {
            name: "builder".parse().unwrap(),
            reference: None,
        },
        target: ManifestTarget {
            python: "3.13".parse().unwrap(),
            platform: "x86_64-manylinux_2_41".parse().unwrap(),
            interpreter: "/usr/bin/python3.13".into(),
            bytecode: None,
        },
        packages: vec![ManifestPackage {
            name: "tool".parse().unwrap(),
            version: version.to_owned(),
            sha256: Digest::of(version.as_bytes()),
            requested: true,
            source: Source::Directory,
        }],
        data: Vec::new(),
        fallback: None,
        overrides: Vec::new(),
    };
    let contents = Contents {
        manifest: &manifest,
        head: None,
        mtime: Mtime::default(),
        packing,
        cache: None,
    };
    let container = Container {
        file: &Arc::new(container),
        pack: &pack,
        origin: None,
    };
    let part = Part {
        containers: vec![container],
        items: std::iter::once(script).chain(carried).collect(),
    };
    let summary = assemble(&contents, &[part], File::create(path).unwrap()).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    let line = format!("{}  {name}\n", summary.sha256);
    fs::write(path.with_file_name(format!("{name}.sha256")), line).unwrap();
}

fn pannier(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pannier"));
    command.current_dir(folder).args(arguments).env_clear();
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    pannier(folder, arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn stdout(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
    String::from_utf8(output.stdout).unwrap()
}

/// Every file by path, with its content.
fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let content = fs::read(&path).unwrap();
                found.insert(path.strip_prefix(root).unwrap().to_owned(), content);
            }
        }
    }
    found
}

#[test]
fn a_job_unpacks_into_its_folder_and_refuses_a_wrong_digest() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tarball(&folder.join("x.tar.gz"), "1.0", &tool("1.0", 20_000));
    let said = stdout(folder, &["unpack", "x.tar.gz"]);
    assert!(
        said.contains("63 files") && said.contains("digest verified"),
        "{said}"
    );
    assert!(folder.join("venv/bin/tool").exists());
    let again = run(folder, &["unpack", "x.tar.gz"]);
    assert_eq!(again.status.code(), Some(1));
    stdout(folder, &["unpack", "x.tar.gz", "--force"]);
    let json = stdout(
        folder,
        &[
            "unpack", "x.tar.gz", "--to", "new", "--jobs", "3", "--format", "json",
        ],
    );
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["indexed"], &json["files"]),
        (&true.into(), &63.into())
    );
    let wrong = Digest::of(b"").to_string();
    let output = run(
        folder,
        &["unpack", "x.tar.gz", "--to", "other", "--verify", &wrong],
    );
    assert_eq!(output.status.code(), Some(4));
    fs::write(
        folder.join("x.tar.gz.sha256"),
        format!("{wrong}  x.tar.gz\n"),
    )
    .unwrap();
    let output = run(folder, &["unpack", "x.tar.gz", "--to", "other"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(!folder.join("other").exists());
    assert_eq!(
        run(folder, &["unpack", "missing.tar.gz"]).status.code(),
        Some(1)
    );
    assert_eq!(
        run(folder, &["unpack", "x.tar.gz", "--verify", "12"])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn inspect_and_diff_tell_packages_and_files() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tarball(&folder.join("a.tar.gz"), "1.0", &tool("1.0", 2_000));
    tarball(&folder.join("b.tar.gz"), "2.0", &tool("2.0", 3_000));
    let text = stdout(folder, &["inspect", "a.tar.gz"]);
    assert!(text.contains("image     builder\n"), "{text}");
    assert!(text.contains("Python 3.13, x86_64-manylinux_2_41, /usr/bin/python3.13\n"));
    assert!(text.contains("tool     1.0         62"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&stdout(
        folder,
        &["inspect", "a.tar.gz", "--format", "json"],
    ))
    .unwrap();
    assert_eq!(json["packages"]["tool"]["files"], 62);
    assert_eq!(json["other"]["files"], 1);
    let tree = stdout(folder, &["inspect", "a.tar.gz", "--format", "tree"]);
    assert!(tree.contains(" m0.py  2.0 kB\n"), "{tree}");
    let text = stdout(folder, &["diff", "a.tar.gz", "b.tar.gz"]);
    assert!(text.starts_with("~ tool  1.0 folder "), "{text}");
    assert!(
        text.ends_with("files: 1 added, 1 removed, 61 changed\n"),
        "{text}"
    );
    let files = stdout(folder, &["diff", "a.tar.gz", "b.tar.gz", "--files"]);
    assert!(files.contains("tool/m0.py  2.0 kB -> 3.0 kB\n"), "{files}");
    let same = stdout(folder, &["diff", "a.tar.gz", "a.tar.gz", "--files"]);
    assert_eq!(same, "files: 0 added, 0 removed, 0 changed\n");
    fs::write(
        folder.join("cut.tar.gz"),
        &fs::read(folder.join("a.tar.gz")).unwrap()[..9_000],
    )
    .unwrap();
    assert_eq!(
        run(folder, &["inspect", "cut.tar.gz"]).status.code(),
        Some(4)
    );
    assert_eq!(
        run(folder, &["diff", "a.tar.gz", "missing"]).status.code(),
        Some(1)
    );
}

/// The exit code of `unpack` of a file, of `unpack` from standard input, and of `inspect`; nothing may be unpacked.
fn verdicts(folder: &Path, file: &Path) -> [Option<i32>; 3] {
    let name = file.file_name().unwrap().to_str().unwrap();
    let code = |arguments: &[&str], stdin: Stdio| {
        let output = pannier(folder, arguments).stdin(stdin).output().unwrap();
        let unpacked = fs::remove_dir_all(folder.join("to")).is_ok();
        assert_eq!(
            unpacked,
            output.status.success() && arguments[0] == "unpack"
        );
        output.status.code()
    };
    let stdin = File::open(file).unwrap().into();
    [
        code(&["unpack", name, "--to", "to"], Stdio::null()),
        code(&["unpack", "-", "--to", "to"], stdin),
        code(&["inspect", name], Stdio::null()),
    ]
}

#[test]
fn damage_is_a_refusal_whatever_the_compression() {
    for (ending, packing) in [
        ("tar.gz", Packing::default()),
        ("tar.zst", Packing::Frames),
        ("tar.zst", Packing::OneFrame),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let whole = folder.join(format!("whole.{ending}"));
        // More than one buffer, so that the manifest is read before the checksum behind it.
        tarball_as(&whole, "1.0", &tool("1.0", 10_000), packing);
        let bytes = fs::read(&whole).unwrap();
        let file = folder.join(format!("x.{ending}"));
        fs::write(&file, &bytes).unwrap();
        assert_eq!(verdicts(folder, &file), [Some(0); 3], "{packing:?}: whole");
        let refused = |bytes: &[u8], what: &str| {
            fs::write(&file, bytes).unwrap();
            let codes = verdicts(folder, &file);
            assert_eq!(codes, [Some(4); 3], "{packing:?}: {what}");
        };
        // Nothing depends on what stands between in a gzip header: a time and a system.
        let dense = (0..3).chain((10..1200).step_by(86));
        let sparse = (1200..bytes.len() - 200).step_by(bytes.len() / 3);
        let mut harmless = 0;
        for at in dense.chain(sparse) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x01;
            fs::write(&file, changed).unwrap();
            let codes = verdicts(folder, &file);
            // A few bits of deflate mean nothing: then the checksum holds, and everyone has to agree.
            harmless += u32::from(codes == [Some(0); 3]);
            assert!(
                codes == [Some(4); 3] || codes == [Some(0); 3],
                "{packing:?}: byte {at} of {}: {codes:?}",
                bytes.len()
            );
        }
        assert!(harmless <= 2, "{packing:?}: {harmless}");
        for length in [0, 1, 3, 5, 500, bytes.len() / 2] {
            refused(&bytes[..length], &format!("cut to {length}"));
        }
        refused(&[&bytes[..], b"garbage"].concat(), "garbage behind it");
        refused(b"a text of some length, and no tarball", "another file");
    }
}

#[test]
fn frames_that_no_decoder_takes_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = folder.join("x.tar.zst");
    // RFC 8878, 3.1.1: magic number, descriptor, window or dictionary, then a raw last block of one byte.
    let block = [0x09, 0, 0, b'x'];
    for (what, head) in [
        ("a reserved bit", vec![0x08, 0x58]),
        ("a window of two terabytes", vec![0x00, 0xf8]),
        ("a dictionary", vec![0x01, 0x58, 7]),
    ] {
        let magic = [0x28, 0xb5, 0x2f, 0xfd];
        fs::write(&file, [&magic[..], &head, &block].concat()).unwrap();
        assert_eq!(verdicts(folder, &file), [Some(4); 3], "{what}");
    }
}

/// Kills without a word, as the kernel or a runner does.
fn kill(mut child: Child) {
    // It may have ended already.
    let _ = child.kill();
    child.wait().unwrap();
}

fn private_folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .contains(".pannier-")
        })
        .collect()
}

#[test]
fn a_kill_while_the_stream_still_flows_leaves_the_target() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let source = folder.join("x.tar.gz");
    tarball(&source, "1.0", &tool("1.0", 30_000));
    let mut bytes = Vec::new();
    File::open(&source)
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    let base = folder.join("base");
    fs::create_dir_all(base.join("target")).unwrap();
    fs::write(base.join("target/mine"), "1").unwrap();
    for eighth in 0..8 {
        let mut child = pannier(&base, &["unpack", "-", "--to", "target", "--force"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let length = bytes.len() * eighth / 8;
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&bytes[..length]).unwrap();
        kill(child);
        drop(stdin);
        let target = tree(&base.join("target"));
        assert_eq!(target.len(), 1, "{eighth}");
        assert!(private_folders(&base).len() <= 1, "the last run's is swept");
    }
    stdout(
        &base,
        &[
            "unpack",
            source.to_str().unwrap(),
            "--to",
            "target",
            "--force",
        ],
    );
    assert!(base.join("target/venv/bin/tool").exists());
    assert!(!base.join("target/mine").exists());
    assert_eq!(private_folders(&base), Vec::<PathBuf>::new());
}

#[test]
fn a_kill_at_any_point_leaves_the_old_tree_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let [old, new] = ["old", "new"].map(|name| folder.join(format!("{name}.tar.gz")));
    tarball(&old, "1.0", &tool("1.0", 30_000));
    tarball(&new, "2.0", &tool("2.0", 40_000));
    let base = folder.join("base");
    fs::create_dir(&base).unwrap();
    let target = base.join("target");
    let unpack = |file: &Path| {
        let file = file.to_str().unwrap();
        stdout(&base, &["unpack", file, "--to", "target", "--force"])
    };
    unpack(&new);
    let new_tree = tree(&target);
    unpack(&old);
    let old_tree = tree(&target);
    for files in [0, 1, 5, 20, 40, 60, 63, 1000] {
        let arguments = ["unpack", new.to_str().unwrap(), "--to", "target", "--force"];
        let mut child = pannier(&base, &arguments)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // Until it has written as many files, or is done.
        while child.try_wait().unwrap().is_none() {
            let written = private_folders(&base)
                .iter()
                .map(|it| count(it))
                .sum::<usize>();
            if written > files {
                break;
            }
            std::thread::yield_now();
        }
        kill(child);
        let found = tree(&target);
        assert!(found == old_tree || found == new_tree, "{files}");
        unpack(&old);
        assert!(tree(&target) == old_tree);
        assert_eq!(private_folders(&base), Vec::<PathBuf>::new());
    }
}

/// Number of files below a folder that others change meanwhile.
fn count(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let below = entries.flatten().map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => count(&entry.path()),
        _ => 1,
    });
    below.sum()
}
