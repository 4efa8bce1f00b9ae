//! ZIP containers, read without trust and written without variation. (stub: owner = zip helper)

use std::fs::File;
use std::io::{self, Write};

use crate::pack::{Pack, Stream};

/// What a container may be.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Largest number of entries.
    pub entries: u64,
    /// Largest inflated total, in bytes.
    pub total: u64,
    /// Largest inflated / compressed ratio of a container of more than 64 MiB inflated.
    pub ratio: u64,
    /// Whether symbolic links are allowed (snapshots of data projects made here; never wheels).
    pub symlinks: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            entries: 200_000,
            total: 32 << 30,
            ratio: 50,
            symlinks: false,
        }
    }
}

/// Why a container is refused: entry and rule.
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct ZipError;

/// Reads and checks the whole container: strict tiling, headers, full inflate, CRC, SHA-256.
///
/// # Errors
/// [`ZipError`] names entry and rule.
pub fn verify(_file: &File, _rules: &Rules) -> Result<Pack, ZipError> {
    todo!()
}

/// Inflates one verified entry.
///
/// # Errors
/// What reading gives; also when the bytes no longer match the stream's CRC or size.
pub fn read_entry(_file: &File, _stream: &Stream) -> io::Result<Vec<u8>> {
    todo!()
}

/// Writes a container whose bytes depend on nothing but its content.
pub struct Writer<W: Write>(W);

impl<W: Write> Writer<W> {
    /// Starts a container.
    pub fn new(_out: W) -> Self {
        todo!()
    }
    /// Adds a file (deflated by our own deflater).
    ///
    /// # Errors
    /// What reading and writing give.
    pub fn file(
        &mut self,
        _path: &str,
        _executable: bool,
        _bytes: &mut dyn io::Read,
    ) -> io::Result<()> {
        todo!()
    }
    /// Adds a symbolic link.
    ///
    /// # Errors
    /// What writing gives.
    pub fn symlink(&mut self, _path: &str, _target: &str) -> io::Result<()> {
        todo!()
    }
    /// Adds a folder.
    ///
    /// # Errors
    /// What writing gives.
    pub fn directory(&mut self, _path: &str) -> io::Result<()> {
        todo!()
    }
    /// Writes the directory and gives the output back.
    ///
    /// # Errors
    /// What writing gives.
    pub fn finish(self) -> io::Result<W> {
        todo!()
    }
}
