//! Wheels: their names, their metadata, their verdict (binary distribution format, core metadata, entry points).
//!
//! The only room that knows what the files of a `.dist-info` folder mean. Refuses to install anything: where a wheel's
//! files go in a venv is for [`venv`](crate::venv) to say.

mod csv;
mod data;
mod entry_points;
mod error;
mod filename;
mod headers;
mod listed;
mod metadata;
mod normalise;
mod record;
mod stub;
mod targets;
mod verify;
mod wheel_file;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::entries::{Content, Pack};
use pannier_base::name::PackageName;
use pannier_base::platform::PythonVersion;

pub use data::DataError;
pub use entry_points::{EntryPoint, EntryPointError, check_script_name};
pub use error::{MetadataProblem, WheelError};
pub use filename::{BuildTag, FilenameError, Rank, WheelFilename};
pub use headers::HeaderError;
pub use listed::check_listed;
pub use metadata::{Metadata, MetadataError};
pub use normalise::normalise;
pub use record::{Record, RecordError, RecordHash, RecordRow};
pub use stub::{StubMetadata, stub};
pub use verify::{INSTALLERS, verify};
pub use wheel_file::{WheelFile, WheelFileError};

/// Everything about a wheel that passed; kept next to it in the store, serialized except for its table of contents, which is
/// bytes
/// already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wheel {
    /// Table of contents.
    #[serde(skip)]
    pub pack: Pack,
    /// Normalised name from METADATA.
    pub name: PackageName,
    /// Version from METADATA, as written.
    pub version: String,
    /// Its `.dist-info` folder as spelled in the wheel.
    pub dist_info: String,
    /// Its `.data` folder, if any, as spelled.
    pub data: Option<String>,
    /// `Root-Is-Purelib`.
    pub purelib: bool,
    /// `Requires-Dist` lines.
    pub requires_dist: Vec<String>,
    /// `Requires-Python`.
    pub requires_python: Option<String>,
    /// `Provides-Extra`, as written.
    pub extras: Vec<String>,
    /// Entry points that become programs, as the wheel declares them.
    pub scripts: Vec<EntryPoint>,
    /// Remarks that are no reason to refuse (such as a newer minor Wheel-Version).
    pub warnings: Vec<String>,
}

impl Wheel {
    /// The entry points that become programs for `python`; differs from `scripts` for pip alone.
    #[must_use]
    pub fn scripts_for(&self, python: &PythonVersion) -> Vec<EntryPoint> {
        EntryPoint::for_python(&self.scripts, python)
    }

    /// The top-level names that can be imported once the wheel is installed, sorted: modules, extension modules and
    /// folders that hold any of either (packages, with or without `__init__.py`).
    #[must_use]
    pub fn top_level(&self) -> Vec<String> {
        let mut names = BTreeSet::new();
        for entry in self.pack.iter() {
            if !matches!(entry.content, Content::File { .. }) {
                continue;
            }
            let Some(path) = self.site_path(&entry.path) else {
                continue;
            };
            let file = path.rsplit('/').next().unwrap_or(path);
            let Some(module) = module_name(file) else {
                continue;
            };
            let (top, _) = path.split_once('/').unwrap_or((module, ""));
            if is_identifier(top) {
                names.insert(top.to_owned());
            }
        }
        names.into_iter().collect()
    }

    /// Where a file of the wheel stands in site-packages, if it goes there.
    #[must_use]
    pub fn site_path<'a>(&self, path: &'a str) -> Option<&'a str> {
        let Some(data) = &self.data else {
            return Some(path);
        };
        let Some(rest) = path
            .strip_prefix(data.as_str())
            .and_then(|path| path.strip_prefix('/'))
        else {
            return Some(path);
        };
        let (scheme, rest) = rest.split_once('/')?;
        matches!(scheme, "purelib" | "platlib").then_some(rest)
    }
}

/// The name under which a file can be imported: `x` of `x.py`, `x.so`, `x.abi3.so`, `x.cpython-313-x86_64-linux-gnu.so`.
fn module_name(file: &str) -> Option<&str> {
    let stem = file.strip_suffix(".py").or_else(|| {
        let stem = file.strip_suffix(".so")?;
        match stem.split_once('.') {
            None => Some(stem),
            Some((name, "abi3" | "abi3t")) => Some(name),
            Some((name, tag)) if tag.starts_with("cpython-") => Some(name),
            Some(_) => None,
        }
    })?;
    is_identifier(stem).then_some(stem)
}

fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
}
