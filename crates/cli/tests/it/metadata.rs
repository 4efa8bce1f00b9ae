//! A wheel and what its index says of it: metadata that differ, and wheels that would get in their own or others' way. A real uv, an
//! index on loopback.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::process::Command;

use pannier_archive::wheel::Record;
use pannier_archive::wheel::RecordRow;
use pannier_archive::zip;
use pannier_base::digest::Digest;
use pannier_testkit::index::{Index, IndexFile};

/// A project whose one image has Python 3.13.
struct World {
    folder: tempfile::TempDir,
    index: Index,
}

impl World {
    fn new(requirements: &str) -> Self {
        let (folder, index) = (tempfile::tempdir().unwrap(), Index::start());
        let world = Self { folder, index };
        world.configure(requirements);
        world
    }

    fn configure(&self, requirements: &str) {
        let config = format!(
            "requirements: [{requirements}]\nindex: {{url: \"{}\"}}\nimages:\n  builder:\n    python: \"3.13\"\n    platform: x86_64-manylinux_2_41\n    interpreter: /usr/bin/python3.13\n",
            self.index.url()
        );
        std::fs::write(self.folder.path().join("pannier.yml"), config).unwrap();
    }

    fn lock(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("pylock.toml")).unwrap()
    }

    /// Exit code and what was said.
    fn run(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pannier"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path().join("home"))
            .env("PANNIER_UV", pannier_testkit::uv::uv().program)
            .env("PANNIER_STORE", self.folder.path().join("store"));
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
        // Reports are wrapped.
        let words: Vec<_> = text.iter().flat_map(|it| it.split_whitespace()).collect();
        (output.status.code().unwrap(), words.join(" "))
    }

    fn tarball(&self) -> PathBuf {
        self.folder.path().join("dist/builder.tar.gz")
    }

    #[track_caller]
    fn refuses(&self, code: i32, parts: &[&str]) {
        let (found, said) = self.run(&["prepare"]);
        assert_eq!(found, code, "{said}");
        for part in parts {
            assert!(said.replace("│ ", "").contains(part), "`{part}` in: {said}");
        }
        assert!(!self.tarball().exists());
    }
}

fn metadata(name: &str, requires: &str) -> String {
    format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}")
}

/// A wheel of these files, which `RECORD` lists.
fn wheel(name: &str, requires: &str, files: &[(&str, &str)]) -> IndexFile {
    let dist_info = format!("{name}-1.0.dist-info");
    let own = [
        (format!("{dist_info}/METADATA"), metadata(name, requires)),
        (
            format!("{dist_info}/WHEEL"),
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n".to_owned(),
        ),
    ];
    let more = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    let files: Vec<_> = own.into_iter().chain(more).collect();
    let record = format!("{dist_info}/RECORD");
    let mut rows = vec![RecordRow::bare(record.clone())];
    let mut writer = zip::Writer::new(Vec::new());
    for (path, text) in &files {
        rows.push(RecordRow::of(
            path,
            &Digest::of(text.as_bytes()),
            text.len() as u64,
        ));
        writer.bytes(path, false, text.as_bytes()).unwrap();
    }
    let record_text = Record { rows }.to_text();
    writer
        .bytes(&record, false, record_text.as_bytes())
        .unwrap();
    let file = format!("{name}-1.0-py3-none-any.whl");
    let mut file = IndexFile::new(name, &file, writer.finish().unwrap());
    file.metadata = Some(metadata(name, requires).into_bytes());
    file
}

#[test]
fn a_wheel_of_other_metadata_than_its_index_lists_is_refused() {
    let world = World::new("lib");
    let mut lib = wheel("lib", "Requires-Dist: hidden\n", &[("lib.py", "")]);
    lib.metadata = Some(metadata("lib", "").into_bytes());
    world.index.add(lib);
    // The lock believes the index: `hidden` is not in it.
    let parts = [
        "lib-1.0-py3-none-any.whl is refused",
        "lib-1.0.dist-info/METADATA",
        "line 4 is `Requires-Dist: hidden`, the index has nothing more",
    ];
    world.refuses(4, &parts);
    let lock = std::fs::read_to_string(world.folder.path().join("pylock.toml")).unwrap();
    assert!(!lock.contains("hidden"));
    // Nothing of it has been kept.
    world.refuses(4, &parts);
    let (code, said) = world.run(&["store", "info", "--format", "json"]);
    assert!(code == 0 && said.contains("\"wheels\", 0, 0"), "{said}");
}

