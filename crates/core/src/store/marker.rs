//! Which folders are stores: those with a marker file, and those of an exact layout that were made before there was one.
//!
//! Everything that removes or makes something in a store asks here first, so that a mistyped `--store` costs nobody a file.
//! The marker is written to folders that are new or empty, before anything else is.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use pannier_archive::limited;

use super::StoreError;
use super::layout::{self, Judgment, MARKER};

/// How its first line begins; the format of the store follows.
const WORD: &str = "pannier-store ";

/// The marker of today's format.
const TEXT: &str = "pannier-store 1\n\
    This folder is a store of Pannier. It holds verified wheels, snapshots and caches, which can all be made again.\n\
    `pannier store prune` removes what is in it: keep no other files here.\n";

/// What a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// A store.
    Marked,
    /// A store without a marker: of a version that knew none, or of a cache that left it out.
    Unmarked,
    /// Nothing, or an empty folder.
    Nothing,
}

/// Says what is at `root`. Changes nothing.
///
/// # Errors
/// [`StoreError::NotAStore`], [`StoreError::Format`], and [`StoreError::Io`] when it cannot be read.
pub(super) fn look(root: &Path) -> Result<Found, StoreError> {
    if marked(root)? {
        return Ok(Found::Marked);
    }
    match layout::judge(root).map_err(StoreError::io("read", root))? {
        Judgment::Nothing => Ok(Found::Nothing),
        Judgment::Store => Ok(Found::Unmarked),
        // Another process may have marked it in between.
        Judgment::Foreign if marked(root)? => Ok(Found::Marked),
        Judgment::Foreign => Err(StoreError::NotAStore(root.to_owned())),
    }
}

/// Writes the marker. Two processes at once write the same.
///
/// # Errors
/// [`StoreError::Io`]
pub(super) fn mark(root: &Path) -> Result<(), StoreError> {
    let path = root.join(MARKER);
    let write = || -> io::Result<()> {
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)?;
        file.write_all(TEXT.as_bytes())
    };
    write().map_err(StoreError::io("write", &path))
}

/// Whether the folder has a marker. A writer that was killed may have left the beginning of one, which counts as none.
fn marked(root: &Path) -> Result<bool, StoreError> {
    let path = root.join(MARKER);
    match fs::symlink_metadata(&path) {
        Ok(meta) if meta.is_file() => {}
        // A link would be written through.
        Ok(_) => return Err(StoreError::NotAStore(root.to_owned())),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound) => return Ok(false),
        Err(error) => return Err(StoreError::io("read", &path)(error)),
    }
    let text = limited::read_text(&path, limited::SMALL).map_err(StoreError::io("read", &path))?;
    let Some((first, _)) = text.split_once('\n') else {
        return Ok(false);
    };
    match first.strip_prefix(WORD) {
        Some("1") => Ok(true),
        Some(format) => Err(StoreError::Format {
            root: root.to_owned(),
            format: format.chars().take(20).collect(),
        }),
        None => Err(StoreError::NotAStore(root.to_owned())),
    }
}
