//! A set of secrets as one matcher: where a text holds any of them, in any form.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};

use super::shape::percent_decode;
use super::spans::{merged, replace};
use super::worth::is_worth_knowing;
use super::{forms, shape, views};

/// Longest part of a line whose escapes are undone at once, in bytes: far more than any text that gets here, and few enough
/// to be counted by a view.
const LONGEST_LINE: usize = 1 << 31;

/// Secrets and all the forms that they are found in. Its `Debug` output shows their number.
#[derive(Clone, Default)]
pub struct Secrets {
    values: Vec<String>,
    /// `None` without any secret.
    matcher: Option<AhoCorasick>,
    longest: usize,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} hidden)", self.values.len())
    }
}

impl Secrets {
    /// These user names (which may be empty) and values. Values of fewer than eight characters are left out.
    #[must_use]
    pub fn new(logins: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut patterns = Vec::new();
        let mut values = Vec::new();
        for (user, value) in logins {
            if is_worth_knowing(&value) {
                forms::add(&user, &value, &mut patterns);
                values.push(value);
            }
        }
        patterns.sort_unstable();
        patterns.dedup();
        let matcher = AhoCorasickBuilder::new()
            // All matches count, so that of two secrets that overlap no end stays visible.
            .match_kind(MatchKind::Standard)
            // Host names and package names come back in lower case.
            .ascii_case_insensitive(true)
            .build(&patterns)
            .expect("the forms of all secrets are far fewer than the 2^31 states of a matcher");
        Self {
            longest: patterns.iter().map(Vec::len).max().unwrap_or(0),
            matcher: (!patterns.is_empty()).then_some(matcher),
            values,
        }
    }

    /// The tokens in a query of a URL, for texts of the server that made it.
    #[must_use]
    pub fn of_query(query: &str) -> Self {
        let values = shape::tokens(query).map(percent_decode);
        Self::new(values.map(|value| (String::new(), value)))
    }

    /// Whether `value` is one of the secrets.
    #[must_use]
    pub fn is_one(&self, value: &str) -> bool {
        self.values.iter().any(|known| known == value)
    }

    /// Bytes that the longest occurrence of a secret takes in a text: every byte may be escaped in three layers.
    #[must_use]
    pub const fn reach(&self) -> usize {
        self.longest * 12
    }

    /// The text with every secret replaced by `****`. Secrets that touch become one.
    #[must_use]
    pub fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut hidden = Cow::Borrowed(text);
        // Each round shortens the text, so this ends: a secret has eight bytes or more, what replaces it four.
        loop {
            let found = self.find(&hidden);
            if found.is_empty() {
                return hidden;
            }
            hidden = Cow::Owned(replace(&hidden, &found));
        }
    }

    /// The last `keep` bytes of a text, or a few less, with every secret hidden that is in them even in part. The text has to
    /// start [`Self::reach`] bytes before them, or where it starts anyway.
    #[must_use]
    pub fn hide_end(&self, text: &str, keep: usize) -> String {
        let mut cut = text.len().saturating_sub(keep);
        for range in self.find(text) {
            if range.contains(&cut) {
                cut = range.end;
            }
        }
        while !text.is_char_boundary(cut) {
            cut += 1;
        }
        self.hide(&text[cut..]).into_owned()
    }

    /// Where secrets are: ranges of whole characters in order, none touching another.
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Range<usize>> {
        let Some(matcher) = &self.matcher else {
            return Vec::new();
        };
        let mut found: Vec<Range<usize>> = Vec::new();
        found.extend(matcher.find_overlapping_iter(text).map(|it| it.range()));
        // Escapes are undone line by line, because a view is large: of a secret in several lines each line is known.
        let mut offset = 0;
        for line in lines(text) {
            views::each(line, |view| {
                for it in matcher.find_overlapping_iter(view.bytes()) {
                    let range = view.source(it.range());
                    found.push(offset + range.start..offset + range.end);
                }
            });
            offset += line.len();
        }
        // A secret that is not UTF-8 may end within a character.
        for range in &mut found {
            while !text.is_char_boundary(range.start) {
                range.start -= 1;
            }
            while !text.is_char_boundary(range.end) {
                range.end += 1;
            }
        }
        merged(found)
    }
}

/// The lines of a text with their ends; a longer one than views are made of is cut.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n').flat_map(|mut line| {
        std::iter::from_fn(move || {
            let mut cut = line.len().min(LONGEST_LINE);
            while !line.is_char_boundary(cut) {
                cut -= 1;
            }
            let (piece, rest) = line.split_at(cut);
            line = rest;
            (!piece.is_empty()).then_some(piece)
        })
    })
}
