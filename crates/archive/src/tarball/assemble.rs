//! Puts a tarball together: manifest, head, and part after part as they come, in one pass.
//!
//! Decides nothing about what goes in or in which order, and checks no package: it writes what parts say.

use std::convert::Infallible;
use std::fs::File;
use std::io::Write;

use super::archive::{Archive, Run};
use super::entries::{self, Entries};
use super::error::AssembleError;
use super::frames::Framer;
use super::index::LAST;
use super::kept::{self, FrameCache};
use super::manifest::{MANIFEST_PATH, Manifest};
use super::members::Members;
use super::packing::Packing;
use super::part::{Failed, Part, Parts};
use super::splice::Splicer;
use super::tar::{END, Header, Kind, Mtime};
use crate::venv::{Item, ItemKind};
use pannier_base::digest::Digest;

/// What a tarball is made with, whatever its parts are.
#[derive(Clone, Copy)]
pub struct Contents<'a> {
    /// The first entry.
    pub manifest: &'a Manifest,
    /// What comes next: entries that other tarballs with the same parts do not have alike.
    pub head: Option<&'a [Item]>,
    /// Time of every entry.
    pub mtime: Mtime,
    /// How the archive is packed.
    pub packing: Packing,
    /// Holds frames across tarballs, for [`Packing::Frames`]; `None`: every run is packed for this tarball alone.
    pub cache: Option<&'a dyn FrameCache>,
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

/// The parts of a tarball, for others that have the same ones: everything behind [`Contents::head`].
#[derive(Debug)]
pub struct Common {
    /// The tarball that holds it.
    pub(super) file: File,
    pub(super) run: Run,
    pub(super) files: u64,
    pub(super) carried: u64,
}

/// What follows the head of a tarball.
pub(super) enum Body<'a, E> {
    /// What this adds.
    Parts(&'a mut Fill<'a, E>),
    /// The same as in another one.
    Common(&'a Common),
}

/// Adds the parts of a tarball.
pub(super) type Fill<'a, E> =
    dyn FnMut(&mut dyn Parts) -> Result<(), Failed<AssembleError, E>> + 'a;

/// Writes a tarball of these parts to `out`, which is flushed at the end.
///
/// # Errors
/// [`AssembleError`]; what was written until then is worthless.
pub fn assemble<W: Write + Send + 'static>(
    contents: &Contents<'_>,
    parts: &[Part<'_>],
    out: W,
) -> Result<Summary, AssembleError> {
    let mut fill = |tarball: &mut dyn Parts| Ok(tarball.add(parts)?);
    match assemble_body(contents, Body::<Infallible>::Parts(&mut fill), out) {
        Ok((summary, _)) => Ok(summary),
        Err(Failed::Own(error)) => Err(error),
    }
}

/// As [`assemble`]. Gives the place of the parts where they were added and the packing has one that can be shared.
pub(super) fn assemble_body<W: Write + Send + 'static, E>(
    contents: &Contents<'_>,
    body: Body<'_, E>,
    out: W,
) -> Result<(Summary, Option<Place>), Failed<AssembleError, E>> {
    let failed = |error| entries::failed("", error);
    match contents.packing {
        Packing::Spliced => write(contents, body, Splicer::new(out).map_err(failed)?),
        Packing::Members => write(contents, body, Members::new(out)),
        Packing::Frames => write(contents, body, Framer::new(out, true).map_err(failed)?),
        Packing::OneFrame => write(contents, body, Framer::new(out, false).map_err(failed)?),
    }
}

/// Where in a tarball its common part stands.
pub(super) struct Place {
    run: Run,
    files: u64,
    carried: u64,
}

impl Place {
    /// The common part, to be read from the tarball `file`.
    pub(super) fn of(self, file: File) -> Common {
        let Self {
            run,
            files,
            carried,
        } = self;
        Common {
            file,
            run,
            files,
            carried,
        }
    }
}

