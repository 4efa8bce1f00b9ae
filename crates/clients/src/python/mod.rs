//! The only door to Python interpreters: which ones are available, and what image each would be.
//!
//! Runs one short, isolated program (`-I -S`) and nothing of the user's. Refuses to guess: what an interpreter does not say
//! of itself is an error.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use miette::Diagnostic;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::child::{self, ChildEnvironment};
use pannier_base::cancel::Cancel;
use pannier_base::platform::{Platform, PlatformError, PythonVersion, PythonVersionError, Target};

/// Prints an interpreter's own `images:` block; also what people run in an image without Pannier.
pub const PROBE: &str = include_str!("probe.py");

/// An interpreter as an image describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Described {
    /// Python and platform.
    #[serde(flatten)]
    pub target: Target,
    /// The interpreter itself, absolute, not one of a venv.
    pub interpreter: PathBuf,
}

/// Why an interpreter cannot be described.
#[derive(Debug, Error, Diagnostic)]
pub enum PythonError {
    /// It cannot be started.
    #[error("cannot start the interpreter {path}")]
    #[diagnostic(help("install Python 3.8 or newer there, or set another one with --python"))]
    Start {
        /// Which one.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It ran but failed.
    #[error("the interpreter {path} failed to describe itself: {said}")]
    #[diagnostic(help("only CPython 3.8 or newer on Linux can be described"))]
    Failed {
        /// Which one.
        path: PathBuf,
        /// The last line that it wrote.
        said: String,
    },
    /// It says something that Pannier does not know.
    #[error("the interpreter {path} returned an unknown description")]
    Version {
        /// Which one.
        path: PathBuf,
        /// What is unknown.
        #[source]
        source: PythonVersionError,
    },
    /// It runs on a platform that Pannier does not know.
    #[error("the interpreter {path} runs on an unknown platform")]
    Platform {
        /// Which one.
        path: PathBuf,
        /// What is unknown.
        #[source]
        source: PlatformError,
    },
    /// There is none.
    #[error("no Python interpreter is on PATH")]
    #[diagnostic(help("install Python 3, or set an interpreter with --python"))]
    None,
}

/// Asks the interpreter at `path` what it is. It gets `environment` and nothing else.
///
/// # Errors
/// [`PythonError`] when it cannot be started or is nothing that Pannier knows.
pub fn describe(path: &Path, environment: &ChildEnvironment) -> Result<Described, PythonError> {
    let mut command = Command::new(path);
    command
        .args(["-I", "-S", "-c", PROBE])
        .env_clear()
        .envs(environment.variables())
        .stdin(Stdio::null());
    let output =
        child::output(&mut command, environment.cancel()).map_err(|source| PythonError::Start {
            path: path.to_owned(),
            source,
        })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let failed = |said: &str| PythonError::Failed {
        path: path.to_owned(),
        said: said.to_owned(),
    };
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(failed(stderr.trim().lines().last().unwrap_or("no message")));
    }
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(key));
        let value = line.and_then(|rest| rest.trim().strip_prefix(':'));
        value
            .map(|value| value.trim().trim_matches('"').to_owned())
            .ok_or_else(|| failed(&format!("its output has no {key}")))
    };
    let python: PythonVersion =
        value("python")?
            .parse()
            .map_err(|source| PythonError::Version {
                path: path.to_owned(),
                source,
            })?;
    let platform: Platform =
        value("platform")?
            .parse()
            .map_err(|source| PythonError::Platform {
                path: path.to_owned(),
                source,
            })?;
    Ok(Described {
        target: Target { python, platform },
        interpreter: value("interpreter")?.into(),
    })
}

/// The first `python3` (or `python`) on `search`.
///
/// # Errors
/// [`PythonError::None`].
pub fn first(search: &[PathBuf]) -> Result<PathBuf, PythonError> {
    ["python3", "python"]
        .iter()
        .flat_map(|name| search.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
        .ok_or(PythonError::None)
}

/// The interpreters of a machine, looked for only when someone asks.
#[derive(Debug)]
pub struct Pythons {
    search: Vec<PathBuf>,
    environment: ChildEnvironment,
    found: OnceLock<Vec<Described>>,
}

impl Pythons {
    /// Will look in the folders `search`; interpreters get `environment`.
    #[must_use]
    pub const fn new(search: Vec<PathBuf>, environment: ChildEnvironment) -> Self {
        Self {
            search,
            environment,
            found: OnceLock::new(),
        }
    }

    /// What ends interpreters.
    #[must_use]
    pub const fn cancel(&self) -> &Cancel {
        self.environment.cancel()
    }

    /// The interpreters that answer: `python3` first, then `python3.N` from the newest down; each once.
    pub fn all(&self) -> &[Described] {
        self.found.get_or_init(|| {
            let versioned = (8..=20).rev().map(|minor| format!("python3.{minor}"));
            let names = std::iter::once("python3".to_owned()).chain(versioned);
            let mut found: Vec<Described> = Vec::new();
            for name in names {
                let paths = self.search.iter().map(|folder| folder.join(&name));
                // A name may stand more than once on the path, as a shim that does not answer and as the real one.
                let answer = paths
                    .filter(|path| path.is_file())
                    .find_map(|path| describe(&path, &self.environment).ok());
                found.extend(answer.filter(|answer| !found.contains(answer)));
            }
            found
        })
    }
}

/// [`PROBE`] as one line, for `python3 -c '…'` in an image that has no Pannier.
#[must_use]
pub fn one_line() -> String {
    let statements = PROBE
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    statements.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> Described {
        let search: Vec<PathBuf> =
            std::env::split_paths(&std::env::var_os("PATH").unwrap()).collect();
        describe(&first(&search).unwrap(), &ChildEnvironment::default()).unwrap()
    }

    #[test]
    fn this_machines_python_describes_itself() {
        let described = here();
        assert!(described.interpreter.is_absolute());
        assert!(described.target.python.patch.is_some());
        assert_eq!(
            described.target.platform.arch.as_str(),
            std::env::consts::ARCH
        );
    }

    #[test]
    fn a_program_that_is_no_python_is_named() {
        let error = describe(Path::new("/bin/false"), &ChildEnvironment::default()).unwrap_err();
        assert!(error.to_string().contains("/bin/false"), "{error}");
        let error = describe(
            Path::new("/nonexistent/python3"),
            &ChildEnvironment::default(),
        )
        .unwrap_err();
        assert!(error.to_string().contains("cannot start"), "{error}");
    }

    #[test]
    fn the_probe_prints_a_block_for_the_configuration() {
        let output = Command::new("python3")
            .args(["-c", &one_line()])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let block: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
        let described = here();
        assert_eq!(
            block["images"]["here"]["python"],
            described.target.python.to_string().as_str()
        );
    }

    #[test]
    fn the_probe_fits_one_line() {
        assert!(!one_line().contains('\n'));
        assert!(!one_line().contains('\''), "it is between single quotes");
    }
}
