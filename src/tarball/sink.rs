//! Where the bytes of a tarball go: in large buffers to the output, and through a SHA-256 on a thread of its own.
//!
//! Hashing and copying take about the same time; side by side they take that time once. Buffers go round, so memory is
//! bounded whatever the length. Says nothing about what the bytes mean.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use super::archive::ArchiveError;
use crate::digest::{Digest, Hasher};

/// Bytes of one buffer: large enough that system calls and hand-overs do not count.
const BUFFER: usize = 1 << 20;

/// Buffers that may wait for the hash; with one being filled, one being hashed and one on its way, 7 MiB in all.
const WAITING: usize = 4;

/// A writer that counts and hashes what it passes on.
pub struct Sink<W: Write> {
    out: W,
    buffer: Vec<u8>,
    filled: usize,
    written: u64,
    full: Option<SyncSender<(Vec<u8>, usize)>>,
    empty: Receiver<Vec<u8>>,
    hasher: Option<JoinHandle<Digest>>,
}

impl<W: Write> Sink<W> {
    /// Starts the thread that hashes.
    pub fn new(out: W) -> Self {
        let (full, to_hash) = sync_channel::<(Vec<u8>, usize)>(WAITING);
        let (hashed, empty) = channel();
        let hasher = std::thread::spawn(move || {
            let mut hasher = Hasher::default();
            for (buffer, length) in to_hash {
                hasher.update(&buffer[..length]);
                // The other side may be gone already: then the buffer is not wanted any more.
                let _ = hashed.send(buffer);
            }
            hasher.finish()
        });
        Self {
            out,
            buffer: vec![0; BUFFER],
            filled: 0,
            written: 0,
            full: Some(full),
            empty,
            hasher: Some(hasher),
        }
    }

    /// Free space of at least one and at most `most` bytes, to be filled and then declared by [`Self::advance`].
    ///
    /// # Errors
    /// What writing gives.
    pub fn space(&mut self, most: u64) -> io::Result<&mut [u8]> {
        if self.filled == self.buffer.len() {
            self.pass_on()?;
        }
        let free = self.buffer.len() - self.filled;
        let length = free.min(usize::try_from(most).unwrap_or(free));
        Ok(&mut self.buffer[self.filled..self.filled + length])
    }

    /// Takes the first `length` bytes of the last [`Self::space`] as written.
    pub fn advance(&mut self, length: usize) {
        self.filled += length;
    }

    /// Copies a part of the container, read straight into the output's buffer; `patch` sees each run of bytes with its
    /// distance from the part's start.
    pub(super) fn copy(
        &mut self,
        file: &File,
        offset: u64,
        length: u64,
        patch: impl Fn(u64, &mut [u8]),
    ) -> Result<(), ArchiveError> {
        let mut done = 0;
        while done < length {
            let space = self.space(length - done).map_err(ArchiveError::Write)?;
            file.read_exact_at(space, offset + done)
                .map_err(ArchiveError::Read)?;
            patch(done, space);
            let read = space.len();
            self.advance(read);
            done += read as u64;
        }
        Ok(())
    }

    /// How many bytes have gone in, the ones of the current buffer included.
    pub const fn position(&self) -> u64 {
        self.written + self.filled as u64
    }

    /// Everything goes to the output and into the digest. Gives the output, its length in bytes and its digest.
    ///
    /// # Errors
    /// What writing gives.
    pub fn finish(mut self) -> io::Result<(W, u64, Digest)> {
        self.pass_on()?;
        self.out.flush()?;
        self.full = None;
        let digest = self
            .hasher
            .take()
            .and_then(|thread| thread.join().ok())
            .ok_or_else(|| io::Error::other("the thread that hashes the output has failed"))?;
        Ok((self.out, self.written, digest))
    }

    fn pass_on(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer[..self.filled])?;
        self.written += self.filled as u64;
        // A buffer that came back, or one more: the bounded channel keeps their number small.
        let next = self.empty.try_recv().unwrap_or_else(|_| vec![0; BUFFER]);
        let full = std::mem::replace(&mut self.buffer, next);
        let length = std::mem::take(&mut self.filled);
        let sent = self
            .full
            .as_ref()
            .map(|channel| channel.send((full, length)));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(io::Error::other(
                "the thread that hashes the output has failed",
            )),
        }
    }
}

impl<W: Write> Write for Sink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let space = self.space(bytes.len() as u64)?;
        let length = space.len();
        space.copy_from_slice(&bytes[..length]);
        self.advance(length);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_pass_unchanged_and_hashed() {
        for length in [0, 1, BUFFER - 1, BUFFER, BUFFER + 1, 9 * BUFFER + 7] {
            let bytes: Vec<u8> = (0..length).map(|i| (i * 31 / 7) as u8).collect();
            let mut sink = Sink::new(Vec::new());
            for chunk in bytes.chunks(100_003) {
                sink.write_all(chunk).unwrap();
            }
            let (out, count, digest) = sink.finish().unwrap();
            assert!(out == bytes);
            assert_eq!(count, length as u64);
            assert_eq!(digest, Digest::of(&bytes));
        }
    }

    #[test]
    fn a_failing_output_is_told() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut sink = Sink::new(Full);
        sink.write_all(b"x").unwrap();
        let error = sink.finish().err().expect("the output is full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
