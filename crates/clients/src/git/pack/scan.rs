//! The one pass over a pack that arrives: it is copied to its file, every entry is inflated and checked, and the objects that
//! stand there as themselves get their ids.

use std::io::{self, BufRead, Read, Write};

use sha1_checked::{Digest as _, Sha1};

use super::entry::{Form, exact, header};
use super::hash::{self, ObjectHash, checksum};
use super::inflate::{Inflated, inflater};
use super::window::read_buffered;
use super::{ID, Id, PackError};

/// Bytes that are taken from the network and written at once.
const BUFFER: usize = 64 << 10;

/// The id of an object that is not known yet.
pub(super) const UNKNOWN: Id = [0; ID];

/// An object of the pack: 32 bytes each in memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// [`UNKNOWN`] as long as it is a difference to something unknown.
    pub(super) id: Id,
    /// CRC-32 of the entry as it lies there.
    pub(super) crc32: u32,
    /// Where it begins.
    pub(super) at: u64,
}

/// What a pack holds.
pub(super) struct Scanned {
    /// In the order of the pack.
    pub(super) entries: Vec<Entry>,
    /// The differences to entries: where the base begins, and the number of the difference among the entries.
    pub(super) to_places: Vec<(u64, u32)>,
    /// The differences to objects.
    pub(super) to_ids: Vec<(Id, u32)>,
    /// Where the checksum begins.
    pub(super) end: u64,
    /// SHA-1 of everything before it.
    pub(super) checksum: Id,
}

/// Most objects of a pack: what is known of each is held in memory.
const MOST: u32 = 50_000_000;

/// Reads a pack to its end, which has to be the input's, and writes it to `copy`.
pub(super) fn scan(input: &mut dyn Read, copy: &mut dyn Write) -> Result<Scanned, PackError> {
    let mut source = Source {
        input,
        copy,
        buffer: vec![0; BUFFER],
        start: 0,
        end: 0,
        at: 0,
        crc32: crc32fast::Hasher::new(),
        sha1: checksum(),
    };
    let mut head = [0; 12];
    exact(&mut source, &mut head, 0)?;
    let number =
        |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    if head[..4] != *b"PACK" || !matches!(number(4), 2 | 3) {
        return Err(PackError::damaged(0, "it is no pack of version 2 or 3"));
    }
    if number(8) > MOST {
        return Err(PackError::damaged(0, "it has more than 50 million objects"));
    }
    let mut scanned = Scanned {
        entries: Vec::new(),
        to_places: Vec::new(),
        to_ids: Vec::new(),
        end: 0,
        checksum: UNKNOWN,
    };
    let mut inflater = inflater();
    for number in 0..number(8) {
        let at = source.at;
        source.crc32 = crc32fast::Hasher::new();
        let header = header(&mut source, at)?;
        let mut content = Inflated::new(&mut inflater, &mut source, header.size, at);
        let id = match header.form {
            Form::Whole(kind) => {
                let mut hash = ObjectHash::new(kind, header.size);
                io::copy(&mut content, &mut hash)?;
                hash.finish()?
            }
            form => {
                match form {
                    Form::DeltaTo(base) => scanned.to_ids.push((base, number)),
                    Form::DeltaAt(base) => scanned.to_places.push((base, number)),
                    Form::Whole(_) => {}
                }
                io::copy(&mut content, &mut io::sink())?;
                UNKNOWN
            }
        };
        let crc32 = source.crc32.clone().finalize();
        scanned.entries.push(Entry { id, crc32, at });
    }
    scanned.end = source.at;
    scanned.checksum = hash::finish(std::mem::replace(&mut source.sha1, checksum()))?;
    let mut said = UNKNOWN;
    exact(&mut source, &mut said, scanned.end)?;
    if said != scanned.checksum {
        return Err(PackError::damaged(scanned.end, "its checksum is another"));
    }
    if !source.fill_buf()?.is_empty() {
        return Err(PackError::damaged(
            source.at,
            "there is something behind its end",
        ));
    }
    scanned.to_places.sort_unstable();
    scanned.to_ids.sort_unstable();
    Ok(scanned)
}

/// The pack on its way into its file.
struct Source<'a> {
    input: &'a mut dyn Read,
    copy: &'a mut dyn Write,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// How much was taken of the pack.
    at: u64,
    crc32: crc32fast::Hasher,
    sha1: Sha1,
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            let read = loop {
                match self.input.read(&mut self.buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => break read?,
                }
            };
            (self.start, self.end) = (0, read);
            self.copy.write_all(&self.buffer[..read])?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, amount: usize) {
        let taken = &self.buffer[self.start..self.start + amount];
        self.crc32.update(taken);
        self.sha1.update(taken);
        self.at += amount as u64;
        self.start += amount;
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, buffer)
    }
}
