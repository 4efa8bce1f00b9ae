//! A Zstandard file (RFC 8878): one frame, or many that can each be read alone.
//!
//! Streams are inflated and compressed again, unless their frames are cached (see [`super::frame_cache`]). Every frame ends with
//! a checksum. Behind many frames stand two skippable ones, which readers pass over: a mark that each frame begins with a tar
//! entry, and the seek table of Zstandard's seekable format (its `contrib/seekable_format`), whose entries have 32 bits.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use zstd::stream::raw::{CParameter, Encoder, InBuffer, Operation, OutBuffer};

use super::archive::Archive;
use super::model::{ArchiveError, Frame, Packed, PackedRun};
use super::tar::Mtime;
use super::writer::Writer;
use crate::entries::Stream;
use crate::zip;
use pannier_base::digest::Digest;

/// The level of the `zstd` program, too: higher ones cost a multiple of the time and of the memory for some percent.
pub(super) const LEVEL: i32 = 3;

/// Bytes of one read of a carried file.
const BUFFER: usize = 64 << 10;

/// The skippable frame that says that frames begin with entries, as Pannier writes them.
pub(super) const MARK: [u8; 23] = *b"\x50\x2a\x4d\x18\x0f\x00\x00\x00pannier-index-1";

/// Magic numbers of the seekable format: of its skippable frame, and at its end.
pub(super) const TABLE: [u8; 4] = 0x184D_2A5E_u32.to_le_bytes();
pub(super) const SEEKABLE: [u8; 4] = 0x8F92_EAB1_u32.to_le_bytes();

/// Most frames that a seek table may list.
pub(super) const MOST_FRAMES: usize = 0x0800_0000;

/// The first bytes of a Zstandard frame, and the last three of a skippable one's magic number (RFC 8878, 3.1).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];

/// Writes one frame, or many.
pub(super) struct Framer<W: Write> {
    writer: Writer<W>,
    encoder: Encoder<'static>,
    /// Whether cuts are made.
    many: bool,
    frames: Vec<Frame>,
    /// Where the frame that has not ended starts, and what it holds so far.
    start: u64,
    size: u64,
}

impl<W: Write + Send + 'static> Framer<W> {
    /// Nothing is written yet.
    pub(super) fn new(out: W, many: bool) -> Result<Self, ArchiveError> {
        let mut encoder = Encoder::new(LEVEL).map_err(ArchiveError::Write)?;
        encoder
            .set_parameter(CParameter::ChecksumFlag(true))
            .map_err(ArchiveError::Write)?;
        Ok(Self {
            writer: Writer::new(out),
            encoder,
            many,
            frames: Vec::new(),
            start: 0,
            size: 0,
        })
    }

    /// Ends the last frame; no seek table follows. Gives the output and the frames in it.
    pub(super) fn into_frames(mut self) -> Result<(W, Vec<Frame>), ArchiveError> {
        self.end_frame()?;
        let (out, ..) = self.writer.finish().map_err(ArchiveError::Write)?;
        Ok((out, self.frames))
    }

    /// Adds a run that was packed before.
    pub(super) fn append(&mut self, run: &PackedRun) -> Result<(), ArchiveError> {
        self.cut()?;
        let length = run.frames.iter().map(|frame| frame.compressed).sum();
        self.writer.copy(&run.file, 0, length)?;
        self.frames.extend_from_slice(&run.frames);
        self.start = self.writer.position();
        Ok(())
    }

    fn end_frame(&mut self) -> Result<(), ArchiveError> {
        if self.size == 0 {
            return Ok(());
        }
        loop {
            let space = self.writer.space(u64::MAX).map_err(ArchiveError::Write)?;
            let mut out = OutBuffer::around(space);
            let left = self.encoder.finish(&mut out, true);
            let written = out.pos();
            self.writer.advance(written);
            if left.map_err(ArchiveError::Write)? == 0 {
                break;
            }
        }
        self.encoder.reinit().map_err(ArchiveError::Write)?;
        let here = self.writer.position();
        self.frames.push(Frame {
            compressed: here - self.start,
            size: self.size,
        });
        (self.start, self.size) = (here, 0);
        Ok(())
    }

    /// The two skippable frames; none where a frame is too long for the table.
    fn table(&mut self) -> Result<(), ArchiveError> {
        let Some(table) = table(&self.frames) else {
            return Ok(());
        };
        self.writer.write_all(&MARK).map_err(ArchiveError::Write)?;
        self.writer.write_all(&table).map_err(ArchiveError::Write)
    }
}

