//! The header of a pack's entry: what the entry is, and how long it is when inflated.

use std::io::Read;

use super::{ID, Id, PackError};

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A commit.
    Commit,
    /// A folder.
    Tree,
    /// A file.
    Blob,
    /// A tag with a text.
    Tag,
}

impl Kind {
    /// As it stands in front of the object where its id is computed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }
}

/// How an entry has its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As itself.
    Whole(Kind),
    /// As a difference to the entry that begins at this byte.
    DeltaAt(u64),
    /// As a difference to this object.
    DeltaTo(Id),
}

/// What stands in front of an entry's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) form: Form,
    /// Bytes of the object or of the difference, inflated.
    pub(super) size: u64,
}

/// Reads the header of the entry that begins at byte `at`.
pub(super) fn header(input: &mut impl Read, at: u64) -> Result<Header, PackError> {
    let first = byte(input, at)?;
    let mut size = u64::from(first & 15);
    let mut shift = 4;
    let mut more = first & 0x80 != 0;
    while more {
        let next = byte(input, at)?;
        if shift > 56 {
            return Err(PackError::damaged(at, "a length that is too large"));
        }
        size |= u64::from(next & 0x7f) << shift;
        shift += 7;
        more = next & 0x80 != 0;
    }
    let form = match first >> 4 & 7 {
        1 => Form::Whole(Kind::Commit),
        2 => Form::Whole(Kind::Tree),
        3 => Form::Whole(Kind::Blob),
        4 => Form::Whole(Kind::Tag),
        6 => Form::DeltaAt(base(input, at)?),
        7 => {
            let mut id = [0; ID];
            exact(input, &mut id, at)?;
            Form::DeltaTo(id)
        }
        _ => return Err(PackError::damaged(at, "an entry of an unknown type")),
    };
    Ok(Header { form, size })
}

/// The header of an object that stands there as itself.
pub(super) fn whole(kind: Kind, size: u64) -> Vec<u8> {
    let number = match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    let mut bytes = vec![number << 4 | (size & 15) as u8];
    let mut left = size >> 4;
    while left > 0 {
        if let Some(last) = bytes.last_mut() {
            *last |= 0x80;
        }
        bytes.push((left & 0x7f) as u8);
        left >>= 7;
    }
    bytes
}

/// Where the base begins, written as the distance to it.
fn base(input: &mut impl Read, at: u64) -> Result<u64, PackError> {
    let mut next = byte(input, at)?;
    let mut distance = u64::from(next & 0x7f);
    while next & 0x80 != 0 {
        next = byte(input, at)?;
        let more = distance.checked_add(1).filter(|it| it >> 57 == 0);
        let more = more.ok_or(PackError::damaged(at, "a distance that is too large"))?;
        distance = more << 7 | u64::from(next & 0x7f);
    }
    match at.checked_sub(distance) {
        Some(base) if distance > 0 => Ok(base),
        _ => Err(PackError::damaged(
            at,
            "a difference to what is not before it",
        )),
    }
}

fn byte(input: &mut impl Read, at: u64) -> Result<u8, PackError> {
    let mut one = [0];
    exact(input, &mut one, at)?;
    Ok(one[0])
}

/// Fills `bytes`; an end before that is a damaged pack.
pub(super) fn exact(input: &mut impl Read, bytes: &mut [u8], at: u64) -> Result<(), PackError> {
    input.read_exact(bytes).map_err(|error| {
        // Readers of foreign bytes give this kind as well when a connection breaks; they keep that error for themselves.
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => {
                PackError::damaged(at, "the pack ends within an entry")
            }
            _ => error.into(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read() {
        let read = |bytes: &[u8], at| header(&mut &*bytes, at).ok();
        let whole = |kind, size| {
            Some(Header {
                form: Form::Whole(kind),
                size,
            })
        };
        assert_eq!(read(&[0x3f], 12), whole(Kind::Blob, 15));
        assert_eq!(read(&[0x9f, 0x01], 12), whole(Kind::Commit, 31));
        assert_eq!(read(&[0xa0, 0x80, 0x01], 12), whole(Kind::Tree, 1 << 11));
        let delta = |form, size| Some(Header { form, size });
        assert_eq!(read(&[0x65, 10], 100), delta(Form::DeltaAt(90), 5));
        // Each further byte of a distance counts from one more than the last could say.
        assert_eq!(
            read(&[0x65, 0x80, 0], 1000),
            delta(Form::DeltaAt(1000 - 128), 5)
        );
        let to = [[0x71].as_slice(), &[7; 20]].concat();
        assert_eq!(read(&to, 12), delta(Form::DeltaTo([7; 20]), 1));
    }

    #[test]
    fn what_is_written_is_read() {
        for size in [0, 15, 16, 2047, 2048, 1 << 40, (1 << 60) - 1] {
            let form = Form::Whole(Kind::Tag);
            let read = header(&mut whole(Kind::Tag, size).as_slice(), 0).unwrap();
            assert_eq!(read, Header { form, size });
        }
    }

    #[test]
    fn what_is_no_header_is_refused() {
        let cases: [&[u8]; 8] = [
            &[],
            &[0x05],
            &[0x55],
            &[0x90],
            &[0x65, 0],
            &[0x65, 101],
            &[
                0xbf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0,
            ],
            &[
                0x65, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0,
            ],
        ];
        for bytes in cases {
            assert!(header(&mut &*bytes, 100).is_err(), "{bytes:x?}");
        }
    }
}
