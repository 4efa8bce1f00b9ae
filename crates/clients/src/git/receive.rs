//! What a server answers to a fetch (gitprotocol-pack(5)), with the pack taken out of it.
//!
//! libgit2 speaks the protocol but never sees a pack: while it indexes one, it maps every object whole and holds in memory
//! whatever is a difference. The pack goes to [`pack::take`] as it arrives, and libgit2 gets an empty one in its place.
//! Everything else is handed on as it came, what is wrong as well: libgit2 has its words for that.

use std::io::{self, Cursor, Read};

use super::bounds::{self, Counter, Excess};
use super::pack::PackError;

/// A pack without objects.
const EMPTY: [u8; 32] = *b"PACK\0\0\0\x02\0\0\0\0\
    \x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e";

/// Ends a series of packets.
const FLUSH: &[u8] = b"0000";

/// Channels of a packet, when the answer has several.
const PACK: u8 = 1;
const PROGRESS: u8 = 2;

/// Why an answer cannot be read on.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It broke off.
    Broken(io::Error),
    /// The pack is refused, or cannot be kept.
    Pack(PackError),
    /// It does not end.
    Excess(Excess),
}

/// How much an answer may hold.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Of everything besides packs.
    words: Counter,
    /// Of packs.
    pack: Counter,
}

/// An answer that is handed on.
pub(super) struct Received<R> {
    pub(super) answer: R,
    /// What is handed on next.
    ready: Cursor<Vec<u8>>,
    /// Whether the rest is handed on without looking at it.
    as_it_is: bool,
    limits: Limits,
}

impl<R: Read> Received<R> {
    pub(super) const fn new(answer: R) -> Self {
        Self {
            answer,
            ready: Cursor::new(Vec::new()),
            as_it_is: false,
            limits: Limits {
                words: Counter::new(bounds::WORDS, "bytes besides a pack"),
                pack: Counter::new(bounds::PACK, "bytes of a pack"),
            },
        }
    }

    /// As [`Read::read`], of an answer that holds no pack.
    pub(super) fn read_words(&mut self, buffer: &mut [u8]) -> Result<usize, Trouble> {
        let read = self.answer.read(buffer).map_err(Trouble::Broken)?;
        self.limits.words.add(read).map_err(Trouble::Excess)?;
        Ok(read)
    }

    /// As [`Read::read`]; a pack in between goes to `take`, which reads it to its end.
    pub(super) fn read(
        &mut self,
        buffer: &mut [u8],
        take: impl FnOnce(&mut dyn Read) -> Result<(), PackError>,
    ) -> Result<usize, Trouble> {
        let ready = self.ready.read(buffer).map_err(Trouble::Broken)?;
        if ready > 0 || buffer.is_empty() {
            return Ok(ready);
        }
        if self.as_it_is {
            return self.read_words(buffer);
        }
        let next = self.next(take)?;
        self.limits.words.add(next.len()).map_err(Trouble::Excess)?;
        self.ready = Cursor::new(next);
        self.ready.read(buffer).map_err(Trouble::Broken)
    }

    /// The next packet that is handed on; nothing at the end.
    fn next(
        &mut self,
        take: impl FnOnce(&mut dyn Read) -> Result<(), PackError>,
    ) -> Result<Vec<u8>, Trouble> {
        let mut packet = Vec::with_capacity(5);
        read_up_to(&mut self.answer, 4, &mut packet)?;
        match length(&packet) {
            // Without channels the pack follows as it is.
            None if packet == *b"PACK" => {
                self.as_it_is = true;
                let mut pack = Plain {
                    begun: packet.as_slice(),
                    answer: &mut self.answer,
                    limits: &mut self.limits,
                    broken: None,
                };
                let taken = take(&mut pack);
                match pack.broken.take() {
                    Some(trouble) => Err(trouble),
                    None => taken.map(|()| EMPTY.to_vec()).map_err(Trouble::Pack),
                }
            }
            None => {
                self.as_it_is = true;
                Ok(packet)
            }
            Some(0) => Ok(packet),
            Some(left) => {
                read_up_to(&mut self.answer, 1, &mut packet)?;
                if packet.get(4) == Some(&PACK) {
                    return self.pack(left - 1, take);
                }
                read_up_to(&mut self.answer, left - 1, &mut packet)?;
                Ok(packet)
            }
        }
    }