/// Everything in its order, into one archive.
fn write<A: Archive, E>(
    contents: &Contents<'_>,
    body: Body<'_, E>,
    archive: A,
) -> Result<(Summary, Option<Place>), Failed<AssembleError, E>> {
    let mut entries = Entries::new(contents, archive);
    let manifest = Item {
        path: MANIFEST_PATH.into(),
        kind: ItemKind::Bytes {
            bytes: contents.manifest.to_json(),
            executable: false,
        },
    };
    // First: readers that look for nothing else stop there.
    entries.entry(&[], &manifest)?;
    for item in contents.head.unwrap_or_default() {
        entries.entry(&[], item)?;
    }
    let fill = match body {
        Body::Common(common) => {
            entries.replay(common)?;
            return Ok((finish(contents, entries)?, None));
        }
        Body::Parts(fill) => fill,
    };
    let failed = |error| entries::failed("", error);
    let mark = match contents.head {
        None => None,
        Some(_) => entries.archive().mark().map_err(failed)?,
    };
    let (files, carried) = (entries.files, entries.carried);
    fill(&mut Writing {
        contents,
        entries: &mut entries,
    })?;
    let run = mark.map(|mark| entries.archive().since(mark)).transpose();
    let place = run.map_err(failed)?.map(|run| Place {
        run,
        files: entries.files - files,
        carried: entries.carried - carried,
    });
    Ok((finish(contents, entries)?, place))
}

/// A tarball that takes its parts.
struct Writing<'a, A: Archive> {
    contents: &'a Contents<'a>,
    entries: &'a mut Entries<A>,
}

impl<A: Archive> Parts for Writing<'_, A> {
    fn add(&mut self, parts: &[Part<'_>]) -> Result<(), AssembleError> {
        let frames = self.contents.packing == Packing::Frames;
        if frames {
            kept::fill(self.contents, parts)?;
        }
        for part in parts {
            match frames {
                true => self.runs(part)?,
                false => self.items(part, &part.items)?,
            }
        }
        Ok(())
    }
}

impl<A: Archive> Writing<'_, A> {
    /// Runs of items as frames of their own, from the cache if there is one: the bytes are the same.
    fn runs(&mut self, part: &Part<'_>) -> Result<(), AssembleError> {
        let failed = |error| entries::failed("", error);
        for run in kept::runs(&part.items) {
            let apart = run.container.is_some();
            if apart {
                self.entries.archive().cut().map_err(failed)?;
            }
            let cache = self.contents.cache.filter(|_| apart);
            match cache.map(|cache| kept::kept(self.contents, cache, part, &run)) {
                Some(kept) => self.entries.append(&kept?, run.items.len())?,
                None => self.items(part, run.items)?,
            }
            if apart {
                self.entries.archive().cut().map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Some items of a part.
    fn items(&mut self, part: &Part<'_>, items: &[Item]) -> Result<(), AssembleError> {
        let mut items = items.iter();
        items.try_for_each(|item| self.entries.entry(&part.containers, item))
    }
}

/// The manifest's folder and the end of the archive.
///
/// The folder comes last because an index in a global header needs an entry behind it: Python's tarfile refuses one that is
/// followed by the end of the archive.
fn finish<A: Archive>(
    contents: &Contents<'_>,
    entries: Entries<A>,
) -> Result<Summary, AssembleError> {
    let path = MANIFEST_PATH.split('/').next().unwrap_or_default();
    let (kind, mtime) = (Kind::Directory, contents.mtime);
    let mut last = Vec::with_capacity(LAST);
    Header { path, kind, mtime }.write(&mut last);
    last.extend_from_slice(&END);
    let (files, carried) = (entries.files, entries.carried);
    let packed = entries
        .into_archive()
        .finish(&last, mtime)
        .map_err(|error| entries::failed(path, error))?;
    Ok(Summary {
        bytes: packed.bytes,
        sha256: packed.sha256,
        unpacked: packed.size,
        files,
        carried,
    })
}
