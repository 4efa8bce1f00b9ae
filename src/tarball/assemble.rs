//! Puts a tarball together: manifest, venv, data projects, in one pass and in a fixed order.
//!
//! Decides nothing about what goes in and checks no package: it writes what layout and tables of contents say.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};

use miette::Diagnostic;
use thiserror::Error;

use super::index::{self, LAST};
use super::manifest::{MANIFEST_PATH, Manifest};
use super::splice::{SpliceError, Splicer};
use super::tar::{END, Header, Kind, Mtime, padding};
use crate::digest::Digest;
use crate::name::DataName;
use crate::pack::{Content, Pack, Stream};
use crate::venv::{Item, ItemKind, Layout, is_small};
use crate::zip;

/// Bytes of the archive from which on a segment ends with the entry: small enough for several threads to share the work of
/// a small tarball, large enough for the index to stay below one part in ten thousand.
const SEGMENT: u64 = 512 << 10;

/// Everything that goes into one tarball.
pub struct Contents<'a> {
    /// The first entry.
    pub manifest: &'a Manifest,
    /// The containers, open, with their tables of contents: the packages in the order in which they were laid out, then
    /// the data projects.
    pub packs: Vec<(&'a File, &'a Pack)>,
    /// The venv.
    pub layout: &'a Layout,
    /// What goes below `data/`.
    pub data: Vec<DataTree<'a>>,
    /// Time of every entry.
    pub mtime: Mtime,
}

/// One data project: all of a pack, below `data/<name>/`.
#[derive(Debug, Clone, Copy)]
pub struct DataTree<'a> {
    /// Its folder.
    pub name: &'a DataName,
    /// Index into the list of packs.
    pub pack: usize,
}

/// What came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Length of the tarball in bytes.
    pub bytes: u64,
    /// SHA-256 of the tarball.
    pub sha256: Digest,
    /// Length of the tar archive in it, in bytes.
    pub unpacked: u64,
    /// Number of regular files.
    pub files: u64,
    /// How many of them were carried over as raw streams.
    pub carried: u64,
}

/// Why a tarball could not be put together.
#[derive(Debug, Error, Diagnostic)]
pub enum AssembleError {
    /// A container could not be read.
    #[error("cannot read the content of `{path}` from the store")]
    #[diagnostic(help(
        "a wheel or snapshot was removed or damaged meanwhile: `pannier store verify` finds damaged ones, then try again"
    ))]
    Read {
        /// Path in the tarball.
        path: String,
        /// What reading gave.
        #[source]
        source: io::Error,
    },
    /// The output could not be written.
    #[error("cannot write the tarball")]
    #[diagnostic(help("is there space left on the device?"))]
    Write {
        /// What writing gave.
        #[source]
        source: io::Error,
    },
    /// A data project cannot be laid out.
    #[error("the data project `{name}` holds `{path}` {rule}")]
    #[diagnostic(help(
        "rename it in the project; a tree that git itself checks out has no such paths"
    ))]
    Data {
        /// The data project.
        name: DataName,
        /// Path in it.
        path: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
}

/// Writes the tarball.
///
/// # Errors
/// [`AssembleError`]; what was written until then is worthless.
pub fn assemble<W: Write>(contents: &Contents<'_>, out: W) -> Result<Summary, AssembleError> {
    let mut writer = Writer::new(contents, out)?;
    let manifest = Item {
        path: MANIFEST_PATH.to_owned(),
        kind: ItemKind::Bytes {
            bytes: contents.manifest.to_json(),
            executable: false,
        },
    };
    // First: readers that look for nothing else stop there.
    writer.item(&manifest)?;
    for item in &contents.layout.items {
        writer.item(item)?;
    }
    if !contents.data.is_empty() {
        writer.item(&directory("data"))?;
    }
    let mut trees = contents.data.clone();
    trees.sort_by_key(|tree| tree.name);
    for tree in trees {
        for item in data_items(contents, tree)? {
            writer.item(&item)?;
        }
    }
    writer.finish()
}

/// The items of one data project: folders, then links, then files; each group by path.
fn data_items(contents: &Contents<'_>, tree: DataTree<'_>) -> Result<Vec<Item>, AssembleError> {
    let root = format!("data/{}", tree.name);
    let mut items = BTreeMap::from([((0, root.clone()), directory(&root))]);
    let (_, pack) = contents.packs[tree.pack];
    let mut leaves = BTreeMap::new();
    for (number, entry) in pack.entries.iter().enumerate() {
        let path = format!("{root}/{}", entry.path);
        let mut folder = match entry.content {
            Content::Directory => path.as_str(),
            _ => parent(&path),
        };
        while folder.len() > root.len() {
            items.insert((0, folder.to_owned()), directory(folder));
            folder = parent(folder);
        }
        let (rank, kind) = match &entry.content {
            Content::Directory => continue,
            Content::Symlink { target } => (
                1,
                ItemKind::Symlink {
                    target: target.clone(),
                },
            ),
            Content::File { executable, .. } => (
                2,
                ItemKind::Carried {
                    pack: tree.pack,
                    entry: number,
                    executable: *executable,
                },
            ),
        };
        let twice = leaves.insert(path.clone(), ()).is_some();
        let item = Item {
            path: path.clone(),
            kind,
        };
        if twice || items.insert((rank, path), item).is_some() {
            return Err(data_error(tree, &entry.path, "twice"));
        }
    }
    for path in leaves.keys() {
        if items.contains_key(&(0, path.clone())) {
            let path = &path[root.len() + 1..];
            return Err(data_error(tree, path, "as a file or link and as a folder"));
        }
    }
    Ok(items.into_values().collect())
}

