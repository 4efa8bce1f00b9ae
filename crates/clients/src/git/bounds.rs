//! How much a server may say. What it says besides packs is held in memory, by libgit2 or by us, and a server that never
//! ends would keep a run for ever.

use std::io;

use git2::{Blob, Oid, Repository};

/// Most references that a server may advertise. The largest repositories have some hundreds of thousands.
pub(super) const REFERENCES: u64 = 1_000_000;

/// Most bytes of an advertisement.
pub(super) const ADVERTISEMENT: u64 = 256 << 20;

/// Most bytes of an answer that are not of a pack: what both sides have, and how far the server is.
pub(super) const WORDS: u64 = 64 << 20;

/// Most bytes of a pack.
pub(super) const PACK: u64 = 64 << 30;

/// Reads a file of a repository whole, if it has no more than `most` bytes: libgit2 holds it in memory.
pub(super) fn blob(
    repository: &Repository,
    oid: Oid,
    most: usize,
) -> Result<Blob<'_>, git2::Error> {
    check_blob(repository, oid, most)?;
    repository.find_blob(oid)
}

/// Checks that a file of a repository has no more than `most` bytes, without reading it.
pub(super) fn check_blob(
    repository: &Repository,
    oid: Oid,
    most: usize,
) -> Result<(), git2::Error> {
    let (length, _) = repository.odb()?.read_header(oid)?;
    match length > most {
        true => {
            let text = format!("a file of {length} bytes, where at most {most} are expected");
            Err(git2::Error::from_str(&text))
        }
        false => Ok(()),
    }
}

/// A server has said more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server sent more than {most} {what}")]
pub struct Excess {
    most: u64,
    what: &'static str,
}

impl From<Excess> for io::Error {
    fn from(excess: Excess) -> Self {
        Self::other(excess)
    }
}

/// Counts something that is bounded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counter {
    count: u64,
    most: u64,
    what: &'static str,
}

impl Counter {
    pub(super) const fn new(most: u64, what: &'static str) -> Self {
        Self {
            count: 0,
            most,
            what,
        }
    }

    /// Adds some more.
    pub(super) fn add(&mut self, more: usize) -> Result<(), Excess> {
        self.count = self.count.saturating_add(more as u64);
        match self.count > self.most {
            true => Err(Excess {
                most: self.most,
                what: self.what,
            }),
            false => Ok(()),
        }
    }
}

/// Counts the packets (gitprotocol-common(5), pkt-line) of an advertisement as it passes by, however it is cut.
#[derive(Debug)]
pub(super) struct Packets {
    bytes: Counter,
    packets: Counter,
    /// Digits of a length so far.
    digits: u16,
    value: u16,
    /// Bytes that are left of a packet.
    left: u16,
}

impl Packets {
    pub(super) const fn new(references: u64, bytes: u64) -> Self {
        Self {
            bytes: Counter::new(bytes, "bytes of references"),
            packets: Counter::new(references, "references"),
            digits: 0,
            value: 0,
            left: 0,
        }
    }

    /// Looks at what comes next. What is no packet counts as bytes alone.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> Result<(), Excess> {
        self.bytes.add(bytes.len())?;
        while let Some((&first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let taken = bytes.len().min(self.left.into());
                self.left -= taken as u16;
                bytes = &bytes[taken..];
                continue;
            }
            let digit = char::from(first).to_digit(16).unwrap_or(0) as u16;
            (self.value, self.digits) = ((self.value << 4) | digit, self.digits + 1);
            if self.digits == 4 {
                self.packets.add(1)?;
                self.left = self.value.saturating_sub(4);
                (self.value, self.digits) = (0, 0);
            }
            bytes = rest;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packets(lines: usize) -> Vec<u8> {
        let line = format!("{:04x}{} refs/heads/x\n", 4 + 40 + 1 + 13, "a".repeat(40));
        [line.repeat(lines).as_bytes(), b"0000"].concat()
    }

    #[test]
    fn references_and_bytes_are_bounded() {
        let passes = |references, bytes| {
            let mut packets_of = Packets::new(references, bytes);
            let all = packets(10);
            all.chunks(7).try_for_each(|piece| packets_of.pass(piece))
        };
        assert_eq!(passes(11, 1000), Ok(()));
        let error = |result: Result<(), Excess>| result.unwrap_err().to_string();
        assert_eq!(
            error(passes(10, 1000)),
            "the server sent more than 10 references"
        );
        assert_eq!(
            error(passes(11, 500)),
            "the server sent more than 500 bytes of references"
        );
    }

    proptest! {
        #[test]
        fn anything_is_counted_in_any_pieces(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 1..9usize) {
            let mut whole = Packets::new(5, 200);
            let mut pieces = Packets::new(5, 200);
            let one = whole.pass(&bytes).is_ok();
            prop_assert_eq!(one, bytes.chunks(cut).all(|piece| pieces.pass(piece).is_ok()));
        }
    }
}
