//! The table of contents of a verified container: which file lies where, as which raw stream, with which checks passed.
//!
//! A wheel has one after its verification, a snapshot of a data project has one from its making; the tarball engine
//! reads nothing else about either. Holds no bytes of the files and opens nothing.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// Everything in one container, in the order of the container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pack {
    /// One entry per file, link or folder.
    pub entries: Vec<PackEntry>,
}

/// One file, link or folder of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackEntry {
    /// Relative path, `/`-separated, without `.` or `..` components; folders without a trailing slash.
    pub path: String,
    /// What stands there.
    pub content: Content,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// A regular file.
    File {
        /// Whether any execute bit is set.
        executable: bool,
        /// Where its bytes lie.
        stream: Stream,
    },
    /// A symbolic link (data projects only: a wheel cannot hold one).
    Symlink {
        /// What the link says, as it says it.
        target: String,
    },
    /// A folder.
    Directory,
}

/// The bytes of one file inside its container, verified in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// Where the raw stream starts in the container, in bytes.
    pub offset: u64,
    /// Length of the raw stream, in bytes.
    pub compressed: u64,
    /// Length of the file, in bytes.
    pub size: u64,
    /// CRC-32 of the file (as in ZIP and gzip).
    pub crc32: u32,
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// How the raw stream codes the file.
    pub coding: Coding,
}

/// How a raw stream codes its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Coding {
    /// As it is.
    Stored,
    /// Raw deflate (RFC 1951), decoded with an empty window, ending exactly at the stream's last byte.
    Deflate {
        /// Bit offset of the last block's header (its BFINAL bit) from the stream's start; bits count from the least
        /// significant one of each byte.
        last_block: u64,
        /// Bit offset just behind the last block's end; `compressed` is this rounded up to bytes.
        end: u64,
    },
}