    /// A pack whose first packet has `left` bytes of it.
    fn pack(
        &mut self,
        left: usize,
        take: impl FnOnce(&mut dyn Read) -> Result<(), PackError>,
    ) -> Result<Vec<u8>, Trouble> {
        let mut pack = Channel {
            answer: &mut self.answer,
            left,
            is_over: false,
            said: Vec::new(),
            limits: &mut self.limits,
            broken: None,
        };
        let taken = take(&mut pack);
        if let Some(trouble) = pack.broken {
            return Err(trouble);
        }
        if !pack.said.is_empty() {
            return Ok(pack.said);
        }
        taken.map_err(Trouble::Pack)?;
        let mut packet = format!("{:04x}", 4 + 1 + EMPTY.len()).into_bytes();
        packet.push(PACK);
        packet.extend(EMPTY);
        packet.extend(FLUSH);
        Ok(packet)
    }
}

/// How many bytes follow the four digits of a packet; `None` for what is no beginning of a packet.
fn length(digits: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(digits).ok()?;
    if text.len() != 4 || !text.bytes().all(|it| it.is_ascii_hexdigit()) {
        return None;
    }
    match usize::from_str_radix(text, 16).ok()? {
        0 => Some(0),
        length => length.checked_sub(4).filter(|left| *left > 0),
    }
}

/// Appends `length` bytes, or as many as there are.
fn read_up_to(input: &mut impl Read, length: usize, to: &mut Vec<u8>) -> Result<(), Trouble> {
    let read = input.take(length as u64).read_to_end(to);
    read.map(|_| ()).map_err(Trouble::Broken)
}

/// A pack that is the rest of the answer.
struct Plain<'a, R> {
    begun: &'a [u8],
    answer: &'a mut R,
    limits: &'a mut Limits,
    broken: Option<Trouble>,
}

impl<R: Read> Read for Plain<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.begun.is_empty() {
            return self.begun.read(buffer);
        }
        let read = self.answer.read(buffer);
        let read = read.map_err(|error| keep(&mut self.broken, error))?;
        let counted = self.limits.pack.add(read);
        counted.map_err(|excess| exceed(&mut self.broken, excess))?;
        Ok(read)
    }
}

/// A pack in packets of its own, beside which the server says how far it is.
struct Channel<'a, R> {
    answer: &'a mut R,
    /// Bytes of the pack that are left in this packet.
    left: usize,
    is_over: bool,
    /// The packet with which the server gave up.
    said: Vec<u8>,
    limits: &'a mut Limits,
    broken: Option<Trouble>,
}

impl<R: Read> Channel<'_, R> {
    /// Goes to the next packet with bytes of the pack, or to the end.
    fn go_on(&mut self) -> io::Result<()> {
        let mut packet = Vec::with_capacity(5);
        let mut read = |length, packet: &mut Vec<u8>| match read_up_to(self.answer, length, packet)
        {
            Err(Trouble::Broken(error)) => Err(error),
            _ => Ok(()),
        };
        read(4, &mut packet)?;
        match length(&packet) {
            Some(0) => self.is_over = true,
            Some(left) => {
                read(1, &mut packet)?;
                match packet.get(4) {
                    Some(&PACK) => self.left = left - 1,
                    Some(&PROGRESS) => {
                        read(left - 1, &mut packet)?;
                        let counted = self.limits.words.add(packet.len());
                        counted.map_err(|excess| exceed(&mut self.broken, excess))?;
                    }
                    _ => {
                        read(left - 1, &mut packet)?;
                        self.said = packet;
                        return Err(io::Error::other("the server gave up"));
                    }
                }
            }
            None if packet.len() < 4 => return Err(io::ErrorKind::UnexpectedEof.into()),
            None => return Err(io::Error::other("the server's answer is garbled")),
        }
        Ok(())
    }
}

impl<R: Read> Read for Channel<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.left == 0 && !self.is_over {
            if let Err(error) = self.go_on() {
                return Err(match self.said.is_empty() {
                    true => keep(&mut self.broken, error),
                    false => error,
                });
            }
        }
        let room = self.left.min(buffer.len());
        if room == 0 {
            return Ok(0);
        }
        let read = self.answer.read(&mut buffer[..room]);
        match read {
            Ok(0) => Err(keep(&mut self.broken, io::ErrorKind::UnexpectedEof.into())),
            Ok(read) => {
                self.left -= read;
                let counted = self.limits.pack.add(read);
                counted.map_err(|excess| exceed(&mut self.broken, excess))?;
                Ok(read)
            }
            Err(error) => Err(keep(&mut self.broken, error)),
        }
    }
}

/// Keeps the error for whoever knows what the answer was to, and gives another in its place.
fn keep(place: &mut Option<Trouble>, error: io::Error) -> io::Error {
    // What is kept already is the reason, and this its echo.
    if error.kind() == io::ErrorKind::Interrupted || place.is_some() {
        return error;
    }
    *place = Some(Trouble::Broken(error));
    io::ErrorKind::BrokenPipe.into()
}

