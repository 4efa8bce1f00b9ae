//! Objects that others are differences to: small ones in memory as long as all of them are few bytes, the rest in one
//! scratch file.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::PackError;

/// Largest object (in bytes) that is kept in memory.
const SMALL: u64 = 1 << 20;
/// Most bytes of objects that are in memory at once.
const IN_MEMORY: u64 = 8 << 20;
/// Bytes that are copied at once.
const PIECE: usize = 64 << 10;

/// The bytes of an object, to be read at any place. Given back to [`Scratch::free`].
#[derive(Debug)]
pub enum Content {
    /// In memory.
    Memory(Vec<u8>),
    /// In the scratch file.
    Spooled {
        /// Where it begins.
        start: u64,
        /// Its length in bytes.
        length: u64,
    },
}

impl Content {
    /// Its length in bytes.
    #[must_use]
    pub const fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Spooled { length, .. } => *length,
        }
    }

    /// Whether it has no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The scratch file, made when it is first needed and gone when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
    file: Option<File>,
    end: u64,
    spooled: usize,
    in_memory: u64,
}

impl Scratch {
    /// A scratch file in `folder`.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            file: None,
            end: 0,
            spooled: 0,
            in_memory: 0,
        }
    }

    /// Keeps what `fill` writes, at most `length` bytes. One content is made at a time.
    pub(super) fn keep<T>(
        &mut self,
        length: u64,
        fill: impl FnOnce(&Self, &mut dyn Write) -> Result<T, PackError>,
    ) -> Result<(Content, T), PackError> {
        if length <= SMALL && self.in_memory + length <= IN_MEMORY {
            let mut bytes = Vec::with_capacity(length as usize);
            let done = fill(self, &mut bytes)?;
            self.in_memory += bytes.len() as u64;
            return Ok((Content::Memory(bytes), done));
        }
        let file = match &self.file {
            Some(file) => file.try_clone()?,
            None => {
                let file = tempfile::tempfile_in(&self.folder)?;
                self.file = Some(file.try_clone()?);
                file
            }
        };
        let start = self.end;
        let mut out = BufWriter::with_capacity(
            PIECE,
            Place {
                file: &file,
                at: start,
            },
        );
        let done = fill(self, &mut out)?;
        out.flush()?;
        let length = out.get_ref().at - start;
        self.end = start + length;
        self.spooled += 1;
        Ok((Content::Spooled { start, length }, done))
    }

    /// Keeps what a reader gives, to its end: `length` bytes.
    ///
    /// # Errors
    /// What reading or writing gives.
    pub fn keep_all(&mut self, length: u64, input: &mut dyn Read) -> Result<Content, PackError> {
        let (content, _) = self.keep(length, |_, out| Ok(io::copy(input, out)?))?;
        Ok(content)
    }

    /// Gives the space back.
    pub fn free(&mut self, content: Content) {
        match content {
            Content::Memory(bytes) => self.in_memory -= bytes.len() as u64,
            Content::Spooled { start, length } => {
                self.spooled -= 1;
                let Some(file) = &self.file else { return };
                // Space that cannot be given back now goes with the file.
                if self.spooled == 0 {
                    let _ = file.set_len(0);
                    self.end = 0;
                } else {
                    punch(file, start, length);
                }
            }
        }
    }

    /// Writes `length` bytes of `content` from `from` on; the caller has seen that it has them.
    pub(super) fn copy(
        &self,
        content: &Content,
        from: u64,
        length: u64,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match content {
            Content::Memory(bytes) => {
                let from = from as usize;
                out.write_all(&bytes[from..from + length as usize])
            }
            Content::Spooled { start, .. } => {
                let file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
                let mut piece = [0; 4096];
                let mut large = Vec::new();
                let buffer = match length <= piece.len() as u64 {
                    true => &mut piece[..],
                    false => {
                        large.resize(PIECE.min(length as usize), 0);
                        &mut large[..]
                    }
                };
                let (mut at, end) = (start + from, start + from + length);
                while at < end {
                    let size = (buffer.len() as u64).min(end - at) as usize;
                    file.read_exact_at(&mut buffer[..size], at)?;
                    out.write_all(&buffer[..size])?;
                    at += size as u64;
                }
                Ok(())
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn punch(file: &File, start: u64, length: u64) {
    use rustix::fs::{FallocateFlags, fallocate};
    let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    let _ = fallocate(file, hole, start, length);
}

#[cfg(not(target_os = "linux"))]
fn punch(_file: &File, _start: u64, _length: u64) {}

/// Writes from a place of the file on.
struct Place<'a> {
    file: &'a File,
    at: u64,
}

impl Write for Place<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write_at(bytes, self.at)?;
        self.at += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(scratch: &mut Scratch, bytes: &[u8]) -> Content {
        let length = bytes.len() as u64;
        scratch.keep_all(length, &mut &*bytes).unwrap()
    }

    fn all(scratch: &Scratch, content: &Content) -> Vec<u8> {
        let mut found = Vec::new();
        scratch.copy(content, 0, content.len(), &mut found).unwrap();
        found
    }

    #[test]
    fn large_contents_lie_beside_each_other_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut scratch = Scratch::new(folder.path());
        let small = keep(&mut scratch, b"small");
        assert!(matches!(small, Content::Memory(_)) && scratch.file.is_none());
        let one = keep(&mut scratch, &vec![1; SMALL as usize + 1]);
        let two = keep(&mut scratch, &vec![2; SMALL as usize + 7]);
        assert!(matches!(one, Content::Spooled { start: 0, .. }));
        scratch.free(one);
        assert!(all(&scratch, &two) == vec![2; SMALL as usize + 7]);
        assert_eq!(all(&scratch, &small), b"small");
        let mut part = Vec::new();
        scratch.copy(&two, SMALL, 7, &mut part).unwrap();
        assert_eq!(part, [2; 7]);
        scratch.free(two);
        assert_eq!(scratch.end, 0);
    }

    #[test]
    fn memory_has_a_bound() {
        let folder = tempfile::tempdir().unwrap();
        let mut scratch = Scratch::new(folder.path());
        let contents: Vec<_> = (0..20)
            .map(|n| keep(&mut scratch, &vec![n; SMALL as usize]))
            .collect();
        assert_eq!(scratch.in_memory, IN_MEMORY);
        for (n, content) in contents.iter().enumerate() {
            assert!(all(&scratch, content) == vec![n as u8; SMALL as usize]);
        }
        for content in contents {
            scratch.free(content);
        }
        assert_eq!((scratch.in_memory, scratch.spooled), (0, 0));
        assert!(matches!(keep(&mut scratch, b"x"), Content::Memory(_)));
    }
}
