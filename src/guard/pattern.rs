//! Regular expressions as Python's `re` understands them, because that is what the scripts that are to keep working were
//! written for, over the `fancy-regex` crate, which has look-around and back references too.
//!
//! What the two write differently is translated (`{`, `[` and set operators inside classes, `\Z`, octal escapes, needless
//! escapes); what only the crate knows is refused as Python refuses it, and so are ASCII-only and locale matching (`(?a)`,
//! `(?L)`) and `\N{…}`. Refuses to guess: what is not understood is an error.

use fancy_regex::Regex;

/// Why an expression cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(String);

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// Compiles an expression in Python's syntax.
    ///
    /// # Errors
    /// [`PatternError`] with the reason.
    pub fn python(text: &str) -> Result<Self, PatternError> {
        let translated = Translator::new(text).run()?;
        let regex = Regex::new(&translated).map_err(|error| PatternError(error.to_string()))?;
        Ok(Self {
            text: text.to_owned(),
            regex,
        })
    }

    /// The expression as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The expression as `fancy-regex` reads it.
    pub(super) fn translated(&self) -> &str {
        self.regex.as_str()
    }

    /// Whether it matches somewhere in `text`, as `re.search` does.
    ///
    /// # Errors
    /// [`PatternError`] when it cannot be told: the expression needs too many attempts.
    pub fn searches(&self, text: &str) -> Result<bool, PatternError> {
        let found = self.regex.is_match(text);
        found.map_err(|error| PatternError(error.to_string()))
    }

    /// Whether it matches at the start of `text`, as `re.match` does. The first match is the leftmost, so one that begins
    /// later says that none begins there.
    ///
    /// # Errors
    /// [`PatternError`] when it cannot be told.
    pub fn matches_start(&self, text: &str) -> Result<bool, PatternError> {
        let found = self.regex.find(text);
        let found = found.map_err(|error| PatternError(error.to_string()))?;
        Ok(found.is_some_and(|found| found.start() == 0))
    }
}

/// Goes over an expression once, from left to right.
struct Translator {
    rest: std::iter::Peekable<std::vec::IntoIter<char>>,
    out: String,
}

fn bad(problem: impl Into<String>) -> PatternError {
    PatternError(problem.into())
}

impl Translator {
    fn new(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        Self {
            rest: chars.into_iter().peekable(),
            out: String::new(),
        }
    }

    fn run(mut self) -> Result<String, PatternError> {
        while let Some(c) = self.rest.next() {
            match c {
                '\\' => self.escape(false)?,
                '[' => self.class()?,
                '(' => self.group()?,
                '{' => self.braces(),
                '}' => self.out.push_str("\\}"),
                ']' => self.out.push_str("\\]"),
                c => self.out.push(c),
            }
        }
        Ok(self.out)
    }

    /// What stands behind a backslash.
    fn escape(&mut self, in_class: bool) -> Result<(), PatternError> {
        let c = self
            .rest
            .next()
            .ok_or_else(|| bad("bad escape (end of pattern)"))?;
        match c {
            '0' => self.octal(),
            '1'..='9' if in_class => return Err(bad(format!("bad escape \\{c}"))),
            'b' if in_class => self.out.push_str("\\x08"),
            'Z' if !in_class => self.out.push_str("\\z"),
            'A' | 'B' | 'b' if !in_class => self.push_escaped(c),
            'd'
            | 'D'
            | 's'
            | 'S'
            | 'w'
            | 'W'
            | 'a'
            | 'f'
            | 'n'
            | 'r'
            | 't'
            | 'v'
            | 'x'
            | 'u'
            | 'U'
            | '1'..='9' => self.push_escaped(c),
            'N' => return Err(bad("\\N{…} is not supported: write the character itself")),
            c if c.is_ascii_alphabetic() => return Err(bad(format!("bad escape \\{c}"))),
            c => self.literal(c),
        }
        Ok(())
    }

    fn push_escaped(&mut self, c: char) {
        self.out.push('\\');
        self.out.push(c);
    }

    /// A character that means itself, also where blanks and `#` mean nothing (`(?x)`).
    fn literal(&mut self, c: char) {
        match c {
            '<' | '>' => self.out.push(c),
            c if c.is_ascii_punctuation() => self.push_escaped(c),
            c if c.is_whitespace() => self.out.push_str(&format!("\\x{{{:x}}}", c as u32)),
            c => self.out.push(c),
        }
    }

