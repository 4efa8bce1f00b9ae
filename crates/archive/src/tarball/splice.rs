//! One gzip member (RFC 1952) from deflate streams that exist already and pieces of our own between them.
//!
//! Streams are carried over as they are: the last block's final bit is cleared, the byte boundary is reached with an empty
//! stored block, and the CRCs are combined. Every piece of our own starts with an empty window and ends with a sync flush,
//! so its bytes depend on nothing before it. Never carries a stream that was not verified: [`Stream`] is the verdict.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use crc32fast::Hasher as Crc;
use flate2::{Compress, Compression};

use super::archive::Archive;
use super::gzip::{GZIP_HEADER, LAST_BLOCK, PIECE, STORED_BLOCK, deflate_piece, stored_header};
use super::index;
use super::model::{ArchiveError, Packed, Run};
use super::segment::{self, Segment};
use super::small_block;
use super::tar::Mtime;
use super::writer::Writer;
use crate::entries::{Coding, Stream};

/// Length and its complement of a stored block without content (RFC 1951, 3.2.4), at a byte boundary.
const EMPTY_STORED: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Level of our own pieces that are not short: they are a few percent of the file, and level 6 would take a fifth of the whole
/// time to make that file a quarter of a percent smaller.
const LEVEL: Compression = Compression::new(1);

/// Where a segment starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    /// In the file, in bytes.
    offset: u64,
    /// Segments before it.
    segments: usize,
}

/// Writes one gzip member.
pub struct Splicer<W: Write> {
    writer: Writer<W>,
    segments: Vec<Segment>,
    /// Of the segment that has not ended yet; its compressed bytes start at `start`.
    crc: Crc,
    start: u64,
    size: u64,
    piece: Vec<u8>,
    compress: Compress,
    compressed: Vec<u8>,
}

impl<W: Write + Send + 'static> Splicer<W> {
    /// Writes the header.
    pub fn new(out: W) -> Result<Self, ArchiveError> {
        let mut writer = Writer::new(out);
        writer
            .write_all(&GZIP_HEADER)
            .map_err(ArchiveError::Write)?;
        Ok(Self {
            writer,
            segments: Vec::new(),
            crc: Crc::new(),
            start: GZIP_HEADER.len() as u64,
            size: 0,
            piece: Vec::with_capacity(PIECE),
            compress: Compress::new(LEVEL, false),
            compressed: Vec::new(),
        })
    }

    /// Ends a segment and gives the place where the next one starts, for [`Self::since`].
    pub(super) fn mark(&mut self) -> Result<Mark, ArchiveError> {
        self.cut()?;
        Ok(Mark {
            offset: self.writer.position(),
            segments: self.segments.len(),
        })
    }

    /// Ends a segment, and gives all segments since the mark.
    pub(super) fn since(&mut self, mark: Mark) -> Result<Run, ArchiveError> {
        self.cut()?;
        Ok(Run {
            offset: mark.offset,
            length: self.writer.position() - mark.offset,
            segments: self.segments[mark.segments..].to_vec(),
        })
    }

    /// Adds a run of `file`, a tarball made here. Segments start at a byte boundary with an empty window, so they can be
    /// carried over like the streams of wheels.
    pub(super) fn replay(&mut self, file: &File, run: &Run) -> Result<(), ArchiveError> {
        self.cut()?;
        self.writer.copy(file, run.offset, run.length)?;
        self.segments.extend_from_slice(&run.segments);
        self.start = self.writer.position();
        Ok(())
    }

    /// Adds bytes of our own as stored blocks: readable without inflating.
    fn stored(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.end_piece()?;
        self.crc.update(bytes);
        self.size += bytes.len() as u64;
        for block in bytes.chunks(STORED_BLOCK as usize) {
            let header = stored_header(block.len() as u16);
            self.writer
                .write_all(&header)
                .map_err(ArchiveError::Write)?;
            self.writer.write_all(block).map_err(ArchiveError::Write)?;
        }
        Ok(())
    }

    fn end_piece(&mut self) -> Result<(), ArchiveError> {
        if self.piece.is_empty() {
            return Ok(());
        }
        self.crc.update(&self.piece);
        self.size += self.piece.len() as u64;
        if self.piece.len() <= small_block::MOST {
            self.compressed.clear();
            small_block::deflate(&self.piece, &mut self.compressed);
        } else {
            deflate_piece(&mut self.compress, &self.piece, &mut self.compressed);
        }
        self.piece.clear();
        self.writer
            .write_all(&self.compressed)
            .map_err(ArchiveError::Write)
    }

    fn carry_deflate(
        &mut self,
        file: &Arc<File>,
        stream: &Stream,
        bits: Bits,
    ) -> Result<(), ArchiveError> {
        self.writer
            .copy_ahead(file, stream.offset, stream.compressed, |at, bytes| {
                bits.clear(at, bytes);
            })?;
        self.writer
            .write_all(bits.alignment())
            .map_err(ArchiveError::Write)
    }

    /// Stored blocks: the program that made the container did not compress them, so this does not try again.
    fn carry_stored(&mut self, file: &Arc<File>, stream: &Stream) -> Result<(), ArchiveError> {
        let mut done = 0;
        while done < stream.size {
            let length = (stream.size - done).min(STORED_BLOCK);
            let header = stored_header(length as u16);
            self.writer
                .write_all(&header)
                .map_err(ArchiveError::Write)?;
            self.writer
                .copy_ahead(file, stream.offset + done, length, |_, _| {})?;
            done += length;
        }
        Ok(())
    }
}

