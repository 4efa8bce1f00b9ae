//! What the files of this room share: a package to lay out, how the venv is made, and the entries of a layout.

use std::fmt;
use std::fs::File;
use std::path::PathBuf;

use crate::entries::{Pack, Stream};
use crate::wheel::Wheel;
use pannier_base::digest::Digest;
use pannier_base::platform::Target;

/// Version of the layout, told in `pyvenv.cfg` as `pannier`.
pub const FORMAT: u32 = 1;

/// Files of up to this many bytes are compressed again together with their neighbors.
///
/// Carrying a file over gives its tar header a piece of its own (about 127 bytes, and a fresh window), which is more than
/// a tiny file saves. Measured on 94 MB of wheels, writing costs 0.15 s with 256 bytes, 0.15 s with 1 KiB and 0.19 s with
/// 4 KiB, for 0.1 % and 0.6 % less output. Going by the compressed length instead costs 0.43 s with 4 KiB.
pub const SMALL_FILE: u64 = 1 << 10;

/// `direct_url.json` (PEP 610).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectUrl {
    /// A git repository.
    Git {
        /// URL without credentials.
        url: String,
        /// 40 hexadecimal digits.
        commit: String,
        /// What was asked for.
        requested_revision: Option<String>,
        /// Folder in the repository.
        subdirectory: Option<String>,
    },
    /// An archive by URL.
    Archive {
        /// URL without credentials.
        url: String,
        /// Hexadecimal SHA-256.
        sha256: String,
    },
    /// A folder; its path is not told (it would leak the build machine).
    Directory,
}

/// One package to lay out.
pub struct Installed<'a> {
    /// What verification found.
    pub wheel: &'a Wheel,
    /// The wheel itself, to read scripts from.
    pub file: &'a File,
    /// Whether the request names it.
    pub requested: bool,
    /// Content of `direct_url.json`, for sources that are no index.
    pub direct_url: Option<DirectUrl>,
    /// Its bytecode: files of container 1, by their paths in site-packages. The wheel is container 0.
    pub bytecode: Option<&'a Pack>,
}

/// What the venv has at `bin/python`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PythonLink {
    /// A link to the interpreter, by its absolute path.
    #[default]
    Absolute,
    /// Nothing: `bin/pannier-link` makes the link once the tree is unpacked. For extractors that refuse absolute links, as
    /// Python's tarfile does with its `data` filter.
    None,
}

/// How the venv is made.
#[derive(Debug, Clone)]
pub struct VenvOptions {
    /// Python and platform.
    pub target: Target,
    /// Interpreter inside the image, absolute.
    pub interpreter: PathBuf,
    /// What leads to it.
    pub python_link: PythonLink,
    /// Files of up to this many bytes come before the others of their package: [`SMALL_FILE`] unless the tarball's packing
    /// has another threshold.
    pub small: u64,
}

/// One path of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Relative to the tarball's top, `/`-separated.
    pub path: String,
    /// What is there.
    pub kind: ItemKind,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemKind {
    /// A folder.
    Directory,
    /// A file that is carried over as it is.
    Carried {
        /// Number of its container, counted from 0 within a package or data project.
        pack: usize,
        /// Where its bytes are in the container.
        stream: Stream,
        /// Mode 0755 instead of 0644.
        executable: bool,
    },
    /// A file of our own.
    Bytes {
        /// Its content.
        bytes: Vec<u8>,
        /// Mode 0755 instead of 0644.
        executable: bool,
    },
    /// A symbolic link.
    Symlink {
        /// What it says.
        target: String,
    },
}

impl Item {
    /// SHA-256 and length in bytes of a file; `None` for folders and links.
    pub(super) fn content(&self) -> Option<(Digest, u64)> {
        match &self.kind {
            ItemKind::Directory | ItemKind::Symlink { .. } => None,
            ItemKind::Carried { stream, .. } => Some((stream.sha256, stream.size)),
            ItemKind::Bytes { bytes, .. } => Some((Digest::of(bytes), bytes.len() as u64)),
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = |executable: bool| if executable { "755" } else { "644" };
        let path = &self.path;
        match &self.kind {
            ItemKind::Directory => write!(f, "dir      {path}/"),
            ItemKind::Symlink { target } => write!(f, "link     {path} -> {target}"),
            ItemKind::Bytes { bytes, executable } => {
                write!(
                    f,
                    "own  {} {path} ({} bytes)",
                    mode(*executable),
                    bytes.len()
                )
            }
            ItemKind::Carried {
                pack,
                stream,
                executable,
            } => {
                let (mode, size) = (mode(*executable), stream.size);
                write!(f, "file {mode} {path} ({size} bytes) <- {pack}")
            }
        }
    }
}
