//! One requirement that is used as soon as it is read, and what is wrong with a text that is none.
//!
//! Refuses what neither uv nor Pannier can use; a constraint, which may wait, is a [`Constraint`].

use std::str::FromStr;

use pep508_rs::{Requirement, VerbatimUrl};

use super::constraint::{Constraint, said};
use super::grammar::SyntaxError;
use pannier_base::secret::scrub;
use pannier_base::url::TOKEN_IN_QUERY;

/// A text that is not a requirement that can be used. Prints the text, without credentials, and the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a requirement: {reason}")]
pub struct RequirementError {
    /// The text, without credentials.
    pub text: String,
    /// What is wrong, and what was expected.
    pub reason: String,
    /// Byte of the text where the trouble starts.
    pub offset: usize,
}

impl RequirementError {
    fn new(text: &str, offset: usize, reason: &str) -> Self {
        Self {
            text: scrub(text),
            reason: scrub(reason),
            offset: offset.min(text.len()),
        }
    }
}

/// Parses one requirement (PEP 508: `name[extras]>=1 ; marker`, or `name @ https://…`).
///
/// Comparisons of a marker that have no meaning are passed over, as uv does.
///
/// # Errors
/// [`RequirementError`] for what PEP 508 does not allow, for what uv cannot read, and for `${NAME}`, which has its meaning in
/// files only.
pub fn parse_requirement(text: &str) -> Result<Requirement<VerbatimUrl>, RequirementError> {
    no_variable(text)?;
    lenient(text.parse()?, text)
}

/// The requirement that was read from a text, as uv has it.
pub(super) fn lenient(
    constraint: Constraint,
    text: &str,
) -> Result<Requirement<VerbatimUrl>, RequirementError> {
    if constraint.has_token() {
        let offset = text.find('@').unwrap_or(0);
        return Err(RequirementError::new(text, offset, TOKEN_IN_QUERY));
    }
    let read = constraint.into_lenient();
    read.map_err(|why| RequirementError::new(text, why.offset, &why.reason))
}

/// The parser of PEP 508 would take variables from the environment of this process.
fn no_variable(text: &str) -> Result<(), RequirementError> {
    match text.find("${") {
        Some(offset) => Err(RequirementError::new(
            text,
            offset,
            "a variable cannot be used here; only files of requirements or constraints have them, in upper case",
        )),
        None => Ok(()),
    }
}

/// What is wrong with a text that is no requirement, in the words that say most.
pub(super) fn explained(text: &str, error: &SyntaxError) -> RequirementError {
    if let Err(why) = no_variable(text) {
        return why;
    }
    let fail = |offset: usize, reason: String| RequirementError::new(text, offset, &reason);
    if text.trim().is_empty() {
        return fail(0, "it is empty".to_owned());
    }
    // Tabs are blanks to everybody but the parser of PEP 508, which has more to say about what stands before a marker.
    let head = text.split(';').next().unwrap_or_default();
    let head = head.replace('\t', " ");
    if error.offset <= head.len() {
        if let Some(what) = without_name(&head) {
            return fail(0, what.to_owned());
        }
        if let Err((offset, reason)) = check_names(&head) {
            return fail(offset, reason);
        }
        if let Some(offset) = head.find(char::is_control) {
            return fail(offset, "a control character stands in it".to_owned());
        }
        // It counts characters where it cuts bytes.
        if let Some((offset, character)) = head.char_indices().find(|(_, c)| !c.is_ascii()) {
            let reason =
                format!("`{character}` cannot stand in a requirement, which is plain ASCII");
            return fail(offset, reason);
        }
        // What stands behind a URL is a part of it there.
        if !head.contains('@')
            && let Err(why) = Requirement::<VerbatimUrl>::from_str(&head)
        {
            return fail(why.start.max(error.offset), said(why.message));
        }
    }
    let rest = &text[error.offset..];
    let found = match rest.split_whitespace().next() {
        Some(word) => format!("`{word}`"),
        None => "the end".to_owned(),
    };
    fail(
        error.offset,
        format!("expected {}, found {found}", error.expected),
    )
}

fn without_name(text: &str) -> Option<&'static str> {
    let start = text.split([' ', '@', '[', ';']).next().unwrap_or("");
    if start.contains("://") {
        return Some("a URL needs a name before it: `name @ https://…`");
    }
    if start.starts_with(['.', '/', '~']) || start.contains(['/', '\\']) {
        return Some("a package name is expected, this is a path");
    }
    None
}

/// Checks the name and the extras: the parser of PEP 508 panics where one of them ends with `-`, `_` or `.`.
fn check_names(text: &str) -> Result<(), (usize, String)> {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let check = |start: usize, what: &str| {
        let word = &text[start..];
        let word = &word[..word.find(|c| !inner(c)).unwrap_or(word.len())];
        if word.ends_with(['-', '_', '.']) {
            let reason = format!("the {what} `{word}` must end with a letter or digit");
            return Err((start, reason));
        }
        Ok(())
    };
    let start = text.len() - text.trim_start().len();
    check(start, "package name")?;
    let behind = text[start..].trim_start_matches(inner).trim_start();
    let Some(extras) = behind.strip_prefix('[') else {
        return Ok(());
    };
    let mut offset = text.len() - extras.len();
    for extra in extras.split(']').next().unwrap_or("").split(',') {
        let blank = extra.len() - extra.trim_start().len();
        check(offset + blank, "extra")?;
        offset += extra.len() + 1;
    }
    Ok(())
}
