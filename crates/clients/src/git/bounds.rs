//! Limits on what a git server may send: libgit2 holds much of it in memory, and an answer without an end would keep a run
//! busy for ever.

use std::io;

use git2::{Blob, Oid, Repository};

/// Most references that a server may advertise. The largest repositories have some hundreds of thousands.
pub(super) const REFERENCES: u64 = 1_000_000;

/// Most bytes of an advertisement.
pub(super) const ADVERTISEMENT: u64 = 256 << 20;

/// Most bytes of an answer outside of packs: which commits both sides have, and progress messages.
pub(super) const WORDS: u64 = 64 << 20;

/// Most bytes of a pack.
pub(super) const PACK: u64 = 64 << 30;

/// Most objects of a pack: libgit2 needs about 150 bytes of memory for each.
pub(super) const OBJECTS: u64 = 50_000_000;

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
    if length > most {
        let text = format!("a file of {length} bytes, expected at most {most}");
        return Err(git2::Error::from_str(&text));
    }
    Ok(())
}

/// A server sent more than it may.
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
        if self.count > self.most {
            return Err(Excess {
                most: self.most,
                what: self.what,
            });
        }
        Ok(())
    }
}

/// Cuts a stream into packets (gitprotocol-common(5), pkt-line), however it arrives.
#[derive(Debug, Default)]
struct Packets {
    /// Digits of a length so far.
    head: [u8; 4],
    digits: usize,
    /// Bytes that are left of a packet.
    left: usize,
}

/// What [`Packets`] finds.
enum Piece<'a> {
    /// The four digits that a packet begins with.
    Head([u8; 4]),
    /// Bytes of the packet's payload.
    Payload(&'a [u8]),
}

impl Packets {
    /// Takes the next piece off `bytes`; `None` when no more is known yet. Digits that are no digits count as 0.
    fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Piece<'a>> {
        if self.left > 0 {
            let (payload, rest) = bytes.split_at(bytes.len().min(self.left));
            self.left -= payload.len();
            *bytes = rest;
            return (!payload.is_empty()).then_some(Piece::Payload(payload));
        }
        while let Some((&first, rest)) = bytes.split_first() {
            self.head[self.digits] = first;
            self.digits += 1;
            *bytes = rest;
            if self.digits == self.head.len() {
                let digit = |it: &u8| char::from(*it).to_digit(16).unwrap_or(0) as usize;
                let length = self.head.iter().fold(0, |sum, it| sum << 4 | digit(it));
                self.left = length.saturating_sub(self.head.len());
                self.digits = 0;
                return Some(Piece::Head(self.head));
            }
        }
        None
    }
}

/// Counts an advertisement of references as it passes.
#[derive(Debug)]
pub(super) struct Advertisement {
    packets: Packets,
    bytes: Counter,
    references: Counter,
}

impl Advertisement {
    pub(super) fn new(references: u64, bytes: u64) -> Self {
        Self {
            packets: Packets::default(),
            bytes: Counter::new(bytes, "bytes of references"),
            references: Counter::new(references, "references"),
        }
    }

    /// Counts the next bytes. What is not a packet counts as bytes alone.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> Result<(), Excess> {
        self.bytes.add(bytes.len())?;
        while let Some(piece) = self.packets.next(&mut bytes) {
            if let Piece::Head(_) = piece {
                self.references.add(1)?;
            }
        }
        Ok(())
    }
}

/// Counts the answer to a fetch (gitprotocol-pack(5)) as it passes: the pack, and everything else.
#[derive(Debug)]
pub(super) struct Fetched {
    packets: Packets,
    words: Counter,
    pack: Counter,
    objects: Counter,
    /// What the bytes available belong to.
    part: Part,
    /// The beginning of the pack.
    head: Vec<u8>,
    /// Whether a pack has begun in packets, and the packet that ends them has not come.
    is_open: bool,
}

/// What bytes of an answer belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// A packet whose first byte has not come.
    Unknown,
    Words,
    Pack,
    /// A pack that is the rest of the answer.
    PackToTheEnd,
}

impl Fetched {
    /// First byte of a packet that holds bytes of the pack.
    const PACK: u8 = 1;
    /// Length of a pack's header, which ends with the number of its objects (gitformat-pack(5)).
    const HEAD: usize = 12;

    pub(super) fn new(words: u64, pack: u64, objects: u64) -> Self {
        Self {
            packets: Packets::default(),
            words: Counter::new(words, "bytes outside of a pack"),
            pack: Counter::new(pack, "bytes of a pack"),
            objects: Counter::new(objects, "objects"),
            part: Part::Unknown,
            head: Vec::new(),
            is_open: false,
        }
    }

