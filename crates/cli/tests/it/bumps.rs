//! The world of `pannier gate`: a project with constraints in a repository, an index with packages that need each other, and
//! the real program that judges a change.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use pannier_archive::wheel::Record;
use pannier_archive::wheel::RecordRow;
use pannier_archive::zip;
use pannier_base::digest::Digest;
use pannier_clients::child::ChildEnvironment;
use pannier_clients::python;
use pannier_clients::python::Described;
use pannier_core::constraints::convert;

use pannier_testkit::index::{Index, IndexFile};
use pannier_testkit::uv::uv;

/// Bounds for all of its packages, which resolve.
pub const PINS: &str = "app==1.0\nlib==1.0\nbase==1.0\nside==1.0\nlone==1\n";

/// What the wheels of a package are made of.
#[derive(Default, Clone, Copy)]
pub struct Package<'a> {
    pub requires: &'a [&'a str],
    /// Content of its only module.
    pub module: &'a str,
    /// What the index says that it requires, where that is not the truth.
    pub told: Option<&'a [&'a str]>,
    pub yanked: Option<&'a str>,
}

/// A project with constraints in a repository, and the index that it gets its packages from.
pub struct World {
    pub folder: tempfile::TempDir,
    pub index: Index,
    pub python: Described,
}

/// How a run ended, and what it printed.
pub struct Ran {
    pub code: i32,
    pub screen: String,
}

impl World {
    /// An index with packages that need each other: `app` needs `lib`, which needs `base` at its own major version.
    pub fn new() -> Self {
        let search: Vec<PathBuf> =
            std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect();
        let first = python::first(&search).unwrap();
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            index: Index::start(),
            python: python::describe(
                &first,
                &ChildEnvironment::new(&std::env::vars().collect(), &[]),
            )
            .unwrap(),
        };
        let needs = |requires| Package {
            requires,
            ..Package::default()
        };
        world.add("app", "1.0", needs(&["lib"]));
        world.add("lib", "1.0", needs(&["base<2"]));
        world.add("lib", "2.0", needs(&["base>=2"]));
        for version in ["1.0", "1.1", "2.0"] {
            world.add("base", version, Package::default());
        }
        for (name, version) in [
            ("side", "1.0"),
            ("side", "1.1"),
            ("lone", "1"),
            ("lone", "2"),
        ] {
            world.add(name, version, Package::default());
        }
        world.configure("requirements: [app, side]", "");
        world
    }

    pub fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.project().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// `pannier.yml` with two images: this machine, and one that this machine is not like and that wants `lone` alone.
    pub fn configure(&self, request: &str, more: &str) {
        let Described {
            target,
            interpreter,
        } = &self.python;
        self.write(
            "pannier.yml",
            &format!(
                "{request}\nconstraints: constraints.txt\nindex: {{url: \"{}\"}}\nimages:\n  here: {{python: \"{}\", \
                 platform: {}, interpreter: {}}}\n  other: {{python: \"3.13\", platform: armv7l-manylinux_2_36, \
                 interpreter: /nowhere/python3.13, requirements: [lone]}}\n{more}",
                self.index.url(),
                target.python,
                target.platform,
                interpreter.display(),
            ),
        );
    }

    /// Adds a wheel to the index.
    pub fn add(&self, name: &str, version: &str, package: Package<'_>) {
        let wheel = format!("{name}-{version}-py3-none-any.whl");
        let mut file = IndexFile::new(name, &wheel, self::wheel(name, version, package));
        let told = package.told.unwrap_or(package.requires);
        file.metadata = Some(metadata(name, version, told).into_bytes());
        file.two_faced = package.told.is_some();
        file.yanked = package.yanked.map(str::to_owned);
        self.index.add(file);
    }

    /// The constraints as they were, committed to `main`, and as they are, committed to `bump`; both converted.
    pub fn change(&self, old: &str, new: &str) {
        self.git(&["init", "-q", "-b", "main"]);
        for (text, branch) in [(old, "main"), (new, "bump")] {
            if branch != "main" {
                self.git(&["checkout", "-q", "-b", branch]);
            }
            self.write("constraints.txt", text);
            let read = |path: &Path| std::fs::read(self.project().join(path));
            let converted = convert(Path::new("constraints.txt"), Path::new(""), &read);
            self.write("constraints.yml", &converted.unwrap().yaml);
            self.git(&["add", "."]);
            self.git(&["commit", "-q", "--allow-empty", "-m", branch]);
        }
    }

    pub fn git(&self, arguments: &[&str]) {
        let mut command = Command::new("git");
        command
            .args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
            .args(arguments)
            .current_dir(self.project())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z")
            .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z");
        assert!(command.status().unwrap().success(), "{command:?}");
    }

    pub fn gate(&self, arguments: &[&str]) -> Ran {
        let output = Command::new(env!("CARGO_BIN_EXE_pannier"))
            .args([
                "gate", "--quiet", "--junit", "gate.xml", "--report", "gate.md",
            ])
            .args(arguments)
            .current_dir(self.project())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("PANNIER_STORE", self.folder.path().join("store"))
            .env("PANNIER_UV", uv().program)
            .env("UV_HTTP_RETRIES", "0")
            .env("SECRET_TOKEN", "glpat-never-seen")
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Ran {
            code: output.status.code().unwrap(),
            screen: self.plain(&(text(&output.stdout) + &text(&output.stderr))),
        }
    }

    pub fn against_main(&self) -> Ran {
        self.gate(&["--base", "main"])
    }

    /// A file that the gate wrote.
    pub fn wrote(&self, name: &str) -> String {
        self.plain(&std::fs::read_to_string(self.project().join(name)).unwrap())
    }

    /// A text without what differs from run to run.
    fn plain(&self, text: &str) -> String {
        let text = text.replace(&self.index.url().replace("/simple/", ""), "<index>");
        let commit = regex_commit(&text);
        let folder = self.folder.path().canonicalize().unwrap();
        commit.replace(&folder.display().to_string(), "<folder>")
    }
}

