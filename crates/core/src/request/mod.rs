//! What is wanted: the meaning of configuration, environment and flags together, as plain values.
//!
//! Nothing downstream of a request reads the environment, the configuration file or the clock.

pub mod digest;
pub mod folder;
pub mod origin;
pub mod overrides;
pub mod revision;

use std::fmt;
use std::path::PathBuf;

use pep508_rs::{Requirement, VerbatimUrl};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::constraints::{ConstraintLine, shown};
use crate::request::overrides::Overrides;
use pannier_archive::venv::PythonLink;
use pannier_base::name::{DataName, ImageName, PackageName};
use pannier_base::paths::AbsoluteLinks;
use pannier_base::platform::Target;
use pannier_base::url::SafeUrl;
use pannier_clients::git::Submodules;
use pannier_clients::uv::Indexes;

/// Everything that a lock is made from.
#[derive(Debug, Clone)]
pub struct Request {
    /// Folder that relative paths of the request are relative to (of `pannier.yml`, else the current one).
    pub root: PathBuf,
    /// The images, sorted by name; at least one, none twice.
    pub images: Vec<ImageRequest>,
    /// Bounds on versions, for packages and for what build backends need.
    pub constraints: Option<ConstraintsText>,
    /// Where packages that are not from git come from.
    pub index: Indexes,
    /// What happens to submodules of git projects.
    pub submodules: Submodules,
    /// What happens to links of data projects to absolute paths; no part of the lock.
    pub absolute_links: AbsoluteLinks,
    /// The overrides of this run. The images above are those without them.
    pub overrides: Overrides,
    /// Whether every file that is downloaded must have a hash that a line of the constraints or requirements states.
    pub require_hashes: bool,
}

/// One image and what goes into its tarball.
#[derive(Clone)]
pub struct ImageRequest {
    /// Its name; the tarball is called after it.
    pub name: ImageName,
    /// The container image, for people and for the manifest.
    pub image: Option<String>,
    /// What decides its wheels.
    pub target: Target,
    /// Absolute path of the interpreter inside the image.
    pub interpreter: PathBuf,
    /// What the venv has at `bin/python`.
    pub python_link: PythonLink,
    /// Python projects from git or folders.
    pub packages: Vec<PackageRequest>,
    /// Requirements from the index (PEP 508).
    pub requirements: Vec<Requirement<VerbatimUrl>>,
    /// Those of them that state hashes, with these and the line that states them.
    pub hashed: Vec<ConstraintLine>,
    /// Projects that are shipped as files.
    pub data: Vec<DataRequest>,
}

impl fmt::Debug for ImageRequest {
    /// Requirements are shown without credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requirements: Vec<_> = self.requirements.iter().map(shown).collect();
        f.debug_struct("ImageRequest")
            .field("name", &self.name)
            .field("image", &self.image)
            .field("target", &self.target)
            .field("interpreter", &self.interpreter)
            .field("python_link", &self.python_link)
            .field("packages", &self.packages)
            .field("requirements", &requirements)
            .field("hashed", &self.hashed)
            .field("data", &self.data)
            .finish()
    }
}

/// One Python project that is built from its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageRequest {
    /// Its name, where the request states one; else its metadata says it.
    pub name: Option<PackageName>,
    /// Extras to install, normalised and sorted.
    pub extras: Vec<PackageName>,
    /// Where its source is.
    pub source: ProjectSource,
}

/// One project whose tree is shipped below `data/<name>/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataRequest {
    /// Name of its folder.
    pub name: DataName,
    /// Where its tree is.
    pub source: ProjectSource,
}

/// Where the source of a project is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ProjectSource {
    /// A git repository.
    Git {
        /// URL of the repository (may hold credentials, which are never shown).
        repository: SafeUrl,
        /// Branch, tag, commit or full reference.
        revision: String,
        /// Folder of the project in the repository, `/`-separated.
        subdirectory: Option<String>,
    },
    /// A folder of this machine.
    Directory {
        /// As it was written: relative to [`Request::root`], or absolute.
        path: PathBuf,
    },
}

/// Whether tarballs hold bytecode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Bytecode {
    /// No bytecode: Python compiles a module when it first imports it
    #[default]
    None,
    /// Yes, where an interpreter of the image's version is available: files that Python takes without comparing them with their
    /// sources (PEP 552).
    UncheckedHash,
}

impl fmt::Display for Bytecode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::UncheckedHash => "unchecked-hash",
        })
    }
}

/// A constraints file: where it is and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstraintsText {
    /// Its path, as written, for messages.
    pub path: PathBuf,
    /// Its content, with `-c` includes followed, environment variables replaced, comments gone.
    pub lines: Vec<ConstraintLine>,
}
