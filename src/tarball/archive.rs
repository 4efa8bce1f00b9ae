//! What every packing of the tar archive can do: take bytes of our own, take files of verified containers, end.
//!
//! Knows nothing of tar entries; those are [`super::entries`]'s.

use std::fs::File;
use std::io;

use super::kept::Kept;
use super::tar::Mtime;
use crate::digest::Digest;
use crate::pack::Stream;

/// A tarball in the making.
pub(super) trait Archive {
    /// Bytes of the archive from which on a segment ends with the entry.
    const SEGMENT: u64;

    /// Adds bytes of our own.
    fn own(&mut self, bytes: &[u8]) -> Result<(), ArchiveError>;

    /// Adds the file of a verified stream.
    fn carry(&mut self, file: &File, stream: &Stream) -> Result<(), ArchiveError>;

    /// Bytes of the archive since the last cut.
    fn since_cut(&self) -> u64;

    /// Ends a segment: what follows can be read without anything before it.
    fn cut(&mut self) -> Result<(), ArchiveError>;

    /// Adds what was packed before.
    ///
    /// # Errors
    /// [`ArchiveError::Read`] where this packing has no such thing.
    fn append(&mut self, _: &Kept) -> Result<(), ArchiveError> {
        let reason = "only zstd frames are kept";
        Err(ArchiveError::Read(io::Error::new(
            io::ErrorKind::Unsupported,
            reason,
        )))
    }

    /// Adds the last entry with the end of the archive, and ends the file.
    fn finish(self, last: &[u8], mtime: Mtime) -> Result<Packed, ArchiveError>;
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