    /// Counts the next bytes.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> Result<(), Excess> {
        while self.part != Part::PackToTheEnd {
            match self.packets.next(&mut bytes) {
                None => return Ok(()),
                Some(Piece::Head(digits)) if digits == *b"PACK" => {
                    self.part = Part::PackToTheEnd;
                    self.pack(&digits)?;
                }
                Some(Piece::Head(digits)) => {
                    self.part = Part::Unknown;
                    self.is_open &= digits != *b"0000";
                    if self.packets.left == 0 {
                        self.words.add(digits.len())?;
                    }
                }
                Some(Piece::Payload(payload)) => self.payload(payload)?,
            }
        }
        self.pack(bytes)
    }

    fn payload(&mut self, mut payload: &[u8]) -> Result<(), Excess> {
        if self.part == Part::Unknown {
            let is_pack = payload.first() == Some(&Self::PACK);
            self.is_open |= is_pack;
            self.part = if is_pack { Part::Pack } else { Part::Words };
            let counter = if is_pack {
                &mut self.pack
            } else {
                &mut self.words
            };
            counter.add(4)?;
            payload = &payload[usize::from(is_pack)..];
        }
        match self.part {
            Part::Pack => self.pack(payload),
            _ => self.words.add(payload.len()),
        }
    }

    fn pack(&mut self, bytes: &[u8]) -> Result<(), Excess> {
        let missing = Self::HEAD - self.head.len();
        if missing > 0 {
            self.head.extend(bytes.iter().take(missing));
            if let [b'P', b'A', b'C', b'K', _, _, _, _, a, b, c, d] = self.head[..] {
                self.objects
                    .add(u32::from_be_bytes([a, b, c, d]) as usize)?;
            }
        }
        self.pack.add(bytes.len())
    }

    /// Whether an answer that ends here was cut off inside of a pack.
    pub(super) const fn is_cut_off(&self) -> bool {
        self.is_open
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
            let mut advertisement = Advertisement::new(references, bytes);
            let all = packets(10);
            all.chunks(7)
                .try_for_each(|piece| advertisement.pass(piece))
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

    /// The answer after these bytes, in pieces of `cut` bytes.
    fn fetched(answer: &[u8], cut: usize) -> (Fetched, Result<(), Excess>) {
        let mut fetched = Fetched::new(100, 200, 1_000);
        let done = answer.chunks(cut).try_for_each(|piece| fetched.pass(piece));
        (fetched, done)
    }

    #[test]
    fn an_answer_is_counted_by_what_it_holds() {
        let answer =
            b"0008NAK\n000d\x01PACK\0\0\0\x02000a\x02said\n0009\x01\0\0\0\x070009\x01abcd0000";
        for cut in 1..answer.len() {
            let (fetched, done) = fetched(answer, cut);
            assert_eq!((done, fetched.is_cut_off()), (Ok(()), false));
            let counts = [&fetched.words, &fetched.pack, &fetched.objects].map(|it| it.count);
            assert_eq!(counts, [8 + 10 + 4, 4 * 3 + 16, 7], "in pieces of {cut}");
        }
        let (plain, done) = fetched(b"0008NAK\nPACK\0\0\0\x02\0\0\0\x07abcd", 3);
        assert_eq!((done, plain.is_cut_off()), (Ok(()), false));
        assert_eq!((plain.pack.count, plain.objects.count), (16, 7));
    }

    #[test]
    fn an_answer_that_ends_inside_of_a_pack_is_cut_off() {
        let answer = b"0008NAK\n0009\x01PACK0009\x02wait0009\x01abcd0000";
        for length in 0..=answer.len() {
            let (fetched, done) = fetched(&answer[..length], 5);
            let begun = 8 + 5;
            let expected = begun <= length && length < answer.len();
            assert_eq!((done, fetched.is_cut_off()), (Ok(()), expected), "{length}");
        }
    }

    #[test]
    fn what_never_ends_is_an_error() {
        let endless = |once: &[u8], again: &[u8]| {
            let answer = [once, &again.repeat(400)].concat();
            let (_, done) = fetched(&answer, 7);
            done.unwrap_err().to_string()
        };
        let words = "the server sent more than 100 bytes outside of a pack";
        let pack = "the server sent more than 200 bytes of a pack";
        assert_eq!(endless(b"", b"0008NAK\n"), words);
        assert_eq!(endless(b"", b"0009\x02abcd"), words);
        assert_eq!(endless(b"", b"0000"), words);
        assert_eq!(endless(b"", b"0004"), words);
        assert_eq!(endless(b"", b"<html>"), words);
        assert_eq!(endless(b"0009\x01PACK", b"0009\x02abcd"), words);
        assert_eq!(endless(b"0009\x01PACK", b"0009\x01\0\0\0\0"), pack);
        assert_eq!(endless(b"0009\x01PACK", b"0005\x01"), pack);
        assert_eq!(endless(b"PACK", b"\0\0\0\0"), pack);
        let objects = "the server sent more than 1000 objects";
        assert_eq!(endless(b"PACK\0\0\0\x02", b"\0\0\x04\0"), objects);
    }

    proptest! {
        #[test]
        fn anything_is_counted_in_any_pieces(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 1..9usize) {
            let mut whole = Advertisement::new(5, 200);
            let mut pieces = Advertisement::new(5, 200);
            let one = whole.pass(&bytes).is_ok();
            prop_assert_eq!(one, bytes.chunks(cut).all(|piece| pieces.pass(piece).is_ok()));
            let (whole, one) = fetched(&bytes, 300);
            let (pieces, all) = fetched(&bytes, cut);
            prop_assert_eq!(&one, &all);
            prop_assert!(one.is_err() || whole.is_cut_off() == pieces.is_cut_off());
        }
    }
}
