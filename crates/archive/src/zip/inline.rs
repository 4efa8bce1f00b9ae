//! Small entries of verified containers, one after the other: what reading one needs is there for all.
//!
//! Checks each again as [`open_entry`](super::open_entry) does; reads none of more than a few pages.

use std::fs::File;
use std::io;
use std::sync::Arc;

use flate2::{Decompress, FlushDecompress, Status};

use super::read::{changed, read_entry};
use super::read_ahead::{self, ReadAhead};
use crate::entries::{Coding, Stream};

/// Reads small entries.
pub struct InlineReader {
    ahead: ReadAhead,
    inflate: Decompress,
    bytes: Vec<u8>,
}

impl Default for InlineReader {
    fn default() -> Self {
        Self {
            ahead: ReadAhead::default(),
            inflate: Decompress::new(false),
            bytes: Vec::new(),
        }
    }
}

impl InlineReader {
    /// The bytes of one verified entry of `file`. Entries of more than a few pages are read by way of [`read_entry`].
    ///
    /// # Errors
    /// As [`read_entry`].
    pub fn read(&mut self, file: &Arc<File>, stream: &Stream) -> io::Result<&[u8]> {
        let small = |length: u64| {
            usize::try_from(length)
                .ok()
                .filter(|it| *it <= read_ahead::SMALL)
        };
        let (Some(raw), Some(size)) = (small(stream.compressed), small(stream.size)) else {
            self.bytes = read_entry(file, stream)?;
            return Ok(&self.bytes);
        };
        let raw = self.ahead.get(file, stream.offset, raw)?;
        self.bytes.clear();
        match stream.coding {
            Coding::Stored => self.bytes.extend_from_slice(raw),
            Coding::Deflate { .. } => {
                // One more, so that there is room for what must not come.
                self.bytes.reserve(size + 1);
                self.inflate.reset(false);
                let finish = FlushDecompress::Finish;
                let status = self.inflate.decompress_vec(raw, &mut self.bytes, finish)?;
                if status != Status::StreamEnd {
                    return Err(changed());
                }
            }
        }
        if self.bytes.len() != size || crc32fast::hash(&self.bytes) != stream.crc32 {
            return Err(changed());
        }
        Ok(&self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entries::Content;
    use crate::tarball::tests::noise;
    use crate::venv::testing::Packer;

    #[test]
    fn entries_of_every_size_are_what_they_are_read_singly() {
        let mut packer = Packer::default();
        for size in [
            0,
            1,
            100,
            5_000,
            read_ahead::SMALL,
            read_ahead::SMALL + 1,
            200_000,
        ] {
            packer.deflated(&format!("deflated/{size}"), &noise(size));
            packer.stored(&format!("stored/{size}"), &noise(size));
        }
        packer.deflated("zeros", &vec![0; 1_000_000]);
        let (file, pack) = packer.finish();
        let mut entries = InlineReader::default();
        for entry in pack.iter() {
            let Content::File { stream, .. } = entry.content else {
                continue;
            };
            let alone = read_entry(&file, &stream).unwrap();
            assert!(entries.read(&file, &stream).unwrap() == alone);
        }
    }

    #[test]
    fn an_entry_that_is_no_longer_what_was_verified_is_told() {
        let mut packer = Packer::default();
        packer.deflated("x", &noise(1_000));
        packer.stored("y", &noise(1_000));
        let (file, pack) = packer.finish();
        let mut entries = InlineReader::default();
        for entry in pack.iter() {
            let Content::File { stream, .. } = entry.content else {
                continue;
            };
            let changes: [fn(&mut Stream); 3] = [
                |stream| stream.crc32 ^= 1,
                |stream| stream.size -= 1,
                |stream| stream.size += 1,
            ];
            for change in changes {
                let mut other = stream;
                change(&mut other);
                assert!(entries.read(&file, &other).is_err());
                assert!(entries.read(&file, &stream).is_ok());
            }
        }
    }
}
