//! A file that is read through a small buffer from any position on, without a position of its own in the system.

use std::borrow::Borrow;
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::unix::fs::FileExt;

/// Bytes of the buffer: most entries of a pack are shorter.
const BUFFER: usize = 16 << 10;

/// The file and what is known of it around the position.
pub(super) struct Window<F> {
    file: F,
    /// What lies at `base` of the file.
    buffer: Vec<u8>,
    base: u64,
    /// How much of the buffer is behind the position.
    start: usize,
}

impl<F: Borrow<File>> Window<F> {
    /// At the beginning of the file.
    pub(super) const fn new(file: F) -> Self {
        Self {
            file,
            buffer: Vec::new(),
            base: 0,
            start: 0,
        }
    }

    /// Goes to `at`; nothing is read again that the buffer holds.
    pub(super) fn seek(&mut self, at: u64) {
        let known = at.checked_sub(self.base).and_then(|it| it.try_into().ok());
        match known {
            Some(start) if start <= self.buffer.len() => self.start = start,
            _ => {
                self.buffer.clear();
                self.base = at;
                self.start = 0;
            }
        }
    }
}

impl<F: Borrow<File>> BufRead for Window<F> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.buffer.len() {
            self.base += self.start as u64;
            self.start = 0;
            self.buffer.resize(BUFFER, 0);
            let read = loop {
                match self.file.borrow().read_at(&mut self.buffer, self.base) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => break read,
                }
            };
            self.buffer.truncate(*read.as_ref().unwrap_or(&0));
            read?;
        }
        Ok(&self.buffer[self.start..])
    }

    fn consume(&mut self, amount: usize) {
        self.start += amount;
    }
}

impl<F: Borrow<File>> Read for Window<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, buffer)
    }
}

/// [`Read::read`] of what is a [`BufRead`].
pub(super) fn read_buffered(input: &mut impl BufRead, buffer: &mut [u8]) -> io::Result<usize> {
    let found = input.fill_buf()?;
    let read = found.len().min(buffer.len());
    buffer[..read].copy_from_slice(&found[..read]);
    input.consume(read);
    Ok(read)
}
