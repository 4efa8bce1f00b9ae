//! From text to logical lines as pip sees them: continuation lines joined, comments cut off, variables replaced; each
//! character still knows where it stood.

use std::ops::Range;

use super::Variables;
use pannier_base::secret::{learn_text, scrub};

/// A logical line that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogicalLine {
    /// Its text, trimmed, with variables replaced.
    pub text: String,
    /// The text as it stands in the file, joined and trimmed: what may be shown.
    pub shown: String,
    /// Bytes of the file from its first character to behind its last one; a comment is not among them.
    pub span: Range<usize>,
    /// Bytes of the file that its lines take, with their comments and the last line's end.
    pub whole: Range<usize>,
    /// For each character or value in `text`, in order; never empty.
    places: Vec<Mapped>,
    /// How many characters at the start of `shown` are those of the file.
    faithful: usize,
    /// Values that stand in `text` for `${NAME}`, with the name; to be hidden again in messages.
    replaced: Vec<(String, String)>,
}

/// Where a character or value of a logical line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mapped {
    /// Its byte in the text.
    offset: usize,
    place: Place,
    /// Its character in what is shown.
    shown: usize,
}

/// A place in a file: line and column (in characters), both from 1, and the byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub line: usize,
    pub column: usize,
    pub offset: usize,
}

/// A variable that is named but not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnsetVariable {
    pub name: String,
    pub place: Place,
    pub shown: String,
    /// Its character in what is shown, if nothing before it is hidden.
    pub mark: Option<usize>,
}

impl LogicalLine {
    /// Where the byte `offset` of the text stands. Inside a variable's value that is where the `${` stands.
    pub fn place(&self, offset: usize) -> Place {
        self.mapped(offset).place
    }

    /// The character of what is shown where the byte `offset` of the text stands, if nothing before it is hidden.
    pub fn mark(&self, offset: usize) -> Option<usize> {
        let shown = self.mapped(offset).shown;
        (shown <= self.faithful).then_some(shown)
    }

    fn mapped(&self, offset: usize) -> Mapped {
        let at = self.places.partition_point(|it| it.offset <= offset);
        self.places[at.saturating_sub(1)]
    }

    /// Where the line starts.
    pub fn start(&self) -> Place {
        self.place(0)
    }

    /// The message with the values of variables replaced by their names again, and without credentials of URLs.
    pub fn hide(&self, message: &str) -> String {
        let mut message = message.to_owned();
        for (value, name) in &self.replaced {
            if !value.is_empty() {
                message = message.replace(value.as_str(), &format!("${{{name}}}"));
            }
        }
        scrub(&message)
    }
}

/// The characters of a joined line, each with its place.
type Placed = Vec<(char, Place)>;

/// Splits a text into logical lines.
pub(super) fn logical_lines(
    text: &str,
    variables: &Variables,
) -> Vec<Result<LogicalLine, UnsetVariable>> {
    join(text)
        .into_iter()
        .filter_map(|(joined, whole)| {
            let line = trim(cut_comment(&joined));
            (!line.is_empty()).then(|| replace(line, whole, variables))
        })
        .collect()
}

/// The lines of a text, without their ends (`\n`, `\r\n` or `\r`), each with the bytes that it takes with its end.
fn physical_lines(text: &str) -> Vec<(&str, Range<usize>)> {
    let mut lines = Vec::new();
    let mut start = 0;
    while let Some(length) = text[start..].find(['\n', '\r']) {
        let end = start + length;
        let behind = end
            + if text[end..].starts_with("\r\n") {
                2
            } else {
                1
            };
        lines.push((&text[start..end], start..behind));
        start = behind;
    }
    lines.push((&text[start..], start..text.len()));
    lines
}

