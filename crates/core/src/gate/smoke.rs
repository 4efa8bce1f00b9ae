//! Smoke tests in an unpacked tarball: modules import, programs of the team answer `--help`, the team's own commands succeed.
//!
//! Runs code of strangers, with an environment of its own: no token, no setting of the user's reaches it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::process::{self, Ended};
use crate::request::ImageRequest;
use pannier_archive::limited;
use pannier_base::cancel::Cancel;
use pannier_base::name::PackageName;
use pannier_base::platform::{Libc, Target};
use pannier_clients::child::ChildEnvironment;
use pannier_clients::python::{self, Described, Pythons};

const IMPORT: &str = include_str!("import.py");

/// One thing that is tried.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    /// Importing the top-level modules of a package, in one process.
    Import {
        package: PackageName,
        modules: Vec<String>,
    },
    /// A program of a package, with `--help`.
    Help {
        package: PackageName,
        program: String,
    },
    /// A command of the configuration.
    Command(String),
}

impl Task {
    /// What it is called in reports.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Import { package, .. } => format!("import {package}"),
            Self::Help { program, .. } => format!("{program} --help"),
            Self::Command(command) => format!("smoke: {command}"),
        }
    }

    /// The package that it is about.
    pub(super) const fn package(&self) -> Option<&PackageName> {
        match self {
            Self::Import { package, .. } | Self::Help { package, .. } => Some(package),
            Self::Command(_) => None,
        }
    }
}

/// An unpacked tarball, and what its children get.
pub(super) struct Tree<'a> {
    /// Where it was unpacked.
    pub root: &'a Path,
    /// A folder for what children leave behind.
    pub scratch: &'a Path,
    /// Folder in which the configuration's commands run: that of the project.
    pub project: &'a Path,
    /// `PATH` behind the venv's own programs.
    pub path: &'a str,
    /// How long one child may take.
    pub limit: Duration,
    /// Ends children.
    pub cancel: &'a Cancel,
}