/// Keeps that the answer does not end, likewise.
fn exceed(place: &mut Option<Trouble>, excess: Excess) -> io::Error {
    *place = Some(Trouble::Excess(excess));
    io::ErrorKind::BrokenPipe.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What libgit2 gets, and the packs that were taken.
    fn received(answer: &[u8]) -> (Result<Vec<u8>, Trouble>, Vec<Vec<u8>>) {
        let mut received = Received::new(answer);
        let (mut found, mut packs) = (Vec::new(), Vec::new());
        // A buffer in which nothing fits at once.
        let mut buffer = [0; 3];
        loop {
            let read = received.read(&mut buffer, |pack| {
                let mut bytes = Vec::new();
                pack.read_to_end(&mut bytes)?;
                packs.push(bytes);
                Ok(())
            });
            match read {
                Ok(0) => return (Ok(found), packs),
                Ok(read) => found.extend(&buffer[..read]),
                Err(trouble) => return (Err(trouble), packs),
            }
        }
    }

    #[test]
    fn the_pack_is_taken_out_and_the_rest_handed_on() {
        let instead = [b"0025\x01".as_slice(), &EMPTY].concat();
        let answer = b"0008NAK\n000c\x01PACK-on0008\x02say0005\x010006\x01e0000";
        let (found, packs) = received(answer);
        let expected = [b"0008NAK\n".as_slice(), &instead, b"0000"].concat();
        assert_eq!(found.unwrap(), expected);
        assert_eq!(packs, [b"PACK-one"]);
    }

    #[test]
    fn a_pack_without_channels_is_the_rest() {
        let (found, packs) = received(b"0008NAK\nPACK and so on");
        assert_eq!(found.unwrap(), [b"0008NAK\n".as_slice(), &EMPTY].concat());
        assert_eq!(packs, [b"PACK and so on"]);
    }

    #[test]
    fn what_is_no_pack_is_handed_on() {
        let answers: [&[u8]; 6] = [
            b"",
            b"0008NAK\n",
            b"00000008NAK\n0011ERR not today",
            b"0009\x03boo!",
            b"<html>",
            b"00",
        ];
        for answer in answers {
            let (found, packs) = received(answer);
            assert_eq!(found.unwrap(), answer);
            assert!(packs.is_empty());
        }
    }

    #[test]
    fn a_server_that_gives_up_has_the_last_word() {
        let (found, packs) = received(b"0009\x01PACK0009\x03boo!");
        assert_eq!(found.unwrap(), b"0009\x03boo!");
        assert!(packs.is_empty());
    }

    #[test]
    fn what_never_ends_is_an_error() {
        let endless = |once: &[u8], again: &[u8]| {
            let answer = once.chain(Endless(again.to_vec(), 0));
            let mut received = Received::new(answer);
            received.limits.words = Counter::new(1 << 20, "words");
            received.limits.pack = Counter::new(1 << 20, "pack");
            let mut buffer = vec![0; 1 << 16];
            loop {
                let read = received.read(&mut buffer, |pack| {
                    io::copy(pack, &mut io::sink())?;
                    Ok(())
                });
                match read {
                    Ok(0) => panic!("it has ended"),
                    Ok(_) => {}
                    Err(Trouble::Excess(excess)) => return excess.to_string(),
                    Err(other) => panic!("{other:?}"),
                }
            }
        };
        let [words, pack] =
            ["words", "pack"].map(|it| format!("the server sent more than 1048576 {it}"));
        assert_eq!(endless(b"", b"0008NAK\n"), words);
        assert_eq!(endless(b"", b"0009\x02abcd"), words);
        assert_eq!(endless(b"0009\x01PACK", b"0009\x02abcd"), words);
        assert_eq!(endless(b"0009\x01PACK", b"0009\x01abcd"), pack);
        assert_eq!(endless(b"PACK", b"abcd"), pack);
        assert_eq!(endless(b"<html>", b"abcd"), words);
    }

    /// The same bytes again and again.
    struct Endless(Vec<u8>, usize);

    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            for byte in &mut *buffer {
                *byte = self.0[self.1 % self.0.len()];
                self.1 += 1;
            }
            Ok(buffer.len())
        }
    }

    #[test]
    fn what_breaks_off_is_told_from_a_damaged_pack() {
        for answer in [
            b"0009\x01PA".as_slice(),
            b"0009\x01PACK",
            b"0009\x01PACKhtml",
        ] {
            let (found, packs) = received(answer);
            assert!(matches!(found, Err(Trouble::Broken(_))), "{answer:?}");
            assert!(packs.is_empty());
        }
        let mut damaged = Received::new(b"0009\x01PACK0000".as_slice());
        let read = damaged.read(&mut [0; 9], |_| Err(PackError::Index("x")));
        assert!(matches!(read, Err(Trouble::Pack(_))));
    }
}
