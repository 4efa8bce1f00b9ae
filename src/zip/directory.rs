//! The central directory (APPNOTE 4.3.12): every record parsed, every field that Pannier believes checked.
//!
//! Reads the directory alone; whether the file agrees with it is for [`super::local`] and [`super::check`].

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::Rules;
use super::bytes::{u16_at, u32_at};
use super::end::Span;
use super::error::{Rule, ZipError};
use super::extra::Extra;
use super::names::{self, Name, Sameness};

const FIXED: usize = 46;
/// Deflate's level hints, data descriptor, UTF-8 name.
const KNOWN_FLAGS: u16 = 0b0000_1000_0000_1110;
const UTF8: u16 = 1 << 11;
const DESCRIPTOR: u16 = 1 << 3;
/// Longest target of a symbolic link, in bytes (`PATH_MAX`).
const LONGEST_TARGET: u64 = 4096;
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

/// Reads the directory and checks all that can be told without the entries.
pub fn read(file: &File, span: &Span, rules: &Rules) -> Result<Vec<Record>, ZipError> {
    // `end` has bounded the size.
    let mut bytes = vec![0; usize::try_from(span.size).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, span.offset)?;
    let mut records = Vec::new();
    let mut rest = &bytes[..];
    for _ in 0..span.count {
        let (record, length) = parse(rest, rules)?;
        records.push(record);
        rest = &rest[length..];
    }
    if !rest.is_empty() {
        let detail = "the directory holds more than the end record counts";
        return Err(ZipError::whole(Rule::Eocd, detail));
    }
    drop(bytes);
    check_names(&records, rules)?;
    Ok(records)
}

/// The next record and its length.
fn parse(bytes: &[u8], rules: &Rules) -> Result<(Record, usize), ZipError> {
    if bytes.len() < FIXED || bytes[..4] != *b"PK\x01\x02" {
        let detail = "the directory does not hold as many records as the end record counts";
        return Err(ZipError::whole(Rule::Eocd, detail));
    }
    let [name, extra, comment] = [28, 30, 32].map(|at| usize::from(u16_at(bytes, at)));
    let length = FIXED + name + extra + comment;
    if bytes.len() < length {
        let detail = "a record reaches beyond the directory";
        return Err(ZipError::whole(Rule::Directory, detail));
    }
    let raw_name = &bytes[FIXED..FIXED + name];
    let extra = &bytes[FIXED + name..FIXED + name + extra];
    let shown = String::from_utf8_lossy(raw_name);
    let refuse = |(rule, detail): (Rule, String)| ZipError::entry(&shown, rule, detail);
    if comment != 0 || u16_at(bytes, 34) != 0 {
        let detail = "its record has a comment or lies on another disk";
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
    Ok((record, length))
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
            "its link target is empty or longer than 4096 bytes",
        ));
    }
    Ok(())
}

fn check_names(records: &[Record], rules: &Rules) -> Result<(), ZipError> {
    let names: Vec<_> = records
        .iter()
        .map(|record| Name {
            path: record.path(),
            directory: record.kind == Kind::Directory,
        })
        .collect();
    let sameness = if rules.collisions {
        Sameness::Exact
    } else {
        Sameness::Folded
    };
    match names::conflict(&names, sameness) {
        None => Ok(()),
        Some(found) => {
            let other = records[found.with].name.escape_debug();
            Err(records[found.at].refuse(found.rule, format!("it conflicts with `{other}`")))
        }
    }
}

/// Checks the sizes that the directory states against `rules`; that they are true is checked while inflating, which
/// stops at the first byte too many.
/// Gives the total.
pub fn check_total(records: &[Record], length: u64, rules: &Rules) -> Result<u64, ZipError> {
    let mut total: u64 = 0;
    for record in records {
        total = total.saturating_add(record.size);
        if total > rules.total {
            let detail = format!("with it more than {} bytes are inflated", rules.total);
            return Err(record.refuse(Rule::Limit, detail));
        }
    }
    if total > RATIO_FROM && total > length.saturating_mul(rules.ratio) {
        let detail = format!(
            "{total} bytes inflated are more than {} times its size",
            rules.ratio
        );
        return Err(ZipError::whole(Rule::Limit, detail));
    }
    Ok(total)
}
