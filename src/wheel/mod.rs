//! Wheels: their names, their metadata, their verdict. (stub: owner = wheel helper)

use std::fs::File;
use std::io::Write;
use std::str::FromStr;

use pep440_rs::Version;
use serde::{Deserialize, Serialize};

use crate::name::PackageName;
use crate::pack::Pack;
use crate::target::Tag;
use crate::zip::Rules;

/// A wheel's file name (PEP 427): parses and prints back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelFilename {
    /// Project.
    pub name: PackageName,
    /// Version.
    pub version: Version,
}

impl WheelFilename {
    /// Rank of the best of this wheel's tags among `tags` (best first), then build tag; lower is better.
    /// `None`: it does not fit.
    #[must_use]
    pub fn rank(&self, _tags: &[Tag]) -> Option<usize> {
        todo!()
    }
    /// Whether it is `…-none-any`.
    #[must_use]
    pub fn is_pure(&self) -> bool {
        todo!()
    }
}

impl FromStr for WheelFilename {
    type Err = WheelError;
    fn from_str(_text: &str) -> Result<Self, WheelError> {
        todo!()
    }
}

/// Everything about a wheel that passed: postcard-serialisable, kept beside it in the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wheel {
    /// Table of contents.
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
    /// Entry points that become programs.
    pub scripts: Vec<EntryPoint>,
    /// Remarks that are no reason to refuse (such as a newer minor Wheel-Version).
    pub warnings: Vec<String>,
}

/// One program of `entry_points.txt` (console and GUI scripts are the same on Unix).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryPoint {
    /// File name below `bin/`.
    pub name: String,
    /// Module to import.
    pub module: String,
    /// Attribute path to call, such as `cli.main`.
    pub attribute: String,
}

/// Why a wheel is refused: entry and rule.
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct WheelError;

/// Verifies the whole wheel.
///
/// # Errors
/// [`WheelError`] names entry and rule.
pub fn verify(
    _file: &File,
    _filename: &WheelFilename,
    _rules: &Rules,
) -> Result<Wheel, WheelError> {
    todo!()
}

/// Rewrites a wheel that a build backend made here: sorted, fixed times, normal modes, own deflater, RECORD renewed.
///
/// # Errors
/// [`WheelError`] as for [`verify`].
pub fn normalise(
    _built: &File,
    _filename: &WheelFilename,
    _out: &mut dyn Write,
) -> Result<(), WheelError> {
    todo!()
}
