//! The central directory (APPNOTE 4.3.12): every record parsed, every field that Pannier believes checked.
//!
//! Reads the directory alone; whether the file agrees with it is for [`super::local`] and [`super::check`].

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::bytes::{u16_at, u32_at};
use super::end::Span;
use super::error::{Rule, ZipError};
use super::extra::Extra;
use super::names::{self, Clash, Conflict, Names, Sameness};
use super::read::changed;
use super::rules::Rules;

const FIXED: usize = 46;
/// Deflate's level hints, data descriptor, UTF-8 name.
const KNOWN_FLAGS: u16 = 0b0000_1000_0000_1110;
const UTF8: u16 = 1 << 11;
const DESCRIPTOR: u16 = 1 << 3;
/// Longest target of a symbolic link, in bytes.
const LONGEST_TARGET: u64 = pannier_base::paths::LONGEST as u64;
/// Most bytes of all link targets together: unlike content they are kept in the table of contents.
const MOST_TARGETS: u64 = 16 << 20;
/// Below this inflated total, in bytes, no ratio is asked about.
const RATIO_FROM: u64 = 64 << 20;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File { executable: bool },
    Symlink,
    Directory,
}

/// One record of the directory.
#[derive(Debug)]
pub struct Record {
    /// The name as spelled, folders with their slash.
    pub name: String,
    pub kind: Kind,
    pub flags: u16,
    /// 0 (stored) or 8 (deflate).
    pub method: u16,
    pub crc32: u32,
    pub compressed: u64,
    pub size: u64,
    /// Offset of the local header.
    pub header: u64,
}

impl Record {
    /// The name without a folder's slash.
    pub fn path(&self) -> &str {
        self.name.strip_suffix('/').unwrap_or(&self.name)
    }

    /// Whether sizes and CRC follow the data.
    pub const fn has_descriptor(&self) -> bool {
        self.flags & DESCRIPTOR != 0
    }

    pub fn refuse(&self, rule: Rule, detail: impl Into<String>) -> ZipError {
        ZipError::entry(&self.name, rule, detail)
    }
}

/// The directory of a container, checked in all that can be told without the entries. Its records are read again where they
/// are needed: held, those of hundreds of thousands of entries would take more than everything else.
pub struct Directory<'a> {
    file: &'a File,
    rules: &'a Rules,
    /// Where each record starts in the file, and where its local header does.
    starts: Vec<(u64, u64)>,
    /// Where the last one ends.
    end: u64,
    /// What the entries come to by what the records state, in bytes.
    pub total: u64,
}

impl<'a> Directory<'a> {
    /// Reads the directory at `span` of a container of `length` bytes.
    pub fn read(
        file: &'a File,
        length: u64,
        span: &Span,
        rules: &'a Rules,
    ) -> Result<Self, ZipError> {
        let mut directory = Self {
            file,
            rules,
            starts: Vec::new(),
            end: span.offset + span.size,
            total: 0,
        };
        let names = directory.read_all(span)?;
        if let Some(conflict) = names.conflict() {
            return Err(directory.conflict(&conflict)?);
        }
        directory.check_total(length)?;
        Ok(directory)
    }

    /// Number of records.
    pub const fn len(&self) -> usize {
        self.starts.len()
    }

