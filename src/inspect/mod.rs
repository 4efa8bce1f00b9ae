//! What is in a tarball, read from front to back without unpacking it: the manifest, every file, and whose it is.
//!
//! Checks what reading checks (lengths, checksums, harmless entries) and judges nothing else. Writes nothing.

mod diff;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use miette::Diagnostic;
use serde::Serialize;
use thiserror::Error;

use crate::digest::{Digest, Hasher};
use crate::name::PackageName;
use crate::tarball::read::{Entries, EntryKind, Extent, ReadError, plain};
use crate::tarball::{MANIFEST_PATH, Manifest};
use crate::wheel::Record;

pub use diff::{Change, Difference, Identity, diff};

/// Largest manifest or `RECORD` that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// What is in a tarball.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// Its first entry.
    pub manifest: Manifest,
    /// Length of the tarball in bytes.
    pub bytes: u64,
    /// Number and length of all files in it.
    pub total: Size,
    /// The same by package: the files that its `RECORD` lists.
    pub packages: BTreeMap<PackageName, Size>,
    /// The same by data project.
    pub data: BTreeMap<String, Size>,
    /// The same of everything else: manifest, `activate`, the venv's own files.
    pub other: Size,
    /// Every entry by its path.
    #[serde(skip)]
    pub tree: BTreeMap<String, Node>,
}

/// How much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Size {
    /// Number of files.
    pub files: u64,
    /// Their length in bytes, unpacked.
    pub bytes: u64,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Node {
    /// A folder.
    Folder,
    /// A regular file.
    File {
        /// Its length.
        bytes: u64,
        /// Its SHA-256.
        sha256: Digest,
        /// Whether it may be run.
        executable: bool,
    },
    /// A symbolic link.
    Link {
        /// What it says.
        target: String,
    },
}

/// Why a tarball cannot be inspected.
#[derive(Debug, Error, Diagnostic)]
pub enum InspectError {
    /// It cannot be opened.
    #[error("cannot open `{}`", path.display())]
    #[diagnostic(help("check the path"))]
    Open {
        /// The tarball.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It cannot be read, or is damaged.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Read(#[from] ReadError),
    /// It was not written by Pannier.
    #[error("`{}` does not begin with `{MANIFEST_PATH}`", path.display())]
    #[diagnostic(help(
        "only tarballs that Pannier wrote can be inspected; `tar tzf` lists any other"
    ))]
    NoManifest {
        /// The tarball.
        path: PathBuf,
    },
    /// Its manifest cannot be understood.
    #[error("the manifest of `{}` cannot be understood", path.display())]
    #[diagnostic(help("a newer Pannier may have written it: try that one"))]
    Manifest {
        /// The tarball.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

impl InspectError {
    /// Whether the tarball did not pass verification.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Read(error) if error.is_refusal())
    }
}

/// Reads the tarball at `path`.
///
/// # Errors
/// [`InspectError`].
pub fn inspect(path: &Path) -> Result<Inspection, InspectError> {
    let open = || {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        Ok((file, bytes))
    };
    let (file, bytes) = open().map_err(|source| InspectError::Open {
        path: path.to_owned(),
        source,
    })?;
    let plain = plain(BufReader::with_capacity(1 << 17, file)).map_err(ReadError::from_io)?;
    let mut entries = Entries::new(plain, Extent::Whole);
    let mut tree = BTreeMap::new();
    let mut manifest = None;
    let mut records = Vec::new();
    while let Some(entry) = entries.next_entry()? {
        let is_record = entry.path.ends_with(".dist-info/RECORD");
        let is_manifest = entry.path == MANIFEST_PATH;
        if manifest.is_none() && !is_manifest {
            let path = path.to_owned();
            return Err(InspectError::NoManifest { path });
        }
        let node = match entry.kind {
            EntryKind::Directory => Node::Folder,
            EntryKind::Symlink(target) => Node::Link { target },
            EntryKind::File(bytes) => {
                let mut hasher = Hasher::default();
                let keep = (is_record || is_manifest) && bytes <= LARGEST;
                let mut kept = Vec::new();
                entries.content(|run| {
                    hasher.update(run);
                    if keep {
                        kept.extend_from_slice(run);
                    }
                    Ok::<(), ReadError>(())
                })?;
                if is_manifest && manifest.is_none() {
                    manifest = Some(parse(&kept, path)?);
                } else if is_record {
                    records.push((entry.path.clone(), kept));
                }
                Node::File {
                    bytes,
                    sha256: hasher.finish(),
                    executable: entry.mode & 0o111 != 0,
                }
            }
        };
        tree.insert(entry.path, node);
    }
    let manifest = manifest.ok_or_else(|| InspectError::NoManifest {
        path: path.to_owned(),
    })?;
    let mut inspection = Inspection {
        manifest,
        bytes,
        total: Size::default(),
        packages: BTreeMap::new(),
        data: BTreeMap::new(),
        other: Size::default(),
        tree,
    };
    inspection.measure(&records);
    Ok(inspection)
}

