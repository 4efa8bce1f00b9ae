//! From the bytes of a file to its text and back, as pip reads requirements files: a byte order mark, else the coding line
//! in one of the first two lines (PEP 263), else UTF-8.
//!
//! Refuses to guess: bytes that are none of it are an error that names the place.

use std::fmt;

/// How a text is written as bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8; a byte order mark is part of the text.
    Utf8,
    /// ISO 8859-1, said by a coding line.
    Latin1,
    /// UTF-16, little end first, said by a byte order mark.
    Utf16Le,
    /// UTF-16, big end first, said by a byte order mark.
    Utf16Be,
}

/// Why bytes are no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not UTF-8, and nothing says what else.
    #[error(
        "line {line} is not UTF-8; save the file as UTF-8, or say `# -*- coding: latin-1 -*-` in its first line"
    )]
    NotUtf8 {
        /// Line, from 1.
        line: usize,
    },
    /// The coding line names something else.
    #[error(
        "its coding line says `{0}`, which is not read here; save the file as UTF-8 and remove that line"
    )]
    Unknown(String),
    /// A byte order mark says UTF-16, but the bytes are not.
    #[error("its byte order mark says UTF-16, but it is not; save the file as UTF-8")]
    NotUtf16,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "UTF-8",
            Self::Latin1 => "ISO 8859-1",
            Self::Utf16Le | Self::Utf16Be => "UTF-16",
        })
    }
}

/// The text of a file. A byte order mark stays its first character.
///
/// # Errors
/// [`DecodeError`].
pub fn decode(bytes: &[u8]) -> Result<(String, Encoding), DecodeError> {
    match bytes {
        [0xff, 0xfe, ..] => return utf16(bytes, Encoding::Utf16Le),
        [0xfe, 0xff, ..] => return utf16(bytes, Encoding::Utf16Be),
        _ => {}
    }
    let marked = bytes.starts_with(b"\xef\xbb\xbf");
    match coding(bytes).filter(|_| !marked) {
        None | Some(Ok(Encoding::Utf8)) => utf8(bytes),
        Some(Ok(encoding)) => {
            // Each byte is the code point of its character.
            Ok((
                bytes.iter().map(|&byte| char::from(byte)).collect(),
                encoding,
            ))
        }
        Some(Err(name)) => Err(DecodeError::Unknown(name)),
    }
}

impl Encoding {
    /// The bytes of a text; `None` when it holds a character that this encoding has no bytes for.
    #[must_use]
    pub fn encode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Utf8 => Some(text.as_bytes().to_vec()),
            Self::Latin1 => text
                .chars()
                .map(|c| u8::try_from(u32::from(c)).ok())
                .collect(),
            Self::Utf16Le => Some(text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            Self::Utf16Be => Some(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        }
    }
}

fn utf8(bytes: &[u8]) -> Result<(String, Encoding), DecodeError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok((text.to_owned(), Encoding::Utf8)),
        Err(error) => {
            let good = &bytes[..error.valid_up_to()];
            let line = 1 + good.iter().filter(|&&byte| byte == b'\n').count();
            Err(DecodeError::NotUtf8 { line })
        }
    }
}

fn utf16(bytes: &[u8], encoding: Encoding) -> Result<(String, Encoding), DecodeError> {
    let units = bytes.chunks_exact(2).map(|pair| match encoding {
        Encoding::Utf16Be => u16::from_be_bytes([pair[0], pair[1]]),
        _ => u16::from_le_bytes([pair[0], pair[1]]),
    });
    let text: Result<String, _> = char::decode_utf16(units).collect();
    match text {
        Ok(text) if bytes.len().is_multiple_of(2) => Ok((text, encoding)),
        _ => Err(DecodeError::NotUtf16),
    }
}

/// What a coding line says: `coding: NAME` or `coding=NAME` in a comment of the first two lines.
fn coding(bytes: &[u8]) -> Option<Result<Encoding, String>> {
    let lines = bytes.split(|&byte| byte == b'\n').take(2);
    let comments = lines.filter(|line| line.starts_with(b"#"));
    let name = comments.filter_map(named).next()?;
    let plain = name.to_ascii_lowercase().replace('_', "-");
    Some(match plain.as_str() {
        "utf-8" | "utf8" | "utf-8-sig" | "ascii" | "us-ascii" => Ok(Encoding::Utf8),
        "latin-1" | "latin1" | "latin" | "l1" | "iso-8859-1" | "iso8859-1" | "8859" | "cp819" => {
            Ok(Encoding::Latin1)
        }
        _ => Err(name),
    })
}

fn named(line: &[u8]) -> Option<String> {
    let line = String::from_utf8_lossy(line);
    let behind = line.match_indices("coding").find_map(|(at, word)| {
        let rest = &line[at + word.len()..];
        rest.strip_prefix([':', '='])
    })?;
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let behind = behind.trim_start();
    let end = behind.find(|c| !inner(c)).unwrap_or(behind.len());
    (end > 0).then(|| behind[..end].to_owned())
}
