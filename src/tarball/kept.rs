//! Runs of entries that every tarball with the same wheel has alike, packed once as Zstandard frames and kept in the store.
//!
//! A run is a stretch of carried files of one container. Its frames are known by what they hold (paths, modes, digests of the
//! files, time) and by how they were made, so they never go stale. Decides nothing about the order of entries.

use std::fs::File;

use rayon::prelude::*;

use super::archive::{Archive, ArchiveError};
use super::assemble::Contents;
use super::entries::Entries;
use super::error::AssembleError;
use super::frames::{self, Frame, Framer};
use super::part::Part;
use crate::digest::{Digest, Hasher};
use crate::pack::{Content, Stream};
use crate::store::Store;
use crate::venv::{Item, ItemKind};

/// Shorter runs (in bytes of their files) are compressed with their neighbours: a frame of its own would not pay.
const SHORTEST: u64 = 64 << 10;

/// A run, packed.
pub(super) struct Kept {
    /// Holds the frames from its first byte on.
    pub(super) file: File,
    /// Their lengths.
    pub(super) frames: Vec<Frame>,
}

/// Splits the items of a part into runs that are kept (`true`) and whatever stands between them.
pub(super) fn runs<'p>(part: &'p Part<'_>) -> Vec<(bool, &'p [Item])> {
    let alike = |a: &Item, b: &Item| match (&a.kind, &b.kind) {
        (ItemKind::Carried { pack: a, .. }, ItemKind::Carried { pack: b, .. }) => a == b,
        (ItemKind::Carried { .. }, _) | (_, ItemKind::Carried { .. }) => false,
        _ => true,
    };
    let runs = part.items.chunk_by(alike);
    runs.map(|run| (length(part, run) >= SHORTEST, run))
        .collect()
}

/// Bytes of the carried files of a run.
fn length(part: &Part<'_>, run: &[Item]) -> u64 {
    let sizes = run
        .iter()
        .filter_map(|item| Some(stream_of(part, item)?.size));
    sizes.sum()
}

fn stream_of<'a>(part: &Part<'a>, item: &Item) -> Option<&'a Stream> {
    let ItemKind::Carried { pack, entry, .. } = item.kind else {
        return None;
    };
    match &part.containers.get(pack)?.pack.entries.get(entry)?.content {
        Content::File { stream, .. } => Some(stream),
        _ => None,
    }
}

/// Packs every run of these parts that the store does not have yet, on all threads; nothing where nobody keeps any.
pub(super) fn fill(contents: &Contents<'_>, parts: &[Part<'_>]) -> Result<(), AssembleError> {
    let Some(store) = contents.keeper else {
        return Ok(());
    };
    let runs = parts
        .iter()
        .flat_map(|part| runs(part).into_iter().map(move |run| (part, run)));
    let mut wanted: Vec<(&Part<'_>, &[Item])> = runs
        .filter_map(|(part, (kept, run))| kept.then_some((part, run)))
        .collect();
    // The longest ones first, so that none is left for one thread at the end.
    wanted.sort_by_cached_key(|(part, run)| std::cmp::Reverse(length(part, run)));
    wanted
        .into_par_iter()
        .try_for_each(|(part, run)| kept(contents, store, part, run).map(drop))
}

/// The frames of a run: from the store, or made and kept there.
pub(super) fn kept(
    contents: &Contents<'_>,
    store: &Store,
    part: &Part<'_>,
    run: &[Item],
) -> Result<Kept, AssembleError> {
    let failed = |source| AssembleError::Keep { source };
    let Some(Item {
        kind: ItemKind::Carried { pack, .. },
        path,
    }) = run.first()
    else {
        unreachable!("a run is made of carried files");
    };
    let container = part.containers.get(*pack);
    let origin = container.and_then(|it| it.origin).ok_or_else(|| {
        let reason = "a container has no digest";
        super::entries::failed(path, ArchiveError::Read(std::io::Error::other(reason)))
    })?;
    let key = key(contents, part, run);
    if let Some((file, frames)) = store.derived(origin, &key).map_err(failed)? {
        return Ok(Kept { file, frames });
    }
    let incoming = store.incoming().map_err(failed)?;
    let framer =
        Framer::new(incoming, true).map_err(|error| super::entries::failed(path, error))?;
    let mut entries = Entries::new(contents, framer);
    for item in run {
        entries.item(&part.containers, item)?;
    }
    let (incoming, frames) = entries
        .into_archive()
        .into_frames()
        .map_err(|error| super::entries::failed(path, error))?;
    let file = store
        .keep_derived(incoming, origin, &key, &frames)
        .map_err(failed)?;
    Ok(Kept { file, frames })
}

/// What a run's frames depend on.
fn key(contents: &Contents<'_>, part: &Part<'_>, run: &[Item]) -> Digest {
    let mut hasher = Hasher::default();
    hasher.update(frames::kind().as_bytes());
    hasher.update(&contents.mtime.seconds().to_le_bytes());
    hasher.update(&<Framer<Vec<u8>> as Archive>::SEGMENT.to_le_bytes());
    for item in run {
        let ItemKind::Carried { executable, .. } = item.kind else {
            continue;
        };
        hasher.update(&(item.path.len() as u64).to_le_bytes());
        hasher.update(item.path.as_bytes());
        hasher.update(&[u8::from(executable)]);
        if let Some(stream) = stream_of(part, item) {
            hasher.update(&stream.size.to_le_bytes());
            hasher.update(stream.sha256.as_bytes());
        }
    }
    hasher.finish()
}
