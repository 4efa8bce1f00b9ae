//! Other programs see the same tree, and say nothing about the index.

use std::process::{Output, Stdio};

use super::*;

/// Runs `program` in `folder` with `{}` standing for the tarball. `None` where the program is missing.
fn run(program: &[&str], tarball: &Path, folder: &Path) -> Option<Output> {
    let mut command = Command::new(program[0]);
    for argument in &program[1..] {
        command.arg(argument.replace("{}", tarball.to_str().unwrap()));
    }
    match command.current_dir(folder).stdin(Stdio::null()).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => panic!("{program:?}: {error}"),
    }
}

/// A tree without the times of links, which Python does not set.
fn seen(root: &Path) -> Snapshot {
    let mut found = snapshot(root);
    for (kind, time, _) in found.values_mut() {
        if kind == "link" {
            *time = 0;
        }
    }
    found
}

const PYTHON: &str =
    "import sys, tarfile\nwith tarfile.open(sys.argv[1], sys.argv[2]) as t:\n    t.extractall('.')";

const NODE: &str = "const fs = require('fs'), zlib = require('zlib'); \
    fs.createReadStream(process.argv[1]).pipe(zlib.createGunzip()).pipe(fs.createWriteStream('x.tar'))";

#[test]
#[allow(clippy::print_stderr, reason = "missing programs are told")]
fn every_reader_gives_the_same_tree_and_no_warning() {
    let bytes = sample();
    let folder = tempfile::tempdir().unwrap();
    let tarball = folder.path().join("x.tar.gz");
    fs::write(&tarball, &bytes).unwrap();
    let own = folder.path().join("own");
    let done = unpack_bytes(&bytes, &Target::Folder(own.clone()), &options(2, false)).unwrap();
    assert!(done.indexed);
    let expected = seen(&own);
    let readers: [(&[&str], bool); 9] = [
        (&["tar", "-xpzf", "{}"], true),
        (
            &["python3", "-W", "ignore", "-c", PYTHON, "{}", "r:gz"],
            true,
        ),
        (
            &["python3", "-W", "ignore", "-c", PYTHON, "{}", "r|gz"],
            true,
        ),
        (&["sh", "-c", "gzip -dc {} | tar -xpf -"], true),
        (&["bsdtar", "-xpzf", "{}"], false),
        (&["busybox", "tar", "-xpzf", "{}"], false),
        (
            &[
                "sh",
                "-c",
                "command -v pigz >/dev/null || exit 99; pigz -dc {} | tar -xpf -",
            ],
            false,
        ),
        (
            &[
                "sh",
                "-c",
                "command -v igzip >/dev/null || exit 99; igzip -dc {} | tar -xpf -",
            ],
            false,
        ),
        (&["node", "-e", NODE, "{}"], false),
    ];
    for (number, (program, needed)) in readers.into_iter().enumerate() {
        let into = folder.path().join(number.to_string());
        fs::create_dir(&into).unwrap();
        let output = run(program, &tarball, &into).filter(|it| it.status.code() != Some(99));
        let Some(output) = output else {
            assert!(!needed, "{program:?} is missing");
            eprintln!("skipped, the program is missing: {program:?}");
            continue;
        };
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && message.is_empty(),
            "{program:?}: {message}"
        );
        let plain = into.join("x.tar");
        if plain.exists() {
            let status = Command::new("tar")
                .args(["-xpf", "x.tar"])
                .current_dir(&into)
                .status();
            assert!(status.unwrap().success());
            fs::remove_file(plain).unwrap();
        }
        assert!(seen(&into) == expected, "{program:?}");
    }
    let mut plain = flate2::read::GzDecoder::new(&bytes[..]);
    let crate_tar = folder.path().join("crate");
    let mut archive = tar::Archive::new(&mut plain);
    archive.set_preserve_permissions(true);
    archive.unpack(&crate_tar).unwrap();
    assert!(seen(&crate_tar).keys().eq(expected.keys()));
}

/// Where zstd is read: each program that is there, on frames one after another and on a single one.
#[test]
#[allow(clippy::print_stderr, reason = "missing programs are told")]
fn readers_of_zstd_give_the_same_tree() {
    const NODE: &str = "const fs = require('fs'), zlib = require('zlib'); \
        if (!zlib.createZstdDecompress) process.exit(99); \
        fs.createReadStream(process.argv[1]).pipe(zlib.createZstdDecompress()).pipe(fs.createWriteStream('x.tar'))";
    const PYTHON: &str = "import sys\ntry:\n    import compression.zstd\nexcept ImportError:\n    sys.exit(99)\n\
        import tarfile\nwith tarfile.open(sys.argv[1], sys.argv[2]) as t:\n    t.extractall('.', filter='tar')";
    let zstd = |command: &str| format!("command -v zstd >/dev/null || exit 99; {command}");
    let tar = zstd("tar --zstd -xpf {}");
    let pipe = zstd("zstd -dcq {} | tar -xpf -");
    let test = zstd("zstd -tq {} && zstd -dcq {} | tar -xpf -");
    // Those after the bar read one frame alone.
    let readers: [(&[&str], bool); 7] = [
        (&["sh", "-c", &tar], true),
        (&["sh", "-c", &pipe], true),
        (&["sh", "-c", &test], true),
        (&["bsdtar", "-xpf", "{}"], true),
        (&["python3", "-c", PYTHON, "{}", "r:zst"], true),
        (&["python3", "-c", PYTHON, "{}", "r|zst"], true),
        (&["node", "-e", NODE, "{}"], true),
    ];
    for packing in [Packing::Frames, Packing::OneFrame] {
        let bytes = sample_as(packing);
        let folder = tempfile::tempdir().unwrap();
        let tarball = folder.path().join("x.tar.zst");
        fs::write(&tarball, &bytes).unwrap();
        let own = folder.path().join("own");
        unpack_bytes(&bytes, &Target::Folder(own.clone()), &options(2, false)).unwrap();
        let expected = seen(&own);
        for (number, (program, many)) in readers.into_iter().enumerate() {
            let into = folder.path().join(number.to_string());
            fs::create_dir(&into).unwrap();
            let output = run(program, &tarball, &into).filter(|it| it.status.code() != Some(99));
            let Some(output) = output else {
                eprintln!("skipped, the program is missing or too old: {program:?}");
                continue;
            };
            let message = String::from_utf8_lossy(&output.stderr);
            let clean = output.status.success() && message.is_empty();
            let plain = into.join("x.tar");
            if plain.exists() {
                let mut tar = Command::new("tar");
                tar.args(["-xpf", "x.tar"]).current_dir(&into);
                assert!(tar.output().unwrap().status.success());
                fs::remove_file(plain).unwrap();
            }
            let same = clean && seen(&into) == expected;
            assert_eq!(
                same,
                many || packing == Packing::OneFrame,
                "{packing}, {program:?}: {message}"
            );
        }
    }
}

#[test]
fn the_index_is_small() {
    let mut packer = Packer::default();
    for number in 0..30 {
        packer.deflated(&format!("f{number}"), &noise(600_000));
    }
    let bytes = tarball_of(packer);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    let index = Index::find(&file, bytes.len() as u64).unwrap().unwrap();
    assert!(index.parts.len() > 30);
    let own = index.parts.last().unwrap().segment.compressed;
    assert!(own * 500 < bytes.len() as u64, "{own} of {}", bytes.len());
    let mut tiny = Packer::default();
    tiny.stored("a", b"1");
    let tiny = tarball_of(tiny);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&tiny).unwrap();
    assert!(Index::find(&file, tiny.len() as u64).unwrap().is_none());
}