impl<W: Write + Send + 'static> Archive for Splicer<W> {
    /// Small enough for several threads to share the work of a small tarball, large enough for the index to stay below one
    /// part in ten thousand.
    const SEGMENT: u64 = 512 << 10;

    /// Adds bytes of our own.
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

    /// Adds the file of a verified stream, without decoding it.
    fn carry(&mut self, file: &Arc<File>, stream: &Stream) -> Result<(), ArchiveError> {
        self.end_piece()?;
        match stream.coding {
            Coding::Stored if stream.compressed == stream.size => {
                self.carry_stored(file, stream)?
            }
            Coding::Deflate { last_block, end }
                if last_block + 3 <= end && end.div_ceil(8) == stream.compressed =>
            {
                self.carry_deflate(file, stream, Bits { last_block, end })?;
            }
            _ => {
                let reason = "the table of contents contradicts itself";
                return Err(ArchiveError::Read(io::Error::new(
                    io::ErrorKind::InvalidData,
                    reason,
                )));
            }
        }
        self.crc
            .combine(&Crc::new_with_initial_len(stream.crc32, stream.size));
        self.size += stream.size;
        Ok(())
    }

    /// Bytes of the archive since the last cut.
    fn since_cut(&self) -> u64 {
        self.size + self.piece.len() as u64
    }

    /// Ends a segment: what follows starts at a byte boundary and with an empty window, and refers to nothing before it.
    fn cut(&mut self) -> Result<(), ArchiveError> {
        self.end_piece()?;
        if self.size == 0 {
            return Ok(());
        }
        let here = self.writer.position();
        self.segments.push(Segment {
            compressed: here - self.start,
            size: self.size,
            crc32: std::mem::take(&mut self.crc).finalize(),
        });
        (self.start, self.size) = (here, 0);
        Ok(())
    }

    /// The index of the segments, the last entry, then the end of the member: last block, CRC-32, length modulo 2^32.
    fn finish(mut self, last: &[u8], mtime: Mtime) -> Result<Packed, ArchiveError> {
        self.cut()?;
        if self.segments.len() < 2 {
            // Nothing to share between threads: no index.
            self.own(last)?;
        } else {
            let start = self.writer.position();
            let [front, back] = index::tail(&self.segments, start, last, mtime);
            self.stored(&front)?;
            self.stored(&back)?;
        }
        self.cut()?;
        let (crc, size) = segment::whole(&self.segments);
        let mut trailer = LAST_BLOCK.to_vec();
        trailer.extend_from_slice(&crc.to_le_bytes());
        trailer.extend_from_slice(&(size as u32).to_le_bytes());
        self.writer
            .write_all(&trailer)
            .map_err(ArchiveError::Write)?;
        let (_, bytes, sha256) = self.writer.finish().map_err(ArchiveError::Write)?;
        Ok(Packed {
            bytes,
            sha256,
            size,
        })
    }
}

/// The two bit offsets of a deflate stream that splicing needs.
#[derive(Clone, Copy)]
struct Bits {
    last_block: u64,
    end: u64,
}

impl Bits {
    /// Clears the final bit and whatever stands behind the end, where these lie in `bytes`, which start at byte `at`.
    fn clear(self, at: u64, bytes: &mut [u8]) {
        let mut mask = |bit: u64, mask: u8| {
            let index = (bit / 8).checked_sub(at).map(usize::try_from);
            if let Some(byte) = index.and_then(|index| bytes.get_mut(index.ok()?)) {
                *byte &= mask;
            }
        };
        mask(self.last_block, !(1 << (self.last_block % 8)));
        if !self.end.is_multiple_of(8) {
            mask(self.end, (1 << (self.end % 8)) - 1);
        }
    }

    /// What brings the stream to a byte boundary: nothing when it ends at one, else an empty stored block, whose header of
    /// three zero bits fits into the last byte or needs one more.
    fn alignment(self) -> &'static [u8] {
        const WITH_HEADER: [u8; 5] = [0, 0, 0, 0xff, 0xff];
        match self.end % 8 {
            0 => &[],
            1..=5 => &EMPTY_STORED,
            _ => &WITH_HEADER,
        }
    }
}
