//! The only door to uv: finding it, fetching it, resolving and building with it. (stub: owner = lock helper)

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::url::SafeUrl;

/// A uv that answers, of a version that Pannier knows.
#[derive(Debug, Clone)]
pub struct Uv {
    /// The program.
    pub program: PathBuf,
    /// Its version, such as `0.13.9`.
    pub version: String,
}

/// The surroundings in which uv runs: nothing else of the environment reaches it.
#[derive(Clone, Default)]
pub struct Surroundings {
    /// Environment variables, complete (captured and filtered at the rim).
    pub variables: BTreeMap<String, String>,
    /// uv's cache folder.
    pub cache: PathBuf,
    /// Where packages come from.
    pub index: Indexes,
    /// Whether the network may be used.
    pub offline: bool,
}

/// What uv ended with.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("stub")]
pub struct UvError;

/// One build of a wheel.
#[derive(Debug, Clone)]
pub struct WheelBuild<'a> {
    /// The source tree or archive.
    pub source: &'a Path,
    /// Interpreter to build with.
    pub python: &'a Path,
    /// Build constraints, one requirement per line.
    pub constraints: &'a str,
    /// `SOURCE_DATE_EPOCH`.
    pub epoch: i64,
    /// Empty folder that the wheel goes to.
    pub out: &'a Path,
}

impl Uv {
    /// Builds one wheel (PEP 517, isolated) and gives its path in `out`.
    ///
    /// # Errors
    /// [`UvError`] with the backend's last lines.
    pub fn build_wheel(
        &self,
        _build: &WheelBuild<'_>,
        _around: &Surroundings,
    ) -> Result<PathBuf, UvError> {
        todo!()
    }
}

/// Where index packages come from. Credentials may stand in the URLs; they are never shown or stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Indexes {
    /// The index that is asked last; `None` means uv's own default.
    pub url: Option<SafeUrl>,
    /// Indexes that are asked before it, in this order.
    pub extra: Vec<SafeUrl>,
}
