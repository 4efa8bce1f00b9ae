//! The index of a tarball: where threads may start to inflate, travelling inside where every tar ignores it.
//!
//! The tarball is cut into segments. Each begins with a tar entry, at a byte boundary and with an empty window, so it can be
//! inflated alone. The list of segments is the `comment` of a pax global header (POSIX.1-2001: readers ignore comments; git
//! writes its commits there), the last thing but the manifest's folder and the end of the archive. Both are stored, not
//! compressed, and everything behind the comment has a fixed length, so that the list is found from the end of the file:
//!
//! ```text
//! … segments │ stored: global header, comment … │ stored: last block of the comment, folder, two zero blocks │ 03 00 │ CRC ISIZE
//!            ╰ START                            …<base64>.<START as 16 hexadecimal digits>.pannier-index-1\n ╯
//! ```
//! Decides nothing about trust: users of an index check every segment against the stream.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use thiserror::Error;

use super::frames::{self, is_zstd};
use super::gzip::{GZIP_HEADER, LAST_BLOCK, stored_header};
use super::model::Frame;
use super::segment::{Segment, whole};
use super::tar::{BLOCK, END, Mtime, global};

/// What stands behind the index: the header of a folder, and the end of the archive.
pub(super) const LAST: usize = BLOCK + END.len();

/// Ends the comment; tells the version of the format.
const MAGIC: &str = ".pannier-index-1\n";

/// Hexadecimal digits of the offset.
const DIGITS: usize = 16;

/// CRC-32 and length (RFC 1952).
const TRAILER: u64 = 8;

/// Longest index that is read, in bytes: enough for segments of 512 KiB in a tarball of more than 100 GB.
const LONGEST: u64 = 8 << 20;

/// More than deflate ever gives for one byte (258 bytes for two bits).
const RATIO: u64 = 1100;

/// What a part is packed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Deflate blocks of one gzip member.
    Deflate,
    /// A Zstandard frame; its checksum is in itself, so [`Segment::crc32`] says nothing.
    Zstd,
}

/// The segments of one tarball.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// What every part is packed as.
    pub coding: Coding,
    /// Length of the file in bytes.
    pub length: u64,
    /// The segments that the index lists, and then the part that holds the index itself: together the whole archive.
    pub parts: Vec<Part>,
}

/// A segment with its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Where it starts in the file, in bytes.
    pub offset: u64,
    /// What it is.
    pub segment: Segment,
}

