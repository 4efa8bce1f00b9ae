//! Reading tarballs, Pannier's own and others': gzip or Zstandard to bytes, bytes to entries, without trust.
//!
//! Every rule that does not depend on where an archive is unpacked is checked here: checksums, lengths, names, kinds of
//! entries. Touches no disk but to read, guesses nothing, repairs nothing.

mod entry;
mod error;
mod frame;
mod numbers;
mod path;
mod pax;
mod plain;
mod segment;
#[cfg(test)]
mod tests;

pub use entry::{Entries, Entry, EntryKind, Extent};
pub use error::ReadError;
pub use frame::FrameReader;
pub use plain::{BUFFER, gunzip, plain};
pub use segment::SegmentReader;
