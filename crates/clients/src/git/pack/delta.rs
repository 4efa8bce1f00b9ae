//! Applying a difference: copies from a base and new bytes, one instruction after the other.

use std::io::{BufReader, Read, Write};

use super::PackError;
use super::content::{Content, Scratch};
use super::entry::exact;

/// Bytes of a difference that are read at once.
const BUFFER: usize = 4096;

/// What a base lies in, and the base.
#[derive(Clone, Copy)]
pub(super) struct Base<'a> {
    pub(super) scratch: &'a Scratch,
    pub(super) content: &'a Content,
}

/// A difference whose lengths have been read.
pub(super) struct Delta<R> {
    input: BufReader<R>,
    base: u64,
    /// Bytes of the object that it leads to.
    pub(super) size: u64,
    at: u64,
}

impl<R: Read> Delta<R> {
    /// Reads the lengths of base and result; `at` is named in errors.
    pub(super) fn new(input: R, at: u64) -> Result<Self, PackError> {
        let mut input = BufReader::with_capacity(BUFFER, input);
        let base = length(&mut input, at)?;
        let size = length(&mut input, at)?;
        Ok(Self {
            input,
            base,
            size,
            at,
        })
    }

    /// Writes the object that the difference to `base` leads to.
    pub(super) fn apply(mut self, base: Base<'_>, out: &mut dyn Write) -> Result<(), PackError> {
        let at = self.at;
        let damaged = |problem| PackError::damaged(at, problem);
        if base.content.len() != self.base {
            return Err(damaged("a difference to something of another length"));
        }
        let mut left = self.size;
        let mut first = [0];
        loop {
            match self.input.read(&mut first) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            }
            let (from, length) = match first[0] {
                0 => return Err(damaged("a difference with an unknown instruction")),
                copy if copy & 0x80 != 0 => self.copied(copy)?,
                new => (None, u64::from(new)),
            };
            left = left
                .checked_sub(length)
                .ok_or(damaged("a difference that makes more than it says"))?;
            match from {
                Some(from) if from + length > self.base => {
                    return Err(damaged("a difference that copies what is not there"));
                }
                Some(from) => base.scratch.copy(base.content, from, length, out)?,
                None => {
                    let mut bytes = [0; 0x7f];
                    let bytes = &mut bytes[..length as usize];
                    exact(&mut self.input, bytes, self.at)?;
                    out.write_all(bytes)?;
                }
            }
        }
        match left {
            0 => Ok(()),
            _ => Err(damaged("a difference that makes less than it says")),
        }
    }

    /// Where a copy begins in the base, and its length: only the bytes that are not zero are written.
    fn copied(&mut self, instruction: u8) -> Result<(Option<u64>, u64), PackError> {
        let mut bytes = [0; 7];
        for (bit, byte) in bytes.iter_mut().enumerate() {
            if instruction >> bit & 1 != 0 {
                exact(&mut self.input, std::slice::from_mut(byte), self.at)?;
            }
        }
        let [a, b, c, d, e, f, g] = bytes;
        let from = u64::from(u32::from_le_bytes([a, b, c, d]));
        let length = match u32::from_le_bytes([e, f, g, 0]) {
            0 => 0x1_0000,
            length => u64::from(length),
        };
        Ok((Some(from), length))
    }
}

/// A length: seven bits in each byte, the lowest first.
fn length(input: &mut impl Read, at: u64) -> Result<u64, PackError> {
    let mut length = 0;
    for shift in (0..63).step_by(7) {
        let mut byte = [0];
        exact(input, &mut byte, at)?;
        length |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            return Ok(length);
        }
    }
    Err(PackError::damaged(at, "a length that is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
        let scratch = Scratch::new(std::path::Path::new("/nonexistent"));
        let content = Content::Memory(base.to_vec());
        let base = Base {
            scratch: &scratch,
            content: &content,
        };
        let mut out = Vec::new();
        let delta = Delta::new(delta, 12).ok()?;
        delta.apply(base, &mut out).ok()?;
        Some(out)
    }

    #[test]
    fn copies_and_new_bytes() {
        let delta = [6, 8, 0x91, 2, 4, 2, b'x', b'y', 0x90, 2];
        assert_eq!(applied(b"abcdef", &delta).unwrap(), b"cdefxyab");
        // A length of nothing is 64 KiB.
        let base = vec![7; 0x1_0001];
        let delta = [0x81, 0x80, 0x04, 0x80, 0x80, 0x04, 0x81, 1];
        assert_eq!(applied(&base, &delta).unwrap(), vec![7; 0x1_0000]);
        assert_eq!(applied(b"", &[0, 0]).unwrap(), b"");
    }

    #[test]
    fn what_is_no_difference_is_refused() {
        let cases: [&[u8]; 9] = [
            &[],
            &[6],
            &[5, 1, 0x90, 1],
            &[6, 1, 0],
            &[6, 1, 0x90, 2],
            &[6, 2, 0x90, 1],
            &[6, 7, 0x90, 7],
            &[6, 2, 2, b'x'],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        ];
        for delta in cases {
            assert_eq!(applied(b"abcdef", delta), None, "{delta:x?}");
        }
    }
}
