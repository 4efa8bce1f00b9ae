//! What is in a tarball, read from front to back without unpacking it: the manifest, every file, and whose it is.
//!
//! Checks what reading checks (lengths, checksums, harmless entries) and judges nothing else. Writes nothing.

mod diff;
mod node;
mod owners;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use miette::Diagnostic;
use serde::Serialize;
use thiserror::Error;

use crate::tarball::read::{Entries, EntryKind, Extent, ReadError, plain};
use crate::tarball::{MANIFEST_PATH, Manifest};
use pannier_base::class::{Class, Classify};
use pannier_base::digest::Hasher;
use pannier_base::name::PackageName;

pub use diff::{Change, Difference, Identity, diff};
pub use node::Node;

use owners::{Owners, Reading};

/// Largest manifest or `RECORD` that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// What is in a tarball.
#[derive(Debug, Clone, Serialize)]
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
    /// Every entry by its path; of two at one path the later.
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
    /// Its manifest is not valid.
    #[error("the manifest of `{}` is not valid", path.display())]
    #[diagnostic(help("it may be from a newer Pannier: try the newest version"))]
    Manifest {
        /// The tarball.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

impl Classify for InspectError {
    fn class(&self) -> Class {
        match self {
            Self::Read(error) => error.class(),
            _ => Class::Machine,
        }
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
    let read = read(&mut entries, path);
    if let Err(InspectError::NoManifest { .. } | InspectError::Manifest { .. }) = &read {
        // Checksums come last: damage is the reason to report, not what it did to the manifest.
        while entries.next_entry()?.is_some() {}
    }
    let (manifest, tree, owners) = read?;
    let mut inspection = Inspection {
        manifest,
        bytes,
        total: Size::default(),
        packages: BTreeMap::new(),
        data: BTreeMap::new(),
        other: Size::default(),
        tree,
    };
    inspection.measure(&owners);
    Ok(inspection)
}

/// Reads all entries: the manifest, the tree, and which package owns what.
fn read(
    entries: &mut Entries<impl BufRead>,
    path: &Path,
) -> Result<(Manifest, BTreeMap<String, Node>, Owners), InspectError> {
    let mut tree = BTreeMap::new();
    let mut manifest = None;
    let mut owners = Owners::default();
    while let Some(entry) = entries.next_entry()? {
        if manifest.is_none() && entry.path != MANIFEST_PATH {
            let path = path.to_owned();
            return Err(InspectError::NoManifest { path });
        }
        let node = match entry.kind {
            EntryKind::Directory => Node::Folder,
            EntryKind::Symlink(target) => Node::Link { target },
            EntryKind::File(bytes) => {
                let mut hasher = Hasher::default();
                let read = bytes <= LARGEST;
                let mut kept = manifest.is_none().then(Vec::new);
                let mut record = read.then(|| Reading::begin(&entry.path)).flatten();
                entries.content(|run| {
                    hasher.update(run);
                    if let Some(kept) = kept.as_mut().filter(|_| read) {
                        kept.extend_from_slice(run);
                    }
                    if let Some(record) = &mut record {
                        record.take(run);
                    }
                    Ok::<(), ReadError>(())
                })?;
                if let Some(kept) = kept {
                    manifest = Some(parse(&kept, path)?);
                }
                if let Some(record) = record {
                    owners.add(record);
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
    Ok((manifest, tree, owners))
}

fn parse(bytes: &[u8], path: &Path) -> Result<Manifest, InspectError> {
    let path = path.to_owned();
    serde_json::from_slice(bytes).map_err(|source| InspectError::Manifest { path, source })
}

impl Inspection {
    /// Adds up the files, by whose they are.
    fn measure(&mut self, owners: &Owners) {
        let packages = self.manifest.packages.iter();
        self.packages = packages
            .map(|it| (it.name.clone(), Size::default()))
            .collect();
        for data in &self.manifest.data {
            self.data.entry(data.name.to_string()).or_default();
        }
        for (path, node) in &self.tree {
            let Node::File { bytes, .. } = node else {
                continue;
            };
            let owner = owners.of(path);
            let project = path
                .strip_prefix("data/")
                .and_then(|rest| rest.split_once('/'));
            let part = match (owner, project) {
                (Some(owner), _) => self.packages.entry(owner.clone()).or_default(),
                (None, Some((name, _))) => self.data.entry(name.to_owned()).or_default(),
                (None, None) => &mut self.other,
            };
            part.add(*bytes);
            self.total.add(*bytes);
        }
    }
}

impl Size {
    /// Adds a file.
    const fn add(&mut self, bytes: u64) {
        self.files = self.files.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}
