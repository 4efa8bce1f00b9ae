//! A project with two images, and an index with `app` and `lib` 1.0.

use std::path::Path;

use assert_cmd::Command;
use pannier_archive::wheel::StubMetadata;
use pannier_archive::wheel::stub;
use sha2::Digest as _;
use tempfile::TempDir;

use pannier_testkit::index::{Index, IndexFile};
use pannier_testkit::uv;

/// What a backend does: it tells that it has run, and gives the wheel that lies beside it.
const BACKEND: &str = "\
import os, shutil
def build_wheel(folder, settings=None, metadata=None):
    open(os.path.join(os.environ['HOME'], 'built'), 'a').close()
    name = next(name for name in os.listdir('.') if name.endswith('.whl'))
    shutil.copy(name, folder)
    return name
";

pub struct World {
    pub index: Index,
    folder: TempDir,
}

/// What a run printed, and its exit code.
pub struct Ran {
    pub code: i32,
    pub screen: String,
}

/// A wheel without any module.
pub fn wheel(name: &str, version: &str) -> IndexFile {
    let metadata = described(name, version);
    IndexFile::new(name, &metadata.filename(), stub(&metadata))
}

/// A source archive that has to be built before its metadata is known.
pub fn source(name: &str, version: &str) -> IndexFile {
    let top = format!("{name}-{version}");
    let encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(encoder);
    for (path, bytes) in project(name, version, &[]) {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        let path = format!("{top}/{path}");
        archive
            .append_data(&mut header, path, bytes.as_slice())
            .unwrap();
    }
    let bytes = archive.into_inner().unwrap().finish().unwrap();
    IndexFile::new(name, &format!("{top}.tar.gz"), bytes)
}

/// The files of a project with a backend of its own.
fn project(name: &str, version: &str, requires: &[&str]) -> Vec<(String, Vec<u8>)> {
    let metadata = described(name, version);
    let build = format!(
        "[build-system]\nrequires = {requires:?}\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n"
    );
    let info = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
    vec![
        ("pyproject.toml".to_owned(), build.into_bytes()),
        ("backend.py".to_owned(), BACKEND.as_bytes().to_vec()),
        ("PKG-INFO".to_owned(), info.into_bytes()),
        (metadata.filename(), stub(&metadata)),
    ]
}

fn described(name: &str, version: &str) -> StubMetadata {
    StubMetadata {
        name: name.parse().unwrap(),
        version: version.parse().unwrap(),
        requires_dist: Vec::new(),
        requires_python: None,
        extras: Vec::new(),
    }
}

pub fn digest(file: &IndexFile) -> String {
    pannier_base::digest::Digest::of(&file.bytes).to_string()
}

pub fn sha512(file: &IndexFile) -> String {
    let digest = sha2::Sha512::digest(&file.bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl World {
    /// `more` is what `pannier.yml` says beside the images.
    pub fn new(more: &str) -> Self {
        let world = Self {
            index: Index::start(),
            folder: TempDir::new().unwrap(),
        };
        for name in ["app", "lib"] {
            world.index.add(wheel(name, "1.0"));
        }
        let images = "images:\n  old: {python: '3.9', platform: x86_64-manylinux_2_31, interpreter: /usr/bin/python3.9}\n  new: {python: '3.13', platform: x86_64-manylinux_2_41, interpreter: /usr/bin/python3.13}\n";
        let constraints = "constraints: constraints.txt";
        world.write("pannier.yml", &format!("{more}\n{constraints}\n{images}"));
        world.write("constraints.txt", "");
        world
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    pub fn has(&self, name: &str) -> bool {
        self.path().join(name).exists()
    }

    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.path().join(name)).unwrap();
    }

    /// A folder with a project whose build requires something.
    pub fn project(&self, name: &str, requires: &[&str]) {
        std::fs::create_dir(self.path().join(name)).unwrap();
        for (path, bytes) in project(name, "1.0", requires) {
            std::fs::write(self.path().join(name).join(path), bytes).unwrap();
        }
    }

    pub fn run(&self, arguments: &str) -> Ran {
        self.run_with(arguments, &[])
    }

    pub fn run_with(&self, arguments: &str, variables: &[(&str, &str)]) -> Ran {
        let mut command = Command::cargo_bin("pannier").unwrap();
        let output = command
            .env_clear()
            .env("HOME", self.path())
            .env("PANNIER_STORE", "store")
            .env("PANNIER_UV", uv::uv().program)
            .env("UV_DEFAULT_INDEX", self.index.url())
            .env("PATH", std::env::var_os("PATH").unwrap())
            .envs(variables.iter().copied())
            .current_dir(self.path())
            .arg("--quiet")
            .args(arguments.split_whitespace())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let screen = text(output.stdout) + &text(output.stderr);
        Ran {
            code: output.status.code().unwrap(),
            screen: screen.replace(&*self.path().to_string_lossy(), "<project>"),
        }
    }

    /// Runs what has to succeed.
    pub fn ok(&self, arguments: &str) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments}: {}", ran.screen);
        ran.screen
    }
}
