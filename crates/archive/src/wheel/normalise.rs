//! Rewrites a wheel that a build backend made here, so that equal content has equal bytes on every machine.
//!
//! Refuses to change content: only `RECORD`, order, times, modes and compression become Pannier's own.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::error::WheelError;
use super::filename::WheelFilename;
use super::record::{Record, RecordRow};
use super::verify;
use crate::entries::{Content, Pack, Stream};
use crate::zip::{self, Rules};

/// Rewrites a wheel: files sorted by path with `.dist-info` behind all others and `RECORD` last (so that a reader who
/// streams it finds its metadata together), fixed times, modes 0644 or 0755, our own deflater, `RECORD` regenerated.
/// Folder entries, which mean nothing in a wheel, and signatures of the old `RECORD` are left out. Large files are spooled in
/// `scratch`.
///
/// # Errors
/// [`WheelError`] as for [`verify`](super::verify()): what is built here has to be as sound as what is fetched.
pub fn normalise(
    built: &File,
    filename: &WheelFilename,
    scratch: &Path,
    out: &mut dyn Write,
) -> Result<(), WheelError> {
    let wheel = verify::verify(built, filename, &Rules::default())?;
    let record = format!("{}/RECORD", wheel.dist_info);
    let written = write_sorted(
        built,
        &wheel.pack,
        &record,
        zip::Writer::new(out).spool_in(scratch),
    );
    written.map_err(|source| WheelError::Io {
        wheel: filename.to_string(),
        source,
    })
}

fn write_sorted(
    built: &File,
    pack: &Pack,
    record: &str,
    mut writer: zip::Writer<&mut dyn Write>,
) -> io::Result<()> {
    let dist_info = record.strip_suffix("RECORD").unwrap_or(record);
    let mut files: Vec<(&str, bool, Stream)> = pack
        .iter()
        .filter_map(|entry| match entry.content {
            Content::File { executable, stream } => Some((&*entry.path, executable, stream)),
            Content::Symlink { .. } | Content::Directory => None,
        })
        .filter(|(path, ..)| !is_record_or_signature(path, record))
        .collect();
    files.sort_by_key(|(path, ..)| (path.starts_with(dist_info), *path));
    let mut rows = Record {
        rows: vec![RecordRow::bare(record)],
    };
    for (path, executable, stream) in files {
        writer.file(path, executable, &mut zip::open_entry(built, &stream))?;
        rows.rows
            .push(RecordRow::of(path, &stream.sha256, stream.size));
    }
    writer.file(record, false, &mut rows.to_text().as_bytes())?;
    writer.finish()?;
    Ok(())
}

fn is_record_or_signature(path: &str, record: &str) -> bool {
    let rest = path.strip_prefix(record);
    rest.is_some_and(|rest| matches!(rest, "" | ".jws" | ".p7s"))
}
