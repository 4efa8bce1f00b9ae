//! What has the shape of a password in a text, whether or not its value is known: user information of URLs, also of mistyped
//! ones, and tokens in queries.
//!
//! Hides too much rather than too little where a password may hold what ends a URL elsewhere. Mail addresses, ports,
//! revisions (`pkg@v2`, `host:8080/a@b`) and digests of images stay.

use std::ops::Range;

use super::spans::{HIDDEN, merged, replace};

/// Quotes and brackets: they end a URL in a sentence, and in a list.
const QUOTES: [char; 7] = ['"', '\'', '`', '<', '>', '(', ')'];

/// Rounds after which nothing is left to hide, even in a text that was made for it.
const ROUNDS: usize = 16;

/// User information, or what looks like it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    /// Its bytes in the text.
    pub range: Range<usize>,
    /// How sure it is, and what it is made of.
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `user:password` in front of the `@` of a URL.
    Url,
    /// The same in something that may have been meant as a URL.
    Mistyped,
    /// A password alone, where a URL would have its port.
    Port,
}

/// Replaces user information of URLs, and queries with a token in them, by `****`: for texts that others wrote.
#[must_use]
pub fn redact(text: &str) -> String {
    hide(text, false)
}

/// The same for a text that as a whole was meant as a URL or project and is none: a blank in it may be part of a password.
#[must_use]
pub fn redact_input(text: &str) -> String {
    hide(text, true)
}

fn hide(text: &str, whole: bool) -> String {
    let mut text = text.to_owned();
    // What is hidden may have hidden the shape of something else; each round leaves fewer signs to find.
    for _ in 0..ROUNDS {
        let found = logins(&text, whole).into_iter().map(|login| login.range);
        let shown = replace(&text, &merged(found.chain(queries(&text)).collect()));
        if shown == text {
            break;
        }
        text = shown;
    }
    text
}

/// All user information in a text; with `whole`, white space ends none.
pub(super) fn logins(text: &str, whole: bool) -> Vec<Login> {
    let words: Vec<&str> = match whole {
        true => vec![text],
        false => text.split_whitespace().collect(),
    };
    let offset = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
    let mut found = Vec::new();
    for &word in &words {
        in_urls(word, whole, offset(word), &mut found);
    }
    for word in words {
        if let Some(range) = bare(before_url(word)) {
            let range = offset(word) + range.start..offset(word) + range.end;
            let kind = Kind::Mistyped;
            found.push(Login { range, kind });
        }
    }
    found
}

/// Adds the user information of all URLs in a word that stands at `offset`.
fn in_urls(word: &str, whole: bool, offset: usize, found: &mut Vec<Login>) {
    let mut signs = Signs::new(word);
    let mut rest = 0;
    while let Some(start) = authority(&word[rest..]).map(|start| rest + start) {
        // What has no `@` may hold the start of another URL, as in a list.
        rest = start;
        if let Some((range, kind)) = in_url(&mut signs, start, whole) {
            rest = range.end;
            let range = offset + range.start..offset + range.end;
            found.push(Login { range, kind });
        }
    }
}

/// A word, and the first of some signs behind a place that moves on: each is searched once, however many URLs the word
/// seems to hold. Otherwise a server could keep this program busy for hours with one long word.
struct Signs<'w> {
    word: &'w str,
    last_at: Option<usize>,
    /// Ends of an authority.
    end: Next,
    quote: Next,
    colon: Next,
    no_digit: Next,
    /// The last `@` and `]` in front of an end of an authority.
    before_end: Option<(usize, Option<usize>, Option<usize>)>,
}

impl<'w> Signs<'w> {
    fn new(word: &'w str) -> Self {
        Self {
            word,
            last_at: word.rfind('@'),
            end: Next(None),
            quote: Next(None),
            colon: Next(None),
            no_digit: Next(None),
            before_end: None,
        }
    }

    /// Where an authority ends that starts at `start`, and the last `@` and `]` in it.
    fn authority(&mut self, start: usize) -> (usize, Option<usize>, Option<usize>) {
        let end = self.end.from(self.word, start, |c| "/?#".contains(c));
        let (_, at, bracket) = match self.before_end {
            Some(known) if known.0 == end => known,
            // From here on, only later places are requested.
            _ => {
                let found = |sign| self.word[start..end].rfind(sign).map(|it| start + it);
                *self.before_end.insert((end, found('@'), found(']')))
            }
        };
        let inside = |it: &usize| *it >= start;
        (end, at.filter(inside), bracket.filter(inside))
    }
}

/// Where a sign was found, and from where on it was looked for.
struct Next(Option<(usize, usize)>);

impl Next {
    /// The first place from `start` on, or the word's end, where `is_it` holds; always the same `is_it`.
    fn from(&mut self, word: &str, start: usize, is_it: impl Fn(char) -> bool) -> usize {
        match self.0 {
            Some((from, found)) if (from..=found).contains(&start) => found,
            _ => {
                let found = word[start..].find(is_it);
                let found = found.map_or(word.len(), |it| start + it);
                self.0 = Some((start, found));
                found
            }
        }
    }
}

/// Where the authority of the first URL in `text` starts. Of `http` and `https` alone the URL Standard takes any number of
/// slashes of either kind, or none.
fn authority(text: &str) -> Option<usize> {
    text.match_indices(':').find_map(|(colon, _)| {
        let behind = &text[colon + 1..];
        let slashes = behind.len() - behind.trim_start_matches(['/', '\\']).len();
        let ends_with = |scheme: &[u8]| {
            let start = colon.checked_sub(scheme.len());
            start.is_some_and(|it| text.as_bytes()[it..colon].eq_ignore_ascii_case(scheme))
        };
        let web = ends_with(b"http") || ends_with(b"https");
        (web || behind.starts_with("//")).then_some(colon + 1 + slashes)
    })
}

