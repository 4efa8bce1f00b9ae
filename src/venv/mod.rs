//! Which file of which wheel goes where in a venv, and what a venv needs beside. (stub: owner = tarball helper)

use std::fs::File;
use std::path::PathBuf;

use crate::target::Target;
use crate::wheel::Wheel;

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
}

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

/// How the venv is made.
#[derive(Debug, Clone)]
pub struct VenvOptions {
    /// Python and platform.
    pub target: Target,
    /// Interpreter inside the image, absolute.
    pub interpreter: PathBuf,
}

/// Files of a tree, in the order in which they are written.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// Folders before what they hold.
    pub items: Vec<Item>,
}

/// One path of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Relative to the tarball's top, `/`-separated.
    pub path: String,
    /// What stands there.
    pub kind: ItemKind,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemKind {
    /// A folder.
    Directory,
    /// A file that is carried over as it is: number of the pack, number of its entry.
    Carried {
        /// Index into the list of packs.
        pack: usize,
        /// Index into the pack's entries.
        entry: usize,
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

/// Why packages cannot stand in one venv.
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct LayoutError;

/// Lays out all packages below `venv/`; pack numbers are positions in `packages`.
///
/// # Errors
/// [`LayoutError`] names the packages and the path.
pub fn layout(_packages: &[Installed<'_>], _options: &VenvOptions) -> Result<Layout, LayoutError> {
    todo!()
}
