//! Small parts of a container, read together with what follows them: the next part is most likely there.
//!
//! Knows nothing of what the bytes mean. Containers do not change while a tarball is written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Longest part in bytes that is worth reading by way of the buffer.
pub const SMALL: usize = 32 << 10;

/// Bytes that are read at once.
const READ: usize = 128 << 10;

/// The last bytes that were read, and from where.
#[derive(Default)]
pub struct ReadAhead {
    file: Option<Arc<File>>,
    offset: u64,
    bytes: Vec<u8>,
    length: usize,
}

impl ReadAhead {
    /// The `length` bytes at `offset` of `file`.
    ///
    /// # Errors
    /// What reading gives; [`io::ErrorKind::UnexpectedEof`] where the file is shorter.
    ///
    /// # Panics
    /// When `length` is more than [`SMALL`].
    pub fn get(&mut self, file: &Arc<File>, offset: u64, length: usize) -> io::Result<&[u8]> {
        assert!(length <= SMALL, "large parts are read at once");
        let known = self
            .file
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, file));
        let known = known && offset >= self.offset;
        let start = known.then(|| usize::try_from(offset - self.offset).ok());
        let start = start
            .flatten()
            .filter(|start| start + length <= self.length);
        let start = match start {
            Some(start) => start,
            None => {
                self.fill(file, offset)?;
                0
            }
        };
        let found = self.bytes[..self.length].get(start..start + length);
        found.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn fill(&mut self, file: &Arc<File>, offset: u64) -> io::Result<()> {
        self.file = None;
        self.bytes.resize(READ, 0);
        self.length = 0;
        while self.length < READ {
            let at = offset + self.length as u64;
            match file.read_at(&mut self.bytes[self.length..], at) {
                Ok(0) => break,
                Ok(read) => self.length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        (self.file, self.offset) = (Some(Arc::clone(file)), offset);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(bytes: &[u8]) -> Arc<File> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Arc::new(file)
    }

    #[test]
    fn every_part_of_every_file_comes_as_it_is() {
        let bytes: Vec<u8> = (0..3 * READ).map(|at| (at * 31 / 7) as u8).collect();
        let turned: Vec<u8> = bytes.iter().rev().copied().collect();
        let files = [(file(&bytes), bytes), (file(&turned), turned)];
        let mut ahead = ReadAhead::default();
        let offsets = [0, 5, READ - 3, READ, 2 * READ + 9, 7, 3 * READ - SMALL];
        for offset in offsets {
            for length in [0, 1, 100, SMALL] {
                for (file, bytes) in &files {
                    let got = ahead.get(file, offset as u64, length).unwrap();
                    assert!(got == &bytes[offset..offset + length]);
                }
            }
        }
    }

    #[test]
    fn a_file_that_was_cut_is_told() {
        let file = file(&[7; 100]);
        let mut ahead = ReadAhead::default();
        assert_eq!(ahead.get(&file, 90, 10).unwrap(), [7; 10]);
        let error = ahead.get(&file, 90, 11).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(ahead.get(&file, 0, 1).unwrap(), [7]);
        assert!(ahead.get(&file, 1000, 1).is_err());
    }
}
