//! What the reader of a lock takes, refuses and writes back.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{PylockError, read, read_document, write};
use crate::lock::model::{
    Artifact, Fork, Lock, LockedData, LockedImage, LockedPackage, LockedSource, PannierTable,
};
use crate::request::overrides::{Applied, Kind};
use pannier_base::digest::Digest;

const HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn artifact(name: &str) -> Artifact {
    Artifact {
        name: name.to_owned(),
        url: format!("https://files.example.org/a/{name}")
            .parse()
            .unwrap(),
        size: Some(12),
        upload_time: Some("2026-01-02T03:04:05.678Z".to_owned()),
        sha256: Digest::of(name.as_bytes()),
    }
}

fn package(name: &str, version: Option<&str>, source: LockedSource) -> LockedPackage {
    LockedPackage {
        name: name.parse().unwrap(),
        version: version.map(|version| version.parse().unwrap()),
        marker: Some("sys_platform == 'linux' and python_full_version == \"3.9.*\"".to_owned()),
        requires_python: Some(">=3.9".to_owned()),
        index: Some("https://example.org/simple".parse().unwrap()),
        source,
    }
}

/// One of everything.
fn full() -> Lock {
    let target = pannier_base::platform::Target {
        python: "3.13.2".parse().unwrap(),
        platform: "x86_64-manylinux_2_41".parse().unwrap(),
    };
    let odd_name = Artifact {
        url: "https://files.example.org/get?id=7".parse().unwrap(),
        ..artifact("alpha-1.0.tar.gz")
    };
    let packages = vec![
        package(
            "alpha",
            Some("1.0"),
            LockedSource::Index {
                sdist: Some(odd_name),
                wheels: vec![
                    artifact("alpha-1.0-py3-none-any.whl"),
                    artifact("alpha-1.0-cp39-cp39-linux_x86_64.whl"),
                ],
            },
        ),
        package(
            "beta",
            Some("1!2.0rc1+local.3"),
            LockedSource::Git {
                repository: "https://git.example.org/x/beta.git".parse().unwrap(),
                requested_revision: Some("feature/\"odd\"".to_owned()),
                commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
                subdirectory: Some("py".to_owned()),
            },
        ),
        package(
            "gamma",
            None,
            LockedSource::Directory {
                path: "packages/gamma".to_owned(),
            },
        ),
        package(
            "zeta",
            Some("3"),
            LockedSource::Archive {
                artifact: artifact("zeta-3-py3-none-any.whl"),
                subdirectory: None,
            },
        ),
    ];
    let image = LockedImage {
        target,
        requested: vec!["alpha".parse().unwrap()],
        packages: Some(vec!["alpha".parse().unwrap(), "beta".parse().unwrap()]),
        data: vec!["tables".parse().unwrap()],
    };
    let data = [
        (
            "tables".parse().unwrap(),
            LockedData::Git {
                url: "https://git.example.org/x/tables.git".parse().unwrap(),
                requested_revision: "main".to_owned(),
                commit_id: "0123456789abcdef0123456789abcdef01234567".to_owned(),
                subdirectory: None,
            },
        ),
        (
            "local".parse().unwrap(),
            LockedData::Directory {
                path: "data/local".to_owned(),
            },
        ),
    ];
    Lock {
        requires_python: Some(">=3.9".to_owned()),
        environments: vec!["python_full_version == '3.13.*'".to_owned()],
        packages,
        pannier: PannierTable {
            format: 1,
            request: Digest::of(b"request"),
            constraints: Some(Digest::of(b"constraints")),
            parts: BTreeMap::from([("images.a.packages".to_owned(), Digest::of(b"part"))]),
            images: BTreeMap::from([("a".parse().unwrap(), image)]),
            data: BTreeMap::from(data),
            forks: vec![Fork {
                package: "alpha".parse().unwrap(),
                version: "0.9".to_owned(),
                image: "a".parse().unwrap(),
                reason: "no wheel".to_owned(),
            }],
            overrides: vec![Applied {
                name: "beta".to_owned(),
                kind: Kind::Package,
                from: Some("1.0 of the index".to_owned()),
                version: Some("1.1".to_owned()),
                url: Some("https://git.example.org/me/beta.git".parse().unwrap()),
                revision: Some("refs/merge-requests/5/head".to_owned()),
                commit: Some("b".repeat(40)),
                subdirectory: Some("py".to_owned()),
                sha256: None,
                said_by: "beta_pip_url".to_owned(),
                asked_by: Some("alice".to_owned()),
                set_aside: vec!["constraints.txt:3: beta<1.1".to_owned()],
                moves: vec!["alpha".parse().unwrap()],
            }],
        },
    }
}