    /// Reads records; several may be at it at the same time.
    pub fn cursor(&self) -> Cursor<'_> {
        Cursor {
            directory: self,
            buffer: Vec::new(),
            offset: 0,
        }
    }

    /// The offset of the local header of that record.
    pub fn header(&self, number: usize) -> u64 {
        self.starts[number].1
    }

    fn read_all(&mut self, span: &Span) -> Result<Names, ZipError> {
        let sameness = match self.rules.collisions {
            true => Sameness::Exact,
            false => Sameness::Folded,
        };
        let mut names = Names::new(sameness);
        let (mut starts, mut total, mut targets) = (Vec::new(), 0u64, 0u64);
        let mut cursor = self.cursor();
        let mut next = span.offset;
        for _ in 0..span.count {
            let (record, length) = cursor.at(next)?;
            names.add(record.path(), record.kind == Kind::Directory);
            starts.push((next, record.header));
            next += length as u64;
            total = total.saturating_add(record.size);
            if record.kind == Kind::Symlink {
                targets += record.size;
            }
            if targets > MOST_TARGETS {
                let detail = "with it, the targets of all links exceed 16 MiB";
                return Err(record.refuse(Rule::Limit, detail));
            }
        }
        if next != self.end {
            let detail = "the directory has more records than the end record counts";
            return Err(ZipError::whole(Rule::Eocd, detail));
        }
        (self.starts, self.total) = (starts, total);
        Ok(names)
    }

    /// What is wrong with these two names.
    fn conflict(&self, found: &Conflict) -> Result<ZipError, ZipError> {
        let mut cursor = self.cursor();
        let [at, with] = [cursor.record(found.at)?, cursor.record(found.with)?];
        let rule = match found.clash {
            Clash::FileAndFolder => Rule::FileDirConflict,
            Clash::Same if at.path() == with.path() => Rule::Duplicate,
            Clash::Same => Rule::Collision,
        };
        let detail = format!("it conflicts with `{}`", with.name.escape_debug());
        Ok(at.refuse(rule, detail))
    }

    /// Checks the sizes that the directory states; that they are true is checked while inflating, which stops at the first
    /// byte too many.
    fn check_total(&self, length: u64) -> Result<(), ZipError> {
        let total = self.total;
        if total > self.rules.total {
            return Err(self.too_much()?);
        }
        if total > RATIO_FROM && total > length.saturating_mul(self.rules.ratio) {
            let detail = format!(
                "{total} bytes inflated are more than {} times its size",
                self.rules.ratio
            );
            return Err(ZipError::whole(Rule::Limit, detail));
        }
        Ok(())
    }

    /// Names the first entry with which it is more than is allowed.
    fn too_much(&self) -> Result<ZipError, ZipError> {
        let most = self.rules.total;
        let (mut cursor, mut total) = (self.cursor(), 0u64);
        for number in 0..self.len() {
            let record = cursor.record(number)?;
            total = total.saturating_add(record.size);
            if total > most {
                let detail = format!("with it, the inflated size exceeds {most} bytes");
                return Ok(record.refuse(Rule::Limit, detail));
            }
        }
        // The same numbers had a larger sum when they were read the first time.
        Err(changed().into())
    }
}

/// Bytes of the directory that are read at once.
const AT_ONCE: usize = 16 << 10;

/// Reads records of a directory.
pub struct Cursor<'a> {
    directory: &'a Directory<'a>,
    buffer: Vec<u8>,
    /// Where in the file the buffer starts.
    offset: u64,
}

impl Cursor<'_> {
    /// The record of that number.
    ///
    /// # Panics
    /// When there is none.
    pub fn record(&mut self, number: usize) -> Result<Record, ZipError> {
        let (start, _) = self.directory.starts[number];
        Ok(self.at(start)?.0)
    }

    /// The record that starts there, and its length.
    fn at(&mut self, start: u64) -> Result<(Record, usize), ZipError> {
        let left = usize::try_from(self.directory.end - start).unwrap_or(usize::MAX);
        let fixed = self.bytes(start, left.min(FIXED))?;
        let length = length(fixed)?;
        if left < length {
            let detail = "a record reaches beyond the directory";
            return Err(ZipError::whole(Rule::Directory, detail));
        }
        let rules = self.directory.rules;
        Ok((parse(self.bytes(start, length)?, rules)?, length))
    }

    /// That many bytes from `start` on, which are the directory's.
    fn bytes(&mut self, start: u64, length: usize) -> Result<&[u8], ZipError> {
        let held = start.checked_sub(self.offset);
        let held = held.and_then(|from| usize::try_from(from).ok());
        let held = held.filter(|from| from + length <= self.buffer.len());
        let from = match held {
            Some(from) => from,
            None => {
                let left = usize::try_from(self.directory.end - start).unwrap_or(usize::MAX);
                self.buffer.resize(left.min(AT_ONCE.max(length)), 0);
                self.offset = start;
                self.directory.file.read_exact_at(&mut self.buffer, start)?;
                0
            }
        };
        Ok(&self.buffer[from..from + length])
    }
}

/// The length of the record that begins with these bytes.
fn length(bytes: &[u8]) -> Result<usize, ZipError> {
    if bytes.len() < FIXED || bytes[..4] != *b"PK\x01\x02" {
        let detail = "the directory has fewer records than the end record counts";
        return Err(ZipError::whole(Rule::Eocd, detail));
    }
    let [name, extra, comment] = [28, 30, 32].map(|at| usize::from(u16_at(bytes, at)));
    Ok(FIXED + name + extra + comment)
}