fn parse(bytes: &[u8], path: &Path) -> Result<Manifest, InspectError> {
    let path = path.to_owned();
    serde_json::from_slice(bytes).map_err(|source| InspectError::Manifest { path, source })
}

/// Which package each file belongs to, as the `RECORD`s tell it. One that cannot be read leaves its files to nobody.
fn owners<'t>(
    records: &[(String, Vec<u8>)],
    tree: &'t BTreeMap<String, Node>,
) -> HashMap<&'t str, Rc<PackageName>> {
    let mut owners = HashMap::new();
    for (path, bytes) in records {
        let Some((name, folder)) = package_of(path) else {
            continue;
        };
        // Once to see whether it can be read, once to take it: its rows are never all there.
        let whole = Record::rows(bytes).is_ok_and(|mut rows| rows.all(|row| row.is_ok()));
        let Some(rows) = whole.then(|| Record::rows(bytes).ok()).flatten() else {
            continue;
        };
        let name = Rc::new(name);
        for row in rows.flatten() {
            let path = join(folder, &row.path);
            if let Some((path, _)) = path.and_then(|path| tree.get_key_value(&path)) {
                owners.insert(path.as_str(), Rc::clone(&name));
            }
        }
    }
    owners
}

/// `…/site-packages/NAME-VERSION.dist-info/RECORD` as the name and the folder before it.
fn package_of(path: &str) -> Option<(PackageName, &str)> {
    let (folder, dist_info) = path.strip_suffix(".dist-info/RECORD")?.rsplit_once('/')?;
    let (name, _) = dist_info.split_once('-')?;
    Some((name.parse().ok()?, folder))
}

/// `path` as seen from `folder`; `None` when it leaves the tree.
fn join(folder: &str, path: &str) -> Option<String> {
    let mut components: Vec<&str> = folder.split('/').collect();
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." => drop(components.pop()?),
            _ => components.push(component),
        }
    }
    Some(components.join("/"))
}

impl Inspection {
    fn measure(&mut self, records: &[(String, Vec<u8>)]) {
        let owners = owners(records, &self.tree);
        for package in &self.manifest.packages {
            self.packages.entry(package.name.clone()).or_default();
        }
        for data in &self.manifest.data {
            self.data.entry(data.name.to_string()).or_default();
        }
        for (path, node) in &self.tree {
            let Node::File { bytes, .. } = node else {
                continue;
            };
            let project = path
                .strip_prefix("data/")
                .and_then(|rest| rest.split_once('/'));
            let part = match (owners.get(path.as_str()), project) {
                (Some(name), _) => self.packages.entry((**name).clone()).or_default(),
                (None, Some((name, _))) => self.data.entry(name.to_owned()).or_default(),
                (None, None) => &mut self.other,
            };
            for size in [part, &mut self.total] {
                size.files += 1;
                size.bytes += bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_record_become_paths_of_the_tarball() {
        let site = "venv/lib/python3.13/site-packages";
        let joined = |path| join(site, path);
        assert_eq!(joined("a/b.py"), Some(format!("{site}/a/b.py")));
        assert_eq!(joined("../../../bin/x").as_deref(), Some("venv/bin/x"));
        assert_eq!(joined("../../../../../x"), None);
    }

    #[test]
    fn a_record_tells_its_package() {
        let (name, folder) = package_of("s/Foo_Bar-1.0.dist-info/RECORD").unwrap();
        assert_eq!((name.as_str(), folder), ("foo-bar", "s"));
        assert!(package_of("RECORD").is_none());
        assert!(package_of("s/x.dist-info/RECORD").is_none());
    }
}
