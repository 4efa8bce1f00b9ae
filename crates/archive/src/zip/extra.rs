//! Extra fields of headers: ZIP64 sizes (APPNOTE 4.5.3) and the Unicode path (4.6.9). Other fields say nothing that
//! Pannier uses; they must only parse.

use super::bytes::{u16_at, u32_at, u64_at};
use super::error::Rule;

const ZIP64: u16 = 0x0001;
const UNICODE_PATH: u16 = 0x7075;

/// A broken rule and what was found; the caller knows the entry.
pub type Fault = (Rule, String);

/// The fields of one header that matter here.
#[derive(Debug, Default)]
pub struct Extra<'a> {
    zip64: Option<&'a [u8]>,
}

impl<'a> Extra<'a> {
    /// Parses `bytes` to their end. `name` is the header's name, which a Unicode path must repeat.
    pub fn parse(mut bytes: &'a [u8], name: &[u8]) -> Result<Self, Fault> {
        let mut extra = Self::default();
        let mut unicode_paths = 0;
        while !bytes.is_empty() {
            let broken = || (Rule::BadExtra, "its extra fields do not parse".to_owned());
            let length = match bytes.len() {
                0..4 => return Err(broken()),
                _ => usize::from(u16_at(bytes, 2)),
            };
            let body = bytes.get(4..4 + length).ok_or_else(broken)?;
            match u16_at(bytes, 0) {
                ZIP64 if extra.zip64.is_some() => {
                    return Err((Rule::Zip64, "it has two ZIP64 fields".to_owned()));
                }
                ZIP64 => extra.zip64 = Some(body),
                UNICODE_PATH => {
                    unicode_paths += 1;
                    check_unicode_path(body, name, unicode_paths)?;
                }
                _ => {}
            }
            bytes = &bytes[4 + length..];
        }
        Ok(extra)
    }

    /// Whether there is a ZIP64 field.
    pub const fn is_zip64(&self) -> bool {
        self.zip64.is_some()
    }

    /// The true values of 32-bit fields: each that is all ones takes the next eight bytes of the ZIP64 field, which
    /// must then be used up.
    pub fn widen<const N: usize>(&self, fields: [u32; N]) -> Result<[u64; N], Fault> {
        let mut rest = self.zip64.unwrap_or_default();
        let mut wide = fields.map(u64::from);
        for (wide, field) in wide.iter_mut().zip(fields) {
            if field == u32::MAX {
                if rest.len() < 8 {
                    let detail = "a 32-bit field is all ones without its ZIP64 value";
                    return Err((Rule::Zip64, detail.to_owned()));
                }
                *wide = u64_at(rest, 0);
                rest = &rest[8..];
            }
        }
        if !rest.is_empty() || (self.is_zip64() && !fields.contains(&u32::MAX)) {
            let detail = "its ZIP64 field has more values than the 32-bit fields need";
            return Err((Rule::Zip64, detail.to_owned()));
        }
        Ok(wide)
    }

    /// The same for the size and compressed size of a local header, where the ZIP64 field may also repeat what the
    /// 32-bit fields say: some writers (Bazel's, and so the wheels of protobuf) always put it there.
    pub fn widen_local(&self, sizes: [u32; 2]) -> Result<[u64; 2], Fault> {
        let repeated = sizes.map(|size| u64::from(size).to_le_bytes()).concat();
        if !sizes.contains(&u32::MAX) && self.zip64 == Some(&repeated[..]) {
            return Ok(sizes.map(u64::from));
        }
        self.widen(sizes)
    }
}

/// Version 1, CRC-32 of the header's name, the same name again: anything else is a second name.
fn check_unicode_path(body: &[u8], name: &[u8], count: u32) -> Result<(), Fault> {
    let same = body.len() >= 5
        && body[0] == 1
        && u32_at(body, 1) == crc32fast::hash(name)
        && body[5..] == *name;
    match (same, count) {
        (true, 1) => Ok(()),
        (true, _) => Err((
            Rule::UnicodePath,
            "it has two Unicode path fields".to_owned(),
        )),
        (false, _) => Err((
            Rule::UnicodePath,
            "its Unicode path field has another name".to_owned(),
        )),
    }
}
