//! What the tests stand on: a private index, a private repository, and projects whose backend looks around.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use pannier_archive::wheel::StubMetadata;
use pannier_archive::wheel::stub;
use serde_json::json;
use tempfile::TempDir;

use pannier_testkit::git_http::GitServer;
use pannier_testkit::index::{Index, IndexFile};

/// The program.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_pannier");
/// User and password of the index; the password as a URL has it.
pub const READER: (&str, &str, &str) = ("reader", "in/dex@secret", "in%2Fdex%40secret");
/// User and password of the repository.
pub const GIT: (&str, &str) = ("bot", "git-secret");
/// Variables that hold a secret.
pub const TOKENS: [&str; 6] = [
    "PANNIER_TOKEN",
    "GITLAB_TOKEN",
    "PRIVATE_TOKEN",
    "CI_JOB_TOKEN",
    "CI_REPOSITORY_URL",
    "TEAM_PASSWORD",
];

const PYPROJECT: &str =
    "[build-system]\nrequires = [\"helper\"]\nbuild-backend = \"spy\"\nbackend-path = [\".\"]\n";

pub struct World {
    folder: TempDir,
    pub index: Index,
    pub git: GitServer,
}

impl World {
    /// An index with `helper`, which builds need, `leaf`, and the source archive `packed`; a repository of `job-lib`, which
    /// needs `leaf` and `packed`.
    pub fn new() -> Self {
        let world = Self {
            folder: TempDir::new().unwrap(),
            index: Index::start(),
            git: GitServer::start(),
        };
        for folder in ["home", "dumps"] {
            fs::create_dir(world.path(folder)).unwrap();
        }
        world.add("helper", "1.0");
        world.add("leaf", "1.0");
        world.add("direct", "1.0");
        let archive = world.archive("packed");
        let archive = IndexFile::new("packed", "packed-1.0.tar.gz", archive);
        world.index.add(archive);
        let repository = world.git.repository("job-lib");
        let files = world.project("job-lib", &["leaf", "packed"], false);
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (*path, text.as_str()))
            .collect();
        repository.commit(&files);
        repository.push(&[]);
        world
            .git
            .protect(&repository, &format!("{}:{}", GIT.0, GIT.1));
        world.index.protect(&format!("{}:{}", READER.0, READER.1));
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Adds a version with a wheel.
    pub fn add(&self, name: &str, version: &str) {
        self.index.add(stub_of(name, version));
    }

    /// The files of a project whose backend looks around.
    pub fn project(
        &self,
        name: &str,
        requires: &[&str],
        fails: bool,
    ) -> [(&'static str, String); 3] {
        let dumps = self.path("dumps");
        let about = json!({ "name": name, "requires": requires, "dumps": dumps, "fails": fails });
        [
            ("pyproject.toml", PYPROJECT.to_owned()),
            ("spy.py", include_str!("spy.py").to_owned()),
            ("project.json", about.to_string()),
        ]
    }

    fn archive(&self, name: &str) -> Vec<u8> {
        let fast = flate2::Compression::fast();
        let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), fast));
        for (path, text) in self.project(name, &[], false) {
            let mut header = tar::Header::new_ustar();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            let path = format!("{name}-1.0/{path}");
            archive
                .append_data(&mut header, path, text.as_bytes())
                .unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    }

    /// The URL of the repository with its password, as `packages` has it.
    pub fn job_lib(&self) -> String {
        let login = format!("{}:{}", GIT.0, GIT.1);
        format!("git+{}@main", self.git.http.url_as(&login, "/job-lib.git"))
    }

    /// The URL of the index with its password.
    pub fn index_url(&self) -> String {
        self.index.url_as(&format!("{}:{}", READER.0, READER.2))
    }

    /// The URL of a file of the index with its password.
    pub fn direct(&self) -> String {
        let login = format!("{}:{}", READER.0, READER.2);
        let path = format!("/files/{}", stub_of("direct", "1.0").name);
        self.index.http.url_as(&login, &path)
    }

    /// Writes a configuration for this machine's Python.
    pub fn configure(&self, more: &str) {
        let text = format!(
            "{more}images:\n  here:\n    python: \"3.11\"\n    platform: x86_64-manylinux_2_36\n    interpreter: /usr/bin/python3\n"
        );
        fs::write(self.path("pannier.yml"), text).unwrap();
    }

    /// The program with a secret in each variable that may hold one.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.path("home"))
            .env("PATH", "/usr/bin:/bin")
            .env("PANNIER_STORE", self.path("store"))
            .env("PANNIER_UV", pannier_testkit::uv::uv().program)
            .envs(TOKENS.map(|name| (name, format!("secret-of-{name}"))))
            .stdin(Stdio::null());
        command
    }

    /// All that backends saw, by the project's name; the folder is empty afterwards.
    pub fn dumps(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.path("dumps")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let (project, _) = name.rsplit_once('-').unwrap();
            found.push((project.to_owned(), fs::read_to_string(&path).unwrap()));
            fs::remove_file(path).unwrap();
        }
        found.sort();
        found
    }
}

/// A wheel without modules.
pub fn stub_of(name: &str, version: &str) -> IndexFile {
    let meta = StubMetadata {
        name: name.parse().unwrap(),
        version: version.parse().unwrap(),
        requires_dist: Vec::new(),
        requires_python: None,
        extras: Vec::new(),
    };
    IndexFile::new(name, &meta.filename(), stub(&meta))
}

/// What it printed, when it succeeds.
#[track_caller]
pub fn succeed(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

pub fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
