//! The index of a pack, version 2: where each object begins. Written from what was scanned, and looked into without reading
//! it whole.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;

use sha1_checked::{Digest as _, Sha1};

use super::scan::Entry;
use super::{ID, Id, PackError, hash};

/// The first bytes of an index of version 2.
const MAGIC: [u8; 8] = [0xff, b't', b'O', b'c', 0, 0, 0, 2];

/// Where the ids begin: behind the magic bytes and 256 counts.
const IDS: u64 = 8 + 256 * 4;

/// An offset that stands in the table of long ones.
const LONG: u32 = 1 << 31;

/// An index that can be asked.
pub(super) struct Index {
    file: File,
    /// How many objects have an id that begins with at most this byte.
    counts: Box<[u32; 256]>,
}

impl Index {
    /// Takes the file when it is an index of version 2 and long enough for what it says to hold.
    pub(super) fn open(file: File) -> Result<Self, PackError> {
        let mut head = [0; IDS as usize];
        let length = file.metadata()?.len();
        match file.read_exact_at(&mut head, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(PackError::Index("it ends within its head"));
            }
            read => read?,
        }
        if head[..8] != MAGIC {
            return Err(PackError::Index("it is none of version 2"));
        }
        let mut counts = Box::new([0; 256]);
        for (count, bytes) in counts.iter_mut().zip(head[8..].chunks_exact(4)) {
            *count = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        if !counts.is_sorted() {
            return Err(PackError::Index("its counts go down"));
        }
        let index = Self { file, counts };
        if length < index.offsets() + 4 * index.all() + 2 * ID as u64 {
            return Err(PackError::Index("it is shorter than its counts say"));
        }
        Ok(index)
    }

    fn all(&self) -> u64 {
        u64::from(self.counts[255])
    }

    /// Where the offsets begin: behind the ids and the checksums.
    fn offsets(&self) -> u64 {
        IDS + self.all() * (ID as u64 + 4)
    }

    /// Where the object begins in the pack, if it is there.
    pub(super) fn find(&self, id: &Id) -> Result<Option<u64>, PackError> {
        let first = usize::from(id[0]);
        let below = first.checked_sub(1).map_or(0, |it| self.counts[it]);
        let (mut low, mut high) = (u64::from(below), u64::from(self.counts[first]));
        while low < high {
            let middle = low.midpoint(high);
            let mut found = [0; ID];
            self.file
                .read_exact_at(&mut found, IDS + middle * ID as u64)?;
            match found.cmp(id) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return self.offset(middle).map(Some),
            }
        }
        Ok(None)
    }

    fn offset(&self, place: u64) -> Result<u64, PackError> {
        let short = self.number(self.offsets() + 4 * place)?;
        let Some(long) = short.checked_sub(LONG) else {
            return Ok(u64::from(short));
        };
        let at = self.offsets() + 4 * self.all() + 8 * u64::from(long);
        Ok(u64::from(self.number(at)?) << 32 | u64::from(self.number(at + 4)?))
    }

    fn number(&self, at: u64) -> Result<u32, PackError> {
        let mut bytes = [0; 4];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(u32::from_be_bytes(bytes))
    }
}

/// Writes the index of the pack that ends with `checksum`; the entries are sorted by id.
pub(super) fn write(entries: &[Entry], checksum: &Id, out: &File) -> Result<(), PackError> {
    let mut out = Summed {
        out: BufWriter::new(out),
        sha1: hash::checksum(),
    };
    out.write_all(&MAGIC)?;
    let mut before = 0;
    for byte in 0..=u8::MAX {
        before += entries[before..].partition_point(|it| it.id[0] <= byte);
        out.write_all(&(before as u32).to_be_bytes())?;
    }
    for entry in entries {
        out.write_all(&entry.id)?;
    }
    for entry in entries {
        out.write_all(&entry.crc32.to_be_bytes())?;
    }
    let mut long = Vec::new();
    for entry in entries {
        let short = match u32::try_from(entry.at) {
            Ok(short) if short < LONG => short,
            _ => {
                long.push(entry.at);
                LONG | (long.len() - 1) as u32
            }
        };
        out.write_all(&short.to_be_bytes())?;
    }
    for at in long {
        out.write_all(&at.to_be_bytes())?;
    }
    out.write_all(checksum)?;
    let sum = hash::finish(out.sha1)?;
    out.out.write_all(&sum)?;
    Ok(out.out.flush()?)
}

struct Summed<W> {
    out: W,
    sha1: Sha1,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.sha1.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_found_beyond_two_gigabytes_too() {
        let places = [12, u64::from(LONG) - 1, u64::from(LONG), 1 << 40];
        let mut entries: Vec<Entry> = places
            .iter()
            .zip([[3; ID], [0; ID], [0xff; ID], [4; ID]])
            .map(|(at, id)| Entry {
                id,
                crc32: 0,
                at: *at,
            })
            .collect();
        entries.sort_unstable_by_key(|it| it.id);
        let file = tempfile::tempfile().unwrap();
        write(&entries, &[9; ID], &file).unwrap();
        let index = Index::open(file).unwrap();
        for entry in &entries {
            assert_eq!(index.find(&entry.id).unwrap(), Some(entry.at));
        }
        assert_eq!(index.find(&[5; ID]).unwrap(), None);
    }

    #[test]
    fn what_is_no_index_is_refused() {
        let opened = |bytes: &[u8]| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(bytes).unwrap();
            Index::open(file).is_ok()
        };
        let mut bytes = MAGIC.to_vec();
        bytes.extend([0; 256 * 4]);
        bytes.extend([0; 2 * ID]);
        assert!(opened(&bytes));
        assert!(!opened(&bytes[..bytes.len() - 1]));
        assert!(!opened(&bytes[..100]));
        bytes[8] = 1;
        assert!(!opened(&bytes));
        bytes[0] = 0;
        assert!(!opened(&bytes));
    }
}
