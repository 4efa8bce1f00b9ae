//! One segment of a tarball with an index, inflated alone.
//!
//! Believes nothing of the index: the stream must begin and end where it says, at a block's boundary and not with the last
//! block, and give exactly as many bytes with exactly that CRC. Together with the check of the whole that
//! [`Index::find`](crate::tarball::index::Index::find) makes, no reader can see other bytes than this one.

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::unix::fs::FileExt;

use super::plain::BUFFER;
use crate::tarball::index::Part;
use crate::zip::{Inflater, Step};

/// Bytes of the buffer before inflating.
const INPUT: usize = 64 << 10;

/// Inflates segments, one after another.
pub struct SegmentReader<'a> {
    file: &'a File,
    inflater: Inflater,
    input: Box<[u8]>,
    /// What of `input` is not inflated yet.
    ready: std::ops::Range<usize>,
    output: Box<[u8]>,
    /// What of `output` is not taken yet.
    plain: std::ops::Range<usize>,
    part: Part,
    /// Bytes of the part that were read, and that it has given so far.
    read: u64,
    given: u64,
    crc: crc32fast::Hasher,
    done: bool,
}

impl<'a> SegmentReader<'a> {
    /// A reader of `part`.
    #[must_use]
    pub fn new(file: &'a File, part: Part) -> Self {
        Self {
            file,
            inflater: Inflater::new(),
            input: vec![0; INPUT].into_boxed_slice(),
            ready: 0..0,
            output: vec![0; BUFFER].into_boxed_slice(),
            plain: 0..0,
            part,
            read: 0,
            given: 0,
            crc: crc32fast::Hasher::new(),
            done: false,
        }
    }

    /// Turns to another part, whatever is left of the last one.
    pub fn turn_to(&mut self, part: Part) {
        self.inflater.reset();
        (self.ready, self.plain) = (0..0, 0..0);
        (self.read, self.given, self.done) = (0, 0, false);
        self.crc = crc32fast::Hasher::new();
        self.part = part;
    }

    /// Fills the output as far as the segment goes.
    fn inflate(&mut self) -> io::Result<()> {
        let mut filled = 0;
        while filled < self.output.len() {
            if self.ready.is_empty() && !self.load()? {
                // Whatever the window still holds comes without input.
                let (_, more, step) = self.inflater.step(&[], &mut self.output[filled..]);
                filled += more;
                if more > 0 && matches!(step, Step::More | Step::Block) {
                    continue;
                }
                self.done = true;
                break;
            }
            let input = &self.input[self.ready.clone()];
            let (taken, more, step) = self.inflater.step(input, &mut self.output[filled..]);
            self.ready.start += taken;
            filled += more;
            match step {
                Step::More if taken + more == 0 => return Err(damaged("it cannot be inflated")),
                Step::More | Step::Block => {}
                Step::End { .. } => return Err(damaged("it ends inside a segment")),
                Step::Bad => return Err(damaged("it cannot be inflated")),
            }
        }
        self.crc.update(&self.output[..filled]);
        self.given += filled as u64;
        self.plain = 0..filled;
        if self.given > self.part.segment.size {
            return Err(damaged("a segment is longer than the index states"));
        }
        if self.done {
            return self.finish();
        }
        Ok(())
    }

    /// Reads more of the part; false at its end.
    fn load(&mut self) -> io::Result<bool> {
        let left = self.part.segment.compressed - self.read;
        let length = INPUT.min(usize::try_from(left).unwrap_or(INPUT));
        let offset = self.part.offset + self.read;
        self.file.read_exact_at(&mut self.input[..length], offset)?;
        self.read += length as u64;
        self.ready = 0..length;
        Ok(length > 0)
    }

    fn finish(&self) -> io::Result<()> {
        if !self.inflater.is_between_blocks() {
            return Err(damaged("a segment ends inside a block"));
        }
        if self.given != self.part.segment.size {
            return Err(damaged("a segment is shorter than the index states"));
        }
        if self.crc.clone().finalize() != self.part.segment.crc32 {
            return Err(damaged("a segment's checksum is wrong"));
        }
        Ok(())
    }
}

impl BufRead for SegmentReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.plain.is_empty() && !self.done {
            self.inflate()?;
        }
        Ok(&self.output[self.plain.clone()])
    }

    fn consume(&mut self, length: usize) {
        self.plain.start = self.plain.end.min(self.plain.start + length);
    }
}

impl Read for SegmentReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?;
        let length = bytes.len().min(buffer.len());
        buffer[..length].copy_from_slice(&bytes[..length]);
        self.consume(length);
        Ok(length)
    }
}

pub(super) fn damaged(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
