//! Runs of entries that are the same in every tarball with the same wheel: packed once as Zstandard frames, and cached.
//!
//! A run is a stretch of carried files of one container. Its key covers what the frames hold (paths, modes, digests of the
//! files, time) and how they are made, so a cached run never goes stale.

use std::io::Write;

use rayon::prelude::*;

use super::archive::Archive;
use super::entries::Entries;
use super::error::AssembleError;
use super::frames::{self, Framer};
use super::model::{ArchiveError, Contents, FrameCache, PackedRun};
use super::part::{Part, Parts};
use crate::venv::{Item, ItemKind};
use pannier_base::digest::{Digest, Hasher};

/// Shorter runs (in bytes of their files) are compressed with their neighbors: a frame of its own would not pay.
const SHORTEST: u64 = 64 << 10;

/// Adds parts as runs that are frames of their own. Those of the cache have the same bytes as those that are packed now.
pub(super) struct Runs<'a, W: Write + Send + 'static> {
    pub(super) contents: &'a Contents<'a>,
    pub(super) entries: &'a mut Entries<Framer<W>>,
}

impl<W: Write + Send + 'static> Parts for Runs<'_, W> {
    fn add(&mut self, parts: &[Part<'_>]) -> Result<(), AssembleError> {
        fill(self.contents, parts)?;
        for part in parts {
            for run in runs(&part.items) {
                match run.container {
                    Some(_) => self.apart(part, &run)?,
                    None => self.entries.items(part, run.items)?,
                }
            }
        }
        Ok(())
    }
}

impl<W: Write + Send + 'static> Runs<'_, W> {
    /// A run that no frame shares with its neighbors.
    fn apart(&mut self, part: &Part<'_>, run: &Run<'_>) -> Result<(), AssembleError> {
        let failed = |error| super::entries::failed("", error);
        self.entries.archive().cut().map_err(failed)?;
        match self.contents.cache {
            Some(cache) => {
                let packed = cached(self.contents, cache, part, run)?;
                self.entries.files += run.items.len() as u64;
                self.entries.archive().append(&packed).map_err(failed)?;
            }
            None => self.entries.items(part, run.items)?,
        }
        self.entries.archive().cut().map_err(failed)
    }
}

/// Items of a part that follow each other.
struct Run<'a> {
    items: &'a [Item],
    /// Number of their container, if they are packed as frames of their own.
    container: Option<usize>,
}

/// Splits the items of a part into runs of one container and whatever is between them.
fn runs(items: &[Item]) -> impl Iterator<Item = Run<'_>> {
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
fn fill(contents: &Contents<'_>, parts: &[Part<'_>]) -> Result<(), AssembleError> {
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
        .try_for_each(|(_, part, run)| cached(contents, cache, part, &run).map(drop))
}

/// The frames of a run: from the cache, or packed now and added to it.
fn cached(
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
    entries.items(part, run.items)?;
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