/// The seek table of these frames, as a skippable frame.
fn table(frames: &[Frame]) -> Option<Vec<u8>> {
    if frames.len() < 2 || frames.len() > MOST_FRAMES {
        return None;
    }
    let length = u32::try_from(frames.len() * 8 + 9).ok()?;
    let mut table = [TABLE, length.to_le_bytes()].concat();
    for frame in frames {
        for number in [frame.compressed, frame.size] {
            table.extend_from_slice(&u32::try_from(number).ok()?.to_le_bytes());
        }
    }
    table.extend_from_slice(&(frames.len() as u32).to_le_bytes());
    table.push(0);
    table.extend_from_slice(&SEEKABLE);
    Some(table)
}

impl<W: Write + Send + 'static> Archive for Framer<W> {
    /// Larger than gzip's segments: every frame starts with an empty window.
    const SEGMENT: u64 = 4 << 20;

    fn own(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        let mut input = InBuffer::around(bytes);
        while input.pos() < bytes.len() {
            let space = self.writer.space(u64::MAX).map_err(ArchiveError::Write)?;
            let mut out = OutBuffer::around(space);
            let ran = self.encoder.run(&mut input, &mut out);
            let written = out.pos();
            self.writer.advance(written);
            ran.map_err(ArchiveError::Write)?;
        }
        self.size += bytes.len() as u64;
        Ok(())
    }

    fn carry(&mut self, file: &Arc<File>, stream: &Stream) -> Result<(), ArchiveError> {
        let mut content = zip::open_entry(file, stream);
        let mut buffer = vec![0; BUFFER.min(usize::try_from(stream.size).unwrap_or(BUFFER) + 1)];
        loop {
            match content.read(&mut buffer).map_err(ArchiveError::Read)? {
                0 => return Ok(()),
                read => self.own(&buffer[..read])?,
            }
        }
    }

    fn since_cut(&self) -> u64 {
        self.size
    }

    fn cut(&mut self) -> Result<(), ArchiveError> {
        if self.many { self.end_frame() } else { Ok(()) }
    }

    fn finish(mut self, last: &[u8], _: Mtime) -> Result<Packed, ArchiveError> {
        self.own(last)?;
        self.end_frame()?;
        self.table()?;
        let size = self.frames.iter().map(|frame| frame.size).sum();
        let (_, bytes, sha256) = self.writer.finish().map_err(ArchiveError::Write)?;
        Ok(Packed {
            bytes,
            sha256,
            size,
        })
    }
}

/// The frames that a seek table behind Pannier's mark lists, found from the end of a file of `length` bytes, and where the
/// mark stands. `None`: there is no such table.
///
/// # Errors
/// What reading gives.
pub(super) fn listed(file: &File, length: u64) -> io::Result<Option<(Vec<Frame>, u64)>> {
    let mut end = [0; 9];
    let Some(at) = length.checked_sub(end.len() as u64) else {
        return Ok(None);
    };
    file.read_exact_at(&mut end, at)?;
    let count = u32::from_le_bytes([end[0], end[1], end[2], end[3]]) as usize;
    if end[4] != 0 || end[5..] != SEEKABLE || !(2..=MOST_FRAMES).contains(&count) {
        return Ok(None);
    }
    let body = count as u64 * 8 + 9;
    let Some(mark) = length.checked_sub(body + 8 + MARK.len() as u64) else {
        return Ok(None);
    };
    // Bounded by the file's length: no list of lengths that nobody wrote.
    let mut table = vec![0; (length - mark) as usize];
    file.read_exact_at(&mut table, mark)?;
    let header = [TABLE, (body as u32).to_le_bytes()].concat();
    let Some(list) = table
        .strip_prefix(&MARK)
        .and_then(|rest| rest.strip_prefix(&header[..]))
    else {
        return Ok(None);
    };
    let number =
        |bytes: &[u8]| u64::from(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    let frames = list[..count * 8].chunks_exact(8).map(|entry| Frame {
        compressed: number(&entry[..4]),
        size: number(&entry[4..]),
    });
    Ok(Some((frames.collect(), mark)))
}

/// Whether a file that begins so is Zstandard. A pipe may give fewer bytes than asked for; four are there in any real one.
pub(super) fn is_zstd(start: &[u8]) -> bool {
    start.starts_with(&ZSTD)
        || (start.len() >= 4 && start[0] & 0xf0 == 0x50 && start[1..4] == SKIPPABLE)
}

/// What identifies how frames are made: kept ones of another kind are not used.
pub(super) fn kind() -> Digest {
    Digest::of(
        format!(
            "frames 1, zstd {}, level {LEVEL}",
            zstd::zstd_safe::version_string()
        )
        .as_bytes(),
    )
}
