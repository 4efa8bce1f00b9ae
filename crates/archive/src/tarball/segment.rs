//! Parts of a tarball that can be inflated alone, and what they make up together. Knows nothing of files.

use serde::{Deserialize, Serialize};

/// A part of the tarball that can be inflated alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Its length in the gzip file, in bytes.
    pub compressed: u64,
    /// Its length in the archive, in bytes.
    pub size: u64,
    /// CRC-32 of its bytes in the archive.
    pub crc32: u32,
}

/// CRC-32 and length of the archive that segments make up.
#[must_use]
pub fn whole(segments: &[Segment]) -> (u32, u64) {
    let mut crc = crc32fast::Hasher::new();
    let mut size: u64 = 0;
    for segment in segments {
        crc.combine(&crc32fast::Hasher::new_with_initial_len(
            segment.crc32,
            segment.size,
        ));
        size = size.wrapping_add(segment.size);
    }
    (crc.finalize(), size)
}
