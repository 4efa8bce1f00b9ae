//! What each broken rule makes of a wheel, and what is accepted although it is unusual.

use std::io::Write;

use super::*;

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
    assert_eq!(wheel.pack.len(), 6);
    assert!(wheel.warnings.is_empty());
    let bytes = postcard::to_stdvec(&wheel).unwrap();
    let mut read = postcard::from_bytes::<Wheel>(&bytes).unwrap();
    read.pack = Pack::from_bytes(&wheel.pack.to_bytes()).unwrap();
    assert_eq!(read, wheel);
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
            "has 6 bytes, listed are 7",
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
            "listed twice, with different values",
        ),
        (
            record.replace("RECORD,,\n", "RECORD,,\nfoo_bar/y.pyc,,\n"),
            "`foo_bar/y.pyc` is listed but not in the wheel",
        ),
        (format!("{record}x\n"), "three fields"),
    ] {
        refused(&Forge::new().record(record), "record", part);
    }
    refused(
        &forge.record(""),
        "wheel-metadata",
        "RECORD is wrong [wheel-metadata]: it is missing",
    );
}

#[test]
fn metadata_that_only_fills_the_memory_is_refused() {
    let blown = format!("{}{}", Forge::new().true_record(), "a,,\n".repeat(100));
    let error = Forge::new().record(blown).verify().unwrap_err();
    assert!(
        chain(&error).contains("more than 73 rows"),
        "{}",
        chain(&error)
    );
    let path = format!("{DIST_INFO}/METADATA");
    let blown = "A:\n".repeat(3 << 20);
    let error = Forge::new().with(&path, &blown).verify().unwrap_err();
    assert!(chain(&error).contains("9437184"), "{}", chain(&error));
}

#[test]
fn metadata_is_held_to_record_as_well() {
    for name in ["METADATA", "WHEEL", "licenses/LICENSE"] {
        let path = format!("{DIST_INFO}/{name}");
        let forge = Forge::new().with(&format!("{DIST_INFO}/licenses/LICENSE"), "free");
        let record = forge.true_record();
        let (_, content, _) = forge
            .files
            .iter()
            .find(|(known, ..)| *known == path)
            .unwrap();
        let changed = format!("{}X-More: 1\n", String::from_utf8_lossy(content));
        let changed = forge.clone().with(&path, &changed).record(record);
        refused(
            &changed,
            "record",
            &format!("`{path}` does not match its hash"),
        );
    }
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
    assert_eq!(wheel.pack.len(), 6);
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
            "Wheel-Version 2.0 is not supported",
        ),
        (
            Forge::new().without(&wheel),
            "WHEEL is wrong [wheel-metadata]: it is missing",
        ),
        (
            Forge::new().without(&metadata),
            "METADATA is wrong [wheel-metadata]: it is missing",
        ),
        (
            Forge::new().with(
                &wheel,
                "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nRoot-Is-Purelib: true\n",
            ),
            "`Root-Is-Purelib` appears more than once",
        ),
        (
            Forge::new().with(&metadata, &says("foo", "1.0")),
            "Name is `foo`, but the file name has `foo-bar`",
        ),
        (
            Forge::new().with(&metadata, &says("foo-bar", "1.1")),
            "Version is `1.1`, but the file name has `1.0`",
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
            "is not `foo_bar-1.0`",
        ),
        (
            Forge::in_folder("foo_bar-1.1.dist-info"),
            "is not `foo_bar-1.0`",
        ),
        (
            Forge::in_folder("foo_bar.dist-info"),
            "is not `foo_bar-1.0`",
        ),
        (Forge::in_folder("foo_bar-1.0"), "no `.dist-info` folder"),
        (
            Forge::new().with("other-1.0.data/purelib/x.py", ""),
            "is not `foo_bar-1.0`",
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
            "scripts cannot be in folders",
        ),
        ("conf/x", "wheel-data", "`conf` is not one of"),
    ] {
        let path = format!("foo_bar-1.0.data/{path}");
        refused(&Forge::new().with(&path, ""), code, part);
    }
    let folder = Forge::new().folder("foo_bar-1.0.data/scripts/dir");
    refused(&folder, "wheel-data", "scripts cannot be in folders");
}

