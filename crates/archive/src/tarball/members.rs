//! A gzip file of several members (RFC 1952, 2.2): one for each carried file, one for what lies between two of them.
//!
//! Carried streams are copied bit by bit: nothing is patched, so this is what `cat` of gzip files would give. No index: readers
//! that know members find their starts, and unpacking goes in sequence.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use super::archive::Archive;
use super::gzip::{GZIP_HEADER, LAST_BLOCK, PIECE, STORED_BLOCK, deflate_piece, stored_header};
use super::model::{ArchiveError, Packed};
use super::tar::Mtime;
use super::writer::Writer;
use crate::entries::{Coding, Stream};
use flate2::{Compress, Compression};

/// Writes a gzip file of several members.
pub(super) struct Members<W: Write> {
    writer: Writer<W>,
    size: u64,
    piece: Vec<u8>,
    compress: Compress,
    compressed: Vec<u8>,
}

impl<W: Write + Send + 'static> Members<W> {
    /// Nothing is written yet.
    pub(super) fn new(out: W) -> Self {
        Self {
            writer: Writer::new(out),
            size: 0,
            piece: Vec::with_capacity(PIECE),
            compress: Compress::new(Compression::new(6), false),
            compressed: Vec::new(),
        }
    }

    /// One member of what has gathered; its deflate stream is ended by an empty last block.
    fn end_piece(&mut self) -> Result<(), ArchiveError> {
        if self.piece.is_empty() {
            return Ok(());
        }
        deflate_piece(&mut self.compress, &self.piece, &mut self.compressed);
        self.compressed.extend_from_slice(&LAST_BLOCK);
        let (crc32, size) = (crc32fast::hash(&self.piece), self.piece.len() as u64);
        self.piece.clear();
        self.write(&GZIP_HEADER)?;
        let compressed = std::mem::take(&mut self.compressed);
        self.write(&compressed)?;
        self.compressed = compressed;
        self.trailer(crc32, size)
    }

    fn trailer(&mut self, crc32: u32, size: u64) -> Result<(), ArchiveError> {
        self.size += size;
        let mut trailer = crc32.to_le_bytes().to_vec();
        trailer.extend_from_slice(&(size as u32).to_le_bytes());
        self.write(&trailer)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.writer.write_all(bytes).map_err(ArchiveError::Write)
    }

    /// Stored blocks; the last one is empty and final.
    fn stored(&mut self, file: &Arc<File>, stream: &Stream) -> Result<(), ArchiveError> {
        let mut done = 0;
        while done < stream.size {
            let length = (stream.size - done).min(STORED_BLOCK);
            self.write(&stored_header(length as u16))?;
            self.writer
                .copy_ahead(file, stream.offset + done, length, |_, _| {})?;
            done += length;
        }
        self.write(&LAST_BLOCK)
    }
}

impl<W: Write + Send + 'static> Archive for Members<W> {
    /// Never: there is no index.
    const SEGMENT: u64 = u64::MAX;

    fn own(&mut self, mut bytes: &[u8]) -> Result<(), ArchiveError> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - self.piece.len()));
            self.piece.extend_from_slice(now);
            bytes = later;
            if self.piece.len() == PIECE {
                self.end_piece()?;
            }
        }
        Ok(())
    }

    fn carry(&mut self, file: &Arc<File>, stream: &Stream) -> Result<(), ArchiveError> {
        self.end_piece()?;
        self.write(&GZIP_HEADER)?;
        match stream.coding {
            Coding::Stored if stream.compressed == stream.size => self.stored(file, stream)?,
            Coding::Deflate { end, .. } if end.div_ceil(8) == stream.compressed => {
                self.writer
                    .copy_ahead(file, stream.offset, stream.compressed, |_, _| {})?;
            }
            _ => {
                let reason = "the table of contents contradicts itself";
                let error = io::Error::new(io::ErrorKind::InvalidData, reason);
                return Err(ArchiveError::Read(error));
            }
        }
        self.trailer(stream.crc32, stream.size)
    }

    fn since_cut(&self) -> u64 {
        0
    }

    fn cut(&mut self) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn finish(mut self, last: &[u8], _: Mtime) -> Result<Packed, ArchiveError> {
        self.own(last)?;
        self.end_piece()?;
        let size = self.size;
        let (_, bytes, sha256) = self.writer.finish().map_err(ArchiveError::Write)?;
        Ok(Packed {
            bytes,
            sha256,
            size,
        })
    }
}
