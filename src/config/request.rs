//! What is wanted: the meaning of configuration, environment and flags together, as plain values.
//!
//! Nothing downstream of a request reads the environment, the configuration file or the clock.

use std::fmt;
use std::path::PathBuf;

use pep508_rs::{Requirement, VerbatimUrl};

use crate::config::overrides::Overrides;
use crate::constraints::{ConstraintLine, shown};
use crate::git::Submodules;
use crate::name::{DataName, ImageName, PackageName};
use crate::paths::AbsoluteLinks;
use crate::target::Target;
use crate::url::SafeUrl;
use crate::uv::Indexes;
use crate::venv::PythonLink;

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
    /// What happens to links of data projects with absolute targets; no part of the lock.
    pub absolute_links: AbsoluteLinks,
    /// What comes from elsewhere in this run. The images above say what holds without them.
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
    /// A folder of the machine at work.
    Directory {
        /// As it was written: relative to [`Request::root`], or absolute.
        path: PathBuf,
    },
}

/// A constraints file: where it is and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstraintsText {
    /// Its path, as written, for messages.
    pub path: PathBuf,
    /// Its content, with `-c` includes followed, environment variables replaced, comments gone.
    pub lines: Vec<ConstraintLine>,
}
