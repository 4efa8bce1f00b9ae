//! Regular expressions in the syntax of Python's `re` (<https://docs.python.org/3/library/re.html>), compiled by `fancy-regex`,
//! which supports look-around and back references too.
//!
//! The two syntaxes agree on nearly everything. Where they differ, the expression is refused with the spelling that both
//! understand. Newlines make `$` and `\Z` differ too, but refs and statuses have none.

use std::iter::Peekable;
use std::str::Chars;

use fancy_regex::Regex;

/// Why an expression cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(String);

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles an expression in Python's syntax.
    ///
    /// # Errors
    /// [`PatternError`] with the reason.
    pub fn python(text: &str) -> Result<Self, PatternError> {
        refuse_differences(text)?;
        let regex = Regex::new(text).map_err(|error| PatternError(error.to_string()))?;
        Ok(Self(regex))
    }

    /// The expression as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it matches anywhere in `text`, as `re.search` does.
    ///
    /// # Errors
    /// [`PatternError`] when the match needs too much backtracking.
    pub fn searches(&self, text: &str) -> Result<bool, PatternError> {
        let found = self.0.is_match(text);
        found.map_err(|error| PatternError(error.to_string()))
    }

    /// Whether it matches at the start of `text`, as `re.match` does. The first match is the leftmost one: if it starts later,
    /// no match starts at the beginning.
    ///
    /// # Errors
    /// [`PatternError`] when the match needs too much backtracking.
    pub fn matches_start(&self, text: &str) -> Result<bool, PatternError> {
        let found = self.0.find(text);
        let found = found.map_err(|error| PatternError(error.to_string()))?;
        Ok(found.is_some_and(|found| found.start() == 0))
    }
}

/// Refuses what Python and `fancy-regex` read differently.
fn refuse_differences(text: &str) -> Result<(), PatternError> {
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' => check_escape(rest.next(), "ABZ")?,
            '[' => check_class(&mut rest)?,
            '(' if rest.next_if_eq(&'?').is_some() => check_extension(&mut rest)?,
            _ => {}
        }
    }
    Ok(())
}

/// Checks the character after a backslash. `anchors` are letters that are valid outside a class only.
fn check_escape(escaped: Option<char>, anchors: &str) -> Result<(), PatternError> {
    let problem = match escaped {
        Some('N') => "\\N{…} is not supported: write the character itself".to_owned(),
        Some('0') => "octal escapes are not supported: write \\xhh".to_owned(),
        Some(c @ '1'..='9') if anchors.is_empty() => format!("bad escape \\{c}"),
        Some(c @ ('<' | '>')) => format!("write {c} without the backslash"),
        Some(c) if c.is_ascii_alphabetic() && !"abdDfnrsStuUvwWx".contains(c) => {
            if anchors.contains(c) {
                return Ok(());
            }
            format!("bad escape \\{c}")
        }
        _ => return Ok(()),
    };
    Err(PatternError(problem))
}

/// Checks a character class, from behind its bracket to its end.
fn check_class(rest: &mut Peekable<Chars<'_>>) -> Result<(), PatternError> {
    rest.next_if_eq(&'^');
    rest.next_if_eq(&']');
    while let Some(c) = rest.next() {
        match c {
            ']' => break,
            '\\' => check_escape(rest.next(), "")?,
            '[' => {
                let problem = "write [ in a character class with a backslash: \\[";
                return Err(PatternError(problem.to_owned()));
            }
            '-' | '&' | '~' if rest.peek() == Some(&c) => {
                let problem = format!("write {c} in a character class with a backslash: \\{c}");
                return Err(PatternError(problem));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Checks what follows `(?`: passes over a comment, and allows only those flags that mean the same.
fn check_extension(rest: &mut Peekable<Chars<'_>>) -> Result<(), PatternError> {
    if rest.next_if_eq(&'#').is_some() {
        rest.find(|&c| c == ')');
        return Ok(());
    }
    while let Some(flag) = rest.next_if(|&c| c.is_ascii_alphabetic() && c != 'P') {
        if !"imsu".contains(flag) {
            return Err(PatternError(format!("the flag {flag} is not supported")));
        }
    }
    Ok(())
}
