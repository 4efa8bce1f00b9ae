//! One Zstandard frame of a tarball with a seek table, decoded alone.
//!
//! Believes nothing of the table: the frame must end exactly where it says and give exactly as many bytes; the frame's own
//! checksum is checked by the decoder.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::unix::fs::FileExt;

use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

use super::plain::BUFFER;
use super::segment::damaged;
use crate::tarball::index::Part;

/// Bytes of the buffer before decoding.
const INPUT: usize = 64 << 10;

/// Decodes frames, one after another.
pub struct FrameReader<'a> {
    file: &'a File,
    decoder: Decoder<'static>,
    input: Box<[u8]>,
    ready: std::ops::Range<usize>,
    output: Box<[u8]>,
    plain: std::ops::Range<usize>,
    part: Part,
    read: u64,
    given: u64,
    done: bool,
}

impl<'a> FrameReader<'a> {
    /// A reader of `part`.
    ///
    /// # Errors
    /// When the decoder has no memory.
    pub fn new(file: &'a File, part: Part) -> io::Result<Self> {
        Ok(Self {
            file,
            decoder: Decoder::new()?,
            input: vec![0; INPUT].into_boxed_slice(),
            ready: 0..0,
            output: vec![0; BUFFER].into_boxed_slice(),
            plain: 0..0,
            part,
            read: 0,
            given: 0,
            done: false,
        })
    }

    /// Turns to another part, whatever is left of the last one.
    ///
    /// # Errors
    /// What the decoder gives.
    pub fn turn_to(&mut self, part: Part) -> io::Result<()> {
        self.decoder.reinit()?;
        (self.ready, self.plain) = (0..0, 0..0);
        (self.read, self.given, self.done) = (0, 0, false);
        self.part = part;
        Ok(())
    }

    fn decode(&mut self) -> io::Result<()> {
        let mut filled = 0;
        while filled < self.output.len() && !self.done {
            if self.ready.is_empty() {
                self.load()?;
            }
            let mut input = InBuffer::around(&self.input[self.ready.clone()]);
            let mut output = OutBuffer::around(&mut self.output[filled..]);
            let hint = self.decoder.run(&mut input, &mut output)?;
            let (taken, more) = (input.pos(), output.pos());
            self.ready.start += taken;
            filled += more;
            if hint == 0 {
                self.done = true;
            } else if taken + more == 0 && self.read == self.part.segment.compressed {
                return Err(damaged(
                    "a frame is longer than its entry in the seek table",
                ));
            }
        }
        self.given += filled as u64;
        self.plain = 0..filled;
        if self.given > self.part.segment.size {
            return Err(damaged(
                "a frame contains more than its entry in the seek table",
            ));
        }
        let whole = self.given == self.part.segment.size
            && self.read == self.part.segment.compressed
            && self.ready.is_empty();
        if self.done && !whole {
            return Err(damaged("a frame does not match the seek table"));
        }
        Ok(())
    }

    fn load(&mut self) -> io::Result<()> {
        let left = self.part.segment.compressed - self.read;
        let length = INPUT.min(usize::try_from(left).unwrap_or(INPUT));
        let offset = self.part.offset + self.read;
        self.file.read_exact_at(&mut self.input[..length], offset)?;
        self.read += length as u64;
        self.ready = 0..length;
        Ok(())
    }
}

impl BufRead for FrameReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.plain.is_empty() && !self.done {
            self.decode()?;
        }
        Ok(&self.output[self.plain.clone()])
    }

    fn consume(&mut self, length: usize) {
        self.plain.start = self.plain.end.min(self.plain.start + length);
    }
}

impl Read for FrameReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let length = bytes.len().min(buffer.len());
        buffer[..length].copy_from_slice(&bytes[..length]);
        self.consume(length);
        Ok(length)
    }
}
