//! Containers whose bytes depend on nothing but their content: no clock, no user, no machine.
//!
//! What is written here passes [`super::verify`] under [`super::Rules::snapshot`]: names are checked in the same way.
//! Entries come in the order in which they are added: sorting is the caller's.

use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::{Compress, Compression, FlushCompress, Status};
use tempfile::SpooledTempFile;

use super::error::Rule;
use super::headers::{self, Data, Entry};
use super::names::{self, Clash, Conflict, Names, Sameness};
use pannier_base::paths;

/// Files smaller than this are stored when deflate does not shrink them. Larger ones are read in pieces of exactly this
/// size, however the reader cuts them: what zlib writes may depend on the cuts.
const CHUNK: usize = 1 << 20;
/// Deflated bytes of one file, or bytes of the directory, that are held in memory; more go to a temporary file.
const IN_MEMORY: usize = 4 << 20;
/// zlib's default level.
const LEVEL: u32 = 6;
const OUTPUT: usize = 64 << 10;

/// Writes a container whose bytes depend on nothing but its content: UTF-8 names, 1980-01-01, modes 0644 and 0755,
/// one deflater at one level, ZIP64 exactly where needed.
pub struct Writer<W: Write> {
    out: W,
    offset: u64,
    count: u64,
    names: Names,
    /// The directory's records so far, from the first entry on.
    directory: Option<BufWriter<SpooledTempFile>>,
    deflater: Deflater,
    chunk: Vec<u8>,
    spool: Option<PathBuf>,
}

impl<W: Write> Writer<W> {
    /// Starts a container. A file that deflates to more than 4 MiB waits in the system's folder for temporary files
    /// until its header is written, and a directory of more than that until all files are.
    pub fn new(out: W) -> Self {
        Self {
            out,
            offset: 0,
            count: 0,
            names: Names::new(Sameness::Exact),
            directory: None,
            deflater: Deflater::new(),
            chunk: vec![0; CHUNK],
            spool: None,
        }
    }

