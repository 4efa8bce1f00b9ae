//! The `.data` folder of a wheel: files that go elsewhere than site-packages (binary distribution format).
//!
//! Refuses unknown schemes, every path that the venv itself writes, and the metadata of installed packages.

use super::entry_points;
use crate::zip::plain_name;

/// Why a file of the `.data` folder is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// A folder of no known meaning.
    #[error("`{scheme}` is not one of purelib, platlib, headers, scripts, data")]
    Scheme {
        /// The folder.
        scheme: String,
    },
    /// A file right below `.data`.
    #[error("a file cannot be directly in the `.data` folder")]
    Loose,
    /// A folder among the scripts.
    #[error("scripts cannot be in folders")]
    ScriptFolder,
    /// A script that is not called plainly, or as a file of the venv's own.
    #[error(transparent)]
    Script(#[from] entry_points::EntryPointError),
    /// Something that installers and `importlib.metadata` take for the metadata of a package.
    #[error("nothing below `.data` may go into a `.dist-info` or `.egg-info`, as `{path}` would")]
    Metadata {
        /// Relative to the scheme's folder.
        path: String,
    },
    /// Two files of one wheel go to one place.
    #[error("it would replace `{other}`")]
    Clash {
        /// Path of the other one in the wheel, or what else it is.
        other: String,
    },
    /// A path that the venv writes.
    #[error("`{path}` belongs to the venv itself")]
    Reserved {
        /// Relative to the venv.
        path: String,
    },
}

impl DataError {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Reserved { .. }
            | Self::Metadata { .. }
            | Self::Script(entry_points::EntryPointError::Reserved { .. }) => "reserved-path",
            _ => "wheel-data",
        }
    }
}

/// Checks a path below the `.data` folder (relative to it).
pub(super) fn check(path: &str, directory: bool) -> Result<(), DataError> {
    let (scheme, rest) = match path.split_once('/') {
        Some((scheme, rest)) => (scheme, Some(rest)),
        None if directory => (path, None),
        None => return Err(DataError::Loose),
    };
    if let Some(rest) = rest {
        check_metadata(scheme, rest)?;
    }
    match (scheme, rest) {
        ("purelib" | "platlib" | "headers", _) | ("scripts" | "data", None) => Ok(()),
        ("scripts", Some(_)) if directory => Err(DataError::ScriptFolder),
        ("scripts", Some(name)) if name.contains('/') => Err(DataError::ScriptFolder),
        ("scripts", Some(name)) => Ok(check_script_file(name)?),
        ("data", Some(path)) => check_root(path, directory),
        _ => Err(DataError::Scheme {
            scheme: scheme.to_owned(),
        }),
    }
}

/// Whether a file or folder of this name counts as the metadata of an installed package, in any case and form: so
/// `importlib.metadata` reads each `*.dist-info` and `*.egg-info` right below a folder of `sys.path`, among them `bin`.
pub(super) fn is_metadata(name: &str) -> bool {
    let name = plain_name(name);
    name.ends_with(".dist-info") || name.ends_with(".egg-info")
}

fn check_metadata(scheme: &str, path: &str) -> Result<(), DataError> {
    // Below a package it is someone's copy of another one, which nobody reads.
    let depth = match scheme {
        "purelib" | "platlib" => 1,
        _ => usize::MAX,
    };
    match path.split('/').take(depth).any(is_metadata) {
        true => Err(DataError::Metadata {
            path: path.to_owned(),
        }),
        false => Ok(()),
    }
}

/// Script files may have any plain name, unlike entry points; only the venv's own are taken.
fn check_script_file(name: &str) -> Result<(), entry_points::EntryPointError> {
    match entry_points::check_script_name(name) {
        Err(entry_points::EntryPointError::Name { .. }) => Ok(()),
        other => other,
    }
}

/// Checks a path below the root of the venv.
fn check_root(path: &str, directory: bool) -> Result<(), DataError> {
    let reserved = || DataError::Reserved {
        path: path.to_owned(),
    };
    let (first, rest) = match path.split_once('/') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    match (&*plain_name(first), rest) {
        // `lib64` is a link to `lib`: a file would stand elsewhere than it says.
        ("lib64" | "pyvenv.cfg", _) => Err(reserved()),
        ("bin" | "lib" | "include", None) if !directory => Err(reserved()),
        ("bin", Some(name)) => check_script_file(name).map_err(|_| reserved()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_where_they_may() {
        for path in [
            "purelib/a/b.py",
            "platlib/a.so",
            "headers/a.h",
            "scripts/run-it.sh",
            "scripts/c++filt",
            "data/share/man/man1/x.1",
            "data/etc/jupyter/x.json",
            "data/bin/tool",
            "data/bin/sub/python",
            "purelib/tool/_vendor/other-1.0.dist-info/METADATA",
            "purelib/dist-info/x",
            "purelib/tool.pth",
            "data/lib/libx.so",
        ] {
            assert_eq!(check(path, false), Ok(()), "{path}");
        }
        for path in ["scripts", "data", "data/bin", "purelib/a"] {
            assert_eq!(check(path, true), Ok(()), "{path}");
        }
    }

    #[test]
    fn other_paths_are_refused_by_rule() {
        for (path, code) in [
            ("data/bin/python3", "reserved-path"),
            ("data/bin/python", "reserved-path"),
            ("data/bin/activate.fish", "reserved-path"),
            ("data/pyvenv.cfg", "reserved-path"),
            ("data/lib64/x", "reserved-path"),
            ("data/lib64", "reserved-path"),
            ("data/bin", "reserved-path"),
            ("data/lib", "reserved-path"),
            ("scripts/activate", "reserved-path"),
            ("scripts/Python3.EXE", "reserved-path"),
            ("scripts/dir/x", "wheel-data"),
            ("conf/x", "wheel-data"),
            ("Data/x", "wheel-data"),
            ("loose", "wheel-data"),
            ("data/LIB64/x", "reserved-path"),
            ("data/Bin/Python", "reserved-path"),
            ("data/PYVENV.CFG", "reserved-path"),
            ("data/ｂｉｎ/python", "reserved-path"),
            ("scripts/ACTIVATE", "reserved-path"),
            ("scripts/pannier-lin\u{212a}", "reserved-path"),
            ("purelib/other-1.0.dist-info/METADATA", "reserved-path"),
            ("platlib/other.EGG-INFO", "reserved-path"),
            ("purelib/other-1.0.Dist-Info/RECORD", "reserved-path"),
            ("purelib/x.ｄｉｓｔ-ｉｎｆｏ/RECORD", "reserved-path"),
            ("scripts/other-1.0.egg-info", "reserved-path"),
            ("headers/other-1.0.dist-info/x.h", "reserved-path"),
            ("data/other-1.0.dist-info/METADATA", "reserved-path"),
            (
                "data/lib/python3.13/site-packages/o-1.dist-info/METADATA",
                "reserved-path",
            ),
            (
                "data/lib/python3.9/site-packages/o.egg-info/PKG-INFO",
                "reserved-path",
            ),
        ] {
            let error = check(path, false).expect_err(path);
            assert_eq!(error.code(), code, "{path}: {error}");
        }
        assert_eq!(check("scripts/dir", true), Err(DataError::ScriptFolder));
        assert!(matches!(check("conf", true), Err(DataError::Scheme { .. })));
    }
}
