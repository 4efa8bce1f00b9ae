//! Whole wheels: a tiny valid one, and what each broken rule makes of it.

use std::fs::File;
use std::io::Write;

use super::*;
use crate::digest::Digest;
use crate::zip::{self, Rules};

const DIST_INFO: &str = "foo_bar-1.0.dist-info";

/// A wheel under construction: `RECORD` is made from the other files unless it is given.
#[derive(Clone)]
struct Forge {
    filename: &'static str,
    files: Vec<(String, Vec<u8>, bool)>,
    folders: Vec<String>,
    record: Option<Vec<u8>>,
    dist_info: &'static str,
}

impl Forge {
    fn new() -> Self {
        Self::in_folder(DIST_INFO)
    }

    fn in_folder(dist_info: &'static str) -> Self {
        let forge = Self {
            filename: "foo_bar-1.0-py3-none-any.whl",
            files: Vec::new(),
            folders: Vec::new(),
            record: None,
            dist_info,
        };
        forge
            .with("foo_bar/__init__.py", "x = 1\n")
            .with(
                &format!("{dist_info}/METADATA"),
                "Metadata-Version: 2.1\nName: Foo.Bar\nVersion: 1.0\nRequires-Dist: baz>=2\n\nText\n",
            )
            .with(
                &format!("{dist_info}/WHEEL"),
                "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            )
    }

    /// Adds a file, or replaces the one of that path.
    fn with(mut self, path: &str, content: &str) -> Self {
        self.files.retain(|(known, ..)| known != path);
        self.files
            .push((path.to_owned(), content.as_bytes().to_vec(), false));
        self
    }

    fn without(mut self, path: &str) -> Self {
        self.files.retain(|(known, ..)| known != path);
        self
    }

    fn folder(mut self, path: &str) -> Self {
        self.folders.push(path.to_owned());
        self
    }

    fn record(mut self, text: impl AsRef<str>) -> Self {
        self.record = Some(text.as_ref().as_bytes().to_vec());
        self
    }

    /// The right `RECORD`.
    fn true_record(&self) -> String {
        let path = format!("{}/RECORD", self.dist_info);
        let mut rows = vec![RecordRow::bare(path)];
        for (path, bytes, _) in &self.files {
            rows.push(RecordRow::of(path, &Digest::of(bytes), bytes.len() as u64));
        }
        Record { rows }.to_text()
    }

    fn file(&self) -> File {
        let mut writer = zip::Writer::new(tempfile::tempfile().unwrap());
        for path in &self.folders {
            writer.directory(path).unwrap();
        }
        for (path, bytes, executable) in &self.files {
            writer.file(path, *executable, &mut &bytes[..]).unwrap();
        }
        let record = self.record.clone();
        let record = record.unwrap_or_else(|| self.true_record().into_bytes());
        if !record.is_empty() {
            let path = format!("{}/RECORD", self.dist_info);
            writer.file(&path, false, &mut &record[..]).unwrap();
        }
        writer.finish().unwrap()
    }

    fn verify(&self) -> Result<Wheel, WheelError> {
        verify(
            &self.file(),
            &self.filename.parse().unwrap(),
            &Rules::default(),
        )
    }
}

/// The message with all its causes.
fn chain(error: &WheelError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Checks that the wheel is refused under this rule, with a message that names the wheel and says this.
#[track_caller]
fn refused(forge: &Forge, code: &str, part: &str) {
    let error = forge.verify().expect_err(part);
    let message = chain(&error);
    assert_eq!(error.rule_name(), code, "{message}");
    assert!(message.contains(part), "{message}");
    assert!(message.contains(forge.filename), "{message}");
}

fn hash_row(path: &str, content: &str) -> String {
    let row = RecordRow::of(path, &Digest::of(content.as_bytes()), content.len() as u64);
    Record { rows: vec![row] }.to_text()
}

#[test]
fn a_sound_wheel_tells_everything_about_itself() {
    let wheel = Forge::new()
        .with(
            &format!("{DIST_INFO}/entry_points.txt"),
            "[console_scripts]\nfoo = foo_bar:run\n",
        )
        .with("foo_bar-1.0.data/scripts/tool", "#!python\n")
        .verify()
        .unwrap();
    assert_eq!(wheel.name.as_str(), "foo-bar");
    assert_eq!(wheel.version, "1.0");
    assert_eq!(wheel.dist_info, DIST_INFO);
    assert_eq!(wheel.data.as_deref(), Some("foo_bar-1.0.data"));
    assert!(wheel.purelib);
    assert_eq!(wheel.requires_dist, ["baz>=2"]);
    assert_eq!(wheel.scripts[0].name, "foo");
    assert_eq!(wheel.pack.entries.len(), 6);
    assert!(wheel.warnings.is_empty());
    let bytes = postcard::to_stdvec(&wheel).unwrap();
    assert_eq!(postcard::from_bytes::<Wheel>(&bytes).unwrap(), wheel);
}

#[test]
fn record_must_account_for_every_file() {
    let forge = Forge::new();
    let record = forge.true_record();
    let init = hash_row("foo_bar/__init__.py", "x = 1\n");
    let swapped = |other: &str| record.replace(&init, other);
    for (record, part) in [
        (
            swapped(""),
            "`foo_bar/__init__.py` is in the wheel but not listed",
        ),
        (
            format!("{record}other.py,,\n"),
            "`other.py` is listed but not in the wheel",
        ),
        (
            swapped(&hash_row("foo_bar/__init__.py", "x = 2\n")),
            "does not match its hash",
        ),
        (
            swapped("foo_bar/__init__.py,md5=1B2M2Y8AsgTpgAmY7PhCfg,6\n"),
            "not sha256 or better",
        ),
        (swapped("foo_bar/__init__.py,,6\n"), "has no hash"),
        (
            swapped(&init.replace(",6", ",7")),
            "has 6 bytes, but 7 are listed",
        ),
        (
            swapped(&init.replace("foo_bar/", "./foo_bar/")),
            "not listed",
        ),
        (
            swapped(&init.replace("foo_bar/", "/foo_bar/")),
            "not listed",
        ),
        (
            swapped(&init.replace("foo_bar/", "foo_bar\\")),
            "not listed",
        ),
        (
            format!("{record}{}", init.replace(",6", ",")),
            "listed twice, differently",
        ),
        (format!("{record}x\n"), "three fields"),
    ] {
        refused(&Forge::new().record(record), "record", part);
    }
    refused(
        &forge.record(""),
        "wheel-metadata",
        "RECORD is wrong: it is missing",
    );
}

#[test]
fn record_may_be_spelled_in_many_ways() {
    let comma = Forge::new().with("foo_bar/a,\"b\".txt", "");
    comma.verify().unwrap();
    let crlf = comma.true_record().replace('\n', "\r\n");
    comma.record(crlf).verify().unwrap();
    let twice = format!("{0}{0}", Forge::new().true_record());
    Forge::new().record(twice).verify().unwrap();
    let own = Forge::new().true_record().replace(
        "RECORD,,",
        "RECORD,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,9",
    );
    Forge::new().record(own).verify().unwrap();
    let absent = Forge::new()
        .true_record()
        .replace(&format!("{DIST_INFO}/RECORD,,\n"), "");
    assert!(!absent.contains("RECORD"));
    Forge::new().record(absent).verify().unwrap();
}

#[test]
fn bytecode_may_go_without_a_hash() {
    let forge = Forge::new().with("foo_bar/x.pyc", "x");
    let row = hash_row("foo_bar/x.pyc", "x");
    let record = forge.true_record().replace(&row, "foo_bar/x.pyc,,\n");
    forge.record(record).verify().unwrap();
}

#[test]
fn signatures_of_record_are_carried_unlisted() {
    let forge = Forge::new();
    let record = forge.true_record();
    let wheel = forge
        .with(&format!("{DIST_INFO}/RECORD.jws"), "{}")
        .with(&format!("{DIST_INFO}/RECORD.p7s"), "")
        .record(record)
        .verify()
        .unwrap();
    assert_eq!(wheel.pack.entries.len(), 6);
}

#[test]
fn wheel_and_metadata_must_be_right() {
    let wheel = format!("{DIST_INFO}/WHEEL");
    let metadata = format!("{DIST_INFO}/METADATA");
    let says = |name: &str, version: &str| {
        format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    };
    for (forge, part) in [
        (
            Forge::new().with(&wheel, "Wheel-Version: 2.0\n"),
            "Wheel-Version 2.0 is not understood",
        ),
        (
            Forge::new().without(&wheel),
            "WHEEL is wrong: it is missing",
        ),
        (
            Forge::new().without(&metadata),
            "METADATA is wrong: it is missing",
        ),
        (
            Forge::new().with(
                &wheel,
                "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nRoot-Is-Purelib: true\n",
            ),
            "`Root-Is-Purelib` stands there more than once",
        ),
        (
            Forge::new().with(&metadata, &says("foo", "1.0")),
            "Name is `foo`, but the file name says `foo-bar`",
        ),
        (
            Forge::new().with(&metadata, &says("foo-bar", "1.1")),
            "Version is `1.1`, but the file name says `1.0`",
        ),
        (
            Forge::new().with(&metadata, &says("foo-bar", "one")),
            "Version is `one`",
        ),
        (
            Forge::new().with("a-1.dist-info/METADATA", ""),
            "two `.dist-info` folders",
        ),
        (
            Forge::new().folder("z-1.dist-info"),
            "two `.dist-info` folders",
        ),
        (
            Forge::in_folder("other-1.0.dist-info"),
            "does not say `foo_bar-1.0`",
        ),
        (
            Forge::in_folder("foo_bar-1.1.dist-info"),
            "does not say `foo_bar-1.0`",
        ),
        (
            Forge::in_folder("foo_bar.dist-info"),
            "does not say `foo_bar-1.0`",
        ),
        (Forge::in_folder("foo_bar-1.0"), "no `.dist-info` folder"),
        (
            Forge::new().with("other-1.0.data/purelib/x.py", ""),
            "does not say `foo_bar-1.0`",
        ),
        (
            Forge::new()
                .with("foo_bar-1.0.data/purelib/x.py", "")
                .with("foo.bar-1.0.data/purelib/y.py", ""),
            "two `.data` folders",
        ),
    ] {
        refused(&forge, "wheel-metadata", part);
    }
}

#[test]
fn old_spellings_and_newer_minor_formats_are_accepted() {
    for dist_info in ["Foo.Bar-1.0.dist-info", "foo-bar-1.0.0.dist-info"] {
        assert_eq!(
            Forge::in_folder(dist_info).verify().unwrap().dist_info,
            dist_info
        );
    }
    let newer = "Wheel-Version: 1.9\nRoot-Is-Purelib: false\n";
    let wheel = Forge::new()
        .with(&format!("{DIST_INFO}/WHEEL"), newer)
        .verify()
        .unwrap();
    assert_eq!(wheel.warnings.len(), 1);
    assert!(!wheel.purelib);
}

#[test]
fn entry_points_are_checked_within_the_wheel() {
    let path = format!("{DIST_INFO}/entry_points.txt");
    for (entry, part) in [
        ("../x = m:f", "script name \"../x\" is not allowed"),
        ("Python.exe = m:f", "`Python.exe` is reserved"),
        ("x = m:f()", "`x` has the value \"m:f()\""),
    ] {
        let text = format!("[console_scripts]\n{entry}\n");
        refused(&Forge::new().with(&path, &text), "entry-point", part);
    }
}

#[test]
fn data_files_stay_where_they_may_go() {
    for (path, code, part) in [
        (
            "data/bin/python3",
            "reserved-path",
            "`bin/python3` belongs to the venv",
        ),
        (
            "data/pyvenv.cfg",
            "reserved-path",
            "`pyvenv.cfg` belongs to the venv",
        ),
        (
            "data/lib64/x",
            "reserved-path",
            "`lib64/x` belongs to the venv",
        ),
        (
            "scripts/activate",
            "reserved-path",
            "`activate` is reserved",
        ),
        (
            "scripts/dir/x",
            "wheel-data",
            "scripts cannot stand in folders",
        ),
        ("conf/x", "wheel-data", "`conf` is not one of"),
    ] {
        let path = format!("foo_bar-1.0.data/{path}");
        refused(&Forge::new().with(&path, ""), code, part);
    }
    let folder = Forge::new().folder("foo_bar-1.0.data/scripts/dir");
    refused(&folder, "wheel-data", "scripts cannot stand in folders");
}

#[test]
fn an_unsound_container_is_refused_by_its_own_rule() {
    let mut file = Forge::new().file();
    file.write_all(b"junk").unwrap();
    let filename = Forge::new().filename.parse().unwrap();
    let error = verify(&file, &filename, &Rules::default()).unwrap_err();
    assert_eq!(error.rule_name(), "eocd", "{}", chain(&error));
    assert!(error.is_verdict());
}

#[test]
fn symbolic_links_are_refused_whatever_the_rules() {
    let mut writer = zip::Writer::new(tempfile::tempfile().unwrap());
    writer.symlink("foo_bar/link", "target").unwrap();
    let file = writer.finish().unwrap();
    let rules = Rules {
        symlinks: true,
        ..Rules::default()
    };
    let filename = Forge::new().filename.parse().unwrap();
    let error = verify(&file, &filename, &rules).unwrap_err();
    assert_eq!(error.rule_name(), "file-type", "{}", chain(&error));
}

#[test]
fn top_level_names_are_those_that_import() {
    let wheel = Forge::new()
        .with("single.py", "")
        .with("_native.cpython-313-x86_64-linux-gnu.so", "")
        .with("stable.abi3.so", "")
        .with("plain.so", "")
        .with("space/deep/mod.py", "")
        .with("data_only/x.json", "")
        .with("foo_bar.libs/libx-1234.so.3", "")
        .with("not-a-name/x.py", "")
        .with("foo_bar-1.0.data/purelib/pure/__init__.py", "")
        .with("foo_bar-1.0.data/data/lib/x.py", "")
        .with("foo_bar-1.0.data/scripts/tool.py", "")
        .verify()
        .unwrap();
    assert_eq!(
        wheel.top_level(),
        [
            "_native", "foo_bar", "plain", "pure", "single", "space", "stable"
        ]
    );
}

/// The bytes that [`normalise`] makes of a wheel.
fn normalised(forge: &Forge) -> Vec<u8> {
    let mut out = Vec::new();
    let filename = forge.filename.parse().unwrap();
    normalise(&forge.file(), &filename, &mut out).unwrap();
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
    let paths: Vec<_> = wheel
        .pack
        .entries
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
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
        .entries
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
    normalise(&file, &forge.filename.parse().unwrap(), &mut twice).unwrap();
    assert_eq!(once, twice);
    let contents = |wheel: &Wheel| {
        let mut found: Vec<_> = wheel
            .pack
            .entries
            .iter()
            .map(|entry| match &entry.content {
                Content::File { stream, .. } => (entry.path.clone(), stream.sha256),
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
    let error = normalise(&bad.file(), &bad.filename.parse().unwrap(), &mut Vec::new());
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
