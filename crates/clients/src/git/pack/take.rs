//! Taking in a pack that a server sends: one pass while it arrives, its differences resolved, an index made, both put in
//! place when they are whole.
//!
//! A pack may leave out what the repository has (a thin pack); such objects are put behind its end. Refuses a pack whose
//! objects cannot all be made. Nothing is synced: what a crash of the machine damages is fetched anew.

use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use sha1_checked::{Digest as _, Sha1};
use tempfile::NamedTempFile;

use super::content::{Content, Scratch};
use super::hash::{self, ObjectHash};
use super::resolve::{Both, Resolver};
use super::scan::{Entry, Scanned, scan};
use super::window::Window;
use super::{Id, Kind, PackError, hexadecimal, index};

/// How the names begin of what is not finished.
pub const UNFINISHED: &str = "pack_git2_";

/// Gives objects that the repository has and a pack leaves out.
pub type Bases<'a> =
    dyn FnMut(&Id, &mut Scratch) -> Result<Option<(Kind, Content)>, PackError> + 'a;

/// Reads a pack to its end and puts it, with its index, into `folder`. Gives where it is; `None` for a pack without objects,
/// which is not kept.
///
/// # Errors
/// [`PackError`]; nothing is in the folder then that was not there before.
pub fn take(
    input: &mut dyn Read,
    folder: &Path,
    bases: &mut Bases<'_>,
) -> Result<Option<PathBuf>, PackError> {
    let mut pack = unfinished(folder)?;
    let mut scanned = scan(input, pack.as_file_mut())?;
    if scanned.entries.is_empty() {
        return Ok(None);
    }
    complete(pack.as_file(), &mut scanned, Scratch::new(folder), bases)?;
    // An object may be there twice: git takes such packs as well, and finds either.
    scanned.entries.sort_unstable_by_key(|it| (it.id, it.at));
    let listing = unfinished(folder)?;
    index::write(&scanned.entries, &scanned.checksum, listing.as_file())?;
    let name = hexadecimal(&scanned.checksum);
    let place = folder.join(format!("pack-{name}.pack"));
    // The index comes last: it is what makes a pack visible.
    for (file, place) in [
        (pack, place.clone()),
        (listing, place.with_extension("idx")),
    ] {
        file.as_file()
            .set_permissions(Permissions::from_mode(0o444))?;
        file.persist(place).map_err(|it| it.error)?;
    }
    Ok(Some(place))
}

fn unfinished(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempfile_in(folder)
}

/// Finds the ids of all objects, and puts into the pack what they need and it lacks.
fn complete(
    pack: &File,
    scanned: &mut Scanned,
    scratch: Scratch,
    bases: &mut Bases<'_>,
) -> Result<(), PackError> {
    let mut resolver = Resolver::new(pack, scanned, scratch);
    resolver.resolve()?;
    let before = resolver.scanned.entries.len();
    for id in resolver.wanted() {
        // What was wanted may have been made meanwhile, by what was wanted before.
        if !resolver.waits_for(&id) {
            continue;
        }
        let Some((kind, content)) = bases(&id, &mut resolver.scratch)? else {
            continue;
        };
        append(
            pack,
            resolver.scanned,
            &resolver.scratch,
            (id, kind, &content),
        )?;
        resolver.resolve_from(&id, kind, content)?;
    }
    match resolver.unknown() {
        0 if scanned.entries.len() == before => Ok(()),
        0 => close(pack, scanned),
        count => Err(PackError::NoBase { count }),
    }
}

/// Puts an object behind the last entry of the pack.
fn append(
    pack: &File,
    scanned: &mut Scanned,
    scratch: &Scratch,
    (id, kind, content): (Id, Kind, &Content),
) -> Result<(), PackError> {
    let at = scanned.end;
    let mut out = BufWriter::new(Appended {
        pack,
        at,
        crc32: crc32fast::Hasher::new(),
    });
    out.write_all(&super::entry::whole(kind, content.len()))?;
    let mut hash = ObjectHash::new(kind, content.len());
    let mut deflate = ZlibEncoder::new(out, Compression::fast());
    scratch.copy(
        content,
        0,
        content.len(),
        &mut Both(&mut hash, &mut deflate),
    )?;
    let out = deflate.finish()?.into_inner();
    let out = out.map_err(io::IntoInnerError::into_error)?;
    if hash.finish()? != id {
        return Err(PackError::Object {
            id: hexadecimal(&id),
            problem: "is damaged in the repository",
        });
    }
    scanned.end = out.at;
    scanned.entries.push(Entry {
        id,
        crc32: out.crc32.finalize(),
        at,
    });
    Ok(())
}

/// Writes the number of objects and the checksum of a pack that has grown.
fn close(pack: &File, scanned: &mut Scanned) -> Result<(), PackError> {
    let count = u32::try_from(scanned.entries.len());
    let count = count.map_err(|_| PackError::damaged(0, "it has too many objects"))?;
    pack.write_all_at(&count.to_be_bytes(), 8)?;
    pack.set_len(scanned.end)?;
    let mut sha1: Sha1 = hash::checksum();
    let mut piece = vec![0; 64 << 10];
    let mut all = Window::new(pack);
    loop {
        match all.read(&mut piece)? {
            0 => break,
            read => sha1.update(&piece[..read]),
        }
    }
    scanned.checksum = hash::finish(sha1)?;
    Ok(pack.write_all_at(&scanned.checksum, scanned.end)?)
}

struct Appended<'a> {
    pack: &'a File,
    at: u64,
    crc32: crc32fast::Hasher,
}

impl Write for Appended<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.pack.write_at(bytes, self.at)?;
        self.crc32.update(&bytes[..written]);
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
