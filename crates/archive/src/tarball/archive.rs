//! What every packing of the tar archive can do: take bytes of our own, take files of verified containers, end.
//!
//! Knows nothing of tar entries; those are [`super::entries`]'s.

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::kept::PackedRun;
use super::segment::Segment;
use super::tar::Mtime;
use crate::entries::Stream;
use pannier_base::digest::Digest;

/// A tarball in the making.
pub(super) trait Archive {
    /// Bytes of the archive from which on a segment ends with the entry.
    const SEGMENT: u64;

    /// Adds bytes of our own.
    fn own(&mut self, bytes: &[u8]) -> Result<(), ArchiveError>;

    /// Adds the file of a verified stream.
    fn carry(&mut self, file: &Arc<File>, stream: &Stream) -> Result<(), ArchiveError>;

    /// Bytes of the archive since the last cut.
    fn since_cut(&self) -> u64;

    /// Ends a segment: what follows can be read without anything before it.
    fn cut(&mut self) -> Result<(), ArchiveError>;

    /// Adds what was packed before.
    ///
    /// # Errors
    /// [`ArchiveError::Read`] where this packing has no such thing.
    fn append(&mut self, _: &PackedRun) -> Result<(), ArchiveError> {
        let reason = "only zstd frames are kept";
        Err(ArchiveError::Read(io::Error::new(
            io::ErrorKind::Unsupported,
            reason,
        )))
    }

    /// Ends a segment and tells where the next one starts; `None` where this packing's runs are not shared.
    fn mark(&mut self) -> Result<Option<Mark>, ArchiveError> {
        Ok(None)
    }

    /// Ends a segment, and gives all segments since the mark.
    fn since(&mut self, mark: Mark) -> Result<Run, ArchiveError> {
        let _ = mark;
        Err(ArchiveError::Read(unsupported()))
    }

    /// Adds a run of `file`, a tarball of the same packing.
    ///
    /// # Errors
    /// [`ArchiveError::Read`] where this packing gives no marks.
    fn replay(&mut self, file: &File, run: &Run) -> Result<(), ArchiveError> {
        let _ = (file, run);
        Err(ArchiveError::Read(unsupported()))
    }

    /// Adds the last entry with the end of the archive, and ends the file.
    fn finish(self, last: &[u8], mtime: Mtime) -> Result<Packed, ArchiveError>;
}

fn unsupported() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "runs of this packing are not shared",
    )
}

/// Where a segment starts.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    /// In the file, in bytes.
    pub offset: u64,
    /// Segments before it.
    pub segments: usize,
}

/// Whole segments of a tarball that refer to nothing before them.
#[derive(Debug, Clone)]
pub struct Run {
    /// Where they start in the file, in bytes.
    pub offset: u64,
    /// Their length in the file, in bytes.
    pub length: u64,
    /// Each of them.
    pub segments: Vec<Segment>,
}

/// What was written.
pub struct Packed {
    /// Length of the file in bytes.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// Length of the archive in it, in bytes.
    pub size: u64,
}

/// Why packing stopped.
#[derive(Debug)]
pub enum ArchiveError {
    /// The container could not be read, or is not what it was when it was verified.
    Read(io::Error),
    /// The output could not be written.
    Write(io::Error),
}