/// The part of a word that stands before the scheme of a URL in it.
fn before_url(word: &str) -> &str {
    let Some(start) = authority(word) else {
        return word;
    };
    let colon = word[..start].trim_end_matches(['/', '\\']).len() - 1;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    word[..colon].trim_end_matches(plain)
}

/// User information in a URL whose authority starts at `start`.
fn in_url(signs: &mut Signs<'_>, start: usize, whole: bool) -> Option<(Range<usize>, Kind)> {
    let word = signs.word;
    let (end, at, bracket) = signs.authority(start);
    if let Some(at) = at {
        return Some((start..at, Kind::Url));
    }
    let host = bracket.map_or(start, |bracket| bracket + 1);
    let colon = signs.colon.from(word, host, |c| c == ':');
    if colon >= end {
        return None;
    }
    let behind = signs
        .no_digit
        .from(word, colon + 1, |c| !c.is_ascii_digit());
    let port = &word[behind.min(end)..end];
    let empty = behind == colon + 1;
    let ends =
        port.is_empty() || !whole && port.starts_with(QUOTES) || port.starts_with([',', ';']);
    if ends && !(empty && end < word.len()) {
        return None;
    }
    // No port stands behind the colon, so it is the start of a password that holds what ends an authority.
    if let Some(at) = signs.last_at.filter(|at| *at >= start) {
        return Some((start..at, Kind::Mistyped));
    }
    let until = match whole {
        true => word.len(),
        false => signs.quote.from(word, start, |c| QUOTES.contains(&c)),
    };
    let password = word.get(colon + 1..until)?;
    let shown = port.is_empty() || password.is_empty() || password.starts_with(HIDDEN);
    (!shown).then_some((colon + 1..until, Kind::Port))
}

/// `user:password@` or `//anything@` without a scheme.
fn bare(word: &str) -> Option<Range<usize>> {
    let at = word.rfind('@')?;
    let head = &word[..at];
    if let Some(slashes) = head.find("//") {
        let rest = head[slashes..].trim_start_matches('/');
        return (!rest.is_empty()).then_some(at - rest.len()..at);
    }
    let (user, password) = head.split_once(':')?;
    let start = user.rfind(QUOTES).map_or(0, |quote| quote + 1);
    let user = &user[start..];
    let behind_port = password.trim_start_matches(|c: char| c.is_ascii_digit());
    let port = behind_port.len() < password.len() && behind_port.starts_with('/');
    let harmless = password.is_empty()
        || port
        || user.starts_with("git@")
        || user.eq_ignore_ascii_case("mailto")
        || word[at + 1..].starts_with("sha256:");
    (!harmless).then_some(start..at)
}

/// Queries and fragments of URLs that hold a token, each without its sign.
pub(super) fn queries(text: &str) -> Vec<Range<usize>> {
    let ends = |c: char| c.is_whitespace() || QUOTES.contains(&c);
    let queries = text.split(ends).filter_map(|word| {
        // What holds a token behind a later sign holds it behind the first one too.
        let (before, query) = word.split_once(['?', '#'])?;
        let start = before.as_ptr() as usize - text.as_ptr() as usize + before.len() + 1;
        let range = start..start + query.len();
        tokens(query).next().map(|_| range)
    });
    queries.collect()
}

/// The values of a query that are tokens, by their keys.
pub(super) fn tokens(query: &str) -> impl Iterator<Item = &str> {
    let pairs = query.split(['&', ';', '?', '#']);
    let pairs = pairs.filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(key, value)| !value.is_empty() && is_credential_name(&percent_decode(key)))
        .map(|(_, value)| value)
}

/// Whether a key, variable or flag is called like one that holds a secret: `private_token`, `X-Amz-Signature`, `apiKey`,
/// `CI_JOB_JWT_V2`.
pub fn is_credential_name(name: &str) -> bool {
    const WORDS: [&str; 17] = [
        "token",
        "tokens",
        "secret",
        "password",
        "passwd",
        "passphrase",
        "pwd",
        "pass",
        "sig",
        "auth",
        "authorization",
        "jwt",
        "bearer",
        "pat",
        "creds",
        "credential",
        "credentials",
    ];
    const ENDS: [&str; 7] = [
        "token",
        "secret",
        "password",
        "passwd",
        "signature",
        "apikey",
        "accesskey",
    ];
    const KEYS: [&str; 8] = [
        "api",
        "access",
        "secret",
        "private",
        "auth",
        "signing",
        "encryption",
        "deploy",
    ];
    let words = words(name);
    let number = |word: &String| {
        let digits = word.strip_prefix('v').unwrap_or(word);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut words = words.iter().rev().skip_while(|word| number(word));
    let Some(last) = words.next() else {
        return false;
    };
    match last.as_str() {
        "key" => words
            .next()
            .is_none_or(|before| KEYS.contains(&before.as_str())),
        last => WORDS.contains(&last) || ENDS.iter().any(|end| last.ends_with(end)),
    }
}

/// The words of a name in lower case; `aB` begins a new one.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower = false;
    for c in name.chars() {
        let starts = lower && c.is_ascii_uppercase();
        if (starts || !c.is_alphanumeric()) && words.last().is_some_and(|it| !it.is_empty()) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        lower = c.is_ascii_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The text with `%xx` replaced by what it stands for.
pub fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let pair = (bytes[i] == b'%')
            .then(|| bytes.get(i + 1..i + 3))
            .flatten()
            .filter(|pair| pair.iter().all(u8::is_ascii_hexdigit))
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match pair {
            Some(byte) => {
                decoded.push(byte);
                i += 3;
            }
            None => {
                decoded.push(bytes[i]);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
