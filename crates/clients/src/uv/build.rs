//! Building one wheel in isolation (PEP 517) and finding an interpreter to build with.
//!
//! Refuses to choose the interpreter of a build by itself, and to let clock or hash seeds reach the wheel.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::compile::own_configuration;
use super::run::{Call, Log};
use super::{Surroundings, Uv, UvError};

/// One build of a wheel.
#[derive(Debug, Clone)]
pub struct WheelBuild<'a> {
    /// The source tree or archive.
    pub source: &'a Path,
    /// Interpreter to build with.
    pub python: &'a Path,
    /// Build constraints, one requirement per line; uv checks the hashes that they state.
    pub constraints: &'a str,
    /// Whether everything that the build needs must have a hash there.
    pub require_hashes: bool,
    /// `SOURCE_DATE_EPOCH`.
    pub epoch: i64,
    /// Empty folder that the wheel goes to.
    pub out: &'a Path,
}

impl Uv {
    /// Builds one wheel (PEP 517, isolated) and gives its path in `out`.
    ///
    /// # Errors
    /// [`UvError::Failed`] with the backend's last lines.
    pub fn build_wheel(
        &self,
        build: &WheelBuild<'_>,
        around: &Surroundings,
    ) -> Result<PathBuf, UvError> {
        let task = format!("build a wheel of `{}`", build.source.display());
        // Next to the wheel's folder: the caller chose that file system, and TMPDIR does not apply below the command line.
        let parent = build.out.parent().unwrap_or(build.out);
        let folder = tempfile::tempdir_in(parent).map_err(UvError::file("written", parent))?;
        let constraints = folder.path().join("build-constraints.txt");
        let lines: Vec<String> = build.constraints.lines().map(str::to_owned).collect();
        fs::write(&constraints, around.lines(&lines)?)
            .map_err(UvError::file("written", &constraints))?;
        let mut arguments: Vec<OsString> = [
            "build",
            "--wheel",
            "--no-config",
            "--no-create-gitignore",
            "--python",
        ]
        .map(OsString::from)
        .to_vec();
        arguments.push(build.python.into());
        // uv warns of an empty file, and that warning would stand above the backend's error.
        if !build.constraints.trim().is_empty() {
            arguments.push("--build-constraints".into());
            arguments.push(constraints.into());
        }
        if build.require_hashes {
            arguments.push("--require-hashes".into());
        }
        arguments.push("--out-dir".into());
        arguments.push(build.out.into());
        arguments.push(build.source.into());
        let mut extra = own_configuration(folder.path());
        extra.insert("SOURCE_DATE_EPOCH", build.epoch.to_string());
        extra.insert("PYTHONHASHSEED", "0".to_owned());
        let call = Call {
            task: &task,
            arguments,
            folder: folder.path(),
            extra,
            log: Log::Kept,
        };
        self.call(call, around)?;
        only_wheel(build.out, task)
    }

    /// An interpreter of CPython 3.`minor` on this machine, outside any virtual environment; `None` when there is none.
    ///
    /// # Errors
    /// [`UvError::Start`].
    pub fn find_python(
        &self,
        minor: u8,
        around: &Surroundings,
    ) -> Result<Option<PathBuf>, UvError> {
        let folder =
            tempfile::tempdir().map_err(UvError::file("written", &std::env::temp_dir()))?;
        let version = format!("cpython==3.{minor}.*");
        let arguments = [
            "python",
            "find",
            "--system",
            "--no-config",
            "--no-project",
            &version,
        ];
        let call = Call {
            task: "find a Python",
            arguments: arguments.map(OsString::from).to_vec(),
            folder: folder.path(),
            extra: own_configuration(folder.path()),
            log: Log::Dropped,
        };
        match self.call(call, around) {
            Ok(said) => Ok(said.lines().next().map(PathBuf::from)),
            Err(UvError::Failed { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }
}

fn only_wheel(out: &Path, task: String) -> Result<PathBuf, UvError> {
    let entries = fs::read_dir(out).map_err(UvError::file("read", out))?;
    let mut wheels: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "whl"))
        .collect();
    match (wheels.pop(), wheels.len()) {
        (Some(wheel), 0) => Ok(wheel),
        (last, others) => Err(UvError::Unexpected {
            task,
            problem: format!(
                "there are {} wheels in `{}`",
                others + usize::from(last.is_some()),
                out.display()
            ),
        }),
    }
}
