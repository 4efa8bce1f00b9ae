//! What the tests stand on.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use pannier_archive::wheel::StubMetadata;
use pannier_archive::wheel::stub;
use pannier_base::digest::Digest;
use tempfile::TempDir;

use pannier_testkit::git_http::{GitServer, Repo};
use pannier_testkit::index::{Index, IndexFile};
use pannier_testkit::projects::Project;

/// The reference that a GitLab keeps of a merge request's head.
pub const REQUEST: &str = "HEAD:refs/merge-requests/5/head";

pub struct World {
    pub folder: TempDir,
    pub git: GitServer,
    pub index: Index,
    pub lib: Repo,
    pub fork: Repo,
}

impl World {
    pub fn new() -> Self {
        let git = GitServer::start();
        let repo = |name: &str| {
            let repo = git.repository(name);
            repo.git(&["checkout", "-q", "-b", "production"]);
            repo
        };
        let (tools, lib, report) = (
            repo("platform/job-tools"),
            repo("platform/job-lib"),
            repo("platform/job-report"),
        );
        let (fork, data, data_fork) = (
            repo("me/job-lib"),
            repo("platform/job-data"),
            repo("me/job-data"),
        );
        let on = |name: &str, wanted: &str| {
            let url = git.http.url(&format!("/platform/{name}.git"));
            format!("{name}[{wanted}] @ git+{url}@production")
        };
        let module = |import: &str, who: &str| format!("{import}WHO = {who:?}\n");
        commit(
            &tools,
            Project {
                name: "job-tools",
                version: "1.0",
                requires: &["base"],
                extras: &[("yaml", "yamlish"), ("all", &on("job-report", ""))],
                module: &module("", "production"),
            },
        );
        commit(
            &lib,
            Project {
                name: "job-lib",
                version: "2.0",
                requires: &[&on("job-tools", "yaml,all"), "old-need"],
                extras: &[("html", "markup")],
                module: &module("import job_tools\n", "production"),
            },
        );
        commit(
            &report,
            Project {
                name: "job-report",
                version: "3.0",
                requires: &[&on("job-lib", "html"), "base"],
                extras: &[],
                module: "import job_lib\nprint(job_lib.WHO)\n",
            },
        );
        commit(
            &fork,
            Project {
                name: "job-lib",
                version: "2.1",
                requires: &[&on("job-tools", "yaml,all"), "new-need"],
                extras: &[("html", "markup")],
                module: &module("import job_tools\n", "merge request"),
            },
        );
        fork.push(&[REQUEST]);
        data.commit(&[("table.csv", "production\n")]);
        data_fork.commit(&[("table.csv", "merge request\n")]);
        for repo in [&data, &data_fork] {
            repo.push(&[]);
        }
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            index: Index::start(),
            git,
            lib,
            fork,
        };
        for name in ["base", "yamlish", "markup", "old-need", "new-need"] {
            world.add(name, "1.0", &[]);
        }
        fs::create_dir(world.path("home")).unwrap();
        world.configure("packages: [job-report]\n");
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Adds a version to the index.
    pub fn add(&self, name: &str, version: &str, requires: &[&str]) -> String {
        let meta = metadata(name, version, requires);
        let bytes = stub(&meta);
        let file = IndexFile::new(name, &meta.filename(), bytes);
        self.index.add(file);
        self.index.http.url(&format!("/files/{}", meta.filename()))
    }

    /// Writes a configuration with two images and `more`.
    pub fn configure(&self, more: &str) {
        let image = |name: &str, python: &str| {
            let interpreter = if python == "3.11" {
                interpreter()
            } else {
                "/usr/bin/python3".into()
            };
            format!(
                "  {name}:\n    python: \"{python}\"\n    platform: x86_64-manylinux_2_41\n    interpreter: {}\n",
                interpreter.display()
            )
        };
        let text = format!(
            "git_base: {}\nindex: {{url: \"{}\"}}\n{more}images:\n{}{}",
            self.git.http.url("/platform"),
            self.index.url(),
            image("eleven", "3.11"),
            image("thirteen", "3.13"),
        );
        fs::write(self.path("pannier.yml"), text).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pannier"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.path("home"))
            .env("PANNIER_STORE", self.path("store"))
            .env("PANNIER_UV", pannier_testkit::uv::uv().program)
            .env("CI", "true")
            .stdin(Stdio::null());
        command
    }