/// The record that these bytes are.
fn parse(bytes: &[u8], rules: &Rules) -> Result<Record, ZipError> {
    let [name, extra, comment] = [28, 30, 32].map(|at| usize::from(u16_at(bytes, at)));
    let raw_name = &bytes[FIXED..FIXED + name];
    let extra = &bytes[FIXED + name..FIXED + name + extra];
    let shown = String::from_utf8_lossy(raw_name);
    let refuse = |(rule, detail): (Rule, String)| ZipError::entry(&shown, rule, detail);
    if comment != 0 || u16_at(bytes, 34) != 0 {
        let detail = "its record has a comment or is on another disk";
        return Err(ZipError::entry(&shown, Rule::Directory, detail));
    }
    let flags = u16_at(bytes, 8);
    let name =
        check_name(raw_name, flags).map_err(|detail| refuse((Rule::BadName, detail.into())))?;
    let [size, compressed, header] = Extra::parse(extra, raw_name)
        .and_then(|extra| extra.widen([24, 20, 42].map(|at| u32_at(bytes, at))))
        .map_err(refuse)?;
    let record = Record {
        kind: kind(u16_at(bytes, 4) >> 8, u32_at(bytes, 38) >> 16, name, rules)
            .map_err(|detail| refuse((Rule::FileType, detail.into())))?,
        name: name.to_owned(),
        flags,
        method: u16_at(bytes, 10),
        crc32: u32_at(bytes, 16),
        compressed,
        size,
        header,
    };
    check_record(&record)?;
    Ok(record)
}

fn check_name(raw: &[u8], flags: u16) -> Result<&str, &'static str> {
    let name = str::from_utf8(raw).map_err(|_| "the name is not UTF-8")?;
    if !name.is_ascii() && flags & UTF8 == 0 {
        return Err("the name is not ASCII and not marked as UTF-8");
    }
    match names::fault(name.strip_suffix('/').unwrap_or(name)) {
        Some(fault) => Err(fault),
        None => Ok(name),
    }
}

/// What the entry is, from the Unix mode in the upper half of `external_attr`.
///
/// Type bits are judged whatever system they claim to come from, as installers do; execute bits count only from Unix.
fn kind(system: u16, mode: u32, name: &str, rules: &Rules) -> Result<Kind, &'static str> {
    const UNIX: u16 = 3;
    match (mode & 0o170_000, name.ends_with('/')) {
        (0 | 0o040_000, true) => Ok(Kind::Directory),
        (0 | 0o100_000, false) => Ok(Kind::File {
            executable: system == UNIX && mode & 0o111 != 0,
        }),
        (0o120_000, false) if rules.symlinks => Ok(Kind::Symlink),
        (0o120_000, false) => Err("it is a symbolic link"),
        (0o040_000, false) => Err("it is a folder by its mode, but not by its name"),
        (0o100_000, true) => Err("it is a file by its mode, but a folder by its name"),
        _ => Err("it is a device, a pipe or of no known type"),
    }
}

fn check_record(record: &Record) -> Result<(), ZipError> {
    if record.flags & !KNOWN_FLAGS != 0 {
        let detail = format!(
            "flags {:#06x} (encrypted or patched data, or unknown)",
            record.flags
        );
        return Err(record.refuse(Rule::Unsupported, detail));
    }
    if !matches!(record.method, 0 | 8) {
        let detail = format!("method {}: only stored and deflate are read", record.method);
        return Err(record.refuse(Rule::Unsupported, detail));
    }
    if record.kind == Kind::Directory && (record.size != 0 || record.crc32 != 0) {
        return Err(record.refuse(Rule::FileType, "it is a folder with content"));
    }
    if record.method == 0 && record.compressed != record.size {
        return Err(record.refuse(Rule::SizeMismatch, "it is stored, but its two sizes differ"));
    }
    if record.kind == Kind::Symlink && !(1..=LONGEST_TARGET).contains(&record.size) {
        return Err(record.refuse(
            Rule::Limit,
            "its link target is empty or longer than 4095 bytes",
        ));
    }
    Ok(())
}