#[test]
fn an_index_that_changes_the_metadata_of_a_stored_wheel_gets_nothing_into_a_new_lock() {
    let world = World::new("lib");
    let lib = wheel("lib", "", &[("lib.py", "")]);
    world.index.add(lib.clone());
    world
        .index
        .add(wheel("hidden", "", &[("hidden.py", "import os")]));
    let (code, said) = world.run(&["prepare"]);
    assert_eq!(code, 0, "{said}");
    let before = world.lock();
    let mut lying = lib;
    lying.metadata = Some(metadata("lib", "Requires-Dist: hidden\n").into_bytes());
    world.index.replace(lying);
    // uv's own cache would hide the change for a while.
    std::fs::remove_dir_all(world.folder.path().join("store/uv-cache")).unwrap();
    std::fs::remove_file(world.tarball()).unwrap();
    for command in ["lock", "prepare"] {
        // Something of the request changes, so that a new lock is needed.
        world.configure("lib, lib>0");
        let (code, said) = world.run(&[command]);
        assert_eq!(code, 4, "{command}: {said}");
        let said = said.replace("│ ", "");
        for part in [
            "cannot lock `lib-1.0-py3-none-any.whl` with the metadata that its index lists",
            "the index has `Requires-Dist: hidden`",
        ] {
            assert!(said.contains(part), "`{part}` in: {said}");
        }
        assert_eq!(world.lock(), before);
        assert!(!world.tarball().exists());
    }
    // A lock that fits needs no request, and neither does a run without a network.
    world.configure("lib");
    let count = world.index.http.count();
    let (code, said) = world.run(&["prepare", "--locked"]);
    assert_eq!(code, 0, "{said}");
    world.configure("lib, lib>0");
    world.run(&["lock", "--offline"]);
    assert_eq!(world.index.http.count(), count);
}

#[test]
fn an_index_without_metadata_is_no_reason_to_refuse_and_a_full_store_asks_nobody() {
    let world = World::new("lib, other");
    let mut lib = wheel("lib", "", &[("lib.py", "")]);
    lib.metadata = None;
    world.index.add(lib);
    world
        .index
        .add(wheel("other", "Requires-Dist: lib\n", &[("other.py", "")]));
    let (code, said) = world.run(&["prepare"]);
    assert_eq!(code, 0, "{said}");
    let before = world.index.http.count();
    let (code, said) = world.run(&["prepare", "--locked"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(world.index.http.count(), before);
}

#[test]
fn conflicts_within_a_wheel_are_refusals_and_those_of_two_packages_are_not() {
    let dist_info = "lib-1.0.dist-info/entry_points.txt";
    let scripts = "[console_scripts]\nrun = lib:main\n";
    for (what, files) in [
        (
            "two schemes",
            [("lib.py", "1"), ("lib-1.0.data/purelib/lib.py", "2")],
        ),
        (
            "a file and a program",
            [(dist_info, scripts), ("lib-1.0.data/data/bin/run", "echo")],
        ),
        (
            "a file and a folder",
            [("lib/a", "1"), ("lib-1.0.data/platlib/lib", "2")],
        ),
        (
            "metadata of another",
            [
                ("lib.py", "1"),
                ("lib-1.0.data/purelib/other-1.0.dist-info/RECORD", ""),
            ],
        ),
    ] {
        let world = World::new("lib");
        world.index.add(wheel("lib", "", &files));
        let (code, said) = world.run(&["prepare"]);
        assert_eq!(code, 4, "{what}: {said}");
        assert!(said.contains("lib-1.0.data/"), "{what}: {said}");
        assert!(!world.tarball().exists());
    }
    let world = World::new("lib, other");
    world.index.add(wheel("lib", "", &[("shared.py", "1")]));
    world.index.add(wheel("other", "", &[("shared.py", "2")]));
    world.refuses(1, &["`lib` and `other` both own"]);
}
