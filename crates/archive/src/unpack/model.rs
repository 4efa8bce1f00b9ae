//! How a tarball is unpacked.

use std::num::NonZeroUsize;

use pannier_base::digest::Digest;
use pannier_base::paths::AbsoluteLinks;

/// How to unpack.
#[derive(Debug, Clone)]
pub struct Options {
    /// Threads that inflate and write.
    pub jobs: NonZeroUsize,
    /// What the tarball's SHA-256 has to be, if it is known.
    pub expected: Option<Digest>,
    /// The bytes that the tarball's manifest has to be, if they are known.
    pub manifest: Option<Vec<u8>>,
    /// What happens to links with absolute targets.
    pub absolute_links: AbsoluteLinks,
    /// Whether what stands in the target may be replaced.
    pub force: bool,
}
