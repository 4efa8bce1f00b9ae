//! Single entries of a verified container, inflated and checked again while they are read.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;

use flate2::bufread::DeflateDecoder;

use crate::entries::{Coding, Stream};

/// Largest entry that [`read_entry`] gives, in bytes; larger ones are for [`open_entry`].
pub const LARGEST_IN_MEMORY: u64 = 64 << 20;
const BUFFER: usize = 64 << 10;

/// Inflates one verified entry of at most [`LARGEST_IN_MEMORY`] bytes.
///
/// # Errors
/// What reading gives; [`io::ErrorKind::FileTooLarge`] beyond the bound; [`io::ErrorKind::InvalidData`] when the bytes
/// no longer match the stream's size or CRC.
pub fn read_entry(file: &File, stream: &Stream) -> io::Result<Vec<u8>> {
    if stream.size > LARGEST_IN_MEMORY {
        let detail = format!("an entry of {} bytes is too large for memory", stream.size);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, detail));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(stream.size).unwrap_or_default());
    open_entry(file, stream).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens one verified entry of any size for reading.
#[must_use]
pub fn open_entry<'a>(file: &'a File, stream: &Stream) -> EntryReader<'a> {
    let raw = Raw {
        file,
        offset: stream.offset,
        left: stream.compressed,
    };
    EntryReader {
        content: match stream.coding {
            Coding::Stored => Content::Stored(raw),
            Coding::Deflate { .. } => Content::Deflate(Box::new(DeflateDecoder::new(
                BufReader::with_capacity(BUFFER, raw),
            ))),
        },
        left: stream.size,
        crc32: stream.crc32,
        seen: crc32fast::Hasher::new(),
    }
}

/// The content of one entry. Reading to the end fails unless size and CRC are the verified ones.
pub struct EntryReader<'a> {
    content: Content<'a>,
    left: u64,
    crc32: u32,
    seen: crc32fast::Hasher,
}

enum Content<'a> {
    Stored(Raw<'a>),
    Deflate(Box<DeflateDecoder<BufReader<Raw<'a>>>>),
}

impl Read for EntryReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = match &mut self.content {
            Content::Stored(raw) => raw.read(buffer)?,
            Content::Deflate(decoder) => decoder.read(buffer)?,
        };
        self.seen.update(&buffer[..read]);
        self.left = self.left.checked_sub(read as u64).ok_or_else(changed)?;
        if read == 0 && (self.left != 0 || self.seen.clone().finalize() != self.crc32) {
            return Err(changed());
        }
        Ok(read)
    }
}

/// The container was changed, or another one put into its place.
pub(super) fn changed() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "the entry has changed since it was verified",
    )
}

/// A range of the container.
struct Raw<'a> {
    file: &'a File,
    offset: u64,
    left: u64,
}

impl Read for Raw<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = self.file.read_at(&mut buffer[..room], self.offset)?;
        self.offset += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}
