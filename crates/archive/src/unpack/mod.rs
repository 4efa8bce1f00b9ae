//! From a tarball to the tree that it holds, whole or not at all.
//!
//! A tarball with an index is inflated and written by several threads, any other in sequence: the tree is the same. It is made
//! in a private folder next to the target and put in place by renames when every checksum has been checked and every entry
//! found harmless, so after any failure the target is as it was. Refuses entries that lead out of the tree; see
//! [`read`](crate::tarball::read) for the rules. Runs nothing of what it unpacks.

mod error;
mod links;
mod model;
mod parallel;
mod stage;
#[cfg(test)]
mod tests;
mod tree;

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

use serde::Serialize;

use crate::limited;
use crate::tarball::MANIFEST_PATH;
use crate::tarball::index::Index;

pub use error::UnpackError;
pub use model::Options;
pub use stage::Target;

use stage::Stage;
use tree::{Figures, Tree};

/// Where a tarball comes from.
pub enum Input<'a> {
    /// A file, which several threads may read.
    File(&'a Path),
    /// Anything else, from front to back.
    Stream(Box<dyn Read + Send + 'a>),
}

/// What was unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Unpacked {
    /// Number of regular files.
    pub files: u64,
    /// Number of folders that the tarball names.
    pub folders: u64,
    /// Number of symbolic links.
    pub links: u64,
    /// Length of all files together, in bytes.
    pub bytes: u64,
    /// Whether the tarball's digest was known and is the expected one.
    pub verified: bool,
    /// Whether the index was there and followed.
    pub indexed: bool,
}

/// Unpacks `input` to `target`.
///
/// # Errors
/// [`UnpackError`]; the target is then as it was.
pub fn unpack(
    input: Input<'_>,
    target: &Target,
    options: &Options,
) -> Result<Unpacked, UnpackError> {
    let opened = match input {
        Input::Stream(stream) => Opened::Stream(stream),
        Input::File(path) => open(path)?,
    };
    let mut stage = Stage::new(target, options.force)?;
    let tree = Tree::new(&stage.tree(), stage.masked())?;
    let (figures, indexed) = match opened {
        Opened::Indexed(file, index) => (parallel::indexed(&file, &index, &tree, options)?, true),
        Opened::Stream(stream) => (parallel::sequential(stream, &tree, options)?, false),
    };
    if let Some(expected) = &options.manifest {
        check_manifest(&stage.tree(), expected)?;
    }
    stage.place(options.force)?;
    let Figures {
        files,
        folders,
        links,
        bytes,
    } = figures;
    Ok(Unpacked {
        files,
        folders,
        links,
        bytes,
        verified: options.expected.is_some(),
        indexed,
    })
}

fn check_manifest(tree: &Path, expected: &[u8]) -> Result<(), UnpackError> {
    let path = tree.join(MANIFEST_PATH);
    // Nothing is read through a link of the tarball's.
    let regular = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_file());
    match regular.then(|| limited::read(&path, limited::MANIFEST)) {
        Some(Ok(found)) if found == expected => Ok(()),
        Some(Err(source)) => Err(UnpackError::write("read", &path)(source)),
        _ => Err(UnpackError::Manifest),
    }
}

enum Opened<'a> {
    Indexed(File, Index),
    Stream(Box<dyn Read + Send + 'a>),
}

fn open(path: &Path) -> Result<Opened<'static>, UnpackError> {
    let failed = |source| UnpackError::Open {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if meta.is_dir() {
        return Err(failed(std::io::ErrorKind::IsADirectory.into()));
    }
    if meta.is_file()
        && let Some(index) = Index::find(&file, meta.len()).map_err(UnpackError::Index)?
    {
        return Ok(Opened::Indexed(file, index));
    }
    Ok(Opened::Stream(Box::new(BufReader::new(file))))
}
