//! The end of a container: end record, and the ZIP64 record and locator before it (APPNOTE 4.3.14 to 4.3.16).
//!
//! Looks nowhere but at the last bytes: a reader that searches for an end record can be led to another one.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::bytes::{u16_at, u32_at, u64_at};
use super::error::{Rule, ZipError};
use super::rules::Rules;

const END: u64 = 22;
const LOCATOR: u64 = 20;
const RECORD: u64 = 56;
/// Largest directory that is read, in bytes, and what it may have for each entry where more of them are allowed: the paths in it
/// are held in memory.
const LARGEST_DIRECTORY: u64 = 24 << 20;
const OF_EACH: u64 = 126;

/// Where the directory lies.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Number of entries.
    pub count: u64,
    /// Offset of the directory: the entries end there.
    pub offset: u64,
    /// Length of the directory, in bytes.
    pub size: u64,
}

fn eocd(detail: &str) -> ZipError {
    ZipError::whole(Rule::Eocd, detail)
}

fn zip64(detail: &str) -> ZipError {
    ZipError::whole(Rule::Zip64, detail)
}

/// Reads the end of a container of `length` bytes.
pub fn read(file: &File, length: u64, rules: &Rules) -> Result<Span, ZipError> {
    let at = length
        .checked_sub(END)
        .ok_or_else(|| eocd("the file is shorter than an end record"))?;
    let mut end = [0; END as usize];
    file.read_exact_at(&mut end, at)?;
    if end[..4] != *b"PK\x05\x06" {
        return Err(eocd(
            "the last 22 bytes are not an end record (cut off, or something follows it)",
        ));
    }
    if u16_at(&end, 20) != 0 {
        return Err(eocd("the end record has a comment"));
    }
    if u16_at(&end, 4) != 0 || u16_at(&end, 6) != 0 {
        return Err(eocd("the container spans several disks"));
    }
    if u16_at(&end, 8) != u16_at(&end, 10) {
        return Err(eocd("the two entry counts differ"));
    }
    let narrow = Narrow {
        count: u16_at(&end, 10),
        size: u32_at(&end, 12),
        offset: u32_at(&end, 16),
    };
    let (span, end_of_directory) = widen(file, at, &narrow)?;
    if span.offset.checked_add(span.size) != Some(end_of_directory) {
        return Err(eocd(
            "the directory does not end where the end record starts",
        ));
    }
    if span.count > rules.entries {
        let detail = format!(
            "{} entries, at most {} are allowed",
            span.count, rules.entries
        );
        return Err(ZipError::whole(Rule::Limit, detail));
    }
    let most = LARGEST_DIRECTORY.max(rules.entries.saturating_mul(OF_EACH));
    if span.size > most {
        let detail = format!(
            "the directory takes {} bytes, at most {most} are allowed",
            span.size
        );
        return Err(ZipError::whole(Rule::Limit, detail));
    }
    Ok(span)
}

/// The fields of the plain end record.
struct Narrow {
    count: u16,
    size: u32,
    offset: u32,
}

impl Narrow {
    /// Each field is all ones or says the same: no reader then sees two directories.
    fn agrees(&self, wide: &Span) -> bool {
        (self.count == u16::MAX || u64::from(self.count) == wide.count)
            && (self.size == u32::MAX || u64::from(self.size) == wide.size)
            && (self.offset == u32::MAX || u64::from(self.offset) == wide.offset)
    }
}

/// The true values, and where the directory has to end.
fn widen(file: &File, end: u64, narrow: &Narrow) -> Result<(Span, u64), ZipError> {
    let mut locator = [0; LOCATOR as usize];
    let locator_at = end.checked_sub(LOCATOR);
    if let Some(at) = locator_at {
        file.read_exact_at(&mut locator, at)?;
    }
    if locator[..4] != *b"PK\x06\x07" {
        // A count of 65,535 is also just a number; a size or offset of all ones is not believed.
        if narrow.size == u32::MAX || narrow.offset == u32::MAX {
            return Err(zip64("the end record refers to a missing ZIP64 record"));
        }
        let span = Span {
            count: u64::from(narrow.count),
            offset: u64::from(narrow.offset),
            size: u64::from(narrow.size),
        };
        return Ok((span, end));
    }
    let at = locator_at
        .and_then(|at| at.checked_sub(RECORD))
        .filter(|&at| u64_at(&locator, 8) == at)
        .ok_or_else(|| zip64("the ZIP64 locator does not point to a record directly before it"))?;
    if u32_at(&locator, 4) != 0 || u32_at(&locator, 16) != 1 {
        return Err(zip64("the ZIP64 locator names several disks"));
    }
    let mut record = [0; RECORD as usize];
    file.read_exact_at(&mut record, at)?;
    let span = parse_record(&record)?;
    if !narrow.agrees(&span) {
        return Err(zip64("the end record and the ZIP64 record differ"));
    }
    Ok((span, at))
}

fn parse_record(record: &[u8]) -> Result<Span, ZipError> {
    if record[..4] != *b"PK\x06\x06" || u64_at(record, 4) != RECORD - 12 {
        return Err(zip64("the ZIP64 record is missing or extended"));
    }
    if u32_at(record, 16) != 0 || u32_at(record, 20) != 0 {
        return Err(zip64("the ZIP64 record names several disks"));
    }
    if u64_at(record, 24) != u64_at(record, 32) {
        return Err(zip64("the two entry counts of the ZIP64 record differ"));
    }
    Ok(Span {
        count: u64_at(record, 32),
        offset: u64_at(record, 48),
        size: u64_at(record, 40),
    })
}
