//! Which files of a folder decide what its package requires, and their digest.
//!
//! Reads through a reader that is handed in. Refuses to run anything: what a `setup.py` or a build backend's plugin reads
//! next to these files is not noticed.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::constraints::Reader;
use pannier_base::digest::{Digest, Hasher};

/// The files that build backends read by their own names.
const PACKAGING_FILES: [&str; 3] = ["pyproject.toml", "setup.cfg", "setup.py"];

/// Dynamic values of setuptools that are part of a lock; the others, such as `readme`, are not.
const DYNAMIC: [&str; 3] = ["version", "dependencies", "optional-dependencies"];

/// A folder that is requested as a package is not usable.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum FolderError {
    /// There is nothing to build.
    #[error(
        "there is no Python project in the folder `{folder}`: it has neither pyproject.toml nor setup.py"
    )]
    #[diagnostic(help(
        "correct the path under `packages`, which is relative to the folder of pannier.yml; list a folder of plain files \
        under `data`"
    ))]
    NoProject {
        /// The folder, as written.
        folder: String,
    },
    /// A packaging file is there and cannot be read.
    #[error("cannot read `{file}` of the package in `{folder}`")]
    #[diagnostic(help("make it a file of UTF-8 text that this user may read"))]
    File {
        /// The file, relative to the folder.
        file: String,
        /// The folder, as written.
        folder: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// The digest of the packaging files, and of the files that these name for requirements and versions.
///
/// # Errors
/// [`FolderError`]
pub(super) fn digest(folder: &Path, read: &Reader<'_>) -> Result<Digest, FolderError> {
    let mut hasher = Hasher::default();
    let mut named = BTreeSet::new();
    let mut project = false;
    for file in PACKAGING_FILES {
        let Some(text) = text_of(folder, Path::new(file), read)? else {
            continue;
        };
        hasher.field(file.as_bytes());
        hasher.field(text.as_bytes());
        project |= file != "setup.cfg";
        match file {
            "pyproject.toml" => named.extend(named_by_pyproject(&text)),
            "setup.cfg" => named.extend(named_by_setup_cfg(&text)),
            // A program; this is the name that nearly all of them read.
            _ => named.extend(["requirements.txt".to_owned()]),
        }
    }
    if !project {
        return Err(FolderError::NoProject {
            folder: folder.display().to_string(),
        });
    }
    for file in named {
        if let Some(text) = text_of(folder, Path::new(&file), read)? {
            hasher.field(file.as_bytes());
            hasher.field(text.as_bytes());
        }
    }
    Ok(hasher.finish())
}

/// The text of a file of the folder; `None` where there is none.
fn text_of(folder: &Path, file: &Path, read: &Reader<'_>) -> Result<Option<String>, FolderError> {
    let path: PathBuf = folder.join(file);
    match read(&path) {
        Ok(text) => Ok(Some(text)),
        Err(why)
            if matches!(
                why.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(source) => Err(FolderError::File {
            file: file.display().to_string(),
            folder: folder.display().to_string(),
            source,
        }),
    }
}

/// Files under `tool.setuptools.dynamic` and of hatch's hook for requirements files. A file that is no TOML names none: the
/// build says what is wrong with it.
fn named_by_pyproject(text: &str) -> Vec<String> {
    let Ok(table) = text.parse::<Table>() else {
        return Vec::new();
    };
    let at = |path: &[&str]| {
        let mut steps = path.iter();
        let first = table.get(*steps.next()?)?;
        steps.try_fold(first, |value, key| value.get(key))
    };
    let mut found = Vec::new();
    for key in DYNAMIC {
        if let Some(value) = at(&["tool", "setuptools", "dynamic", key]) {
            found.extend(files_in(value));
        }
    }
    if let Some(hook) = at(&["tool", "hatch", "metadata", "hooks", "requirements_txt"]) {
        found.extend(hook.get("files").map(texts).unwrap_or_default());
        let groups = hook.get("optional-dependencies").and_then(Value::as_table);
        found.extend(
            groups
                .into_iter()
                .flat_map(|groups| groups.values())
                .flat_map(texts),
        );
    }
    found
}

/// The files of `{file = …}`, or of a table of such.
fn files_in(value: &Value) -> Vec<String> {
    let Some(table) = value.as_table() else {
        return Vec::new();
    };
    match table.get("file") {
        Some(files @ (Value::String(_) | Value::Array(_))) => texts(files),
        _ => table.values().flat_map(files_in).collect(),
    }
}

/// A text, or a list of texts.
fn texts(value: &Value) -> Vec<String> {
    let one = |value: &Value| value.as_str().map(str::to_owned);
    match value {
        Value::Array(all) => all.iter().filter_map(one).collect(),
        other => one(other).into_iter().collect(),
    }
}

/// Files behind `file:` in a `setup.cfg`, but for the description's.
fn named_by_setup_cfg(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.split_once("file:"));
    let lines = lines.filter(|(key, _)| !key.trim_start().starts_with("long_description"));
    lines
        .flat_map(|(_, files)| files.split(','))
        .map(|file| file.trim().to_owned())
        .filter(|file| !file.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn digest_of(files: &[(&str, &str)]) -> Result<Digest, FolderError> {
        let files: BTreeMap<PathBuf, &str> = files
            .iter()
            .map(|(name, text)| (Path::new("p").join(name), *text))
            .collect();
        digest(Path::new("p"), &|path| match files.get(path) {
            Some(&"unreadable") => Err(io::Error::from(io::ErrorKind::PermissionDenied)),
            Some(text) => Ok((*text).to_owned()),
            None => Err(io::Error::from(io::ErrorKind::NotFound)),
        })
    }

    /// Whether a change of `file` counts next to a packaging file.
    fn counts(packaging: (&str, &str), file: &str) -> bool {
        let with = |text| digest_of(&[packaging, ("setup.py", ""), (file, text)]).unwrap();
        with("six") != with("attrs")
    }

    #[test]
    fn files_that_hold_requirements_and_versions_count() {
        let setuptools = "[tool.setuptools.dynamic]\nversion = {file = 'VERSION'}\nreadme = {file = 'README.md'}\n\
            dependencies = {file = ['a.txt', 'b.txt']}\noptional-dependencies = {html = {file = 'html.txt'}}";
        for (file, expected) in [
            ("VERSION", true),
            ("a.txt", true),
            ("b.txt", true),
            ("html.txt", true),
            ("README.md", false),
            ("other.txt", false),
        ] {
            assert_eq!(
                counts(("pyproject.toml", setuptools), file),
                expected,
                "{file}"
            );
        }
        let hatch = "[tool.hatch.metadata.hooks.requirements_txt]\nfiles = ['r.txt']\n\
            optional-dependencies.html = ['h.txt']";
        assert!(counts(("pyproject.toml", hatch), "r.txt"));
        assert!(counts(("pyproject.toml", hatch), "h.txt"));
        let cfg = "[metadata]\nversion = file: VERSION\nlong_description = file: README\n\
            [options]\ninstall_requires = file: r.txt, s.txt\n";
        for (file, expected) in [
            ("VERSION", true),
            ("README", false),
            ("r.txt", true),
            ("s.txt", true),
        ] {
            assert_eq!(counts(("setup.cfg", cfg), file), expected, "{file}");
        }
        assert!(
            counts(("setup.cfg", ""), "requirements.txt"),
            "next to a setup.py"
        );
    }

    #[test]
    fn a_requirements_file_that_nothing_reads_does_not_count() {
        let with = |text| digest_of(&[("pyproject.toml", "[project]"), ("requirements.txt", text)]);
        assert_eq!(with("six").unwrap(), with("attrs").unwrap());
    }

    #[test]
    fn what_is_no_project_is_told() {
        let said = digest_of(&[("setup.cfg", "")]).unwrap_err().to_string();
        assert!(
            said.contains("no Python project in the folder `p`"),
            "{said}"
        );
        let said = digest_of(&[("pyproject.toml", "unreadable")])
            .unwrap_err()
            .to_string();
        assert!(said.contains("cannot read `pyproject.toml`"), "{said}");
        assert!(digest_of(&[("pyproject.toml", "no [ toml")]).is_ok());
    }
}
