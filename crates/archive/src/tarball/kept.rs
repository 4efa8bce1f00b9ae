//! Runs of entries that are the same in every tarball with the same wheel: packed once as Zstandard frames, and cached.
//!
//! A run is a stretch of carried files of one container. Its key covers what the frames hold (paths, modes, digests of the
//! files, time) and how they are made, so a cached run never goes stale.

use std::error::Error;
use std::fs::File;
use std::io::Write;

use rayon::prelude::*;

use super::archive::{Archive, ArchiveError};
use super::assemble::Contents;
use super::entries::Entries;
use super::error::AssembleError;
use super::frames::{self, Frame, Framer};
use super::part::Part;
use crate::venv::{Item, ItemKind};
use pannier_base::digest::{Digest, Hasher};

/// Shorter runs (in bytes of their files) are compressed with their neighbours: a frame of its own would not pay.
const SHORTEST: u64 = 64 << 10;

/// A packed run.
#[derive(Debug)]
pub struct PackedRun {
    /// Holds the frames, from its first byte on.
    pub file: File,
    /// The frames in their order.
    pub frames: Vec<Frame>,
}

/// Why a cache failed: the error of whatever holds the frames.
pub type FrameCacheError = Box<dyn Error + Send + Sync>;

/// Holds packed runs across tarballs.
pub trait FrameCache: Sync {
    /// The run made from the container `origin` (SHA-256) under `key`; `None` when it is not cached.
    ///
    /// # Errors
    /// [`FrameCacheError`] when the cache cannot be read.
    fn load(&self, origin: &Digest, key: &Digest) -> Result<Option<PackedRun>, FrameCacheError>;

    /// A new empty file for a run. It is removed when it is dropped unsaved.
    ///
    /// # Errors
    /// [`FrameCacheError`] when the file cannot be created.
    fn create(&self) -> Result<Box<dyn NewRun>, FrameCacheError>;
}

/// A run that is being packed.
pub trait NewRun: Write + Send {
    /// Caches the run under the container `origin` (SHA-256) and `key`, and opens it.
    ///
    /// # Errors
    /// [`FrameCacheError`] when it cannot be written.
    fn save(
        self: Box<Self>,
        origin: &Digest,
        key: &Digest,
        frames: Vec<Frame>,
    ) -> Result<PackedRun, FrameCacheError>;
}

/// Items of a part that follow each other.
pub(super) struct Run<'a> {
    pub(super) items: &'a [Item],
    /// Number of their container, if they are packed as frames of their own.
    pub(super) container: Option<usize>,
}

/// Splits the items of a part into runs of one container and whatever is between them.
pub(super) fn runs(items: &[Item]) -> impl Iterator<Item = Run<'_>> {
    items
        .chunk_by(|a, b| container(a) == container(b))
        .map(|items| Run {
            items,
            container: container(&items[0]).filter(|_| length(items) >= SHORTEST),
        })
}

/// The container that an item is of. Only data projects bring links, and all of a data project is of one container.
const fn container(item: &Item) -> Option<usize> {
    match item.kind {
        ItemKind::Carried { pack, .. } => Some(pack),
        ItemKind::Symlink { .. } => Some(0),
        ItemKind::Directory | ItemKind::Bytes { .. } => None,
    }
}

/// Bytes of the carried files among these items.
fn length(items: &[Item]) -> u64 {
    let length = |item: &Item| match item.kind {
        ItemKind::Carried { stream, .. } => stream.size,
        _ => 0,
    };
    items.iter().map(length).sum()
}

/// Packs every run of these parts that is not cached yet, on all threads. Does nothing without a cache.
pub(super) fn fill(contents: &Contents<'_>, parts: &[Part<'_>]) -> Result<(), AssembleError> {
    let Some(cache) = contents.cache else {
        return Ok(());
    };
    let mut wanted = Vec::new();
    for part in parts {
        for run in runs(&part.items).filter(|run| run.container.is_some()) {
            wanted.push((length(run.items), part, run));
        }
    }
    // The longest ones first, so that none is left for one thread at the end.
    wanted.sort_by_key(|(length, ..)| std::cmp::Reverse(*length));
    wanted
        .into_par_iter()
        .try_for_each(|(_, part, run)| kept(contents, cache, part, &run).map(drop))
}

/// The frames of a run: from the cache, or packed now and added to it.
pub(super) fn kept(
    contents: &Contents<'_>,
    cache: &dyn FrameCache,
    part: &Part<'_>,
    run: &Run<'_>,
) -> Result<PackedRun, AssembleError> {
    let failed = |source| AssembleError::Cache { source };
    let path = &*run.items[0].path;
    let container = run.container.and_then(|it| part.containers.get(it));
    let origin = container.and_then(|it| it.origin).ok_or_else(|| {
        let reason = "a container has no digest";
        super::entries::failed(path, ArchiveError::Read(std::io::Error::other(reason)))
    })?;
    let key = key(contents, run);
    if let Some(kept) = cache.load(origin, &key).map_err(failed)? {
        return Ok(kept);
    }
    let new = cache.create().map_err(failed)?;
    let framer = Framer::new(new, true).map_err(|error| super::entries::failed(path, error))?;
    let mut entries = Entries::new(contents, framer);
    for item in run.items {
        entries.entry(&part.containers, item)?;
    }
    let (new, frames) = entries
        .into_archive()
        .into_frames()
        .map_err(|error| super::entries::failed(path, error))?;
    new.save(origin, &key, frames).map_err(failed)
}

/// What a run's frames depend on. Links are of the container, which the frames are cached below.
fn key(contents: &Contents<'_>, run: &Run<'_>) -> Digest {
    let mut hasher = Hasher::default();
    hasher.update(frames::kind().as_bytes());
    hasher.update(&contents.mtime.seconds().to_le_bytes());
    hasher.update(&<Framer<Vec<u8>> as Archive>::SEGMENT.to_le_bytes());
    for item in run.items {
        let ItemKind::Carried {
            stream, executable, ..
        } = &item.kind
        else {
            continue;
        };
        hasher.update(&(item.path.len() as u64).to_le_bytes());
        hasher.update(item.path.as_bytes());
        hasher.update(&[u8::from(*executable)]);
        hasher.update(&stream.size.to_le_bytes());
        hasher.update(stream.sha256.as_bytes());
    }
    hasher.finish()
}
