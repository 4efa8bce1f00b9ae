//! What foreign data looks like: nothing in it acts on a terminal, forges a line or breaks the program. The program itself.
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::path::Path;
use std::process::Command;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

/// A title for the window, a cleared screen, an override of the direction, a new line and a section of a GitLab log.
const EVIL: &str = "1\u{1b}]0;t\u{7}\u{9b}2J\u{202e}\nimage  forged\nsection_start:1:x\r\u{1b}[0K";

fn manifest(version: &str, image: &str) -> Value {
    let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    json!({
        "format": u32::MAX,
        "pannier": version,
        "lock": digest,
        "image": {"name": "x", "reference": image},
        "target": {
            "python": "3.13",
            "platform": "x86_64-manylinux_2_41",
            "interpreter": format!("/{image}"),
        },
        "packages": [{
            "name": "a", "version": version, "sha256": digest, "requested": true, "source": {"kind": "directory"},
        }],
        "data": [],
        "fallback": {"channel": version, "release": image},
    })
}

/// A tarball with this manifest and a link with this target.
fn tarball(path: &Path, manifest: &Value, target: &str) {
    let gzip = GzEncoder::new(File::create(path).unwrap(), Compression::fast());
    let mut tar = tar::Builder::new(gzip);
    let bytes = manifest.to_string().into_bytes();
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    tar.append_data(&mut header, ".pannier/manifest.json", &bytes[..])
        .unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, "venv/link", target).unwrap();
    tar.into_inner().unwrap().finish().unwrap();
}

/// Exit code, what is printed and what is told.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pannier"));
    command.current_dir(folder).env_clear().args(arguments);
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn assert_harmless(text: &str) {
    for line in text.split('\n') {
        assert_eq!(pannier_base::visible::line(line), line);
    }
}

#[test]
fn tarballs_of_others_are_shown_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (
        folder.path().join("1.tar.gz"),
        folder.path().join("2.tar.gz"),
    );
    tarball(&one, &manifest(EVIL, EVIL), EVIL);
    tarball(&two, &manifest("2", "x"), "y");
    let (code, text, _) = run(folder.path(), &["inspect", "1.tar.gz"]);
    assert_eq!(code, 0);
    assert_eq!(
        text.lines()
            .filter(|line| line.starts_with("image"))
            .count(),
        1
    );
    insta::assert_snapshot!(text);
    for arguments in [
        &["inspect", "1.tar.gz", "--format", "tree"][..],
        &["diff", "1.tar.gz", "2.tar.gz"],
        &["diff", "2.tar.gz", "1.tar.gz", "--files"],
        &[
            "diff", "2.tar.gz", "1.tar.gz", "--files", "--format", "json",
        ],
    ] {
        let (code, text, told) = run(folder.path(), arguments);
        assert_eq!((code, told.as_str()), (0, ""));
        assert!(text.contains("202e"), "{arguments:?}: {text}");
        assert_harmless(&text);
    }
    let (_, text, _) = run(folder.path(), &["inspect", "1.tar.gz", "--format", "json"]);
    assert_harmless(&text);
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found["manifest"]["pannier"], EVIL);
}

#[test]
fn long_texts_are_shown_in_part() {
    let folder = tempfile::tempdir().unwrap();
    let long = "9".repeat(1_000_000);
    tarball(&folder.path().join("1.tar.gz"), &manifest(&long, "x"), "y");
    let (code, text, told) = run(folder.path(), &["inspect", "1.tar.gz"]);
    assert_eq!((code, told.as_str()), (0, ""));
    let row = text.lines().find(|line| line.starts_with("a  ")).unwrap();
    assert!(row.len() < 2000 && row.contains("9…"), "{}", row.len());
}

#[test]
fn errors_show_what_was_written_and_typed() {
    let folder = tempfile::tempdir().unwrap();
    let config = format!("{}: 1\n", json!(EVIL));
    std::fs::write(folder.path().join("pannier.yml"), config).unwrap();
    for arguments in [
        &["config", "show"][..],
        &["inspect", "x", "--format", EVIL],
        &["inspect", EVIL],
        &["unpack", "x", "--to", EVIL],
    ] {
        let (code, _, told) = run(folder.path(), arguments);
        assert_ne!(code, 0);
        assert_harmless(&told);
    }
}
