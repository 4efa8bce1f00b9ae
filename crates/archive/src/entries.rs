//! The table of contents of a verified container: which file is where, as which raw stream, with which checks passed.
//!
//! A wheel has one after its verification, and so does a snapshot of a data project. The tarball engine reads nothing else of
//! either. Holds no bytes of the files and opens nothing.

use serde::{Deserialize, Serialize};

use pannier_base::digest::Digest;

/// Everything in one container, in the order of the container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pack {
    entries: Vec<PackEntry>,
}

/// One file, link or folder of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackEntry {
    /// Relative path, `/`-separated, without `.` or `..` components; folders without a trailing slash.
    pub path: String,
    /// What is at the path.
    pub content: Content,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// A regular file.
    File {
        /// Whether any execute bit is set.
        executable: bool,
        /// Where its bytes are.
        stream: Stream,
    },
    /// A symbolic link (data projects only: a wheel cannot hold one).
    Symlink {
        /// The link's target, as written.
        target: String,
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
#[error("these bytes are not a table of contents")]
pub struct PackError;

impl PackEntry {
    /// Where the bytes of a regular file are; `None` for everything else.
    #[must_use]
    pub const fn stream(&self) -> Option<&Stream> {
        match &self.content {
            Content::File { stream, .. } => Some(stream),
            Content::Symlink { .. } | Content::Directory => None,
        }
    }
}

impl Pack {
    /// Adds an entry behind the others.
    pub fn push(&mut self, entry: PackEntry) {
        self.entries.push(entry);
    }

    /// Number of entries.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry of that number, counted from 0.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<&PackEntry> {
        self.entries.get(number)
    }

    /// The first entry at `path`.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&PackEntry> {
        self.iter().find(|entry| entry.path == path)
    }

    /// All entries.
    pub fn iter(&self) -> std::slice::Iter<'_, PackEntry> {
        self.entries.iter()
    }

    /// The entries as the store keeps them, in [postcard](https://postcard.jamesmunns.com/wire-format) one after the other.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.iter().fold(Vec::new(), |bytes, entry| {
            postcard::to_extend(entry, bytes).expect("writing to memory does not fail")
        })
    }

    /// The table that [`Self::to_bytes`] has given, checked to be one.
    ///
    /// # Errors
    /// [`PackError`] when the bytes are anything else.
    pub fn from_bytes(mut bytes: &[u8]) -> Result<Self, PackError> {
        let mut pack = Self::default();
        while !bytes.is_empty() {
            let (entry, rest) = postcard::take_from_bytes(bytes).map_err(|_| PackError)?;
            pack.push(entry);
            bytes = rest;
        }
        Ok(pack)
    }
}

impl FromIterator<PackEntry> for Pack {
    fn from_iter<T: IntoIterator<Item = PackEntry>>(entries: T) -> Self {
        let entries = entries.into_iter().collect();
        Self { entries }
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

    fn entries() -> [PackEntry; 4] {
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
            (
                "c",
                Content::Symlink {
                    target: "a/b".into(),
                },
            ),
        ]
        .map(|(path, content)| PackEntry {
            path: path.into(),
            content,
        })
    }

    #[test]
    fn entries_come_back_in_their_order() {
        let pack: Pack = entries().into_iter().collect();
        assert_eq!((pack.len(), pack.is_empty()), (4, false));
        assert!(pack.iter().eq(&entries()));
        for (number, entry) in entries().iter().enumerate() {
            assert_eq!(pack.get(number), Some(entry));
            assert_eq!(pack.find(&entry.path), Some(entry));
            assert_eq!(entry.stream().is_some(), (1..3).contains(&number));
        }
        assert_eq!((pack.get(4), pack.find("b")), (None, None));
    }

    #[test]
    fn a_table_that_was_kept_is_the_same() {
        let pack: Pack = entries().into_iter().collect();
        let bytes = pack.to_bytes();
        assert_eq!(Pack::from_bytes(&bytes), Ok(pack));
        assert_eq!(Pack::from_bytes(&bytes[..9]), Err(PackError));
        assert_eq!(Pack::from_bytes(&[]), Ok(Pack::default()));
    }

    #[test]
    fn stores_keep_tables_in_this_form() {
        let stream = Stream {
            offset: 30,
            compressed: 5,
            size: 300,
            crc32: 1,
            sha256: Digest::from_bytes([7; 32]),
            coding: Coding::Deflate {
                last_block: 2,
                end: 40,
            },
        };
        let content = Content::File {
            executable: true,
            stream,
        };
        let file = PackEntry {
            path: "a".into(),
            content,
        };
        let pack: Pack = entries().into_iter().take(1).chain([file]).collect();
        let head = [1, b'a', 2, 1, b'a', 0, 1, 30, 5, 0xac, 2, 1];
        assert_eq!(pack.to_bytes(), [&head[..], &[7; 32], &[1, 2, 40]].concat());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_table_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Ok(pack) = Pack::from_bytes(&bytes) {
                prop_assert_eq!(Pack::from_bytes(&pack.to_bytes()), Ok(pack));
            }
        }
    }
}