    /// Runs the program, which must succeed; gives both outputs.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> String {
        succeed(self.command(arguments))
    }

    /// Runs it with variables.
    #[track_caller]
    pub fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        succeed(command)
    }

    /// Runs the program, which must fail; gives its exit code and both outputs.
    #[track_caller]
    pub fn fail(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.command(arguments).output().unwrap();
        let code = output.status.code().unwrap();
        assert!(code != 0 && code != 101, "{code} {}", said(&output));
        (code, said(&output))
    }

    /// The fork's merge request, as a variable says it.
    pub fn merge_request(&self) -> String {
        format!(
            "git+{}@refs/merge-requests/5/head",
            self.git.http.url("/me/job-lib.git")
        )
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Names and versions in the lock of a run with overrides.
    pub fn locked(&self) -> Vec<String> {
        packages(&self.read("pylock.overridden.toml"))
    }

    pub fn digests(&self) -> Vec<Digest> {
        let files = ["pylock.toml", "dist/eleven.tar.gz", "dist/thirteen.tar.gz"];
        files
            .iter()
            .map(|name| Digest::of(&fs::read(self.path(name)).unwrap()))
            .collect()
    }
}

pub fn metadata(name: &str, version: &str, requires: &[&str]) -> StubMetadata {
    StubMetadata {
        name: name.parse().unwrap(),
        version: version.parse().unwrap(),
        requires_dist: requires.iter().map(|line| (*line).to_owned()).collect(),
        requires_python: None,
        extras: requires
            .iter()
            .filter_map(|line| {
                Some(
                    line.split_once("extra == '")?
                        .1
                        .trim_end_matches('\'')
                        .to_owned(),
                )
            })
            .collect(),
    }
}

pub fn commit(repo: &Repo, project: Project<'_>) -> String {
    let files = project.files();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let commit = repo.commit(&files);
    repo.push(&[]);
    commit
}

pub fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[track_caller]
pub fn succeed(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}\n{}", said(&output));
    said(&output)
}

pub fn interpreter() -> PathBuf {
    let code = "import os, sys; print(os.path.realpath(sys._base_executable))";
    let output = Command::new("python3.11")
        .args(["-c", code])
        .output()
        .unwrap();
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// `name version` of the packages of a lock.
pub fn packages(lock: &str) -> Vec<String> {
    let lock: toml::Table = lock.parse().unwrap();
    let packages = lock["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            format!(
                "{} {}",
                package["name"].as_str().unwrap(),
                package["version"].as_str().unwrap()
            )
        })
        .collect()
}

/// Runs Python in an unpacked tarball of the image that is this machine.
pub fn python(world: &World, code: &str) -> String {
    let root = world.path("unpacked");
    let _ = fs::remove_dir_all(&root);
    fs::create_dir(&root).unwrap();
    let mut tar = Command::new("tar");
    tar.arg("xzf")
        .arg(world.path("dist/eleven.tar.gz"))
        .arg("-C")
        .arg(&root);
    succeed(tar);
    let mut python = Command::new(root.join("venv/bin/python"));
    python.args(["-c", code]);
    succeed(python)
}

pub fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

pub const PRODUCTION: [&str; 7] = [
    "base 1.0",
    "job-lib 2.0",
    "job-report 3.0",
    "job-tools 1.0",
    "markup 1.0",
    "old-need 1.0",
    "yamlish 1.0",
];
pub const OVERRIDDEN: [&str; 7] = [
    "base 1.0",
    "job-lib 2.1",
    "job-report 3.0",
    "job-tools 1.0",
    "markup 1.0",
    "new-need 1.0",
    "yamlish 1.0",
];