    /// The same, with temporary files in `folder`.
    #[must_use]
    pub fn spool_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.spool = Some(folder.into());
        self
    }

    /// Adds a file: deflated, or stored when it is small and deflate does not shrink it.
    ///
    /// # Errors
    /// What reading and writing give; [`io::ErrorKind::InvalidInput`] for a name that [`super::verify`] would refuse.
    pub fn file(&mut self, path: &str, executable: bool, bytes: &mut dyn Read) -> io::Result<()> {
        let name = checked(path)?;
        let mode = if executable { 0o100_755 } else { 0o100_644 };
        let mut chunk = std::mem::take(&mut self.chunk);
        chunk.resize(CHUNK, 0);
        let filled = fill(bytes, &mut chunk)?;
        if filled < CHUNK {
            self.small(name, mode, &chunk[..filled])?;
        } else {
            let (data, mut deflated) = self.deflate_large(&mut chunk, bytes)?;
            self.entry(name, mode, data, &mut deflated)?;
        }
        self.chunk = chunk;
        Ok(())
    }

    /// Adds a file from memory.
    ///
    /// # Errors
    /// As [`Writer::file`].
    pub fn bytes(&mut self, path: &str, executable: bool, mut bytes: &[u8]) -> io::Result<()> {
        self.file(path, executable, &mut bytes)
    }

    /// Adds a symbolic link.
    ///
    /// # Errors
    /// What writing gives; [`io::ErrorKind::InvalidInput`] for a name or target that [`super::verify`] would refuse.
    pub fn symlink(&mut self, path: &str, target: &str) -> io::Result<()> {
        if let Some(fault) = paths::target_fault(target) {
            let detail = format!("`{}`: {fault}", path.escape_debug());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, detail));
        }
        self.small(checked(path)?, 0o120_777, target.as_bytes())
    }

    /// Adds a folder, named with or without a trailing slash.
    ///
    /// # Errors
    /// What writing gives; [`io::ErrorKind::InvalidInput`] for a name that [`super::verify`] would refuse.
    pub fn directory(&mut self, path: &str) -> io::Result<()> {
        let name = checked(path.strip_suffix('/').unwrap_or(path))? + "/";
        self.entry(name, 0o040_755, Data::default(), &mut io::empty())
    }

    /// Writes the directory and gives the output back, flushed.
    ///
    /// # Errors
    /// What writing gives; [`io::ErrorKind::InvalidInput`] when two names conflict.
    pub fn finish(mut self) -> io::Result<W> {
        let start = self.offset;
        if let Some(directory) = self.directory.take() {
            let mut directory = directory.into_inner()?;
            directory.rewind()?;
            if let Some(found) = self.names.conflict() {
                return Err(conflict(&found, &mut directory));
            }
            self.offset += io::copy(&mut directory, &mut self.out)?;
        }
        let size = self.offset - start;
        self.put(&headers::end(self.count, start, size))?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// A whole file or link target in memory: whichever form is shorter.
    fn small(&mut self, name: String, mode: u32, bytes: &[u8]) -> io::Result<()> {
        let mut deflated = Vec::new();
        self.deflater.start();
        self.deflater.take(bytes, true, &mut deflated)?;
        let (method, body) = if deflated.len() < bytes.len() {
            (8, &deflated[..])
        } else {
            (0, bytes)
        };
        let data = Data {
            method,
            crc32: crc32fast::hash(bytes),
            compressed: body.len() as u64,
            size: bytes.len() as u64,
        };
        self.entry(name, mode, data, &mut &*body)
    }

    /// Deflates the full `chunk` and what `rest` gives; the result can be read from its start.
    fn deflate_large(
        &mut self,
        chunk: &mut [u8],
        rest: &mut dyn Read,
    ) -> io::Result<(Data, SpooledTempFile)> {
        let mut spool = spooled(self.spool.as_deref());
        let mut crc32 = crc32fast::Hasher::new();
        let (mut size, mut filled) = (0, CHUNK);
        self.deflater.start();
        loop {
            crc32.update(&chunk[..filled]);
            size += filled as u64;
            self.deflater
                .take(&chunk[..filled], filled < CHUNK, &mut spool)?;
            if filled < CHUNK {
                break;
            }
            filled = fill(rest, chunk)?;
        }
        let data = Data {
            method: 8,
            crc32: crc32.finalize(),
            compressed: spool.stream_position()?,
            size,
        };
        spool.seek(SeekFrom::Start(0))?;
        Ok((data, spool))
    }

    fn entry(
        &mut self,
        name: String,
        mode: u32,
        data: Data,
        body: &mut dyn Read,
    ) -> io::Result<()> {
        let path = name.strip_suffix('/');
        self.names.add(path.unwrap_or(&name), path.is_some());
        let entry = Entry {
            name,
            mode,
            data,
            header: self.offset,
        };
        self.put(&entry.local())?;
        self.offset += io::copy(body, &mut self.out)?;
        let record = entry.record();
        match &mut self.directory {
            Some(directory) => directory.write_all(&record)?,
            none => none
                .insert(BufWriter::new(spooled(self.spool.as_deref())))
                .write_all(&record)?,
        }
        self.count += 1;
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.offset += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

fn checked(path: &str) -> io::Result<String> {
    match names::fault(path) {
        None => Ok(path.to_owned()),
        Some(fault) => {
            let detail = format!("`{}`: {fault}", path.escape_debug());
            Err(io::Error::new(io::ErrorKind::InvalidInput, detail))
        }
    }
}

/// Something that is kept in memory while it is small, then in `folder` or the system's folder for temporary files.
fn spooled(folder: Option<&Path>) -> SpooledTempFile {
    match folder {
        Some(folder) => tempfile::spooled_tempfile_in(IN_MEMORY, folder),
        None => tempfile::spooled_tempfile(IN_MEMORY),
    }
}

/// The conflict told by the names in the directory.
fn conflict(found: &Conflict, directory: &mut dyn Read) -> io::Error {
    let mut records = Vec::new();
    if let Err(error) = directory.read_to_end(&mut records) {
        return error;
    }
    let name = |number| headers::names(&records).nth(number).unwrap_or_default();
    let [at, with] = [found.at, found.with].map(|it| name(it).escape_debug());
    let rule = match found.clash {
        Clash::Same => Rule::Duplicate,
        Clash::FileAndFolder => Rule::FileDirConflict,
    };
    let detail = format!("`{at}` conflicts with `{with}` [{rule}]");
    io::Error::new(io::ErrorKind::InvalidInput, detail)
}

/// Reads until `buffer` is full or the input ends.
fn fill(input: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// zlib-rs at [`LEVEL`], reused from file to file.
struct Deflater {
    compress: Compress,
    output: Vec<u8>,
}

impl Deflater {
    fn new() -> Self {
        Self {
            compress: Compress::new(Compression::new(LEVEL), false),
            output: vec![0; OUTPUT],
        }
    }

    fn start(&mut self) {
        self.compress.reset();
    }

    /// Deflates all of `bytes`, and to the stream's end when they are the `last`.
    fn take(&mut self, bytes: &[u8], last: bool, out: &mut dyn Write) -> io::Result<()> {
        let flush = if last {
            FlushCompress::Finish
        } else {
            FlushCompress::None
        };
        let mut taken = 0;
        loop {
            let (before, written) = (self.compress.total_in(), self.compress.total_out());
            let status = self
                .compress
                .compress(&bytes[taken..], &mut self.output, flush)?;
            taken += (self.compress.total_in() - before) as usize;
            let written = (self.compress.total_out() - written) as usize;
            out.write_all(&self.output[..written])?;
            let idle = taken == bytes.len() && written < self.output.len();
            if status == Status::StreamEnd || (!last && idle) {
                return Ok(());
            }
        }
    }
}
