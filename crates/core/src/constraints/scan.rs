//! The words of the grammar of requirements: what a name, a version specifier, a variable is, as far as one look tells.
//!
//! A scanner goes forward only; what does not fit is left where it stands.

use super::grammar::{Spot, SyntaxError};

/// Where reading has come to.
pub(super) struct Scanner<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Scanner<'a> {
    pub const fn new(text: &'a str) -> Self {
        Self { text, offset: 0 }
    }

    pub const fn offset(&self) -> usize {
        self.offset
    }

    pub fn rest(&self) -> &'a str {
        &self.text[self.offset..]
    }

    pub fn is_done(&self) -> bool {
        self.rest().is_empty()
    }

    pub const fn error(&self, expected: &'static str) -> SyntaxError {
        SyntaxError {
            offset: self.offset,
            expected,
        }
    }

    fn forward(&mut self, length: usize) -> Spot<'a> {
        let spot = Spot {
            text: &self.rest()[..length],
            offset: self.offset,
        };
        self.offset += length;
        spot
    }

    /// Goes behind what stands here, if it is this.
    pub fn take(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.offset += wanted.len();
        }
        found
    }

    /// The same for a word: no letter, digit or `_` goes on behind it.
    pub fn word(&mut self, wanted: &str) -> bool {
        let ends = |rest: &str| !rest.starts_with(is_of_word);
        let found = self.rest().strip_prefix(wanted).is_some_and(ends);
        if found {
            self.offset += wanted.len();
        }
        found
    }

    /// Goes behind blanks and tabs; whether there were any.
    pub fn blanks(&mut self) -> bool {
        !self.while_(|c| matches!(c, ' ' | '\t')).text.is_empty()
    }

    pub fn while_(&mut self, inner: impl Fn(char) -> bool) -> Spot<'a> {
        let rest = self.rest();
        let length = rest.find(|c| !inner(c)).unwrap_or(rest.len());
        self.forward(length)
    }

    /// The name of a package or an extra: it begins with a letter or digit and ends with one, or with `_`.
    pub fn name(&mut self) -> Option<Spot<'a>> {
        let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let rest = self.rest();
        if !rest.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return None;
        }
        let word = &rest[..rest.find(|c| !inner(c)).unwrap_or(rest.len())];
        Some(self.forward(word.trim_end_matches(['.', '-']).len()))
    }

    /// A version specifier, operator first.
    pub fn specifier(&mut self) -> Option<Spot<'a>> {
        match specifier(self.rest()) {
            0 => None,
            length => Some(self.forward(length)),
        }
    }

    /// A variable of markers, by the name that PEP 508 gives it; the older ones have dots.
    pub fn variable(&mut self) -> Option<&'static str> {
        const VARIABLES: [(&str, &[&str]); 14] = [
            ("python_version", &["python_version"]),
            ("python_full_version", &["python_full_version"]),
            ("os_name", &["os_name", "os.name"]),
            ("sys_platform", &["sys_platform", "sys.platform"]),
            ("platform_release", &["platform_release"]),
            ("platform_system", &["platform_system"]),
            (
                "platform_version",
                &["platform_version", "platform.version"],
            ),
            (
                "platform_machine",
                &["platform_machine", "platform.machine"],
            ),
            (
                "platform_python_implementation",
                &[
                    "platform_python_implementation",
                    "platform.python_implementation",
                    "python_implementation",
                ],
            ),
            ("implementation_name", &["implementation_name"]),
            ("implementation_version", &["implementation_version"]),
            ("extra", &["extra"]),
            ("extras", &["extras"]),
            ("dependency_groups", &["dependency_groups"]),
        ];
        let found = VARIABLES
            .iter()
            .find(|(_, spellings)| spellings.iter().any(|spelling| self.word(spelling)));
        found.map(|(name, _)| *name)
    }

    /// A text in quotes, with them.
    pub fn quoted(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let length = rest[1..].find(quote)?;
        Some(self.forward(length + 2).text)
    }
}

/// White space as Python has it.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// How many bytes at the start of a text are one version specifier; 0 when none is there.
pub(super) fn specifier(text: &str) -> usize {
    let mut at = Version { text, rest: text };
    let operator = ["===", "==", "!=", "~=", "<=", ">=", "<", ">"]
        .into_iter()
        .find(|operator| at.literal(operator));
    let Some(operator) = operator else { return 0 };
    at.rest = at.rest.trim_start_matches(is_blank);
    if operator == "===" {
        let end = |c: char| is_blank(c) || matches!(c, ';' | ')');
        at.rest = &at.rest[at.rest.find(end).unwrap_or(at.rest.len())..];
        return at.length();
    }
    let exact = matches!(operator, "==" | "!=");
    if !at.release(if operator == "~=" { 2 } else { 1 }) {
        return 0;
    }
    if exact && at.literal(".*") {
        return at.length();
    }
    // Without regard to case, as Python has it, the long s is one in `~=`: it is not told there to look at ASCII alone.
    at.suffixes(operator == "~=");
    if exact {
        at.local();
    }
    at.length()
}

/// A version that is looked at from left to right.
struct Version<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Version<'_> {
    const fn length(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    fn literal(&mut self, wanted: &str) -> bool {
        let head = self.rest.get(..wanted.len());
        let found = head.is_some_and(|head| head.eq_ignore_ascii_case(wanted));
        if found {
            self.rest = &self.rest[wanted.len()..];
        }
        found
    }

    fn digits(&mut self) -> bool {
        let rest = self.rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let found = rest.len() < self.rest.len();
        self.rest = rest;
        found
    }

    fn separator(&mut self) {
        self.rest = self.rest.strip_prefix(['-', '_', '.']).unwrap_or(self.rest);
    }

    /// Epoch and numbers, at least so many of them.
    fn release(&mut self, least: usize) -> bool {
        self.literal("v");
        if !self.digits() {
            return false;
        }
        if self.rest.starts_with('!') {
            let before = self.rest;
            self.rest = &self.rest[1..];
            if !self.digits() {
                self.rest = before;
            }
        }
        let mut numbers = 1;
        loop {
            let before = self.rest;
            if !(self.literal(".") && self.digits()) {
                self.rest = before;
                return numbers >= least;
            }
            numbers += 1;
        }
    }

    fn suffixes(&mut self, long_s: bool) {
        let tags = [
            "alpha", "beta", "preview", "pre", "a", "b", "c", "rc", "post", "rev", "r", "dev",
        ];
        self.tagged(&tags[..8], long_s);
        let before = self.rest;
        if !(self.literal("-") && self.digits()) {
            self.rest = before;
            self.tagged(&tags[8..11], long_s);
        }
        self.tagged(&tags[11..], long_s);
    }

    /// One of these words with its number, both with a separator before them if there is one.
    fn tagged(&mut self, tags: &[&str], long_s: bool) {
        let before = self.rest;
        self.separator();
        let found = tags.iter().any(|tag| {
            self.literal(tag) || long_s && tag.contains('s') && self.literal(&tag.replace('s', "ſ"))
        });
        if !found {
            self.rest = before;
            return;
        }
        self.separator();
        self.digits();
    }

    fn local(&mut self) {
        let part = |rest: &str| {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric());
            end.unwrap_or(rest.len())
        };
        let Some(behind) = self.rest.strip_prefix('+') else {
            return;
        };
        let mut length = part(behind);
        if length == 0 {
            return;
        }
        while behind[length..].starts_with(['-', '_', '.']) {
            match part(&behind[length + 1..]) {
                0 => break,
                more => length += 1 + more,
            }
        }
        self.rest = &behind[length..];
    }
}
