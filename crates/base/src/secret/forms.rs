//! The forms that a secret takes where its value cannot be found by undoing an escape: Base64, and what names are made of it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::views;
use super::worth::SHORTEST;

/// User names with which tokens of GitLab, and of the servers and indexes next to it, are sent.
const USERS: [&str; 11] = [
    "",
    "oauth2",
    "gitlab-ci-token",
    "private-token",
    "job-token",
    "__token__",
    "token",
    "x-access-token",
    "x-token-auth",
    "git",
    "user",
];

/// Whether a user name is one that says only which kind of token follows.
pub(super) fn is_common_user(user: &str) -> bool {
    USERS.contains(&user)
}

/// Adds every form of `value`, which is used with `user`.
pub(super) fn add(user: &str, value: &str, patterns: &mut Vec<Vec<u8>>) {
    add_plain(value, patterns);
    // Text is often shown line by line.
    let lines = value.lines().map(str::trim);
    let lines = lines.filter(|line| *line != value && line.chars().count() >= SHORTEST);
    lines.for_each(|line| add_plain(line, patterns));
    add_base64(value, patterns);
    for user in USERS.into_iter().chain([user]) {
        let login = format!("{user}:{value}");
        patterns.push(STANDARD_NO_PAD.encode(&login).into_bytes());
        patterns.push(URL_SAFE_NO_PAD.encode(&login).into_bytes());
    }
}

/// The value itself, and what names and versions make of it (PEP 503, PEP 440).
fn add_plain(value: &str, patterns: &mut Vec<Vec<u8>>) {
    patterns.push(value.as_bytes().to_vec());
    // What looks like an escape in the value itself is undone in a text too.
    views::each(value, |view| {
        if view.bytes().len() >= SHORTEST {
            patterns.push(view.bytes().to_vec());
        }
    });
    // A name has no blanks; without this check `- tool` would hide ` tool`.
    if value.contains(char::is_whitespace) {
        return;
    }
    for sign in ["-", "_", "."] {
        let parts: Vec<&str> = value.split(['-', '_', '.']).collect();
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        let name = parts.join(sign);
        if name != value && name.chars().count() >= SHORTEST {
            patterns.push(name.into_bytes());
        }
    }
}

/// The value in Base64, and the characters that it alone decides in the Base64 of any text around it, such as another user's
/// `user:value`: three bytes become four characters, so there are three ways it can lie.
fn add_base64(value: &str, patterns: &mut Vec<Vec<u8>>) {
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        patterns.push(engine.encode(value).into_bytes());
        for before in 0..3 {
            let mut bytes = vec![0; before];
            bytes.extend_from_slice(value.as_bytes());
            let encoded = engine.encode(&bytes).into_bytes();
            let start = [0, 2, 3][before];
            let end = encoded.len() - usize::from(bytes.len() % 3 != 0);
            patterns.push(encoded[start..end].to_vec());
        }
    }
}