#[test]
fn one_of_everything_comes_back_as_it_was() {
    let lock = full();
    let text = write(&lock);
    let back = read(&text).expect(&text);
    assert_eq!(back.lock, lock);
    assert_eq!(back.notes, Vec::<String>::new());
    assert_eq!(write(&back.lock), text);
    insta::assert_snapshot!(text);
}

#[test]
fn the_order_of_packages_does_not_reach_the_file() {
    let mut turned = full();
    turned.packages.reverse();
    assert_eq!(write(&turned), write(&full()));
}

#[test]
fn credentials_are_not_written_and_not_read() {
    let mut lock = full();
    let secret = "https://bot:glpat-1@example.org/x".parse().unwrap();
    lock.packages[0].index = Some(secret);
    let text = write(&lock);
    assert!(!text.contains("glpat"), "{text}");
    let text = text.replace(
        "https://git.example.org",
        "https://bot:glpat-2@git.example.org",
    );
    assert!(!write(&read(&text).unwrap().lock).contains("glpat"));
}

/// A document with one package, whose lines these are.
fn document(lines: &str) -> String {
    format!("lock-version = \"1.0\"\ncreated-by = \"x\"\n[[packages]]\nname = \"alpha\"\n{lines}\n")
}

#[test]
fn what_could_let_an_unchecked_file_in_is_refused() {
    let file = format!(
        "url = \"https://example.org/alpha-1-py3-none-any.whl\", hashes = {{ sha256 = \"{HASH}\" }}"
    );
    let commit = "0123456789abcdef0123456789abcdef01234567";
    for (lines, expected) in [
        (String::new(), "exactly one of"),
        (
            format!("wheels = [{{ {file} }}]\narchive = {{ {file} }}"),
            "exactly one of",
        ),
        (
            "wheels = [{ url = \"https://example.org/a.whl\", hashes = { md5 = \"00\" } }]".into(),
            "has no sha256",
        ),
        (
            "wheels = [{ url = \"https://example.org/a.whl\", hashes = { sha256 = \"00\" } }]"
                .into(),
            "64 hexadecimal",
        ),
        (
            "wheels = [{ url = \"https://example.org/a.whl\" }]".into(),
            "has no sha256",
        ),
        (
            format!("wheels = [{{ path = \"a.whl\", hashes = {{ sha256 = \"{HASH}\" }} }}]"),
            "not absolute",
        ),
        (
            format!("wheels = [{{ hashes = {{ sha256 = \"{HASH}\" }} }}]"),
            "neither",
        ),
        (
            format!("wheels = [{{ name = \"../a.whl\", {file} }}]"),
            "not a file name",
        ),
        (
            format!("version = \"x\"\nwheels = [{{ {file} }}]"),
            "not a version",
        ),
        (
            format!("marker = \"x\"\nwheels = [{{ {file} }}]"),
            "not a marker",
        ),
        (
            format!("requires-python = \"x\"\nwheels = [{{ {file} }}]"),
            "Python versions",
        ),
        (
            format!(
                "vcs = {{ type = \"hg\", url = \"https://example.org/x\", commit-id = \"{commit}\" }}"
            ),
            "only git",
        ),
        (
            "vcs = { type = \"git\", url = \"https://example.org/x\", commit-id = \"main\" }"
                .into(),
            "not a commit",
        ),
        (
            format!("vcs = {{ type = \"git\", commit-id = \"{commit}\" }}"),
            "no `url`",
        ),
    ] {
        let why = read_document(&document(&lines))
            .expect_err(&lines)
            .to_string();
        assert!(
            why.contains(expected) && why.contains("`alpha`"),
            "{lines}: {why}"
        );
    }
}

