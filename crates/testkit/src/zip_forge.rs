//! A ZIP writer without judgement: every field can be set to anything. For tests of what must be refused.
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::Write;

use flate2::{Compression, write::DeflateEncoder};

/// The fields that stand in the local header and in the directory.
#[derive(Clone)]
pub struct Header {
    pub name: Vec<u8>,
    pub flags: u16,
    pub method: u16,
    pub crc: u32,
    pub compressed: u32,
    pub size: u32,
    pub extra: Vec<u8>,
}

/// One entry, told twice.
#[derive(Clone)]
pub struct Entry {
    /// Bytes before the local header that belong to nobody.
    pub gap: Vec<u8>,
    pub local: Header,
    pub data: Vec<u8>,
    pub descriptor: Vec<u8>,
    pub central: Header,
    pub made_by: u16,
    pub attributes: u32,
    pub comment: Vec<u8>,
    pub disk: u16,
    /// Added to the offset that the directory tells.
    pub shift: i64,
    /// Whether the directory lists it.
    pub listed: bool,
    /// Whether it is written, or just listed at the offset of the entry before.
    pub written: bool,
}

impl Entry {
    fn new(name: &str, method: u16, data: Vec<u8>, content: &[u8]) -> Self {
        let header = Header {
            name: name.as_bytes().to_vec(),
            flags: if name.is_ascii() { 0 } else { 1 << 11 },
            method,
            crc: crc32fast::hash(content),
            compressed: data.len() as u32,
            size: content.len() as u32,
            extra: Vec::new(),
        };
        let mode = if name.ends_with('/') {
            0o040_755
        } else {
            0o100_644
        };
        Self {
            gap: Vec::new(),
            local: header.clone(),
            data,
            descriptor: Vec::new(),
            central: header,
            made_by: 3 << 8 | 20,
            attributes: mode << 16,
            comment: Vec::new(),
            disk: 0,
            shift: 0,
            listed: true,
            written: true,
        }
    }

    /// `content` as it is.
    pub fn stored(name: &str, content: &[u8]) -> Self {
        Self::new(name, 0, content.to_vec(), content)
    }

    /// `content`, deflated.
    pub fn deflated(name: &str, content: &[u8]) -> Self {
        Self::new(name, 8, deflate(content), content)
    }

    /// A raw stream that is said to give `content`.
    pub fn raw(name: &str, data: Vec<u8>, content: &[u8]) -> Self {
        Self::new(name, 8, data, content)
    }

    /// The same change in both headers.
    pub fn both(mut self, change: impl Fn(&mut Header)) -> Self {
        change(&mut self.local);
        change(&mut self.central);
        self
    }

    /// Any change.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Unix mode with type bits.
    pub fn mode(self, mode: u32) -> Self {
        self.with(|entry| entry.attributes = mode << 16)
    }

    /// Flag bit 3, zeros in the local header, and a descriptor.
    pub fn descriptor(self, signed: bool) -> Self {
        self.both(|header| header.flags |= 8).with(|entry| {
            let signature: &[u8] = if signed { b"PK\x07\x08" } else { b"" };
            let header = &entry.central;
            entry.descriptor = signature.to_vec();
            for value in [header.crc, header.compressed, header.size] {
                entry.descriptor.extend(value.to_le_bytes());
            }
            (entry.local.crc, entry.local.compressed, entry.local.size) = (0, 0, 0);
        })
    }
}

/// A container.
#[derive(Clone, Default)]
pub struct Forge {
    pub entries: Vec<Entry>,
    /// Bytes between the last entry and the directory.
    pub gap: Vec<u8>,
    /// Added to what the end record tells.
    pub count: i32,
    pub count_here: i32,
    pub size: i64,
    pub offset: i64,
    pub disk: u16,
    pub comment: Vec<u8>,
    /// ZIP64 record and locator; gets their right bytes to change.
    pub zip64: Option<fn(&mut Vec<u8>)>,
    /// Whether the end record's numbers are all ones.
    pub all_ones: bool,
    pub suffix: Vec<u8>,
}

impl Forge {
    pub fn of(entries: impl IntoIterator<Item = Entry>) -> Self {
        Self {
            entries: entries.into_iter().collect(),
            ..Self::default()
        }
    }

    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let (mut out, mut directory, mut count) = (Vec::new(), Vec::new(), 0_i64);
        let mut at = 0;
        for entry in &self.entries {
            if entry.written {
                out.extend(&entry.gap);
                at = out.len();
                local(&mut out, entry);
            }
            if entry.listed {
                central(&mut directory, entry, at as i64 + entry.shift);
                count += 1;
            }
        }
        out.extend(&self.gap);
        let (offset, size) = (out.len() as i64, directory.len() as i64);
        out.extend(directory);
        if let Some(change) = self.zip64 {
            let mut records = zip64_end(count as u64, offset as u64, size as u64);
            change(&mut records);
            out.extend(records);
        }
        self.end(&mut out, count, offset, size);
        out
    }

    fn end(&self, out: &mut Vec<u8>, count: i64, offset: i64, size: i64) {
        out.extend(b"PK\x05\x06");
        put16(out, &[self.disk, self.disk]);
        if self.all_ones {
            out.extend([0xff; 12]);
        } else {
            let [here, all] =
                [self.count_here, self.count].map(|change| (count as i32 + change) as u16);
            put16(out, &[here, all]);
            put32(
                out,
                &[(size + self.size) as u32, (offset + self.offset) as u32],
            );
        }
        put16(out, &[self.comment.len() as u16]);
        out.extend(&self.comment);
        out.extend(&self.suffix);
    }
}

