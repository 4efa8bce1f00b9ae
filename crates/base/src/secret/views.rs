//! A text as it reads with its escapes undone: `%2F`, `+`, `\u002f`, `\"`, `&quot;`, up to three layers of them.
//!
//! A secret may be escaped in whole or in part, in upper or lower case, and once more by each program that repeats it.
//! Undoing finds
//! all of that, where a list of the forms would not. Each byte of a view knows which bytes of the text it is made of.

use std::ops::Range;

/// Layers of escapes that are undone: a text in JSON in JSON, a URL in a URL's query.
const LAYERS: usize = 3;

/// A text with escapes undone.
pub(super) struct View {
    bytes: Vec<u8>,
    /// For each byte, where the bytes of the text that it is made of start and end.
    sources: Vec<(u32, u32)>,
}

impl View {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of the text that a range of this view, which is not empty, is made of.
    pub(super) fn source(&self, range: Range<usize>) -> Range<usize> {
        let (start, _) = self.sources[range.start];
        let (_, end) = self.sources[range.end - 1];
        start as usize..end as usize
    }

    fn push(&mut self, byte: u8, source: (u32, u32)) {
        self.bytes.push(byte);
        self.sources.push(source);
    }

    /// This view with one more kind of escape undone; `None` where it has none of that kind.
    fn undo(&self, escape: &Escape) -> Option<Self> {
        if !self.bytes.contains(&escape.sign) {
            return None;
        }
        let mut undone = Self {
            bytes: Vec::with_capacity(self.bytes.len()),
            sources: Vec::with_capacity(self.bytes.len()),
        };
        let (mut at, mut found) = (0, false);
        while let Some(&byte) = self.bytes.get(at) {
            let read = (byte == escape.sign)
                .then(|| (escape.read)(&self.bytes[at + 1..]))
                .flatten();
            if let Some((character, length)) = read {
                let source = (self.sources[at].0, self.sources[at + length].1);
                match character {
                    Unit::Byte(byte) => undone.push(byte, source),
                    Unit::Char(character) => {
                        for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                            undone.push(byte, source);
                        }
                    }
                }
                at += 1 + length;
                found = true;
            } else {
                undone.push(byte, self.sources[at]);
                at += 1;
            }
        }
        found.then_some(undone)
    }
}

/// What an escape stands for.
enum Unit {
    Byte(u8),
    Char(char),
}

/// One way of escaping: the sign that starts an escape, and how what follows it is read, with its length in bytes.
struct Escape {
    sign: u8,
    read: fn(&[u8]) -> Option<(Unit, usize)>,
}

const ESCAPES: [Escape; 4] = [
    Escape {
        sign: b'%',
        read: percent,
    },
    Escape {
        sign: b'+',
        read: |_| Some((Unit::Byte(b' '), 0)),
    },
    Escape {
        sign: b'\\',
        read: backslash,
    },
    Escape {
        sign: b'&',
        read: entity,
    },
];

/// Shows `see` all views of a text, which is shorter than 4 GiB, but the text itself; none where nothing in it is escaped. No more of them than layers
/// are held at once: a view takes nine times its text.
pub(super) fn each(text: &str, mut see: impl FnMut(&View)) {
    let is_escape = |byte: &u8| b"%+\\&".contains(byte);
    if !text.as_bytes().iter().any(is_escape) {
        return;
    }
    let plain = View {
        bytes: text.as_bytes().to_vec(),
        sources: (0..u32::MAX).zip(1..).take(text.len()).collect(),
    };
    undo_all(&plain, LAYERS, &mut see);
}

fn undo_all(view: &View, layers: usize, see: &mut impl FnMut(&View)) {
    if layers == 0 {
        return;
    }
    for escape in &ESCAPES {
        if let Some(undone) = view.undo(escape) {
            see(&undone);
            undo_all(&undone, layers - 1, see);
        }
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok()?;
    let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    plain
        .then(|| u32::from_str_radix(digits, 16).ok())
        .flatten()
}

/// `%2F` (RFC 3986, 2.1).
fn percent(rest: &[u8]) -> Option<(Unit, usize)> {
    let byte = u8::try_from(hex(rest.get(..2)?)?).ok()?;
    Some((Unit::Byte(byte), 2))
}

/// `\n`, `\"`, `\u002f`, `\u{2f}`, `\x2f`: JSON (RFC 8259, 7), Rust, Python, shells, Markdown.
fn backslash(rest: &[u8]) -> Option<(Unit, usize)> {
    let byte = |byte| Some((Unit::Byte(byte), 1));
    match *rest.first()? {
        b'n' => byte(b'\n'),
        b't' => byte(b'\t'),
        b'r' => byte(b'\r'),
        b'b' => byte(8),
        b'f' => byte(12),
        b'0' => byte(0),
        b'x' => Some((Unit::Char(char::from_u32(hex(rest.get(1..3)?)?)?), 3)),
        b'u' if rest.get(1) == Some(&b'{') => {
            let end = rest.iter().take(9).position(|&byte| byte == b'}')?;
            Some((Unit::Char(char::from_u32(hex(&rest[2..end])?)?), end + 1))
        }
        b'u' => {
            let unit = |at: usize| u16::try_from(hex(rest.get(at..at + 4)?)?).ok();
            let first = unit(1)?;
            if let Some(character) = char::from_u32(first.into()) {
                return Some((Unit::Char(character), 5));
            }
            let second = (rest.get(5..7)? == b"\\u").then(|| unit(7)).flatten()?;
            let character = char::decode_utf16([first, second]).next()?.ok()?;
            Some((Unit::Char(character), 11))
        }
        other => byte(other),
    }
}

/// `&amp;`, `&#38;`, `&#x26;` (XML and HTML).
fn entity(rest: &[u8]) -> Option<(Unit, usize)> {
    let end = rest.iter().take(9).position(|&byte| byte == b';')?;
    let name = std::str::from_utf8(&rest[..end]).ok()?;
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(digits) => hex(digits.as_bytes())?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((Unit::Char(character), end + 1))
}
