//! Where the bytes of a tarball go: in large buffers through a thread that writes them and one that hashes them.
//!
//! Gathering, writing and hashing take about the same time; side by side they take that time once. Buffers go round, so memory
//! is bounded whatever the length. Says nothing about what the bytes mean.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use super::model::ArchiveError;
use crate::zip::read_ahead::{ReadAhead, SMALL};
use pannier_base::digest::{Digest, Hasher};

/// Bytes of one buffer: large enough that system calls and hand-overs do not count.
const BUFFER: usize = 512 << 10;

/// Buffers that may wait for each of the two threads; with those in hand and on their way, 6 MiB at most.
const WAITING: usize = 4;

/// A buffer and how much of it is filled.
type Filled = (Vec<u8>, usize);

/// A writer that counts and hashes what it passes on.
pub struct Writer<W: Write> {
    buffer: Vec<u8>,
    filled: usize,
    passed_on: u64,
    ahead: ReadAhead,
    full: Option<SyncSender<Filled>>,
    empty: Receiver<Vec<u8>>,
    writer: Option<JoinHandle<io::Result<W>>>,
    hasher: Option<JoinHandle<Digest>>,
}

impl<W: Write + Send + 'static> Writer<W> {
    /// Starts the two threads; `out` is written to and flushed on one of them.
    pub fn new(out: W) -> Self {
        let (full, to_write) = sync_channel(WAITING);
        let (written, to_hash) = sync_channel(WAITING);
        let (hashed, empty) = channel();
        Self {
            buffer: vec![0; BUFFER],
            filled: 0,
            passed_on: 0,
            ahead: ReadAhead::default(),
            full: Some(full),
            empty,
            writer: Some(std::thread::spawn(move || write(out, &to_write, &written))),
            hasher: Some(std::thread::spawn(move || hash(&to_hash, &hashed))),
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

    /// Copies a part of a file, read straight into the output's buffer.
    pub(super) fn copy(
        &mut self,
        file: &File,
        offset: u64,
        length: u64,
    ) -> Result<(), ArchiveError> {
        self.copy_by(length, |done, space| {
            file.read_exact_at(space, offset + done)
        })
    }

    /// Copies a part of a container: small parts are read together with their neighbors. `patch` sees each run of bytes with
    /// its distance from the part's start.
    pub(super) fn copy_ahead(
        &mut self,
        file: &Arc<File>,
        offset: u64,
        length: u64,
        patch: impl Fn(u64, &mut [u8]),
    ) -> Result<(), ArchiveError> {
        let mut ahead = std::mem::take(&mut self.ahead);
        let small = match usize::try_from(length) {
            Ok(length) if length <= SMALL => {
                let bytes = ahead.get(file, offset, length);
                Some(bytes.map_err(ArchiveError::Read)?)
            }
            _ => None,
        };
        let copied = self.copy_by(length, |done, space| {
            match small {
                Some(bytes) => space.copy_from_slice(&bytes[done as usize..][..space.len()]),
                None => file.read_exact_at(space, offset + done)?,
            }
            patch(done, space);
            Ok(())
        });
        self.ahead = ahead;
        copied
    }

    fn copy_by(
        &mut self,
        length: u64,
        fill: impl Fn(u64, &mut [u8]) -> io::Result<()>,
    ) -> Result<(), ArchiveError> {
        let mut done = 0;
        while done < length {
            let space = self.space(length - done).map_err(ArchiveError::Write)?;
            fill(done, space).map_err(ArchiveError::Read)?;
            let read = space.len();
            self.advance(read);
            done += read as u64;
        }
        Ok(())
    }

    /// How many bytes have gone in, the ones of the current buffer included.
    pub const fn position(&self) -> u64 {
        self.passed_on + self.filled as u64
    }

    /// Everything goes to the output, which is flushed, and into the digest. Gives the output, its length in bytes and its
    /// digest.
    ///
    /// # Errors
    /// What writing gives.
    pub fn finish(mut self) -> io::Result<(W, u64, Digest)> {
        self.pass_on()?;
        let out = self.written()?;
        let hasher = self.hasher.take().and_then(|thread| thread.join().ok());
        Ok((out, self.passed_on, hasher.ok_or_else(|| lost("hashes"))?))
    }

    fn pass_on(&mut self) -> io::Result<()> {
        // A buffer that came back, or one more: the bounded channels keep their number small.
        let next = self.empty.try_recv().unwrap_or_else(|_| vec![0; BUFFER]);
        let full = std::mem::replace(&mut self.buffer, next);
        let length = std::mem::take(&mut self.filled);
        self.passed_on += length as u64;
        let sent = self
            .full
            .as_ref()
            .map(|channel| channel.send((full, length)));
        match sent {
            Some(Ok(())) => Ok(()),
            // The thread that writes ends early for a reason of its own.
            _ => Err(self.written().err().unwrap_or_else(|| lost("hashes"))),
        }
    }

    /// The output, when everything is written.
    fn written(&mut self) -> io::Result<W> {
        self.full = None;
        let written = self.writer.take().and_then(|thread| thread.join().ok());
        written.ok_or_else(|| lost("writes"))?
    }
}

/// Nothing continues after the caller gave up: the leftovers of the output are removed by now.
impl<W: Write> Drop for Writer<W> {
    fn drop(&mut self) {
        self.full = None;
        let _ = self.writer.take().map(JoinHandle::join);
        let _ = self.hasher.take().map(JoinHandle::join);
    }
}

fn lost(what: &str) -> io::Error {
    io::Error::other(format!("the thread that {what} the output has failed"))
}

fn write<W: Write>(
    mut out: W,
    to_write: &Receiver<Filled>,
    written: &SyncSender<Filled>,
) -> io::Result<W> {
    for (buffer, length) in to_write {
        out.write_all(&buffer[..length])?;
        written.send((buffer, length)).map_err(|_| lost("hashes"))?;
    }
    out.flush()?;
    Ok(out)
}

fn hash(to_hash: &Receiver<Filled>, hashed: &Sender<Vec<u8>>) -> Digest {
    let mut hasher = Hasher::default();
    for (buffer, length) in to_hash {
        hasher.update(&buffer[..length]);
        // The other side may be gone already: then the buffer is not wanted any more.
        let _ = hashed.send(buffer);
    }
    hasher.finish()
}

impl<W: Write + Send + 'static> Write for Writer<W> {
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
            let mut writer = Writer::new(Vec::new());
            for chunk in bytes.chunks(100_003) {
                writer.write_all(chunk).unwrap();
            }
            let (out, count, digest) = writer.finish().unwrap();
            assert!(out == bytes);
            assert_eq!(count, length as u64);
            assert_eq!(digest, Digest::of(&bytes));
        }
    }

    #[test]
    fn a_file_that_takes_the_descriptor_of_another_is_not_taken_for_it() {
        let mut writer = Writer::new(Vec::new());
        for byte in [b'a', b'b', b'c'] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&[byte; 10]).unwrap();
            writer.copy(&file, 0, 10).unwrap();
        }
        let (out, ..) = writer.finish().unwrap();
        assert_eq!(out, b"aaaaaaaaaabbbbbbbbbbcccccccccc");
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
        let mut writer = Writer::new(Full);
        writer.write_all(b"x").unwrap();
        let error = writer.finish().err().expect("the output is full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        let mut writer = Writer::new(Full);
        let failed = std::iter::repeat_with(|| writer.write_all(&[7; BUFFER]));
        let error = failed.take(4 * WAITING).find_map(Result::err);
        let error = error.expect("nobody takes any more");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