fn local(out: &mut Vec<u8>, entry: &Entry) {
    let header = &entry.local;
    out.extend(b"PK\x03\x04");
    put16(out, &[20, header.flags, header.method, 0, 33]);
    put32(out, &[header.crc, header.compressed, header.size]);
    put16(out, &[header.name.len() as u16, header.extra.len() as u16]);
    for part in [&header.name, &header.extra, &entry.data, &entry.descriptor] {
        out.extend(part);
    }
}

fn central(out: &mut Vec<u8>, entry: &Entry, offset: i64) {
    let header = &entry.central;
    out.extend(b"PK\x01\x02");
    put16(
        out,
        &[entry.made_by, 20, header.flags, header.method, 0, 33],
    );
    put32(out, &[header.crc, header.compressed, header.size]);
    let lengths = [&header.name, &header.extra, &entry.comment].map(|part| part.len() as u16);
    put16(out, &lengths);
    put16(out, &[entry.disk, 0]);
    put32(out, &[entry.attributes, offset as u32]);
    for part in [&header.name, &header.extra, &entry.comment] {
        out.extend(part);
    }
}

/// ZIP64 record (56 bytes) and locator (20 bytes).
fn zip64_end(count: u64, offset: u64, size: u64) -> Vec<u8> {
    let mut out = b"PK\x06\x06".to_vec();
    put64(&mut out, &[44]);
    put16(&mut out, &[45, 45]);
    put32(&mut out, &[0, 0]);
    put64(&mut out, &[count, count, size, offset]);
    out.extend(b"PK\x06\x07");
    put32(&mut out, &[0]);
    put64(&mut out, &[offset + size]);
    put32(&mut out, &[1]);
    out
}

/// One extra field.
pub fn extra(id: u16, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put16(&mut out, &[id, body.len() as u16]);
    out.extend(body);
    out
}

/// A ZIP64 field with these values.
pub fn zip64_extra(values: &[u64]) -> Vec<u8> {
    let mut body = Vec::new();
    put64(&mut body, values);
    extra(1, &body)
}

fn put16(out: &mut Vec<u8>, values: &[u16]) {
    values
        .iter()
        .for_each(|value| out.extend(value.to_le_bytes()));
}

fn put32(out: &mut Vec<u8>, values: &[u32]) {
    values
        .iter()
        .for_each(|value| out.extend(value.to_le_bytes()));
}

fn put64(out: &mut Vec<u8>, values: &[u64]) {
    values
        .iter()
        .for_each(|value| out.extend(value.to_le_bytes()));
}

/// A raw stream by an ordinary deflater.
pub fn deflate(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A raw stream bit by bit, and what it gives.
#[derive(Clone, Default)]
pub struct Bits {
    pub bytes: Vec<u8>,
    pub length: usize,
    pub content: Vec<u8>,
}

impl Bits {
    /// Least significant bit first, as deflate's numbers.
    pub fn number(mut self, value: u32, bits: u32) -> Self {
        for bit in 0..bits {
            if self.length.is_multiple_of(8) {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= ((value >> bit & 1) as u8) << (self.length % 8);
            self.length += 1;
        }
        self
    }

    /// Most significant bit first, as Huffman codes.
    pub fn code(self, value: u32, bits: u32) -> Self {
        self.number(value.reverse_bits() >> (32 - bits), bits)
    }

    /// A block of literals in the fixed code.
    pub fn fixed(self, last: bool, content: &[u8]) -> Self {
        let mut bits = self.number(u32::from(last), 1).number(1, 2);
        for &byte in content {
            bits = match byte {
                0..144 => bits.code(0x30 + u32::from(byte), 8),
                _ => bits.code(0x190 + u32::from(byte) - 144, 9),
            };
            bits.content.push(byte);
        }
        bits.code(0, 7)
    }

    /// A stored block.
    pub fn stored(self, last: bool, content: &[u8]) -> Self {
        let bits = self.number(u32::from(last), 3);
        let pad = bits.length.next_multiple_of(8) - bits.length;
        let length = content.len() as u32;
        let mut bits = bits
            .number(0, pad as u32)
            .number(length, 16)
            .number(!length, 16);
        bits.bytes.extend(content);
        bits.length += 8 * content.len();
        bits.content.extend(content);
        bits
    }

    /// Everything behind the last bit set to ones, which no decoder looks at.
    pub fn dirty(mut self) -> Self {
        let used = self.length % 8;
        if used != 0 {
            *self.bytes.last_mut().unwrap() |= 0xff << used;
        }
        self
    }

    pub fn entry(self, name: &str) -> Entry {
        Entry::raw(name, self.bytes, &self.content)
    }
}

/// `bytes` as an open temporary file.
pub fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}
