//! `manifest.json`: what a tarball holds, for people, for later commands and for audits.
//!
//! Deterministic, and silent about times, about this machine, and about credentials ([`SafeUrl`] serializes without them).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use pannier_base::digest::Digest;
use pannier_base::name::{DataName, ImageName, PackageName};
use pannier_base::platform::{Platform, PythonVersion};
use pannier_base::url::SafeUrl;

/// Where it stands in the tarball, as its first entry.
pub const MANIFEST_PATH: &str = ".pannier/manifest.json";

/// What a tarball holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// Version of this format: [`Manifest::FORMAT`].
    pub format: u32,
    /// Version of the Pannier that wrote the tarball.
    pub pannier: String,
    /// Digest of the lock file.
    pub lock: Digest,
    /// The image that the tarball is for.
    pub image: ManifestImage,
    /// What decided its wheels.
    pub target: ManifestTarget,
    /// What is installed, sorted by name.
    pub packages: Vec<ManifestPackage>,
    /// What lies below `data/`, sorted by name.
    pub data: Vec<ManifestData>,
    /// Where the lock is from when it is not what was asked for, because that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    /// The overrides that the lock was made with, as far as this tarball is concerned, sorted by name. Empty in production.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<ManifestOverride>,
}

/// A release that was prepared instead of what was asked for. Why is not told here: it would differ from machine to machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Fallback {
    /// The channel that held it.
    pub channel: String,
    /// The release.
    pub release: String,
}

/// The image that a tarball is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ManifestImage {
    /// Its name in the configuration.
    pub name: ImageName,
    /// Its reference in a container registry, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// What decided the wheels of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ManifestTarget {
    /// Python version.
    pub python: PythonVersion,
    /// Architecture and C library.
    pub platform: Platform,
    /// Interpreter inside the image.
    pub interpreter: PathBuf,
    /// Version of the Python that compiled the bytecode in the tarball, such as `3.13.5`; none: there is no bytecode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytecode: Option<String>,
}

/// One installed package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ManifestPackage {
    /// Its name, normalised.
    pub name: PackageName,
    /// Its version.
    pub version: String,
    /// SHA-256 of its wheel.
    pub sha256: Digest,
    /// Whether the request names it; others came as dependencies.
    pub requested: bool,
    /// Where it came from.
    pub source: Source,
}

/// Where a package or data project came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Source {
    /// A package index.
    #[serde(rename_all = "kebab-case")]
    Index {
        /// The file.
        url: SafeUrl,
    },
    /// A git repository.
    #[serde(rename_all = "kebab-case")]
    Git {
        /// The repository.
        url: SafeUrl,
        /// 40 hexadecimal digits.
        commit: String,
        /// What was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        requested_revision: Option<String>,
        /// Folder in the repository.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subdirectory: Option<String>,
    },
    /// A file by its URL.
    #[serde(rename_all = "kebab-case")]
    Archive {
        /// The file.
        url: SafeUrl,
    },
    /// A folder of the machine that wrote the tarball; which one is not told.
    Directory,
}

/// One data project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ManifestData {
    /// Its folder below `data/`.
    pub name: DataName,
    /// Where it came from, with the commit of a repository.
    pub source: Source,
}

/// Whether a package or a data project was overridden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverrideKind {
    /// A package.
    Package,
    /// A data project.
    Data,
}

/// One override that the lock was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ManifestOverride {
    /// Name of the package or data project.
    pub name: String,
    /// Which of the two it is.
    pub kind: OverrideKind,
    /// What it replaces, for people; none: nothing had the name before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Its version in this tarball.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Repository or file, without credentials; none for a version from the index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<SafeUrl>,
    /// Branch, tag, commit or reference of the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The commit that the revision resolved to: 40 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Folder in the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdirectory: Option<String>,
    /// SHA-256 of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// The variable, flag or key that set it.
    pub said_by: String,
    /// The login of the user who started the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// Constraints that do not apply in this run, each as `file:line: text`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<String>,
    /// Packages whose version in production it does not accept, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<PackageName>,
}

impl Manifest {
    /// Version of the format that this Pannier writes.
    pub const FORMAT: u32 = 1;

    /// The file: JSON, indented, sorted by name, ending with a newline.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut sorted = self.clone();
        sorted.packages.sort_by(|a, b| a.name.cmp(&b.name));
        sorted.data.sort_by(|a, b| a.name.cmp(&b.name));
        let mut json = serde_json::to_vec_pretty(&sorted)
            .expect("every key of a manifest is text and interpreters are UTF-8 by their layout");
        json.push(b'\n');
        json
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::tarball) fn manifest() -> Manifest {
        let package = |name: &str, source| ManifestPackage {
            name: name.parse().unwrap(),
            version: "1.0".into(),
            sha256: Digest::of(name.as_bytes()),
            requested: name == "b",
            source,
        };
        let git = Source::Git {
            url: "https://user:secret@git.example.org/x/b.git"
                .parse()
                .unwrap(),
            commit: "c".repeat(40),
            requested_revision: Some("production".into()),
            subdirectory: None,
        };
        let index = Source::Index {
            url: "https://index.example.org/a-1.0-py3-none-any.whl"
                .parse()
                .unwrap(),
        };
        Manifest {
            format: Manifest::FORMAT,
            pannier: "0.1.0".into(),
            lock: Digest::of(b"lock"),
            image: ManifestImage {
                name: "builder".parse().unwrap(),
                reference: Some("registry.example.com/builder:production".into()),
            },
            target: ManifestTarget {
                python: "3.13".parse().unwrap(),
                platform: "x86_64-manylinux_2_41".parse().unwrap(),
                interpreter: "/usr/bin/python3.13".into(),
                bytecode: None,
            },
            packages: vec![package("b", git), package("a", index)],
            data: vec![ManifestData {
                name: "tables".parse().unwrap(),
                source: Source::Directory,
            }],
            fallback: None,
            overrides: Vec::new(),
        }
    }

    #[test]
    fn the_file_is_sorted_and_without_credentials() {
        let json = String::from_utf8(manifest().to_json()).unwrap();
        assert!(!json.contains("secret") && !json.contains("user"));
        insta::assert_snapshot!(json);
        let back: Manifest = serde_json::from_str(&json).unwrap();
        assert_eq!(back.to_json(), json.as_bytes());
        assert_eq!(back.packages[0].name.as_str(), "a");
    }
}