/// `main (0123456789ab)` → `main (<commit>)`
fn regex_commit(text: &str) -> String {
    let Some((before, rest)) = text.split_once("main (") else {
        return text.to_owned();
    };
    let (_, after) = rest.split_once(')').unwrap();
    format!("{before}main (<commit>){after}")
}

fn metadata(name: &str, version: &str, requires: &[&str]) -> String {
    let requires: String = requires
        .iter()
        .map(|line| format!("Requires-Dist: {line}\n"))
        .collect();
    format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}")
}

/// The bytes of a wheel with one module.
fn wheel(name: &str, version: &str, package: Package<'_>) -> Vec<u8> {
    let info = format!("{name}-{version}.dist-info");
    let files = BTreeMap::from([
        (format!("{name}.py"), package.module.to_owned()),
        (
            format!("{info}/METADATA"),
            metadata(name, version, package.requires),
        ),
        (
            format!("{info}/WHEEL"),
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
                .to_owned(),
        ),
    ]);
    let path = format!("{info}/RECORD");
    let mut record = Record {
        rows: vec![RecordRow::bare(&path)],
    };
    let mut writer = zip::Writer::new(Vec::new());
    for (name, text) in &files {
        writer.file(name, false, &mut text.as_bytes()).unwrap();
        let row = RecordRow::of(name, &Digest::of(text.as_bytes()), text.len() as u64);
        record.rows.push(row);
    }
    let text = record.to_text();
    writer.file(&path, false, &mut text.as_bytes()).unwrap();
    writer.finish().unwrap()
}

/// The digest of a wheel that needs nothing.
pub fn sha256(name: &str, version: &str) -> String {
    pannier_base::digest::Digest::of(&wheel(name, version, Package::default())).to_string()
}
