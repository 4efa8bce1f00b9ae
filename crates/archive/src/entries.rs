//! The table of contents of a verified container: which file lies where, as which raw stream, with which checks passed.
//!
//! A wheel has one after its verification, a snapshot of a data project has one from its making; the tarball engine
//! reads nothing else about either. There can be hundreds of thousands of entries, and several tables at once: they are held
//! encoded, about fifty bytes and the path each. Holds no bytes of the files and opens nothing.

use serde::{Deserialize, Serialize};

use pannier_base::digest::Digest;

/// Everything in one container, in the order of the container.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Pack {
    /// The entries, one behind the other.
    bytes: Vec<u8>,
    /// Where each of them begins.
    starts: Vec<u32>,
}

/// One file, link or folder of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackEntry<'a> {
    /// Relative path, `/`-separated, without `.` or `..` components; folders without a trailing slash.
    pub path: &'a str,
    /// What stands there.
    #[serde(borrow)]
    pub content: Content<'a>,
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content<'a> {
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
        target: &'a str,
    },
    /// A folder.
    Directory,
}

/// The bytes of one file inside its container, verified in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    #[serde(with = "raw")]
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

/// Bytes that are no table of contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no table of contents")]
pub struct PackError;

impl Pack {
    /// Adds an entry behind the others.
    ///
    /// # Panics
    /// When the table would be longer than 4 GiB; a container's directory is bounded far below that.
    pub fn push(&mut self, entry: &PackEntry<'_>) {
        let start = u32::try_from(self.bytes.len()).expect("a table of contents is below 4 GiB");
        let bytes = std::mem::take(&mut self.bytes);
        self.bytes = postcard::to_extend(entry, bytes).expect("writing to memory does not fail");
        self.starts.push(start);
    }

    /// Number of entries.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The entry of that number, counted from 0.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<PackEntry<'_>> {
        self.starts.get(number).map(|start| self.at(*start))
    }

    /// The path of the entry of that number, without looking at the rest of it.
    #[must_use]
    pub fn path(&self, number: usize) -> Option<&str> {
        let bytes = &self.bytes[*self.starts.get(number)? as usize..];
        let path = postcard::take_from_bytes::<&str>(bytes);
        Some(path.expect("entries are checked when they come in").0)
    }

    /// The same as bytes, for comparing: paths are sorted more often than they are read.
    #[must_use]
    pub fn path_bytes(&self, number: usize) -> Option<&[u8]> {
        let bytes = &self.bytes[*self.starts.get(number)? as usize..];
        let path = postcard::take_from_bytes::<&[u8]>(bytes);
        Some(path.expect("entries are checked when they come in").0)
    }

    /// The regular file of that number: whether it may be run, and where its bytes lie.
    #[must_use]
    pub fn file(&self, number: usize) -> Option<(bool, Stream)> {
        match self.get(number)?.content {
            Content::File { executable, stream } => Some((executable, stream)),
            Content::Symlink { .. } | Content::Directory => None,
        }
    }

    /// The first entry at `path`.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<PackEntry<'_>> {
        let number = (0..self.len()).find(|number| self.path(*number) == Some(path))?;
        self.get(number)
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = PackEntry<'_>> {
        self.starts.iter().map(|start| self.at(*start))
    }

    /// The encoded entries, for [`Self::from_bytes`].
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The table that [`Self::as_bytes`] has given, checked to be one.
    ///
    /// # Errors
    /// [`PackError`] when anything else stands in these bytes.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, PackError> {
        let mut starts = Vec::new();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let start = bytes.len() - rest.len();
            starts.push(u32::try_from(start).map_err(|_| PackError)?);
            let entry = postcard::take_from_bytes::<PackEntry<'_>>(rest);
            (_, rest) = entry.map_err(|_| PackError)?;
        }
        Ok(Self { bytes, starts })
    }

    fn at(&self, start: u32) -> PackEntry<'_> {
        let entry = postcard::take_from_bytes(&self.bytes[start as usize..]);
        entry.expect("entries are checked when they come in").0
    }
}

impl std::fmt::Debug for Pack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> FromIterator<PackEntry<'a>> for Pack {
    fn from_iter<T: IntoIterator<Item = PackEntry<'a>>>(entries: T) -> Self {
        let mut pack = Self::default();
        entries.into_iter().for_each(|entry| pack.push(&entry));
        pack
    }
}

/// A digest as its 32 bytes, where texts would take twice the room.
mod raw {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use pannier_base::digest::Digest;

    pub(super) fn serialize<S: Serializer>(digest: &Digest, to: S) -> Result<S::Ok, S::Error> {
        digest.as_bytes().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Digest, D::Error> {
        <[u8; 32]>::deserialize(from).map(Digest::from_bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries() -> [PackEntry<'static>; 4] {
        let stream = Stream {
            offset: 30,
            compressed: 1 << 33,
            size: u64::MAX,
            crc32: u32::MAX,
            sha256: Digest::of(b""),
            coding: Coding::Stored,
        };
        let (last_block, end) = (70, 1 << 36);
        let deflated = Stream {
            coding: Coding::Deflate { last_block, end },
            ..stream
        };
        let file = |executable, stream| Content::File { executable, stream };
        [
            ("a", Content::Directory),
            ("a/b", file(false, stream)),
            ("ä", file(true, deflated)),
            ("c", Content::Symlink { target: "a/b" }),
        ]
        .map(|(path, content)| PackEntry { path, content })
    }

    #[test]
    fn entries_come_back_in_their_order() {
        let pack: Pack = entries().into_iter().collect();
        assert_eq!((pack.len(), pack.is_empty()), (4, false));
        assert!(pack.iter().eq(entries()));
        for (number, entry) in entries().into_iter().enumerate() {
            assert_eq!(pack.get(number), Some(entry));
            assert_eq!(pack.path(number), Some(entry.path));
            assert_eq!(pack.path_bytes(number), Some(entry.path.as_bytes()));
            assert_eq!(pack.find(entry.path), Some(entry));
            assert_eq!(pack.file(number).is_some(), (1..3).contains(&number));
        }
        assert_eq!(
            (pack.get(4), pack.path(4), pack.find("b")),
            (None, None, None)
        );
    }

    #[test]
    fn a_table_that_was_kept_is_the_same() {
        let pack: Pack = entries().into_iter().collect();
        let bytes = pack.as_bytes().to_vec();
        assert_eq!(Pack::from_bytes(bytes.clone()), Ok(pack));
        assert_eq!(Pack::from_bytes(bytes[..9].to_vec()), Err(PackError));
        assert_eq!(Pack::from_bytes(Vec::new()), Ok(Pack::default()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_table_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(pack) = Pack::from_bytes(bytes) {
                let again: Pack = pack.iter().collect();
                prop_assert!(again.iter().eq(pack.iter()));
            }
        }
    }
}