impl Tree<'_> {
    /// Tries one thing; `Err` in the result says what is wrong with it.
    ///
    /// # Errors
    /// When no child can be started at all, which says nothing about what was to be tried.
    pub(super) fn attempt(&self, task: &Task) -> io::Result<Result<(), String>> {
        let home = tempfile::tempdir_in(self.scratch)?;
        match task {
            Task::Import { modules, .. } => self.import(modules, home.path()),
            Task::Help { program, .. } => {
                let mut command = Command::new(self.bin().join(program));
                command.arg("--help").current_dir(home.path());
                self.judge(command, home.path())
            }
            Task::Command(text) => {
                // bash finds the tree by itself, any other shell by the variable.
                let shell = find("bash", self.path).unwrap_or_else(|| "/bin/sh".into());
                let mut command = Command::new(shell);
                command
                    .args(["-c", r#". "$PANNIER_ROOT/activate" && eval "$1""#, "smoke"])
                    .arg(text)
                    .current_dir(self.project);
                self.judge(command, home.path())
            }
        }
    }

    fn judge(&self, command: Command, home: &Path) -> io::Result<Result<(), String>> {
        let ended = self.run(command, home)?;
        Ok(match ended.succeeded() {
            true => Ok(()),
            false => Err(ended.shown(self.limit)),
        })
    }

    fn import(&self, modules: &[String], home: &Path) -> io::Result<Result<(), String>> {
        let report = home.join("report");
        let mut command = Command::new(self.bin().join("python"));
        command
            .args(["-I", "-B", "-c", IMPORT])
            .arg(&report)
            .args(modules)
            .current_dir(home);
        let ended = self.run(command, home)?;
        let text = match limited::read_text(&report, limited::SMALL) {
            Ok(text) => text,
            // It did not come so far.
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        Ok(imported(&text, modules, &ended, self.limit))
    }

    fn run(&self, mut command: Command, home: &Path) -> io::Result<Ended> {
        command
            .env_clear()
            .env("PATH", format!("{}:{}", self.bin().display(), self.path))
            .env("HOME", home)
            .env("TMPDIR", home)
            .env("VIRTUAL_ENV", self.root.join("venv"))
            .env("PANNIER_ROOT", self.root)
            .env("PANNIER_DATA", self.root.join("data"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("LC_ALL", "C.UTF-8");
        process::run(command, self.limit, self.cancel)
    }

    fn bin(&self) -> PathBuf {
        self.root.join("venv/bin")
    }
}

/// Reads what became of each module.
fn imported(text: &str, modules: &[String], ended: &Ended, limit: Duration) -> Result<(), String> {
    let mut state: BTreeMap<&str, Option<String>> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.splitn(3, ' ');
        match (words.next(), words.next(), words.next()) {
            (Some("passed"), Some(module), _) => drop(state.insert(module, None)),
            (Some("failed"), Some(module), why) => {
                state.insert(module, Some(why.unwrap_or("it fails").to_owned()));
            }
            _ => {}
        }
    }
    let mut problems = Vec::new();
    for module in modules {
        match state.get(module.as_str()) {
            Some(None) => {}
            Some(Some(why)) => problems.push(format!("{module}: {why}")),
            // It took the interpreter with it; those behind it were not tried.
            None => {
                problems.push(format!("{module}: {}", ended.shown(limit)));
                break;
            }
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(problems.join("; ")),
    }
}

fn find(program: &str, path: &str) -> Option<PathBuf> {
    std::env::split_paths(path)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// An interpreter on which the image's tarball runs here: the image's own where this machine has it, else one like it.
///
/// # Errors
/// Why there is none, for people.
pub(super) fn interpreter(image: &ImageRequest, pythons: &Pythons) -> Result<Described, String> {
    let own = python::describe(&image.interpreter, &ChildEnvironment::default()).ok();
    let candidates = own.iter().chain(pythons.all());
    let same = |found: &&Described| {
        let (theirs, wanted) = (found.target.python, image.target.python);
        (theirs.minor, theirs.free_threaded) == (wanted.minor, wanted.free_threaded)
    };
    let mut of_version = candidates.filter(same).peekable();
    if of_version.peek().is_none() {
        return Err(format!("no Python {} is available", image.target.python));
    }
    of_version
        .find(|found| runs(&found.target, &image.target))
        .cloned()
        .ok_or_else(|| {
            format!(
                "no Python {} that can run packages for {} is available",
                image.target.python, image.target.platform
            )
        })
}

/// Whether the machine runs what is made for the target: same processor, a C library that is no older.
fn runs(machine: &Target, target: &Target) -> bool {
    let libc = match (machine.platform.libc, target.platform.libc) {
        (Libc::Glibc { minor: have }, Libc::Glibc { minor: want })
        | (Libc::Musl { minor: have }, Libc::Musl { minor: want }) => have >= want,
        _ => false,
    };
    machine.platform.arch == target.platform.arch && libc
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(script: &str) -> Ended {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        process::run(command, Duration::from_secs(60), &Cancel::default()).unwrap()
    }

    #[test]
    fn every_module_has_its_verdict() {
        let modules: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).into();
        let text = "start a\npassed a\nstart b\nfailed b ImportError: no x\nstart c\n";
        let limit = Duration::from_secs(1);
        assert_eq!(
            imported(text, &modules, &ended("kill -11 $$"), limit).unwrap_err(),
            "b: ImportError: no x; c: it was killed by signal 11"
        );
        let text = "passed a\npassed b\npassed c\npassed d\n";
        assert_eq!(imported(text, &modules, &ended("exit 1"), limit), Ok(()));
        assert_eq!(
            imported("", &modules, &ended("exit 1"), limit).unwrap_err(),
            "a: exit code 1"
        );
    }

    #[test]
    fn a_machine_runs_what_is_made_for_an_older_c_library() {
        let target = |platform: &str| Target {
            python: "3.11".parse().unwrap(),
            platform: platform.parse().unwrap(),
        };
        let machine = target("x86_64-manylinux_2_36");
        assert!(runs(&machine, &target("x86_64-manylinux_2_31")));
        for platform in [
            "x86_64-manylinux_2_41",
            "aarch64-manylinux_2_31",
            "x86_64-musllinux_1_2",
        ] {
            assert!(!runs(&machine, &target(platform)), "{platform}");
        }
    }
}