#[test]
fn versions_of_the_format_are_told_apart() {
    let text = write(&full());
    let read_as = |from: &str, to: &str| read(&text.replace(from, to));
    let newer = read_as("lock-version = \"1.0\"", "lock-version = \"1.3\"").unwrap();
    assert!(newer.notes[0].contains("1.3"), "{:?}", newer.notes);
    for odd in ["2.0", "1", "0.9", "1.", "1.x", ""] {
        let why = read_as(
            "lock-version = \"1.0\"",
            &format!("lock-version = \"{odd}\""),
        )
        .unwrap_err();
        assert!(
            matches!(why, PylockError::LockVersion { .. }),
            "{odd}: {why}"
        );
    }
    let why = read_as("format = 1", "format = 2").unwrap_err();
    assert!(
        matches!(why, PylockError::TableFormat { found: 2 }),
        "{why}"
    );
}

#[test]
fn unknown_keys_of_packages_are_noted_and_of_our_table_refused() {
    let text = write(&full());
    let newer = text.replacen(
        "version = \"1.0\"",
        "version = \"1.0\"\nmood = \"good\"\ndependencies = []",
        2,
    );
    let read_back = read(&newer).expect(&newer);
    assert_eq!(read_back.lock, full());
    assert_eq!(
        read_back.notes,
        ["the lock's package `alpha` has the unknown key `mood`"]
    );
    assert!(read(&text.replace("format = 1", "format = 1\nmood = \"good\"")).is_err());
    let why = read(&document("directory = { path = \"x\" }")).unwrap_err();
    assert!(matches!(why, PylockError::Foreign), "{why}");
}

#[test]
fn what_uv_writes_is_read() {
    let document = read_document(include_str!("testdata/uv.toml")).unwrap();
    let names: Vec<_> = document
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    assert_eq!(names, ["numeric", "numeric", "stub-only", "tool"]);
    assert!(document.pannier.is_none());
    assert_eq!(document.notes, Vec::<String>::new());
    let LockedSource::Archive { artifact, .. } = &document.packages[2].source else {
        panic!("a wheel by path is an archive");
    };
    assert_eq!(artifact.name, "stub_only-1.0+dev-py3-none-any.whl");
    assert_eq!(
        artifact.url.to_string(),
        "file:///tmp/stubs/stub_only-1.0+dev-py3-none-any.whl"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,300}") {
        let _ = read(&text);
    }

    #[test]
    fn any_damage_to_a_lock_is_read_without_panic(at in 0usize..3000, with in "[\\PC\n\"=\\[\\]{}]{0,6}", cut in 0usize..40) {
        let text = write(&full());
        let mut chars: Vec<char> = text.chars().collect();
        let at = at.min(chars.len());
        let end = (at + cut).min(chars.len());
        chars.splice(at..end, with.chars());
        let damaged: String = chars.into_iter().collect();
        if let Ok(read) = read(&damaged) {
            // What is taken can be written and is the same then.
            prop_assert_eq!(super::read(&write(&read.lock)).expect("own text").lock, read.lock);
        }
    }
}

#[test]
fn a_broken_line_is_told_by_its_number_and_not_shown() {
    let text = "lock-version = \"1.0\"\npackages = { index = \"https://u:s3cr3t@example.org\" ]\n";
    let error = read_document(text).expect_err("it is no TOML");
    let PylockError::Syntax(source) = error else {
        panic!("{error}");
    };
    let shown = format!("{source} {source:?}");
    assert!(source.to_string().starts_with("line 2: "), "{shown}");
    assert!(!shown.contains("s3cr3t"), "{shown}");
}

#[test]
fn markers_of_other_signs_are_refused() {
    let text = "lock-version = \"1.0\"\n[[packages]]\nname = \"a\"\nmarker = \"sys_platform == 'linux'🐺d\"\n";
    let error = read_document(text).expect_err("it is no marker");
    assert!(error.to_string().contains("is not a marker"), "{error}");
}

#[test]
fn credentials_in_a_data_project_are_dropped() {
    let text = write(&full());
    let marked = text.replace(
        "https://git.example.org/x/tables",
        "https://ci:s3cr3t@git.example.org/x/tables",
    );
    assert_ne!(marked, text);
    assert_eq!(read(&marked).unwrap().lock, read(&text).unwrap().lock);
}
