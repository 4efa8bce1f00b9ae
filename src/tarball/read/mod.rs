//! Reading tarballs, Pannier's own and others': gzip to bytes, bytes to entries, without trust.
//!
//! Every rule that does not depend on where an archive is unpacked is checked here: checksums, lengths, names, kinds of
//! entries. Touches no disk but to read, guesses nothing, repairs nothing.

mod entry;
mod error;
mod gzip;
mod numbers;
mod path;
mod pax;
mod segment;
#[cfg(test)]
mod tests;

pub use entry::{Entries, Entry, EntryKind, Extent};
pub use error::ReadError;
pub use gzip::gunzip;
pub use segment::SegmentReader;

/// Bytes of one buffer between inflating and whoever takes the content.
pub const BUFFER: usize = 256 << 10;
