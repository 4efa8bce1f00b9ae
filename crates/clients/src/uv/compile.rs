//! Universal resolution: `uv pip compile` into a `pylock.toml`.
//!
//! Works in a folder that the caller gives and forgets; refuses to read any configuration that lies outside it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use super::run::{Call, Log};
use super::{Surroundings, Uv, UvError};
use pannier_archive::limited;
use pannier_base::name::PackageName;
use pannier_base::url::SafeUrl;

/// What is asked of the cache of index pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Refresh {
    /// As uv does it: pages that the server says are still good are not asked for again.
    #[default]
    AsCached,
    /// Every page is requested again.
    All,
}

/// One universal resolution.
#[derive(Debug, Clone, Default)]
pub struct Compile<'a> {
    /// Requirements, one per line (PEP 508).
    pub requirements: &'a [String],
    /// Bounds that add no package.
    pub constraints: &'a [String],
    /// Bounds on what build backends need.
    pub build_constraints: &'a [String],
    /// Markers of the environments to resolve for; they exclude each other.
    pub environments: &'a [String],
    /// Lowest Python of them, such as `3.9`.
    pub python: &'a str,
    /// A `pylock.toml` whose versions are preferred.
    pub preferences: Option<&'a str>,
    /// Whether index pages are requested again.
    pub refresh: Refresh,
    /// Packages whose source archives are neither built nor listed; `:all:` for all of them.
    pub only_binary: &'a [String],
    /// Packages whose wheels are passed over.
    pub no_binary: &'a [String],
    /// Whether requirements of packages are left alone: nothing is built then, and no metadata read.
    pub no_deps: bool,
    /// Whether everything that builds need must have a hash in `build_constraints`.
    pub require_build_hashes: bool,
}

/// The newest version of one package that has a wheel for a platform.
#[derive(Debug, Clone)]
pub struct BestWheel<'a> {
    /// The package.
    pub package: &'a PackageName,
    /// Bounds that add no package.
    pub constraints: &'a [String],
    /// Its Python, such as `3.13`.
    pub python: &'a str,
    /// A platform that uv knows by name, such as `x86_64-manylinux_2_28`; `None` for any platform at all.
    pub platform: Option<&'a str>,
}

impl Compile<'_> {
    /// The flags that say which files may be looked at and built.
    fn choices(&self) -> Vec<OsString> {
        let mut flags: Vec<OsString> = Vec::new();
        let named = [
            ("--only-binary", self.only_binary),
            ("--no-binary", self.no_binary),
        ];
        for (flag, packages) in named {
            let packages = packages.iter();
            flags.extend(packages.map(|package| format!("{flag}={package}").into()));
        }
        if self.no_deps {
            flags.push("--no-deps".into());
        }
        if self.require_build_hashes {
            flags.push("--require-build-hashes".into());
            flags.push("--preview-features=build-dependency-hashes".into());
        }
        flags
    }
}

impl Uv {
    /// Resolves for all environments at once with as few versions per package as uv can, and gives the `pylock.toml`
    /// that uv wrote. `folder` must be empty or hold an earlier call's files; paths in the result are absolute or
    /// relative to it.
    ///
    /// # Errors
    /// [`UvError::Failed`] with the chain of requirements that collide, as uv explains it.
    pub fn compile(
        &self,
        compile: &Compile<'_>,
        folder: &Path,
        around: &Surroundings,
    ) -> Result<String, UvError> {
        // `environments` is read from a project's file alone, so the folder is made to look like a project.
        write(folder, "pyproject.toml", &project(compile.environments))?;
        write(
            folder,
            "requirements.in",
            &around.lines(compile.requirements)?,
        )?;
        write(
            folder,
            "constraints.txt",
            &around.lines(compile.constraints)?,
        )?;
        write(
            folder,
            "build-constraints.txt",
            &around.lines(compile.build_constraints)?,
        )?;
        let output = folder.join("pylock.toml");
        match compile.preferences {
            Some(text) => write(folder, "pylock.toml", text)?,
            None => forget(&output)?,
        }
        let mut arguments: Vec<OsString> = [
            "pip",
            "compile",
            "--universal",
            "--fork-strategy=fewest",
            "--format=pylock.toml",
            "--no-header",
            "--quiet",
            "--constraints=constraints.txt",
            "--build-constraints=build-constraints.txt",
            "--output-file=pylock.toml",
            "--python-version",
        ]
        .map(OsString::from)
        .to_vec();
        arguments.push(compile.python.into());
        if compile.refresh == Refresh::All {
            arguments.push("--refresh".into());
        }
        arguments.extend(compile.choices());
        arguments.push("requirements.in".into());
        self.call(
            Call {
                task: "resolve the requirements",
                arguments,
                folder,
                extra: own_configuration(folder),
                log: Log::Dropped,
            },
            around,
        )?;
        let written =
            limited::read_text(&output, limited::LOCK).map_err(UvError::file("read", &output))?;
        Ok(around.restored(&written))
    }

