//! Foreign text made safe to show: characters that act on a terminal, reorder text or cannot be seen become escapes such
//! as `\u{202e}`.
//!
//! Escapes, and never drops a character, but for the colors of other programs in [`lines`]. Says nothing about secrets.

use std::borrow::Cow;
use std::io::{self, Write};

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

/// The text on one line: line ends and tabs are escaped, too. For names, cells and everything else that has a place within
/// a line.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    if is_plain(text, false) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    escape_into(&mut shown, text, false);
    Cow::Owned(shown)
}

/// The text with its lines and tabs. Colors (SGR) and erased line ends (EL), as compilers print them, are dropped (ECMA-48,
/// 8.3.117 and 8.3.41). For messages and what other programs print.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    if is_plain(text, true) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find(['\x1b', '\r']) {
        let (before, from) = rest.split_at(at);
        escape_into(&mut shown, before, true);
        let dropped = match from.strip_prefix("\r\n") {
            Some(_) => 1,
            None => style(from),
        };
        let taken = match dropped {
            0 => {
                escape_into(&mut shown, &from[..1], true);
                1
            }
            length => length,
        };
        rest = &from[taken..];
    }
    escape_into(&mut shown, rest, true);
    Cow::Owned(shown)
}

/// JSON text with the escapes of JSON (RFC 8259, section 7): it stays the same value. Takes valid JSON, in which such
/// characters are in strings alone.
#[must_use]
pub fn json(text: &str) -> Cow<'_, str> {
    if is_plain(text, true) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if matches!(c, '\n' | '\t' | '\r') || !is_hidden(c) {
            shown.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            shown += &format!("\\u{unit:04x}");
        }
    }
    Cow::Owned(shown)
}

/// How a [`Writer`] escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As [`lines`], without dropping anything.
    Text,
    /// As [`json`].
    Json,
}

/// Escapes what is written to it. Takes characters whole: `write!` and `serde_json` never cut one in two, and what is cut
/// becomes U+FFFD.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    form: Form,
}

impl<W: Write> Writer<W> {
    /// Writes to `out`.
    pub const fn new(out: W, form: Form) -> Self {
        Self { out, form }
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let shown = match self.form {
            Form::Json => json(&text),
            Form::Text if is_plain(&text, true) => Cow::Borrowed(&*text),
            Form::Text => {
                let mut shown = String::new();
                escape_into(&mut shown, &text, true);
                Cow::Owned(shown)
            }
        };
        self.out.write_all(shown.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Whether nothing has to be escaped; quick for ASCII.
fn is_plain(text: &str, keeps_lines: bool) -> bool {
    let is_plain =
        |byte: &u8| matches!(byte, b' '..=b'~') || (keeps_lines && matches!(byte, b'\n' | b'\t'));
    text.as_bytes().iter().all(is_plain)
}

fn escape_into(shown: &mut String, text: &str, keeps_lines: bool) {
    let mut before = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let is_kept = keeps_lines && matches!(c, '\n' | '\t');
        let joins = c == '\u{200d}' && joins(before, rest.clone().next());
        match c {
            _ if is_kept || joins || !is_hidden(c) => shown.push(c),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            _ => shown.extend(c.escape_unicode()),
        }
        before = Some(c);
    }
}

/// Whether a zero-width joiner between these makes one emoji of two.
fn joins(before: Option<char>, after: Option<char>) -> bool {
    let is_picture = |c: char| {
        let category = c.general_category();
        category == GeneralCategory::OtherSymbol || ('\u{1f3fb}'..='\u{1f3ff}').contains(&c)
    };
    before.is_some_and(|c| is_picture(c) || c == '\u{fe0f}') && after.is_some_and(is_picture)
}

/// Whether a character acts on the terminal, reorders text, is not visible, or means nothing: Unicode's category "Other"
/// (controls, format characters such as the bidirectional ones, private use, unassigned), line and paragraph separators, and
/// letters and marks without ink.
fn is_hidden(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    let blank = matches!(
        c,
        '\u{34f}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0d}'
            | '\u{ffa0}'
            | '\u{e0000}'..='\u{e0fff}'
    );
    blank || c.general_category_group() == GeneralCategoryGroup::Other
}

/// Length in bytes of the color or erasure that `text` begins with; 0 where it begins with none.
fn style(text: &str) -> usize {
    let Some(rest) = text.strip_prefix("\x1b[") else {
        return 0;
    };
    let parameters = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, ';' | ':'));
    match parameters {
        Some(length) if rest[length..].starts_with(['m', 'K']) => 2 + length + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in [
            "numpy 2.4.1",
            "Zoë Łukasz Ђорђе 日本語 עברית العربية हिन्दी",
            "👍🏽 👩‍💻 🏳️‍🌈 ✈️ é e\u{301}",
            "C:\\x \\u{202e}",
        ] {
            assert_eq!(line(text), text);
            assert_eq!(lines(text), text);
            assert_eq!(json(text).replace("\\u200d", "\u{200d}"), text);
        }
    }

