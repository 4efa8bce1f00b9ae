//! The entries of a tar archive (ustar, pax, and GNU's long names), as a stream.
//!
//! Refuses what Pannier never unpacks: hard links, devices, pipes, sparse files, names that leave the tree, sizes told
//! twice and differently, and anything but zeros behind the end.

use std::io::BufRead;

use super::error::ReadError;
use super::numbers::{number, text};
use super::path::clean;
use super::pax::Records;
use crate::tarball::tar::{BLOCK, padding};
use pannier_base::paths::target_fault;

/// Longest extended header or long name that is read, in bytes.
const LONGEST: u64 = 16 << 20;

/// How much of an archive the bytes hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Everything, to the two zero blocks that end it.
    Whole,
    /// A run of entries without the end.
    Run,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative path, `/`-separated; empty for the top folder.
    pub path: String,
    /// What is there.
    pub kind: EntryKind,
    /// Permissions (nine bits).
    pub mode: u32,
    /// Modification time: seconds since 1970 and nanoseconds.
    pub mtime: (i64, u32),
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A folder.
    Directory,
    /// A regular file of this many bytes.
    File(u64),
    /// A symbolic link with what it says.
    Symlink(String),
}

/// The entries of an archive, in its order.
pub struct Entries<R> {
    input: R,
    extent: Extent,
    /// Bytes of the last file that nobody has taken yet, and the padding behind them.
    content: u64,
    padding: u64,
}

impl<R: BufRead> Entries<R> {
    /// Reads entries from plain bytes.
    pub const fn new(input: R, extent: Extent) -> Self {
        Self {
            input,
            extent,
            content: 0,
            padding: 0,
        }
    }

