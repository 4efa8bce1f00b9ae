//! A file on its way into the store: written once, its digest taken while the bytes flow by.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use pannier_base::digest::{Digest, Hasher};
use pannier_clients::http::DownloadSink;

use super::StoreError;

/// A file that is being written; gone when dropped.
pub struct Incoming {
    file: NamedTempFile,
    hasher: Hasher,
}

/// A file that is complete, with what is known of it.
pub(super) struct Arrived {
    pub(super) file: NamedTempFile,
    pub(super) sha256: Digest,
}

impl Incoming {
    pub(super) fn new(scratch: &Path) -> Result<Self, StoreError> {
        let file = tempfile::Builder::new()
            .prefix("incoming-")
            .tempfile_in(scratch)
            .map_err(StoreError::io("create a file in", scratch))?;
        Ok(Self {
            file,
            hasher: Hasher::default(),
        })
    }

    /// Takes a file that another writer has filled by way of `fill`, which gets it empty and may seek in it.
    ///
    /// # Errors
    /// What `fill` gives, or [`StoreError::Io`] when the result cannot be read back.
    pub fn fill<E: From<StoreError>>(
        mut self,
        fill: impl FnOnce(File) -> Result<(), E>,
    ) -> Result<Self, E> {
        let handle = self
            .file
            .reopen()
            .map_err(StoreError::io("open", self.file.path()))?;
        fill(handle)?;
        let mut reader = self
            .file
            .reopen()
            .map_err(StoreError::io("open", self.file.path()))?;
        self.hasher = Hasher::default();
        io::copy(&mut reader, &mut self.hasher)
            .map_err(StoreError::io("read", self.file.path()))?;
        Ok(self)
    }

    /// Where the file is meanwhile.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Flushes the file to disk and gives it with its digest.
    pub(super) fn finish(self) -> Result<Arrived, StoreError> {
        self.file
            .as_file()
            .sync_data()
            .map_err(StoreError::io("write", self.file.path()))?;
        Ok(Arrived {
            file: self.file,
            sha256: self.hasher.finish(),
        })
    }

    /// Gives the finished file's digest and keeps it as a plain temporary file, for files that never enter the store
    /// (source archives).
    ///
    /// # Errors
    /// [`StoreError::Digest`] when it is not the expected file, [`StoreError::Io`] when it cannot be written.
    pub fn into_file(self, name: &str, expected: &Digest) -> Result<NamedTempFile, StoreError> {
        let arrived = self.finish()?;
        arrived.expect(name, Some(expected))?;
        Ok(arrived.file)
    }
}

impl Arrived {
    pub(super) fn expect(&self, name: &str, expected: Option<&Digest>) -> Result<(), StoreError> {
        match expected {
            Some(expected) if *expected != self.sha256 => Err(StoreError::Digest {
                name: name.to_owned(),
                expected: *expected,
                found: self.sha256,
            }),
            _ => Ok(()),
        }
    }
}

impl Write for Incoming {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl DownloadSink for Incoming {
    fn reset(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.as_file().set_len(0)?;
        self.hasher = Hasher::default();
        Ok(())
    }
}
