//! What has the shape of a password in a text, whether or not its value is known: user information of URLs, also of mistyped
//! ones, and tokens in queries.
//!
//! Hides too much rather than too little where a password may hold what ends a URL elsewhere. Mail addresses, ports,
//! revisions (`pkg@v2`, `host:8080/a@b`) and digests of images stay.

use std::ops::Range;

use super::HIDDEN;
use super::known::{merged, replace};

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

/// Whether a text holds what [`redact`] would hide.
#[must_use]
pub fn has_password(text: &str) -> bool {
    redact(text) != text
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
    let mut found = Vec::new();
    let mut rest = 0;
    while let Some(start) = authority(&text[rest..]).map(|start| rest + start) {
        let tail = &text[start..];
        let word = match whole {
            true => tail,
            false => &tail[..tail.find(char::is_whitespace).unwrap_or(tail.len())],
        };
        // What has no `@` may hold the start of another URL, as in a list.
        rest = start;
        if let Some((range, kind)) = in_url(word, whole) {
            rest += range.end;
            let range = start + range.start..start + range.end;
            found.push(Login { range, kind });
        }
    }
    let words: Vec<&str> = match whole {
        true => vec![text],
        false => text.split_whitespace().collect(),
    };
    for word in words {
        let offset = word.as_ptr() as usize - text.as_ptr() as usize;
        if let Some(range) = bare(before_url(word)) {
            let range = offset + range.start..offset + range.end;
            let kind = Kind::Mistyped;
            found.push(Login { range, kind });
        }
    }
    found
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

/// User information in a URL, given from its authority on.
fn in_url(word: &str, whole: bool) -> Option<(Range<usize>, Kind)> {
    let end = word.find(['/', '?', '#']).unwrap_or(word.len());
    if let Some(at) = word[..end].rfind('@') {
        return Some((0..at, Kind::Url));
    }
    let host = word[..end].rfind(']').map_or(0, |end| end + 1);
    let colon = host + word[host..end].find(':')?;
    let port = word[colon + 1..end].trim_start_matches(|c: char| c.is_ascii_digit());
    let empty = port.len() == end - colon - 1;
    let ends =
        port.is_empty() || !whole && port.starts_with(QUOTES) || port.starts_with([',', ';']);
    if ends && !(empty && end < word.len()) {
        return None;
    }
    // No port stands behind the colon, so it is the start of a password that holds what ends an authority.
    if let Some(at) = word.rfind('@') {
        return Some((0..at, Kind::Mistyped));
    }
    let until = match whole {
        true => word.len(),
        false => word.find(QUOTES).unwrap_or(word.len()),
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
    let mut found: Vec<Range<usize>> = Vec::new();
    for (sign, _) in text.match_indices(['?', '#']) {
        let start = sign + 1;
        if found.last().is_some_and(|last| start < last.end) {
            continue;
        }
        let tail = &text[start..];
        let ends = |c: char| c.is_whitespace() || QUOTES.contains(&c);
        let query = &tail[..tail.find(ends).unwrap_or(tail.len())];
        if tokens(query).next().is_some() {
            found.push(start..start + query.len());
        }
    }
    found
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
pub(crate) fn is_credential_name(name: &str) -> bool {
    const WORDS: [&str; 13] = [
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
pub(crate) fn percent_decode(text: &str) -> String {
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