    /// The newest version with a wheel for the platform, as uv prints it; `None` when there is none.
    ///
    /// # Errors
    /// [`UvError`] when uv cannot be asked; that it finds nothing is no error.
    pub fn best_wheel(
        &self,
        asked: &BestWheel<'_>,
        folder: &Path,
        around: &Surroundings,
    ) -> Result<Option<String>, UvError> {
        write(folder, "pyproject.toml", &project(&[]))?;
        write(
            folder,
            "requirements.in",
            &around.lines(&[asked.package.to_string()])?,
        )?;
        write(folder, "constraints.txt", &around.lines(asked.constraints)?)?;
        let mut arguments: Vec<OsString> = [
            "pip",
            "compile",
            "--no-deps",
            "--no-header",
            "--no-annotate",
            "--quiet",
            "--constraints=constraints.txt",
            "--only-binary=:all:",
        ]
        .map(OsString::from)
        .to_vec();
        arguments.extend(["--python-version", asked.python].map(OsString::from));
        match asked.platform {
            Some(platform) => arguments.extend(["--python-platform", platform].map(OsString::from)),
            None => arguments.push("--universal".into()),
        }
        arguments.push("requirements.in".into());
        let call = Call {
            task: "look for a version with a wheel",
            arguments,
            folder,
            extra: own_configuration(folder),
            log: Log::Dropped,
        };
        match self.call(call, around) {
            Ok(said) => Ok(pinned(&said)),
            Err(why) if why.is_unsatisfiable() => Ok(None),
            Err(other) => Err(other),
        }
    }
}

impl Uv {
    /// The index that uv asks last: the configured one, or else uv's own, which nobody but uv knows. Asks no server.
    ///
    /// # Errors
    /// [`UvError`] when uv cannot be run.
    pub fn default_index(
        &self,
        folder: &Path,
        around: &Surroundings,
    ) -> Result<Option<SafeUrl>, UvError> {
        write(folder, "pyproject.toml", &project(&[]))?;
        write(folder, "requirements.in", "")?;
        let arguments = [
            "pip",
            "compile",
            "--no-header",
            "--quiet",
            "--emit-index-url",
            "requirements.in",
        ];
        let call = Call {
            task: "report its index",
            arguments: arguments.map(OsString::from).to_vec(),
            folder,
            extra: own_configuration(folder),
            log: Log::Dropped,
        };
        let said = self.run(call, around, around.child_environment()?)?;
        let urls = said
            .lines()
            .filter_map(|line| line.strip_prefix("--index-url "));
        Ok(urls.filter_map(|url| url.trim().parse().ok()).next())
    }
}

/// The version in the only `name==version` line.
fn pinned(said: &str) -> Option<String> {
    let line = said.lines().find(|line| line.contains("=="))?;
    let (_, version) = line.split_once("==")?;
    Some(
        version
            .split([' ', ';'])
            .next()
            .unwrap_or(version)
            .trim()
            .to_owned(),
    )
}

/// uv searches for the user's uv.toml in this folder, which has none.
pub(super) fn own_configuration(folder: &Path) -> BTreeMap<&'static str, String> {
    let nowhere = folder.join("no-configuration");
    [("XDG_CONFIG_HOME", nowhere.to_string_lossy().into_owned())].into()
}

/// A project file that says nothing but which environments count.
fn project(environments: &[String]) -> String {
    let list: Vec<toml::Value> = environments
        .iter()
        .cloned()
        .map(toml::Value::String)
        .collect();
    match list.is_empty() {
        true => "[tool.uv]\n".to_owned(),
        false => format!("[tool.uv]\nenvironments = {}\n", toml::Value::Array(list)),
    }
}

fn write(folder: &Path, name: &str, text: &str) -> Result<(), UvError> {
    let path = folder.join(name);
    fs::write(&path, text).map_err(UvError::file("written", &path))
}

fn forget(path: &Path) -> Result<(), UvError> {
    match fs::remove_file(path) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
            Err(UvError::file("written", path)(why))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_file_quotes_markers() {
        let text = project(&["sys_platform == 'linux' and os_name != \"nt\"".to_owned()]);
        let value: toml::Table = text.parse().unwrap();
        let marker = &value["tool"]["uv"]["environments"][0];
        assert_eq!(
            marker.as_str(),
            Some("sys_platform == 'linux' and os_name != \"nt\"")
        );
        assert_eq!(project(&[]), "[tool.uv]\n");
    }

    #[test]
    fn the_version_is_read_from_uvs_line() {
        assert_eq!(pinned("numpy==2.2.6\n"), Some("2.2.6".to_owned()));
        assert_eq!(
            pinned("# nothing\nnumpy==2.2.6 ; sys_platform == 'linux'\n"),
            Some("2.2.6".to_owned())
        );
        assert_eq!(pinned(""), None);
    }
}