fn data_error(tree: DataTree<'_>, path: &str, rule: &'static str) -> AssembleError {
    AssembleError::Data {
        name: tree.name.clone(),
        path: path.to_owned(),
        rule,
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn directory(path: &str) -> Item {
    Item {
        path: path.to_owned(),
        kind: ItemKind::Directory,
    }
}

/// Items become tar entries, and these become pieces and streams.
struct Writer<'a, W: Write> {
    contents: &'a Contents<'a>,
    splicer: Splicer<W>,
    scratch: Vec<u8>,
    files: u64,
    carried: u64,
}

impl<'a, W: Write> Writer<'a, W> {
    fn new(contents: &'a Contents<'a>, out: W) -> Result<Self, AssembleError> {
        Ok(Self {
            contents,
            splicer: Splicer::new(out).map_err(|error| failed("", error))?,
            scratch: Vec::new(),
            files: 0,
            carried: 0,
        })
    }

    fn item(&mut self, item: &Item) -> Result<(), AssembleError> {
        let path = item.path.as_str();
        if self.is_time_to_cut(&item.kind) {
            self.splicer.cut().map_err(|error| failed(path, error))?;
        }
        match &item.kind {
            ItemKind::Directory => self.header(path, Kind::Directory),
            ItemKind::Symlink { target } => self.header(path, Kind::Symlink { target }),
            ItemKind::Bytes { bytes, executable } => {
                let size = bytes.len() as u64;
                let executable = *executable;
                self.header(path, Kind::File { size, executable })?;
                self.own(path, bytes)?;
                self.end_of_file(path, size)
            }
            ItemKind::Carried {
                pack,
                entry,
                executable,
            } => {
                let (file, stream) = self.stream(path, *pack, *entry)?;
                let size = stream.size;
                let executable = *executable;
                self.header(path, Kind::File { size, executable })?;
                self.content(path, file, stream)?;
                self.end_of_file(path, size)
            }
        }
    }

    /// Between entries, at regular distances, and before a large file, which then is somebody's only work.
    fn is_time_to_cut(&self, kind: &ItemKind) -> bool {
        let large = match kind {
            ItemKind::Carried { pack, entry, .. } => {
                let content = self.contents.packs.get(*pack).and_then(|(_, pack)| {
                    let entry = pack.entries.get(*entry)?;
                    Some(&entry.content)
                });
                matches!(content, Some(Content::File { stream, .. }) if stream.size >= 2 * SEGMENT)
            }
            _ => false,
        };
        self.splicer.since_cut() >= if large { SEGMENT / 8 } else { SEGMENT }
    }

    fn header(&mut self, path: &str, kind: Kind<'_>) -> Result<(), AssembleError> {
        self.scratch.clear();
        let mtime = self.contents.mtime;
        Header { path, kind, mtime }.write(&mut self.scratch);
        self.splicer
            .own(&self.scratch)
            .map_err(|error| failed(path, error))
    }

    fn content(&mut self, path: &str, file: &File, stream: &Stream) -> Result<(), AssembleError> {
        if !is_small(stream) {
            self.carried += 1;
            let carried = self.splicer.carry(file, stream);
            return carried.map_err(|error| failed(path, error));
        }
        let bytes = zip::read_entry(file, stream)
            .map_err(|source| failed(path, SpliceError::Read(source)))?;
        self.own(path, &bytes)
    }

    fn end_of_file(&mut self, path: &str, size: u64) -> Result<(), AssembleError> {
        self.files += 1;
        self.own(path, &END[..padding(size)])
    }

    fn own(&mut self, path: &str, bytes: &[u8]) -> Result<(), AssembleError> {
        self.splicer.own(bytes).map_err(|error| failed(path, error))
    }

    fn stream(
        &self,
        path: &str,
        pack: usize,
        entry: usize,
    ) -> Result<(&'a File, &'a Stream), AssembleError> {
        let found = self.contents.packs.get(pack).and_then(|(file, pack)| {
            match &pack.entries.get(entry)?.content {
                Content::File { stream, .. } => Some((*file, stream)),
                _ => None,
            }
        });
        found.ok_or_else(|| {
            let reason = "layout and packs do not belong together";
            let source = io::Error::new(io::ErrorKind::InvalidInput, reason);
            failed(path, SpliceError::Read(source))
        })
    }

    /// The index of the segments, the manifest's folder, and the end of the archive.
    ///
    /// The folder comes last because the index needs an entry behind it: Python's tarfile refuses a global header that is
    /// followed by the end of the archive.
    fn finish(mut self) -> Result<Summary, AssembleError> {
        let folder = MANIFEST_PATH.split('/').next().unwrap_or_default();
        let mtime = self.contents.mtime;
        let mut last = Vec::with_capacity(LAST);
        let kind = Kind::Directory;
        let path = folder;
        Header { path, kind, mtime }.write(&mut last);
        last.extend_from_slice(&END);
        self.splicer.cut().map_err(|error| failed("", error))?;
        let (segments, start) = self.splicer.segments();
        if segments.len() < 2 {
            // Nothing to share between threads: no index.
            self.own(folder, &last)?;
        } else {
            let [front, back] = index::tail(segments, start, &last, mtime);
            for part in [front, back] {
                self.splicer
                    .stored(&part)
                    .map_err(|error| failed("", error))?;
            }
        }
        let spliced = self.splicer.finish().map_err(|error| failed("", error))?;
        Ok(Summary {
            bytes: spliced.bytes,
            sha256: spliced.sha256,
            unpacked: spliced.size,
            files: self.files,
            carried: self.carried,
        })
    }
}

fn failed(path: &str, error: SpliceError) -> AssembleError {
    match error {
        SpliceError::Read(source) => AssembleError::Read {
            path: path.to_owned(),
            source,
        },
        SpliceError::Write(source) => AssembleError::Write { source },
    }
}