/// Why an index cannot be followed.
#[derive(Debug, Error)]
pub enum IndexError {
    /// The file cannot be read.
    #[error("cannot read the index")]
    Read(#[source] io::Error),
    /// There is an index, but it is none that Pannier writes.
    #[error("the index contradicts the file: {0}")]
    Contradiction(&'static str),
}

/// The two runs of stored bytes that end an archive whose index starts at `start` in the gzip file.
pub(super) fn tail(segments: &[Segment], start: u64, last: &[u8], mtime: Mtime) -> [Vec<u8>; 2] {
    let list = postcard::to_stdvec(segments).expect("numbers in memory can be written");
    let list = STANDARD_NO_PAD.encode(list);
    let end = format!("{list}.{start:0DIGITS$x}{MAGIC}");
    let (mut length, mut front) = (0, String::new());
    // The record fills its blocks, so that nothing stands between the comment's end and the next header.
    while front.len() + end.len() > length || length == 0 {
        length += BLOCK;
        front = format!("{length} comment=");
    }
    let fill = ".".repeat(length - front.len() - end.len());
    let mut bytes = global(length as u64, mtime).to_vec();
    bytes.extend_from_slice(format!("{front}{fill}{end}").as_bytes());
    let mut back = bytes.split_off(bytes.len() - BLOCK);
    back.extend_from_slice(last);
    debug_assert_eq!(back.len(), BLOCK + LAST);
    [bytes, back]
}

impl Index {
    /// Looks for the index of a tarball of `length` bytes. `None`: it has none.
    ///
    /// # Errors
    /// [`IndexError`]: the file cannot be read, or has an index that cannot be right.
    pub fn find(file: &File, length: u64) -> Result<Option<Self>, IndexError> {
        let mut start = [0; 4];
        if length >= 4 {
            file.read_exact_at(&mut start, 0)
                .map_err(IndexError::Read)?;
        }
        if is_zstd(&start) {
            Self::of_frames(file, length)
        } else {
            Self::of_gzip(file, length)
        }
    }

    /// The seek table of a Zstandard file.
    fn of_frames(file: &File, length: u64) -> Result<Option<Self>, IndexError> {
        let wrong = IndexError::Contradiction;
        let found = frames::listed(file, length).map_err(IndexError::Read)?;
        let Some((frames, end)) = found else {
            return Ok(None);
        };
        let mut offset = 0;
        let mut parts = Vec::with_capacity(frames.len());
        for Frame { compressed, size } in frames {
            if compressed == 0 || size == 0 || size % BLOCK as u64 != 0 {
                return Err(wrong("a frame is not a run of entries"));
            }
            let segment = Segment {
                compressed,
                size,
                crc32: 0,
            };
            parts.push(Part { offset, segment });
            offset += compressed;
        }
        if offset != end {
            return Err(wrong("its frames leave a gap"));
        }
        Ok(Some(Self {
            coding: Coding::Zstd,
            length,
            parts,
        }))
    }

    fn of_gzip(file: &File, length: u64) -> Result<Option<Self>, IndexError> {
        const BACK: usize = 5 + BLOCK + LAST;
        let behind = LAST_BLOCK.len() as u64 + TRAILER;
        let Some(at) = length.checked_sub(BACK as u64 + behind) else {
            return Ok(None);
        };
        let mut back = [0; BACK + LAST_BLOCK.len() + TRAILER as usize];
        file.read_exact_at(&mut back, at)
            .map_err(IndexError::Read)?;
        let comment = &back[5..5 + BLOCK];
        if !comment.ends_with(MAGIC.as_bytes()) {
            return Ok(None);
        }
        let wrong = IndexError::Contradiction;
        if back[..5] != stored_header((BLOCK + LAST) as u16) || back[BACK..BACK + 2] != LAST_BLOCK {
            return Err(wrong("it is not where an index should be"));
        }
        let digits = &comment[BLOCK - MAGIC.len() - DIGITS..BLOCK - MAGIC.len()];
        let start = std::str::from_utf8(digits)
            .ok()
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .filter(|start| *start < at && at - start <= LONGEST)
            .ok_or(wrong("it starts outside of it"))?;
        let mut front = vec![0; (at - start) as usize];
        file.read_exact_at(&mut front, start)
            .map_err(IndexError::Read)?;
        let mut archive = unstore(&front).ok_or(wrong("it is not stored as an index is"))?;
        archive.extend_from_slice(&back[5..BACK]);
        let segments = list(&archive).ok_or(wrong("its list cannot be read"))?;
        let index = Self::place(segments, start, at + BACK as u64, &archive)?;
        let trailer = &back[BACK + 2..];
        index.check_whole(trailer)?;
        let mut header = [0; GZIP_HEADER.len()];
        file.read_exact_at(&mut header, 0)
            .map_err(IndexError::Read)?;
        if header != GZIP_HEADER {
            return Err(wrong("the file does not begin like one of Pannier's"));
        }
        Ok(Some(index))
    }

    /// Gives each segment its place; `archive` is what the bytes from `start` to `end` hold.
    fn place(
        segments: Vec<Segment>,
        start: u64,
        end: u64,
        archive: &[u8],
    ) -> Result<Self, IndexError> {
        let wrong = IndexError::Contradiction;
        let mut offset = GZIP_HEADER.len() as u64;
        let mut parts = Vec::with_capacity(segments.len() + 1);
        for segment in segments {
            if segment.compressed == 0 || segment.size == 0 || segment.size % BLOCK as u64 != 0 {
                return Err(wrong("a segment is not a run of entries"));
            }
            if segment.size / RATIO > segment.compressed {
                return Err(wrong("a segment is longer than deflate can make it"));
            }
            parts.push(Part { offset, segment });
            offset = offset
                .checked_add(segment.compressed)
                .filter(|offset| *offset <= start)
                .ok_or(wrong("its segments are longer than the file"))?;
        }
        if offset != start {
            return Err(wrong("its segments leave a gap"));
        }
        let segment = Segment {
            compressed: end - start,
            size: archive.len() as u64,
            crc32: crc32fast::hash(archive),
        };
        parts.push(Part { offset, segment });
        Ok(Self {
            coding: Coding::Deflate,
            length: end + LAST_BLOCK.len() as u64 + TRAILER,
            parts,
        })
    }

    /// Compares what the segments make up with the trailer of the gzip file.
    fn check_whole(&self, trailer: &[u8]) -> Result<(), IndexError> {
        let segments: Vec<Segment> = self.parts.iter().map(|part| part.segment).collect();
        let (crc, size) = whole(&segments);
        let expected = [crc.to_le_bytes(), (size as u32).to_le_bytes()].concat();
        if trailer == expected {
            return Ok(());
        }
        let reason = "its checksums do not add up to that of the file";
        Err(IndexError::Contradiction(reason))
    }
}

/// The content of stored blocks.
fn unstore(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::with_capacity(bytes.len());
    while let Some((header, rest)) = bytes.split_first_chunk::<5>() {
        let length = u16::from_le_bytes([header[1], header[2]]);
        if *header != stored_header(length) || length == 0 {
            return None;
        }
        let (block, rest) = rest.split_at_checked(usize::from(length))?;
        content.extend_from_slice(block);
        bytes = rest;
    }
    bytes.is_empty().then_some(content)
}

/// The list in the comment of the global header with which `archive` begins.
fn list(archive: &[u8]) -> Option<Vec<Segment>> {
    let length = archive.len().checked_sub(BLOCK + LAST)?;
    let record = archive.get(BLOCK..BLOCK + length)?;
    let text = std::str::from_utf8(record).ok()?;
    let text = text.strip_prefix(&format!("{length} comment="))?;
    let (text, _) = text.strip_suffix(MAGIC)?.rsplit_once('.')?;
    let list = STANDARD_NO_PAD.decode(text.trim_start_matches('.')).ok()?;
    let (segments, rest) = postcard::take_from_bytes(&list).ok()?;
    rest.is_empty().then_some(segments)
}
