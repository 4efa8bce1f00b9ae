//! Wheels that are written here: normalised ones and stubs.

use std::io::Write;

use super::*;

/// The bytes that [`normalise`] makes of a wheel.
fn normalised(forge: &Forge) -> Vec<u8> {
    let mut out = Vec::new();
    let filename = forge.filename.parse().unwrap();
    normalise(&forge.file(), &filename, &std::env::temp_dir(), &mut out).unwrap();
    out
}

fn reopened(bytes: &[u8]) -> Wheel {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let filename = Forge::new().filename.parse().unwrap();
    verify(&file, &filename, &Rules::default()).unwrap()
}

#[test]
fn normalised_wheels_depend_on_content_alone() {
    let mut built = Forge::new()
        .with("zzz.py", "z")
        .with(&format!("{DIST_INFO}/licenses/LICENSE"), "free")
        .with("foo_bar-1.0.data/scripts/run", "#!/bin/sh\n");
    built.files.last_mut().unwrap().2 = true;
    let mut other = built.clone().folder("foo_bar").folder("empty");
    other.files.reverse();
    let crlf = other.true_record().replace('\n', "\r\n");
    let other = other.record(crlf);
    assert_ne!(
        built.true_record(),
        String::from_utf8(other.record.clone().unwrap()).unwrap()
    );
    let bytes = normalised(&built);
    assert_eq!(bytes, normalised(&other));

    let wheel = reopened(&bytes);
    let paths: Vec<_> = wheel.pack.iter().map(|entry| &*entry.path).collect();
    let expected = [
        "foo_bar-1.0.data/scripts/run",
        "foo_bar/__init__.py",
        "zzz.py",
        "foo_bar-1.0.dist-info/METADATA",
        "foo_bar-1.0.dist-info/WHEEL",
        "foo_bar-1.0.dist-info/licenses/LICENSE",
        "foo_bar-1.0.dist-info/RECORD",
    ];
    assert_eq!(paths, expected);
    let executable: Vec<_> = wheel
        .pack
        .iter()
        .filter(|entry| {
            matches!(
                entry.content,
                Content::File {
                    executable: true,
                    ..
                }
            )
        })
        .collect();
    assert_eq!(executable.len(), 1);
    assert_eq!(executable[0].path, "foo_bar-1.0.data/scripts/run");
}

#[test]
fn normalising_twice_changes_nothing_and_keeps_content() {
    let forge = Forge::new().with("big.txt", &"line\n".repeat(100_000));
    let original = forge.verify().unwrap();
    let once = normalised(&forge);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&once).unwrap();
    let mut twice = Vec::new();
    normalise(
        &file,
        &forge.filename.parse().unwrap(),
        &std::env::temp_dir(),
        &mut twice,
    )
    .unwrap();
    assert_eq!(once, twice);
    let contents = |wheel: &Wheel| {
        let mut found: Vec<_> = wheel
            .pack
            .iter()
            .map(|entry| match entry.content {
                Content::File { stream, .. } => (entry.path.to_owned(), stream.sha256),
                _ => panic!("{} is no file", entry.path),
            })
            .collect();
        found.sort();
        found
    };
    assert_eq!(contents(&original), contents(&reopened(&once)));
}

#[test]
fn normalising_drops_signatures_and_refuses_what_verify_refuses() {
    let forge = Forge::new();
    let record = forge.true_record();
    let signed = forge
        .with(&format!("{DIST_INFO}/RECORD.jws"), "{}")
        .record(record);
    assert_eq!(normalised(&signed), normalised(&Forge::new()));
    let bad = Forge::new().with("foo_bar-1.0.data/conf/x", "");
    let error = normalise(
        &bad.file(),
        &bad.filename.parse().unwrap(),
        &std::env::temp_dir(),
        &mut Vec::new(),
    );
    assert_eq!(error.unwrap_err().rule_name(), "wheel-data");
}

#[test]
fn a_stub_is_a_sound_wheel_that_says_what_it_was_told() {
    let meta = StubMetadata {
        name: "Foo.Bar".parse().unwrap(),
        version: "1!2.0+local.1".parse().unwrap(),
        requires_dist: vec![
            "baz>=2; extra == 'net'".to_owned(),
            "qux @\n git+https://example.org/qux.git".to_owned(),
        ],
        requires_python: Some(">=3.9".to_owned()),
        extras: vec!["net".to_owned()],
    };
    let bytes = stub(&meta);
    assert_eq!(bytes, stub(&meta));
    let filename: WheelFilename = meta.filename().parse().unwrap();
    assert!(filename.is_pure());
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    let wheel = verify(&file, &filename, &Rules::default()).unwrap();
    assert_eq!(wheel.name, meta.name);
    assert_eq!(wheel.version, "1!2.0+local.1");
    assert_eq!(
        wheel.requires_dist,
        [
            "baz>=2; extra == 'net'",
            "qux @ git+https://example.org/qux.git"
        ]
    );
    assert_eq!(wheel.requires_python.as_deref(), Some(">=3.9"));
    assert_eq!(wheel.extras, ["net"]);
    assert!(wheel.top_level().is_empty());
}
