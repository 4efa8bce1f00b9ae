//! Puts a tarball together: manifest, head, and part after part as they come, in one pass.
//!
//! Decides nothing about what goes in or in which order, and checks no package: it writes what parts say.

use std::convert::Infallible;
use std::io::Write;

use super::archive::Archive;
use super::entries::{self, Entries};
use super::error::AssembleError;
use super::frame_cache::Runs;
use super::frames::Framer;
use super::index::LAST;
use super::manifest::MANIFEST_PATH;
use super::members::Members;
use super::model::{Common, Contents, Place, Summary};
use super::packing::Packing;
use super::part::{Failed, Part, Parts};
use super::splice::Splicer;
use super::tar::{END, Header, Kind};
use crate::venv::{Item, ItemKind};

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
    let mut fill = |tarball: &mut dyn Parts| Ok::<_, Failed<_, Infallible>>(tarball.add(parts)?);
    match assemble_filled(contents, &mut fill, out) {
        Ok((summary, _)) => Ok(summary),
        Err(Failed::Own(error)) => Err(error),
    }
}

/// As [`assemble`], with the parts that `fill` adds. Gives their place where other tarballs can take them over: the packing is
/// [`Packing::Spliced`], and there is a head to tell them from what is this tarball's own.
pub(super) fn assemble_filled<W: Write + Send + 'static, E>(
    contents: &Contents<'_>,
    fill: &mut Fill<'_, E>,
    out: W,
) -> Result<(Summary, Option<Place>), Failed<AssembleError, E>> {
    let failed = |error| entries::failed("", error);
    match contents.packing {
        Packing::Spliced => return spliced(contents, fill, out),
        Packing::Members => filled(contents, fill, Members::new(out)),
        Packing::OneFrame => filled(contents, fill, Framer::new(out, false).map_err(failed)?),
        Packing::Frames => {
            let framer = Framer::new(out, true).map_err(failed)?;
            let mut entries = begin(contents, framer)?;
            fill(&mut Runs {
                contents,
                entries: &mut entries,
            })?;
            Ok(finish(contents, entries)?)
        }
    }
    .map(|summary| (summary, None))
}

/// Writes a tarball with the parts of another one to `out`, packed as that one is.
///
/// # Errors
/// [`AssembleError`]; what was written until then is worthless.
pub(super) fn assemble_like<W: Write + Send + 'static>(
    contents: &Contents<'_>,
    common: &Common,
    out: W,
) -> Result<Summary, AssembleError> {
    let failed = |error| entries::failed("", error);
    let mut entries = begin(contents, Splicer::new(out).map_err(failed)?)?;
    let Common { file, place } = common;
    entries.files += place.files;
    entries.carried += place.carried;
    let replayed = entries.archive().replay(file, &place.run);
    replayed.map_err(failed)?;
    finish(contents, entries)
}

/// One gzip member, and where in it the parts are.
fn spliced<W: Write + Send + 'static, E>(
    contents: &Contents<'_>,
    fill: &mut Fill<'_, E>,
    out: W,
) -> Result<(Summary, Option<Place>), Failed<AssembleError, E>> {
    let failed = |error| entries::failed("", error);
    let splicer = Splicer::new(out).map_err(failed)?;
    if contents.head.is_none() {
        return Ok((filled(contents, fill, splicer)?, None));
    }
    let mut entries = begin(contents, splicer)?;
    let mark = entries.archive().mark().map_err(failed)?;
    let (files, carried) = (entries.files, entries.carried);
    fill(&mut entries)?;
    let place = Place {
        run: entries.archive().since(mark).map_err(failed)?,
        files: entries.files - files,
        carried: entries.carried - carried,
    };
    Ok((finish(contents, entries)?, Some(place)))
}

/// Everything in its order, into one archive.
fn filled<A: Archive, E>(
    contents: &Contents<'_>,
    fill: &mut Fill<'_, E>,
    archive: A,
) -> Result<Summary, Failed<AssembleError, E>> {
    let mut entries = begin(contents, archive)?;
    fill(&mut entries)?;
    Ok(finish(contents, entries)?)
}

/// Manifest and head.
fn begin<A: Archive>(contents: &Contents<'_>, archive: A) -> Result<Entries<A>, AssembleError> {
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
    Ok(entries)
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