    /// The next entry, after passing over what was not taken of the last one's content. `None` at the end, when everything
    /// behind it has been read and found empty.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn next_entry(&mut self) -> Result<Option<Entry>, ReadError> {
        self.content(|_| Ok::<(), ReadError>(()))?;
        let mut records: Option<Records> = None;
        let (mut long_path, mut long_link) = (None, None);
        loop {
            let alone = records.is_none() && long_path.is_none() && long_link.is_none();
            let Some(header) = self.header(alone)? else {
                return Ok(None);
            };
            match header.flag() {
                b'x' => {
                    let body = self.body(&header)?;
                    let parsed = Records::parse(&body).map_err(|rule| header.refused(rule))?;
                    if records.replace(parsed).is_some() {
                        return Err(header.refused("it has two extended headers"));
                    }
                }
                b'g' => {
                    let body = self.body(&header)?;
                    Records::check_global(&body).map_err(|rule| header.refused(rule))?;
                    if !alone {
                        return Err(header.refused("it is between an entry and its header"));
                    }
                }
                b'L' => long_path = Some(text(&self.body(&header)?).to_vec()),
                b'K' => long_link = Some(text(&self.body(&header)?).to_vec()),
                _ => {
                    let mut records = records.unwrap_or_default();
                    records.path = records.path.or(long_path);
                    records.link = records.link.or(long_link);
                    return self.entry(&header, records).map(Some);
                }
            }
        }
    }

    /// Gives the content of the entry that was read last, or what is left of it, to `take`, piece by piece; nothing if it
    /// is no file.
    ///
    /// # Errors
    /// [`ReadError`], or what `take` gives.
    pub fn content<E: From<ReadError>>(
        &mut self,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        while self.content > 0 {
            let left = usize::try_from(self.content).unwrap_or(usize::MAX);
            let bytes = self.some()?;
            let length = bytes.len().min(left);
            take(&bytes[..length])?;
            self.input.consume(length);
            self.content -= length as u64;
        }
        while self.padding > 0 {
            let left = self.padding as usize;
            let length = self.some()?.len().min(left);
            self.input.consume(length);
            self.padding -= length as u64;
        }
        Ok(())
    }

    /// Bytes that must come: at least one.
    fn some(&mut self) -> Result<&[u8], ReadError> {
        let bytes = self.input.fill_buf().map_err(ReadError::from_io)?;
        if bytes.is_empty() {
            return Err(ReadError::damaged("it ends too early"));
        }
        Ok(bytes)
    }

    fn entry(&mut self, header: &Header, records: Records) -> Result<Entry, ReadError> {
        let name = records.path.unwrap_or_else(|| header.path());
        let refused = |rule| ReadError::refused(&name, rule);
        let path = clean(&name).map_err(refused)?;
        let told = header.size()?;
        let size = records.size.unwrap_or(told);
        if size != told {
            return Err(refused("its size is given twice, and the values differ"));
        }
        let kind = match header.flag() {
            // Before POSIX, folders were files whose names end in a slash.
            b'0' | 0 if name.ends_with(b"/") => {
                return Err(refused("it is a file named as a folder"));
            }
            b'0' | 0 => EntryKind::File(size),
            b'5' => EntryKind::Directory,
            b'2' => {
                let target = records.link.unwrap_or_else(|| header.link().to_vec());
                let target = String::from_utf8(target);
                let target = target.map_err(|_| refused("its target is not UTF-8"))?;
                if let Some(fault) = target_fault(&target) {
                    return Err(refused(fault));
                }
                EntryKind::Symlink(target)
            }
            b'1' => return Err(refused("it is a hard link")),
            b'3' | b'4' => return Err(refused("it is a device")),
            b'6' => return Err(refused("it is a pipe")),
            b'S' => return Err(refused("it is sparse")),
            _ => return Err(refused("its kind is unknown")),
        };
        if path.is_empty() && kind != EntryKind::Directory {
            return Err(refused("it would replace the top folder"));
        }
        match kind {
            EntryKind::File(_) => {
                (self.content, self.padding) = (size, padding(size) as u64);
            }
            _ if size != 0 => return Err(refused("it has content, but is not a file")),
            _ => {}
        }
        let mode = header.number(100..108)? as u32 & 0o777;
        let seconds = i64::try_from(header.number(136..148)?).unwrap_or(i64::MAX);
        Ok(Entry {
            path,
            kind,
            mode,
            mtime: records.mtime.unwrap_or((seconds, 0)),
        })
    }

    /// The next header; `None` at the end, which may come only between entries.
    fn header(&mut self, between_entries: bool) -> Result<Option<Header>, ReadError> {
        let at_end = self
            .input
            .fill_buf()
            .map_err(ReadError::from_io)?
            .is_empty();
        if at_end && self.extent == Extent::Run && between_entries {
            return Ok(None);
        }
        let mut block = [0; BLOCK];
        self.input
            .read_exact(&mut block)
            .map_err(ReadError::from_io)?;
        let header = Header(block);
        if block != [0; BLOCK] {
            header.check()?;
            return Ok(Some(header));
        }
        if self.extent == Extent::Run || !between_entries {
            return Err(ReadError::damaged("the archive ends too early"));
        }
        self.end()?;
        Ok(None)
    }

    /// Reads the second zero block and what may follow: more zeros.
    fn end(&mut self) -> Result<(), ReadError> {
        let mut zeros = BLOCK;
        loop {
            let bytes = self.input.fill_buf().map_err(ReadError::from_io)?;
            if bytes.is_empty() {
                break;
            }
            if bytes.iter().any(|&byte| byte != 0) {
                return Err(ReadError::damaged("data follows its end"));
            }
            let length = bytes.len();
            zeros = zeros.saturating_add(length);
            self.input.consume(length);
        }
        if zeros < 2 * BLOCK {
            return Err(ReadError::damaged("it ends too early"));
        }
        Ok(())
    }

    /// The content of a header that speaks about another.
    fn body(&mut self, header: &Header) -> Result<Vec<u8>, ReadError> {
        let size = header.size()?;
        if size > LONGEST {
            return Err(header.refused("it is longer than any header"));
        }
        let mut body = Vec::new();
        (self.content, self.padding) = (size, padding(size) as u64);
        self.content(|chunk| {
            body.extend_from_slice(chunk);
            Ok::<(), ReadError>(())
        })?;
        Ok(body)
    }
}

/// A header block that is not empty.
struct Header([u8; BLOCK]);

impl Header {
    /// The checksum (its own field taken as blanks), and that it is a header that POSIX or GNU knows.
    fn check(&self) -> Result<(), ReadError> {
        let sum: u64 = self
            .0
            .iter()
            .enumerate()
            .map(|(at, &byte)| u64::from(if (148..156).contains(&at) { b' ' } else { byte }))
            .sum();
        if number(&self.0[148..156]) == Some(sum) {
            return Ok(());
        }
        Err(ReadError::damaged("a header's checksum is wrong"))
    }

    const fn flag(&self) -> u8 {
        self.0[156]
    }

    fn path(&self) -> Vec<u8> {
        let name = text(&self.0[..100]);
        // GNU keeps other things where POSIX has the prefix.
        let prefix = match &self.0[257..265] {
            b"ustar\x0000" => text(&self.0[345..500]),
            _ => b"",
        };
        if prefix.is_empty() {
            return name.to_vec();
        }
        [prefix, b"/", name].concat()
    }

    fn link(&self) -> &[u8] {
        text(&self.0[157..257])
    }

    fn size(&self) -> Result<u64, ReadError> {
        self.number(124..136)
    }

    fn number(&self, field: std::ops::Range<usize>) -> Result<u64, ReadError> {
        number(&self.0[field]).ok_or_else(|| self.refused("a number in its header is not valid"))
    }

    fn refused(&self, rule: &'static str) -> ReadError {
        ReadError::refused(&self.path(), rule)
    }
}