    /// `\0`, `\07`, `\012`.
    fn octal(&mut self) {
        let mut value = 0;
        for _ in 0..2 {
            let digit = self.rest.next_if(|c| ('0'..='7').contains(c));
            let Some(digit) = digit.and_then(|c| c.to_digit(8)) else {
                break;
            };
            value = value * 8 + digit;
        }
        self.out.push_str(&format!("\\x{{{value:x}}}"));
    }

    /// A repetition where Python sees one, else a brace.
    fn braces(&mut self) {
        let ahead: String = self.rest.clone().take_while(|&c| c != '}').collect();
        let closed = self.rest.clone().nth(ahead.chars().count()) == Some('}');
        let (low, high) = ahead.split_once(',').unwrap_or((&ahead, &ahead));
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !closed || ahead.is_empty() || !number(low) || !number(high) {
            self.out.push_str("\\{");
            return;
        }
        let low = if low.is_empty() { "0" } else { low };
        match ahead.contains(',') {
            true => self.out.push_str(&format!("{{{low},{high}}}")),
            false => self.out.push_str(&format!("{{{low}}}")),
        }
        for _ in 0..=ahead.chars().count() {
            self.rest.next();
        }
    }

    /// A class: only `-`, `^`, `\` and `]` mean anything there.
    fn class(&mut self) -> Result<(), PatternError> {
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut first = true;
        // Whether what came last can be the lower end of a range.
        let mut low = false;
        loop {
            let c = self
                .rest
                .next()
                .ok_or_else(|| bad("unterminated character set"))?;
            match c {
                ']' if !first => break,
                '-' if low && self.rest.peek() != Some(&']') => {
                    self.out.push('-');
                    if let Some(high) = self.rest.next_if(|&c| c != '\\') {
                        self.literal(high);
                    }
                    low = false;
                    continue;
                }
                '\\' => self.escape(true)?,
                c => self.literal(c),
            }
            (first, low) = (false, true);
        }
        self.out.push(']');
        Ok(())
    }

    /// A group, a look-around, flags or a comment.
    fn group(&mut self) -> Result<(), PatternError> {
        let at_start = self.out.is_empty();
        if self.rest.peek() == Some(&'*') {
            return Err(bad("nothing to repeat"));
        }
        self.out.push('(');
        if self.rest.next_if_eq(&'?').is_none() {
            return Ok(());
        }
        let ahead: String = self.rest.clone().take(2).collect();
        match ahead.chars().next() {
            None => Err(bad("unexpected end of pattern")),
            Some('#') => {
                self.out.pop();
                let closed = self.rest.any(|c| c == ')');
                closed
                    .then_some(())
                    .ok_or_else(|| bad("missing ), unterminated comment"))
            }
            Some('P') if !["P<", "P="].contains(&ahead.as_str()) => {
                Err(bad(format!("unknown extension ?{ahead}")))
            }
            Some('<') if !["<=", "<!"].contains(&ahead.as_str()) => Err(bad(format!(
                "unknown extension ?{ahead}: a named group is written (?P<name>…)"
            ))),
            Some('P' | '<' | ':' | '=' | '!' | '>' | '(') => {
                self.out.push('?');
                Ok(())
            }
            Some(c) if c.is_ascii_alphabetic() || c == '-' => self.flags(at_start),
            Some(c) => Err(bad(format!("unknown extension ?{c}"))),
        }
    }

    fn flags(&mut self, at_start: bool) -> Result<(), PatternError> {
        let mut flags = String::new();
        while let Some(c) = self.rest.next_if(|&c| c.is_ascii_alphabetic() || c == '-') {
            match c {
                'i' | 'm' | 's' | 'x' | '-' => flags.push(c),
                // Matching is by Unicode anyway.
                'u' => {}
                'a' | 'L' => {
                    return Err(bad(format!(
                        "the flag {c} is not supported: matching is by Unicode"
                    )));
                }
                c => return Err(bad(format!("unknown flag {c}"))),
            }
        }
        match self.rest.peek() {
            Some(')') if !at_start => Err(bad(
                "global flags not at the start of the expression: write (?i:…)",
            )),
            Some(')') if flags.is_empty() => {
                self.rest.next();
                self.out.pop();
                Ok(())
            }
            Some(')' | ':') => {
                self.out.push('?');
                self.out.push_str(&flags);
                Ok(())
            }
            _ => Err(bad("missing -, : or )")),
        }
    }
}
