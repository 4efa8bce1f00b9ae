//! The headers that [`super::Writer`] writes (APPNOTE 4.3.7, 4.3.12, 4.3.14 to 4.3.16): the same fields for everybody,
//! ZIP64 exactly where a number needs it.

use super::bytes::u16_at;

/// 1980-01-01, the first day of ZIP.
const DATE: u16 = 1 << 5 | 1;
const UTF8: u16 = 1 << 11;
const UNIX: u16 = 3 << 8;
/// Versions of the format: deflate and folders, ZIP64.
const PLAIN: u16 = 20;
const WIDE: u16 = 45;

/// An entry as the directory tells it.
#[derive(Debug)]
pub struct Entry {
    /// With a trailing slash for folders.
    pub name: String,
    /// Unix mode with its type bits.
    pub mode: u32,
    pub data: Data,
    /// Offset of the local header.
    pub header: u64,
}

/// Coding, lengths and CRC of an entry's data.
#[derive(Debug, Clone, Copy, Default)]
pub struct Data {
    /// 0 (stored) or 8 (deflate).
    pub method: u16,
    pub crc32: u32,
    pub compressed: u64,
    pub size: u64,
}

/// Numbers that did not fit, behind one another, and the fields as they then read.
#[derive(Default)]
struct Zip64(Vec<u8>);

impl Zip64 {
    fn narrow(&mut self, value: u64) -> u32 {
        match u32::try_from(value) {
            Ok(value) if value != u32::MAX => value,
            _ => {
                self.0.extend(value.to_le_bytes());
                u32::MAX
            }
        }
    }

    /// A local header's sizes: APPNOTE requires both in the field or neither.
    fn narrow_both(&mut self, data: &Data) -> [u32; 2] {
        let [size, compressed] = [data.size, data.compressed].map(|value| self.narrow(value));
        if self.0.is_empty() {
            return [compressed, size];
        }
        self.0 = [data.size.to_le_bytes(), data.compressed.to_le_bytes()].concat();
        [u32::MAX; 2]
    }

    fn extra(&self) -> Vec<u8> {
        let mut extra = Vec::new();
        if !self.0.is_empty() {
            put16(&mut extra, [1, self.0.len() as u16]);
            extra.extend(&self.0);
        }
        extra
    }

    fn version(&self) -> u16 {
        if self.0.is_empty() { PLAIN } else { WIDE }
    }
}

fn put16<const N: usize>(out: &mut Vec<u8>, values: [u16; N]) {
    values
        .iter()
        .for_each(|value| out.extend(value.to_le_bytes()));
}

fn put32<const N: usize>(out: &mut Vec<u8>, values: [u32; N]) {
    values
        .iter()
        .for_each(|value| out.extend(value.to_le_bytes()));
}

impl Entry {
    /// ASCII names are not marked: both readings are the same.
    fn flags(&self) -> u16 {
        if self.name.is_ascii() { 0 } else { UTF8 }
    }

    /// Version needed, flags, method, time, date: common to both headers.
    fn common(&self, version: u16) -> [u16; 5] {
        [version, self.flags(), self.data.method, 0, DATE]
    }

    /// The header before the data.
    pub fn local(&self) -> Vec<u8> {
        let mut zip64 = Zip64::default();
        let [compressed, size] = zip64.narrow_both(&self.data);
        let extra = zip64.extra();
        let mut out = b"PK\x03\x04".to_vec();
        put16(&mut out, self.common(zip64.version()));
        put32(&mut out, [self.data.crc32, compressed, size]);
        put16(&mut out, [self.name.len() as u16, extra.len() as u16]);
        [out, self.name.clone().into_bytes(), extra].concat()
    }

    /// The directory's record.
    pub fn record(&self) -> Vec<u8> {
        let mut zip64 = Zip64::default();
        let size = zip64.narrow(self.data.size);
        let compressed = zip64.narrow(self.data.compressed);
        let header = zip64.narrow(self.header);
        let extra = zip64.extra();
        let mut out = b"PK\x01\x02".to_vec();
        put16(&mut out, [UNIX | zip64.version()]);
        put16(&mut out, self.common(zip64.version()));
        put32(&mut out, [self.data.crc32, compressed, size]);
        // Comment, disk and internal attributes are all zero.
        put16(
            &mut out,
            [self.name.len() as u16, extra.len() as u16, 0, 0, 0],
        );
        let dos_folder = if self.name.ends_with('/') { 0x10 } else { 0 };
        put32(&mut out, [self.mode << 16 | dos_folder, header]);
        [out, self.name.clone().into_bytes(), extra].concat()
    }
}

/// The names in a directory of records that [`Entry::record`] has made, in their order.
pub fn names(directory: &[u8]) -> impl Iterator<Item = &str> {
    let mut rest = directory;
    std::iter::from_fn(move || {
        let (fixed, behind) = rest.split_at_checked(46)?;
        let [name, extra] = [28, 30].map(|at| usize::from(u16_at(fixed, at)));
        let (name, _) = behind.split_at_checked(name)?;
        rest = behind.get(name.len() + extra..)?;
        Some(str::from_utf8(name).expect("names come in as text"))
    })
}

/// The end of a container with `count` entries and a directory of `size` bytes at `offset`.
pub fn end(count: u64, offset: u64, size: u64) -> Vec<u8> {
    let mut zip64 = Zip64::default();
    let [narrow_size, narrow_offset] = [size, offset].map(|value| zip64.narrow(value));
    let narrow_count = u16::try_from(count).unwrap_or(u16::MAX);
    let mut out = Vec::new();
    if narrow_count == u16::MAX || !zip64.0.is_empty() {
        out.extend(b"PK\x06\x06");
        out.extend(44_u64.to_le_bytes());
        put16(&mut out, [UNIX | WIDE, WIDE]);
        put32(&mut out, [0, 0]);
        [count, count, size, offset]
            .iter()
            .for_each(|value| out.extend(value.to_le_bytes()));
        out.extend(b"PK\x06\x07");
        put32(&mut out, [0]);
        out.extend((offset + size).to_le_bytes());
        put32(&mut out, [1]);
    }
    out.extend(b"PK\x05\x06");
    put16(&mut out, [0, 0, narrow_count, narrow_count]);
    put32(&mut out, [narrow_size, narrow_offset]);
    put16(&mut out, [0]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(size: u64, header: u64) -> Entry {
        Entry {
            name: "n".into(),
            mode: 0o100_644,
            data: Data {
                size,
                ..Data::default()
            },
            header,
        }
    }

    #[test]
    fn zip64_is_there_when_needed_only() {
        let limit = u64::from(u32::MAX);
        assert_eq!(entry(limit - 1, limit - 1).local().len(), 31);
        assert_eq!(entry(limit - 1, limit - 1).record().len(), 47);
        assert_eq!(entry(limit, 0).local().len(), 31 + 20);
        assert_eq!(entry(limit, 0).record().len(), 47 + 12);
        assert_eq!(entry(1, limit).record().len(), 47 + 12);
        assert_eq!(end(65_534, limit - 1, 9).len(), 22);
        for end in [end(65_535, 9, 9), end(1, limit, 9), end(1, 9, limit)] {
            assert_eq!(end.len(), 22 + 56 + 20);
        }
    }
}