/// Joins lines that end with a backslash; a comment line is never continued (as in pip).
fn join(text: &str) -> Vec<(Placed, Range<usize>)> {
    let mut joined = Vec::new();
    let mut current = Placed::new();
    let mut start = None;
    for (index, (line, bytes)) in physical_lines(text).into_iter().enumerate() {
        let mark = if index == 0 && line.starts_with('\u{feff}') {
            '\u{feff}'.len_utf8()
        } else {
            0
        };
        let line = &line[mark..];
        let place = |column, offset| Place {
            line: index + 1,
            column,
            offset: bytes.start + mark + offset,
        };
        let comment = line.trim_start().starts_with('#');
        if comment && !current.is_empty() {
            // Keeps `a \⏎# b` from becoming `a# b`, which would not be a comment any more.
            current.push((' ', place(1, 0)));
        }
        let body = match line.strip_suffix('\\') {
            Some(body) if !comment => body,
            _ => line,
        };
        let start_of = *start.get_or_insert(bytes.start + mark);
        let characters = body.char_indices().enumerate();
        current.extend(characters.map(|(i, (offset, c))| (c, place(i + 1, offset))));
        if body.len() == line.len() {
            joined.push((std::mem::take(&mut current), start_of..bytes.end));
            start = None;
        }
    }
    joined.push((current, start.unwrap_or(text.len())..text.len()));
    joined
}

/// A comment starts with a `#` at the beginning or behind white space.
fn cut_comment(line: &[(char, Place)]) -> &[(char, Place)] {
    let start =
        (0..line.len()).find(|&i| line[i].0 == '#' && (i == 0 || line[i - 1].0.is_whitespace()));
    &line[..start.unwrap_or(line.len())]
}

fn trim(mut line: &[(char, Place)]) -> &[(char, Place)] {
    while let [(c, _), rest @ ..] = line
        && c.is_whitespace()
    {
        line = rest;
    }
    while let [rest @ .., (c, _)] = line
        && c.is_whitespace()
    {
        line = rest;
    }
    line
}

/// Replaces `${NAME}` (upper case letters, digits, `_`, as in pip).
fn replace(
    line: &[(char, Place)],
    whole: Range<usize>,
    variables: &Variables,
) -> Result<LogicalLine, UnsetVariable> {
    let raw: String = line.iter().map(|(c, _)| c).collect();
    learn_text(&raw);
    let shown = scrub(&raw);
    let same = shown.chars().zip(raw.chars());
    let faithful = same.take_while(|(shown, raw)| shown == raw).count();
    let start = line.first().map_or(whole.start, |(_, place)| place.offset);
    let end = line
        .last()
        .map_or(start, |(c, place)| place.offset + c.len_utf8());
    let mut logical = LogicalLine {
        text: String::new(),
        shown,
        span: start..end,
        whole,
        places: Vec::new(),
        faithful,
        replaced: Vec::new(),
    };
    let mut i = 0;
    while i < line.len() {
        let place = line[i].1;
        logical.places.push(Mapped {
            offset: logical.text.len(),
            place,
            shown: i,
        });
        let Some(name) = variable_at(&line[i..]) else {
            logical.text.push(line[i].0);
            i += 1;
            continue;
        };
        let start = i;
        i += name.len() + 3;
        match variables.get(&name) {
            Some(value) => {
                logical.text.push_str(value);
                logical.replaced.push((value.clone(), name));
            }
            None => {
                return Err(UnsetVariable {
                    name,
                    place,
                    shown: logical.shown,
                    mark: (start <= faithful).then_some(start),
                });
            }
        }
    }
    learn_text(&logical.text);
    Ok(logical)
}

fn variable_at(line: &[(char, Place)]) -> Option<String> {
    let ['$', '{'] = [line.first()?.0, line.get(1)?.0] else {
        return None;
    };
    let name: String = line[2..]
        .iter()
        .map(|(c, _)| *c)
        .take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '_')
        .collect();
    let closed = line.get(2 + name.len()).is_some_and(|(c, _)| *c == '}');
    (closed && !name.is_empty()).then_some(name)
}
