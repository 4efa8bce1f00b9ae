//! One test's own world: a home, a store, a project folder, and the binary with a known environment.
//!
//! Asserts on nothing but that what a test calls setup worked; leaves no file behind.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use pannier_config::env::VARIABLES;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Settings of the user who runs the tests that would leak into what is tested, beside those that Pannier itself reads.
const FORGOTTEN: [&str; 3] = ["GITLAB_CI", "VIRTUAL_ENV", "PYTHONPATH"];

/// A home, a store and a project folder that belong to one test.
pub struct World {
    folder: TempDir,
}

impl World {
    pub fn new() -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for name in ["home", "project"] {
            fs::create_dir(world.path(name)).unwrap();
        }
        world
    }

    /// A path in this world.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of the project folder; its folders are made.
    pub fn write(&self, name: &str, text: &str) {
        write(&self.path("project").join(name), text);
    }

    /// The binary, in the project folder.
    pub fn pannier<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .current_dir(self.path("project"))
            .env("HOME", self.path("home"))
            .env("CI", "true")
            .env("LC_ALL", "C.UTF-8")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .stdin(Stdio::null());
        // The index of the machine stays: it is where packages come from on it.
        let settings = VARIABLES.iter().map(|variable| variable.name);
        let settings = settings.filter(|name| !name.contains("INDEX"));
        for name in settings.chain(FORGOTTEN) {
            command.env_remove(name);
        }
        command.env("PANNIER_STORE", self.path("store"));
        if std::env::var_os("PANNIER_E2E_TOOLS").is_some() {
            command.env("PANNIER_UV", tool("uv"));
        }
        command
    }

    /// Runs `prepare` with more arguments, which must succeed.
    pub fn prepare(&self, arguments: &[&str]) -> Output {
        let mut command = self.pannier(["prepare"]);
        command.args(arguments);
        succeed(command)
    }

    /// Lets a command see no index but the one that the configuration names.
    pub fn without_index(command: &mut Command) {
        for variable in VARIABLES {
            if variable.name.contains("INDEX") {
                command.env_remove(variable.name);
            }
        }
    }

    /// A tarball that `prepare` wrote to the folder it writes to unless told otherwise.
    pub fn tarball(&self, image: &str) -> PathBuf {
        self.path("project/dist").join(format!("{image}.tar.gz"))
    }
}

/// The binary under test: the release build where the gate names it, else the one built for the tests.
pub fn binary() -> PathBuf {
    std::env::var_os("PANNIER_E2E_BIN")
        .map_or_else(|| env!("CARGO_BIN_EXE_pannier").into(), PathBuf::from)
}

/// A program of the tools folder, where the rivals and the checkers are.
pub fn tool(name: &str) -> PathBuf {
    let folder = std::env::var_os("PANNIER_E2E_TOOLS")
        .expect("PANNIER_E2E_TOOLS names the `bin` folder with pip and uv; `.ci/install` makes it");
    PathBuf::from(folder).join(name)
}

/// Runs a command and shows what it printed when it fails.
#[track_caller]
pub fn succeed(mut command: Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        said(&output)
    );
    output
}

/// Runs a command that must fail, by its own decision, and gives what it said.
#[track_caller]
pub fn fail(mut command: Command) -> (i32, String) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let code = output
        .status
        .code()
        .unwrap_or_else(|| panic!("{command:?}: {}", output.status));
    assert!(
        code != 0 && code != 101,
        "{command:?} exited {code}\n{}",
        said(&output)
    );
    (code, said(&output))
}

/// What a command printed on both streams.
pub fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// The standard output of a command, which must succeed, without the line end.
#[track_caller]
pub fn answer(program: impl AsRef<OsStr>, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    String::from_utf8(succeed(command).stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

/// Writes a file and makes the folders above it.
pub fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// SHA-256 of a file, in hexadecimal.
pub fn sha256(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Every file below a folder that is a regular file, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}
