//! Runs of entries that every tarball with the same wheel has alike, packed once as Zstandard frames and kept in the store.
//!
//! A run is a stretch of carried files of one container. Its frames are known by what they hold (paths, modes, digests of the
//! files, time) and by how they were made, so they never go stale. Decides nothing about the order of entries.

use std::fs::File;
use std::ops::Range;

use rayon::prelude::*;

use super::archive::{Archive, ArchiveError};
use super::assemble::Contents;
use super::entries::Entries;
use super::error::AssembleError;
use super::frames::{self, Frame, Framer};
use super::part::Part;
use crate::digest::{Digest, Hasher};
use crate::pack::Pack;
use crate::store::Store;
use crate::venv::EntryKind;

/// Shorter runs (in bytes of their files) are compressed with their neighbours: a frame of its own would not pay.
const SHORTEST: u64 = 64 << 10;

/// A run, packed.
pub(super) struct Kept {
    /// Holds the frames from its first byte on.
    pub(super) file: File,
    /// Their lengths.
    pub(super) frames: Vec<Frame>,
}

/// Entries of a part that follow each other, by their numbers.
pub(super) struct Run {
    pub(super) entries: Range<usize>,
    /// Whether it is kept.
    pub(super) kept: bool,
}

/// Splits the items of a part into runs that are kept and whatever stands between them.
pub(super) fn runs(part: &Part<'_>) -> Result<Vec<Run>, AssembleError> {
    let packs = part.packs();
    let (mut runs, mut start) = (Vec::new(), 0);
    while start < part.items.len() {
        let container = part.items.container(start);
        let alike = |number: &usize| part.items.container(*number) == container;
        let length = (start..part.items.len()).take_while(alike).count();
        let entries = start..start + length;
        start = entries.end;
        let kept = container.is_some() && self::length(part, &packs, entries.clone())? >= SHORTEST;
        runs.push(Run { entries, kept });
    }
    Ok(runs)
}

/// Bytes of the carried files of a run.
fn length(part: &Part<'_>, packs: &[&Pack], entries: Range<usize>) -> Result<u64, AssembleError> {
    let mut length = 0;
    for number in entries {
        if let EntryKind::Carried { stream, .. } = part.items.entry(number, packs)?.kind {
            length += stream.size;
        }
    }
    Ok(length)
}

/// Packs every run of these parts that the store does not have yet, on all threads; nothing where nobody keeps any.
pub(super) fn fill(contents: &Contents<'_>, parts: &[Part<'_>]) -> Result<(), AssembleError> {
    let Some(store) = contents.keeper else {
        return Ok(());
    };
    let mut wanted = Vec::new();
    for part in parts {
        for run in runs(part)?.into_iter().filter(|run| run.kept) {
            let length = length(part, &part.packs(), run.entries.clone())?;
            wanted.push((length, part, run));
        }
    }
    // The longest ones first, so that none is left for one thread at the end.
    wanted.sort_by_key(|(length, ..)| std::cmp::Reverse(*length));
    wanted
        .into_par_iter()
        .try_for_each(|(_, part, run)| kept(contents, store, part, &run).map(drop))
}

/// The frames of a run: from the store, or made and kept there.
pub(super) fn kept(
    contents: &Contents<'_>,
    store: &Store,
    part: &Part<'_>,
    run: &Run,
) -> Result<Kept, AssembleError> {
    let failed = |source| AssembleError::Keep { source };
    let packs = part.packs();
    let path = part.items.entry(run.entries.start, &packs)?.path;
    let container = part.items.container(run.entries.start);
    let container = container.and_then(|it| part.containers.get(it));
    let origin = container.and_then(|it| it.origin).ok_or_else(|| {
        let reason = "a container has no digest";
        super::entries::failed(&path, ArchiveError::Read(std::io::Error::other(reason)))
    })?;
    let key = key(contents, part, run)?;
    if let Some((file, frames)) = store.derived(origin, &key).map_err(failed)? {
        return Ok(Kept { file, frames });
    }
    let incoming = store.incoming().map_err(failed)?;
    let framer =
        Framer::new(incoming, true).map_err(|error| super::entries::failed(&path, error))?;
    let mut entries = Entries::new(contents, framer);
    for number in run.entries.clone() {
        entries.entry(&part.containers, &part.items.entry(number, &packs)?)?;
    }
    let (incoming, frames) = entries
        .into_archive()
        .into_frames()
        .map_err(|error| super::entries::failed(&path, error))?;
    let file = store
        .keep_derived(incoming, origin, &key, frames.clone())
        .map_err(failed)?;
    Ok(Kept { file, frames })
}

/// What a run's frames depend on.
fn key(contents: &Contents<'_>, part: &Part<'_>, run: &Run) -> Result<Digest, AssembleError> {
    let packs = part.packs();
    let mut hasher = Hasher::default();
    hasher.update(frames::kind().as_bytes());
    hasher.update(&contents.mtime.seconds().to_le_bytes());
    hasher.update(&<Framer<Vec<u8>> as Archive>::SEGMENT.to_le_bytes());
    for number in run.entries.clone() {
        let entry = part.items.entry(number, &packs)?;
        let EntryKind::Carried {
            stream, executable, ..
        } = entry.kind
        else {
            continue;
        };
        hasher.update(&(entry.path.len() as u64).to_le_bytes());
        hasher.update(entry.path.as_bytes());
        hasher.update(&[u8::from(executable)]);
        hasher.update(&stream.size.to_le_bytes());
        hasher.update(stream.sha256.as_bytes());
    }
    Ok(hasher.finish())
}
