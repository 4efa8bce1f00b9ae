//! The lock as a value: one set of versions for all images, as PEP 751 has it, with the table `[tool.pannier]`.
//!
//! Reading and writing the file is [`super::pylock`]'s, making a lock is [`super::resolve`]'s.

use std::collections::BTreeMap;

use pep440_rs::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::request::overrides::Applied;
use pannier_base::digest::Digest;
use pannier_base::name::{DataName, ImageName, PackageName};
use pannier_base::platform::Target;
use pannier_base::url::SafeUrl;

/// A lock for a set of images.
#[derive(Debug, Clone, PartialEq)]
pub struct Lock {
    /// `requires-python`, such as `>=3.9`.
    pub requires_python: Option<String>,
    /// `environments`: one marker per distinct image environment.
    pub environments: Vec<String>,
    /// `packages`, sorted by name, then version.
    pub packages: Vec<LockedPackage>,
    /// `[tool.pannier]`.
    pub pannier: PannierTable,
}

/// One package at one version from one source.
#[derive(Debug, Clone, PartialEq)]
pub struct LockedPackage {
    /// Its name.
    pub name: PackageName,
    /// Its version; PEP 751 lets source trees go without, so a folder has none.
    pub version: Option<Version>,
    /// For which environments it is (PEP 508 marker); `None` for all.
    pub marker: Option<String>,
    /// Pythons that it allows.
    pub requires_python: Option<String>,
    /// URL of the index that has it, without credentials.
    pub index: Option<SafeUrl>,
    /// Where its files are.
    pub source: LockedSource,
}

/// Where the files of a locked package are.
#[derive(Debug, Clone, PartialEq)]
pub enum LockedSource {
    /// An index: wheels, and the source archive if there is one.
    Index {
        /// Source archive.
        sdist: Option<Artifact>,
        /// Wheels, as the index lists them.
        wheels: Vec<Artifact>,
    },
    /// A git repository at a commit (`vcs`).
    Git {
        /// URL without credentials.
        repository: SafeUrl,
        /// What was asked for.
        requested_revision: Option<String>,
        /// 40 hexadecimal digits.
        commit: String,
        /// Folder of the project in the repository.
        subdirectory: Option<String>,
    },
    /// A folder (`directory`), relative to the lock file where it was so in the request.
    Directory {
        /// `/`-separated path.
        path: String,
    },
    /// A wheel or source archive by URL (`archive`).
    Archive {
        /// The file.
        artifact: Artifact,
        /// Folder of the project in the archive.
        subdirectory: Option<String>,
    },
}

/// One file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// File name.
    pub name: String,
    /// Where it is, without credentials.
    pub url: SafeUrl,
    /// Length in bytes, where the index tells.
    pub size: Option<u64>,
    /// When it was uploaded, as the lock spells it (RFC 3339).
    pub upload_time: Option<String>,
    /// SHA-256 of the file.
    pub sha256: Digest,
}

/// `[tool.pannier]`: what the standard has no place for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PannierTable {
    /// Version of this table's format: 1.
    pub format: u32,
    /// Digest of the request that the lock was made from.
    pub request: Digest,
    /// Digest of the constraints, if there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constraints: Option<Digest>,
    /// Digest of each part of the request, so that staleness can say what changed: part → digest.
    #[serde(default)]
    pub parts: BTreeMap<String, Digest>,
    /// The images by name.
    #[serde(default)]
    pub images: BTreeMap<ImageName, LockedImage>,
    /// The data projects by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<DataName, LockedData>,
    /// Why one version did not serve all images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forks: Vec<Fork>,
    /// The overrides of the run that made this lock, sorted by name. A lock with overrides is of that run alone: it
    /// is no known good state of production.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Applied>,
}

/// One image as the lock was made for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedImage {
    /// What decided its wheels.
    #[serde(flatten)]
    pub target: Target,
    /// Packages that the request names for it (`REQUESTED`), sorted.
    pub requested: Vec<PackageName>,
    /// All packages that it gets, where these are not simply those whose markers hold; sorted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<Vec<PackageName>>,
    /// Names of its data projects, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<DataName>,
}

/// One data project at one commit, or a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", untagged)]
pub enum LockedData {
    /// A git repository at a commit.
    #[serde(rename_all = "kebab-case")]
    Git {
        /// URL without credentials.
        url: SafeUrl,
        /// What was asked for.
        requested_revision: String,
        /// 40 hexadecimal digits.
        commit_id: String,
        /// Folder inside the repository that is shipped, if not all of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subdirectory: Option<String>,
    },
    /// A folder of this machine.
    #[serde(rename_all = "kebab-case")]
    Directory {
        /// `/`-separated path, relative to the lock file where it was so in the request.
        path: String,
    },
}

/// A package that has more than one version because no single one serves every image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fork {
    /// The package.
    #[schemars(with = "String")]
    pub package: PackageName,
    /// The version that does not serve.
    pub version: String,
    /// The image that it does not serve.
    #[schemars(with = "String")]
    pub image: ImageName,
    /// Why: no wheel for its platform, or its Python is not allowed.
    pub reason: String,
}