    #[test]
    fn what_acts_on_a_terminal_or_hides_is_shown() {
        for (text, shown) in [
            ("a\x1b]0;title\x07b", "a\\u{1b}]0;title\\u{7}b"),
            ("a\x1b[2Jb", "a\\u{1b}[2Jb"),
            ("a\x1b[31mb", "a\\u{1b}[31mb"),
            ("a\x7f\u{9b}2J", "a\\u{7f}\\u{9b}2J"),
            ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
            ("exe\u{202e}gpj", "exe\\u{202e}gpj"),
            (
                "a\u{2066}b\u{2069}\u{61c}\u{200f}",
                "a\\u{2066}b\\u{2069}\\u{61c}\\u{200f}",
            ),
            ("a\u{200b}b\u{ad}c\u{feff}", "a\\u{200b}b\\u{ad}c\\u{feff}"),
            ("a\u{200d}b", "a\\u{200d}b"),
            (
                "a\u{2028}b\u{3164}\u{e0041}",
                "a\\u{2028}b\\u{3164}\\u{e0041}",
            ),
            ("\u{e000}\u{378}", "\\u{e000}\\u{378}"),
        ] {
            assert_eq!(line(text), shown);
        }
    }

    #[test]
    fn messages_keep_their_lines_and_lose_their_colors() {
        assert_eq!(
            lines("\x1b[1;31merror\x1b[0m:\x1b[K x\r\n\ty\r\x1b[2Kz"),
            "error: x\n\ty\\rz"
        );
        // A section of a GitLab log begins with a carriage return and an escape.
        assert_eq!(
            lines("section_start:1:x\r\x1b[0Kevil"),
            "section_start:1:x\\revil"
        );
        assert_eq!(lines("\x1b[31"), "\\u{1b}[31");
    }

    #[test]
    fn json_stays_the_same_value() {
        let value = serde_json::json!({"a\u{202e}": "\x1b[2J\u{9b}\u{e0041}\n日本 👩‍💻"});
        let text = serde_json::to_string_pretty(&value).unwrap();
        let shown = json(&text);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&shown).unwrap(),
            value
        );
        assert!(shown.contains("\\u202e") && shown.contains("\\udb40\\udc41"));
    }

    #[test]
    fn a_writer_escapes_what_passes_through_it() {
        let written = |form| {
            let mut writer = Writer::new(Vec::new(), form);
            let (name, text) = ("\u{202e}x", "\x1b[31my");
            writeln!(writer, "{name}: {text}").unwrap();
            String::from_utf8(writer.out).unwrap()
        };
        assert_eq!(written(Form::Text), "\\u{202e}x: \\u{1b}[31my\n");
        assert_eq!(written(Form::Json), "\\u202ex: \\u001b[31my\n");
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left(text in any::<String>()) {
            for (shown, kept) in [(line(&text), ""), (lines(&text), "\n\t"), (json(&text), "\n\t\r")] {
                let hidden = |c: char| is_hidden(c) && c != '\u{200d}' && !kept.contains(c);
                prop_assert!(!shown.chars().any(hidden), "{shown:?}");
            }
            let once = line(&text);
            prop_assert_eq!(line(&once), &*once);
        }
    }
}
