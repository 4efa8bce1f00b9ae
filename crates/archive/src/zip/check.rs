//! One entry's data, read from its first byte to its last: inflate from an empty window, count, CRC-32, SHA-256, block positions.
//!
//! Holds one buffer of each side, whatever the entry's size.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::directory::{Kind, Record};
use super::error::{Rule, ZipError};
use super::inflate::{Inflater, Step};
use crate::entries::{Coding, Content, PackEntry, Stream};
use pannier_base::digest::{Digest, Hasher};

const INPUT: usize = 64 << 10;
const OUTPUT: usize = 128 << 10;

/// The buffers and the inflater of one thread.
pub struct Checker<'a> {
    file: &'a File,
    inflater: Inflater,
    input: Box<[u8]>,
    output: Box<[u8]>,
}

/// What the content comes to while it flows by.
struct Tally {
    size: u64,
    crc32: crc32fast::Hasher,
    sha256: Hasher,
    /// The content itself, of symbolic links only.
    target: Option<Vec<u8>>,
}

impl Tally {
    fn new(record: &Record) -> Self {
        Self {
            size: 0,
            crc32: crc32fast::Hasher::new(),
            sha256: Hasher::default(),
            target: (record.kind == Kind::Symlink).then(Vec::new),
        }
    }

    /// Takes the next bytes, but none beyond the size that `record` states.
    fn take(&mut self, record: &Record, bytes: &[u8]) -> Result<(), ZipError> {
        self.size += bytes.len() as u64;
        if self.size > record.size {
            let detail = format!(
                "its content is longer than the {} bytes stated",
                record.size
            );
            return Err(record.refuse(Rule::SizeMismatch, detail));
        }
        self.crc32.update(bytes);
        self.sha256.update(bytes);
        if let Some(target) = &mut self.target {
            target.extend_from_slice(bytes);
        }
        Ok(())
    }
}

/// What an entry's data came to, beyond what its record says.
#[derive(Debug)]
pub struct Found {
    sha256: Digest,
    coding: Coding,
}

impl Found {
    /// The entry of `record`, whose data starts at `start`, and is `target` if it is a symbolic link.
    pub fn entry(&self, record: &Record, start: u64, target: String) -> PackEntry {
        let stream = Stream {
            offset: start,
            compressed: record.compressed,
            size: record.size,
            crc32: record.crc32,
            sha256: self.sha256,
            coding: self.coding,
        };
        let content = match record.kind {
            Kind::Directory => Content::Directory,
            Kind::File { executable } => Content::File { executable, stream },
            Kind::Symlink => Content::Symlink { target },
        };
        let path = record.path().to_owned();
        PackEntry { path, content }
    }
}

impl<'a> Checker<'a> {
    /// Buffers for `file`.
    pub fn new(file: &'a File) -> Self {
        Self {
            file,
            inflater: Inflater::new(),
            input: vec![0; INPUT].into(),
            output: vec![0; OUTPUT].into(),
        }
    }

    /// Reads the whole of `record`'s data, which starts at `start`.
    pub fn entry(&mut self, record: &Record, start: u64) -> Result<Found, ZipError> {
        self.read(record, start).map(|(found, _)| found)
    }

    /// What a symbolic link says, read again: there may be as many links as files. Empty for everything else.
    pub fn target(&mut self, record: &Record, start: u64) -> Result<String, ZipError> {
        match record.kind {
            Kind::Symlink => self.read(record, start).map(|(_, target)| target),
            _ => Ok(String::new()),
        }
    }

    fn read(&mut self, record: &Record, start: u64) -> Result<(Found, String), ZipError> {
        let mut tally = Tally::new(record);
        let coding = if record.method == 0 {
            self.stored(record, start, &mut tally)?
        } else {
            self.deflated(record, start, &mut tally)?
        };
        if tally.size != record.size {
            let detail = format!(
                "its content has {} bytes, {} are stated",
                tally.size, record.size
            );
            return Err(record.refuse(Rule::SizeMismatch, detail));
        }
        let crc32 = tally.crc32.finalize();
        if crc32 != record.crc32 {
            let detail = format!(
                "its content has CRC {crc32:08x}, {:08x} is stated",
                record.crc32
            );
            return Err(record.refuse(Rule::CrcMismatch, detail));
        }
        let target = target(record, tally.target)?;
        let sha256 = tally.sha256.finish();
        Ok((Found { sha256, coding }, target))
    }

    fn stored(
        &mut self,
        record: &Record,
        start: u64,
        tally: &mut Tally,
    ) -> Result<Coding, ZipError> {
        let mut done = 0;
        while done < record.compressed {
            let length = chunk(record.compressed - done, INPUT);
            self.file
                .read_exact_at(&mut self.input[..length], start + done)?;
            tally.take(record, &self.input[..length])?;
            done += length as u64;
        }
        Ok(Coding::Stored)
    }

    fn deflated(
        &mut self,
        record: &Record,
        start: u64,
        tally: &mut Tally,
    ) -> Result<Coding, ZipError> {
        self.inflater.reset();
        let (mut read, mut from, mut to) = (0, 0, 0);
        let (last_block, end) = loop {
            if from == to && read < record.compressed {
                to = chunk(record.compressed - read, INPUT);
                self.file
                    .read_exact_at(&mut self.input[..to], start + read)?;
                (from, read) = (0, read + to as u64);
            }
            let (taken, written, step) =
                self.inflater.step(&self.input[from..to], &mut self.output);
            from += taken;
            tally.take(record, &self.output[..written])?;
            match step {
                Step::End { last_block, end } => break (last_block, end),
                Step::Bad => {
                    let detail = "its data is not one complete deflate stream";
                    return Err(record.refuse(Rule::BadDeflate, detail));
                }
                // All was given, or it would have gone on.
                Step::More if taken == 0 && written == 0 => {
                    let detail = "its data ends before its last block does";
                    return Err(record.refuse(Rule::TruncatedStream, detail));
                }
                Step::More | Step::Block => {}
            }
        };
        let behind = record.compressed.saturating_sub(end.div_ceil(8));
        if behind != 0 {
            let detail = format!("{behind} bytes follow the end of its deflate stream");
            return Err(record.refuse(Rule::TrailingCompressedData, detail));
        }
        Ok(Coding::Deflate { last_block, end })
    }
}

/// The smaller of what is left and what fits.
fn chunk(left: u64, room: usize) -> usize {
    usize::try_from(left).unwrap_or(room).min(room)
}

/// What a link says.
fn target(record: &Record, bytes: Option<Vec<u8>>) -> Result<String, ZipError> {
    match String::from_utf8(bytes.unwrap_or_default()) {
        Ok(target) if !target.contains('\0') => Ok(target),
        _ => Err(record.refuse(
            Rule::BadName,
            "its link target is not UTF-8 or contains a NUL",
        )),
    }
}
