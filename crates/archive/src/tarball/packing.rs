//! How the tar archive is packed, by name: the file name extension of a tarball, and which files are compressed again.

use std::fmt;

use crate::venv::SMALL_FILE;

/// How the tar archive becomes a tarball.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Packing {
    /// gzip, one member (RFC 1952): every reader of gzip reads all of it.
    #[default]
    Spliced,
    /// gzip, a member for each large file and for what lies between: legal, but about a dozen readers stop after the first
    /// member (Python's `r|gz`, `DecompressionStream`, Rust's `GzDecoder`).
    Members,
    /// Zstandard (RFC 8878), frames that were made once per wheel, one after another. Readers that take only one frame see a
    /// part of it.
    Frames,
    /// Zstandard, one frame, compressed again for each tarball.
    OneFrame,
}

/// Files of up to this many bytes are compressed together with their neighbors where each carried file is a member of its
/// own. Measured on 87 MB of wheels: pigz needs 4.6 s for members of every size and 1.9 s from 16 KiB on.
const SMALL_MEMBER: u64 = 16 << 10;

impl Packing {
    /// The ending of the file's name, without a dot before it.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Spliced | Self::Members => "tar.gz",
            Self::Frames | Self::OneFrame => "tar.zst",
        }
    }

    /// Files of up to this many bytes are compressed again with their neighbors instead of being copied.
    #[must_use]
    pub const fn small(self) -> u64 {
        match self {
            Self::Members => SMALL_MEMBER,
            Self::Spliced | Self::Frames | Self::OneFrame => SMALL_FILE,
        }
    }
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spliced => "gzip",
            Self::Members => "gzip in members",
            Self::Frames => "zstd",
            Self::OneFrame => "zstd in one frame",
        })
    }
}
