//! The refusal to store a secret in a text that must stay exact: a lock, a manifest, a record.

use miette::Diagnostic;

use super::{known, shape};

/// Longest part of a line that is shown, in characters.
const SHOWN: usize = 200;

/// A text that would be stored holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
#[error("{what} would contain a secret in line {line}: {shown}")]
#[diagnostic(help(
    "it is not stored: set the server's token in netrc, in a variable or in the index URL, so that no name, version or URL \
    needs it; if the server itself adds tokens to its URLs, use another index"
))]
pub struct Exposed {
    what: String,
    line: usize,
    shown: String,
}

impl Exposed {
    /// Checks a text that is to be stored as it is, and that `what` names.
    ///
    /// # Errors
    /// The first line that holds a known secret or a URL with a token in its query.
    pub fn check(what: &str, text: &str) -> Result<(), Self> {
        let known = known();
        let secret = known.find(text).into_iter().map(|range| range.start).min();
        let query = shape::queries(text).into_iter().map(|it| it.start).min();
        let Some(first) = secret.into_iter().chain(query).min() else {
            return Ok(());
        };
        let start = text[..first].rfind('\n').map_or(0, |end| end + 1);
        let line = text[start..].lines().next().unwrap_or_default();
        Err(Self {
            what: what.to_owned(),
            line: text[..start].matches('\n').count() + 1,
            shown: super::scrub(line.trim()).chars().take(SHOWN).collect(),
        })
    }
}
