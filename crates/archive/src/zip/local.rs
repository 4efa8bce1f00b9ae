//! Local headers, data descriptors and the tiling: that the file says what its directory says, and nothing besides.
//!
//! Does not look at the data itself.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::bytes::{u16_at, u32_at, u64_at};
use super::directory::{Directory, Record};
use super::error::{Rule, ZipError};
use super::extra::Extra;

const FIXED: usize = 30;

/// Checks all local headers; gives where the data of each record starts.
///
/// `end` is where the directory starts. Sorted by offset, the entries (header, data, descriptor) must cover `0..end`
/// without gap or overlap: that leaves no room for hidden entries, prefixes, shared bodies or second containers.
pub fn check(file: &File, directory: &Directory<'_>, end: u64) -> Result<Vec<u64>, ZipError> {
    let order = in_order(directory);
    let mut cursor = directory.cursor();
    let mut starts = vec![0; directory.len()];
    let mut reader = Reader {
        file,
        end,
        buffer: Vec::new(),
    };
    let mut covered = 0;
    for (position, &(_, i)) in order.iter().enumerate() {
        let record = &cursor.record(i as usize)?;
        if record.header != covered {
            let detail = format!("its header is at {}, expected at {covered}", record.header);
            return Err(record.refuse(Rule::Tiling, detail));
        }
        let header = reader.header(record)?;
        let data_end = header
            .start
            .checked_add(record.compressed)
            .filter(|&data_end| data_end <= end)
            .ok_or_else(|| record.refuse(Rule::Tiling, "its data reaches into the directory"))?;
        let next = order.get(position + 1).map_or(end, |&(header, _)| header);
        covered = if record.has_descriptor() {
            reader.descriptor(record, &header, data_end, next)?
        } else {
            data_end
        };
        starts[i as usize] = header.start;
    }
    if covered != end {
        let detail = format!(
            "{} bytes before the directory belong to no entry",
            end - covered
        );
        return Err(ZipError::whole(Rule::Tiling, detail));
    }
    Ok(starts)
}

/// The numbers of the records in the order of the file, each with where its header is.
fn in_order(directory: &Directory<'_>) -> Vec<(u64, u32)> {
    let numbers = (0..).take(directory.len());
    let mut order: Vec<_> = numbers
        .map(|number: u32| (directory.header(number as usize), number))
        .collect();
    order.sort_unstable();
    order
}

/// What a local header tells beyond its record.
struct Header {
    /// Where the data starts.
    start: u64,
    /// Whether sizes are 64 bits wide, in the descriptor too.
    zip64: bool,
}

struct Reader<'a> {
    file: &'a File,
    end: u64,
    buffer: Vec<u8>,
}

impl Reader<'_> {
    fn header(&mut self, record: &Record) -> Result<Header, ZipError> {
        let mut fixed = [0; FIXED];
        self.fill(record, &mut fixed, record.header)?;
        if fixed[..4] != *b"PK\x03\x04" {
            return Err(record.refuse(
                Rule::Tiling,
                "no local header at the offset in the directory",
            ));
        }
        let [name, extra] = [26, 28].map(|at| usize::from(u16_at(&fixed, at)));
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(name + extra, 0);
        let names_at = record.header + FIXED as u64;
        self.fill(record, &mut buffer, names_at)?;
        let (name, extra) = buffer.split_at(name);
        let zip64 = compare(record, &fixed, name, extra)?;
        let start = names_at + buffer.len() as u64;
        self.buffer = buffer;
        Ok(Header { start, zip64 })
    }

    /// Reads below the directory only.
    fn fill(&self, record: &Record, bytes: &mut [u8], at: u64) -> Result<(), ZipError> {
        let end = at.checked_add(bytes.len() as u64);
        if end.is_none_or(|end| end > self.end) {
            return Err(record.refuse(Rule::Tiling, "its header reaches into the directory"));
        }
        Ok(self.file.read_exact_at(bytes, at)?)
    }

    /// Checks the descriptor between `at` and `next`: its length tells its form. Gives where it ends.
    fn descriptor(
        &self,
        record: &Record,
        header: &Header,
        at: u64,
        next: u64,
    ) -> Result<u64, ZipError> {
        let wrong = |detail: &str| record.refuse(Rule::Descriptor, detail);
        let length = next
            .checked_sub(at)
            .ok_or_else(|| record.refuse(Rule::Tiling, "its data reaches into the next entry"))?;
        let (signed, wide) = match (length, header.zip64) {
            (12, false) => (false, false),
            (16, false) => (true, false),
            (20, true) => (false, true),
            (24, true) => (true, true),
            _ => {
                return Err(wrong(
                    "no data descriptor fits between its data and what follows",
                ));
            }
        };
        let mut bytes = [0; 24];
        let bytes = &mut bytes[..length as usize];
        self.file.read_exact_at(bytes, at)?;
        if signed && bytes[..4] != *b"PK\x07\x08" {
            return Err(wrong("its data descriptor has another signature"));
        }
        let fields = if signed { &bytes[4..] } else { &*bytes };
        let (compressed, size) = if wide {
            (u64_at(fields, 4), u64_at(fields, 12))
        } else {
            (u64::from(u32_at(fields, 4)), u64::from(u32_at(fields, 8)))
        };
        if (u32_at(fields, 0), compressed, size) != (record.crc32, record.compressed, record.size) {
            return Err(wrong("its data descriptor differs from the directory"));
        }
        Ok(next)
    }
}

/// Compares a local header with its record; gives whether it has a ZIP64 field.
fn compare(record: &Record, fixed: &[u8], name: &[u8], extra: &[u8]) -> Result<bool, ZipError> {
    let differs = |what: &str| {
        let detail = format!("the {what} in its local header differs from the directory");
        record.refuse(Rule::HeaderMismatch, detail)
    };
    if name != record.name.as_bytes() {
        return Err(differs("name"));
    }
    if u16_at(fixed, 6) != record.flags {
        return Err(differs("set of flags"));
    }
    if u16_at(fixed, 8) != record.method {
        return Err(differs("method"));
    }
    let extra = Extra::parse(extra, name).map_err(|(rule, detail)| record.refuse(rule, detail))?;
    let [size, compressed] = extra
        .widen_local([22, 18].map(|at| u32_at(fixed, at)))
        .map_err(|(rule, detail)| record.refuse(rule, detail))?;
    // With a descriptor the values may be left at zero here.
    let same = |here: u64, there: u64| here == there || (record.has_descriptor() && here == 0);
    if !same(u64::from(u32_at(fixed, 14)), u64::from(record.crc32)) {
        return Err(differs("CRC"));
    }
    if !same(size, record.size) || !same(compressed, record.compressed) {
        return Err(differs("size"));
    }
    Ok(extra.is_zip64())
}
