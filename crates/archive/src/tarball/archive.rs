//! What every packing of the tar archive can do: take bytes of our own, take files of verified containers, end.
//!
//! Knows nothing of tar entries; those are [`super::entries`]'s.

use std::fs::File;
use std::sync::Arc;

use super::model::{ArchiveError, Packed};
use super::tar::Mtime;
use crate::entries::Stream;

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

    /// Adds the last entry with the end of the archive, and ends the file.
    fn finish(self, last: &[u8], mtime: Mtime) -> Result<Packed, ArchiveError>;
}