#[test]
fn the_metadata_of_installed_packages_is_left_alone() {
    for path in [
        "other-2.0.DIST-INFO/METADATA",
        "other.egg-info/PKG-INFO",
        "other.egg-info",
        "other.dist-info",
        "Other-2.0.Egg-Info/x",
        "other-2.0.ｄｉｓｔ-ｉｎｆｏ/METADATA",
    ] {
        refused(
            &Forge::new().with(path, ""),
            "wheel-metadata",
            "the only metadata of installed packages that it may contain is `foo_bar-1.0.dist-info`",
        );
    }
    let folder = Forge::new().folder("other.egg-info");
    refused(&folder, "wheel-metadata", "the only metadata");
    for (name, part) in [
        ("installer", "installers write `INSTALLER` there"),
        ("Requested", "installers write `REQUESTED` there"),
        (
            "DIRECT_URL.JSON",
            "installers write `direct_url.json` there",
        ),
        ("INSTALLER/x", "installers write `INSTALLER` there"),
        ("record.JWS", "installers write `RECORD.jws` there"),
    ] {
        let path = format!("{DIST_INFO}/{name}");
        refused(&Forge::new().with(&path, ""), "wheel-metadata", part);
    }
    for path in [
        "foo_bar/_vendor/other-2.0.dist-info/METADATA",
        "foo_bar-1.0.dist-info/licenses/INSTALLER",
        "foo_bar-1.0.dist-info/INSTALLER",
        "foo_bar-1.0.data/purelib/foo_bar/_vendor/o.egg-info/x",
        "foo_bar.pth",
        "dist-info/x.py",
    ] {
        Forge::new().with(path, "").verify().expect(path);
    }
}

#[test]
fn two_files_of_a_wheel_go_to_two_places() {
    let data = |path: &str| format!("foo_bar-1.0.data/{path}");
    for (one, other) in [
        ("x.py".to_owned(), data("purelib/x.py")),
        (data("purelib/x.py"), data("platlib/x.py")),
        ("x.py".to_owned(), data("platlib/X.py")),
        ("é.py".to_owned(), data("platlib/e\u{301}.py")),
        ("x".to_owned(), data("purelib/x/y.py")),
        ("x/y.py".to_owned(), data("platlib/X")),
        (
            "x.py".to_owned(),
            data("data/lib/python3.13/site-packages/x.py"),
        ),
        (data("scripts/run"), data("data/bin/Run")),
        (data("data/bin/run"), data("scripts/run")),
    ] {
        let forge = Forge::new().with(&one, "1").with(&other, "2");
        refused(&forge, "wheel-data", "it would replace");
    }
    // Of the same content it is one file, however often it comes.
    Forge::new()
        .with("x.py", "1")
        .with(&data("purelib/x.py"), "1")
        .with(&data("platlib/x.py"), "1")
        .verify()
        .unwrap();
    let points = format!("{DIST_INFO}/entry_points.txt");
    let scripts = Forge::new().with(&points, "[console_scripts]\nrun = m:f\n");
    let forge = scripts.clone().with(&data("scripts/Run"), "1");
    refused(&forge, "wheel-data", "the program run");
    // Launchers that a wheel brings for its own programs give way to ours.
    scripts.with(&data("scripts/run"), "1").verify().unwrap();
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
fn what_snapshots_may_hold_is_refused_whatever_the_rules() {
    let filename = Forge::new().filename.parse().unwrap();
    let mut writer = zip::Writer::new(tempfile::tempfile().unwrap());
    writer.symlink("foo_bar/link", "target").unwrap();
    let link = writer.finish().unwrap();
    let cases = Forge::new().with("readme", "").with("README", "").file();
    for (file, code) in [(link, "file-type"), (cases, "collision")] {
        let error = verify(&file, &filename, &Rules::snapshot()).unwrap_err();
        assert_eq!(error.rule_name(), code, "{}", chain(&error));
    }
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
