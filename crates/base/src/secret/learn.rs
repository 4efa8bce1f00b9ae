//! Where known secrets come from before anything else has read them: what was typed, the environment, files of the user.
//!
//! Text of servers is never learned from: a server could otherwise blank out any word of a report.

use super::forms;
use super::registry::{know, know_login};
use super::shape::{self, Kind, is_credential_name, percent_decode};

/// The longest plain word, in letters, that counts as a default such as `postgres` and not as a secret.
const PLAIN: usize = 11;

/// Learns from arguments as they were typed: passwords in URLs, however mistyped, and what follows a flag called like
/// a secret.
pub fn learn_arguments<'a>(arguments: impl IntoIterator<Item = &'a str>) {
    let mut expected = false;
    for argument in arguments {
        learn_input(argument);
        if std::mem::take(&mut expected) {
            know(argument);
        }
        if !argument.starts_with('-') {
            continue;
        }
        match argument.split_once('=') {
            Some((flag, value)) if is_credential_name(flag) => know(value),
            None => expected = is_credential_name(argument),
            Some(_) => {}
        }
    }
}

/// Learns from variables: those that `is_read` here, and of all others what is called like a secret or stands in a URL.
pub fn learn_environment<'a>(
    variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    is_read: impl Fn(&str) -> bool,
) {
    for (name, value) in variables {
        let ours = is_read(name);
        // A shell's working folder: hiding it would hide half of all paths.
        let is_secret = is_credential_name(name) && name != "PWD";
        if is_secret && (ours || !is_plain_word(value)) {
            know(value);
        }
        if ours {
            learn_input(value);
        } else {
            learn_urls(value, |password| !is_plain_word(password));
        }
    }
}

/// Learns from a text of the user's, such as a requirements file: passwords in its URLs.
pub fn learn_text(text: &str) {
    learn_urls(text, |_| true);
    learn_tokens(text);
}

/// Learns from a file of the user's in which URLs may be mistyped, such as the configuration: white space ends them. In
/// a text of many lines anything else would take words between a colon and an `@` far behind it for a password.
pub fn learn_words(text: &str) {
    for login in shape::logins(text, false) {
        learn_shape(&text[login.range], login.kind);
    }
    learn_tokens(text);
}

/// Learns from a value that may be a mistyped URL with blanks in its password.
fn learn_input(text: &str) {
    learn_words(text);
    let text = text.trim();
    if text.contains(['\n', '\r']) {
        return;
    }
    for login in shape::logins(text, true) {
        let (before, piece) = (&text[..login.range.start], &text[login.range]);
        if !is_prose(before, piece, login.kind) {
            learn_shape(piece, login.kind);
        }
    }
}

/// Whether what has the shape of user information is a part of a sentence, such as the reason for a release: it would be
/// hidden in every text, and refused where it is to be stored.
fn is_prose(before: &str, piece: &str, kind: Kind) -> bool {
    if !piece.contains(char::is_whitespace) {
        return false;
    }
    let (user, password) = match kind {
        Kind::Port => ("", piece),
        // A token that stands alone has no blanks.
        Kind::Url | Kind::Mistyped => piece.split_once(':').unwrap_or((piece, "")),
    };
    // `https://h:8443 is down` has a port.
    let behind_port = password.trim_start_matches(|c: char| c.is_ascii_digit());
    let words: Vec<&str> = password.split_whitespace().collect();
    let inner = &words[..words.len().saturating_sub(1)];
    let is_url = before.ends_with(['/', '\\', ':']);
    before.contains(char::is_whitespace)
        || user.contains(char::is_whitespace)
        || behind_port.starts_with(char::is_whitespace)
        || inner.iter().any(|it| it.ends_with([',', ';', ':', '.']))
        || !is_url && words.len() > 2
}

fn learn_shape(piece: &str, kind: Kind) {
    match kind {
        Kind::Port => know_both(piece),
        Kind::Url | Kind::Mistyped => learn_login(piece),
    }
}

fn learn_urls(text: &str, counts: impl Fn(&str) -> bool) {
    let logins = shape::logins(text, false).into_iter();
    for login in logins.filter(|login| login.kind == Kind::Url) {
        let piece = &text[login.range];
        let password = piece
            .split_once(':')
            .map_or(piece, |(_, password)| password);
        if counts(password) {
            learn_login(piece);
        }
    }
}

/// Learns `user:password` as it stands in a URL; a token may stand alone, in place of the user.
pub(super) fn learn_login(piece: &str) {
    let (user, password) = piece.split_once(':').unwrap_or((piece, ""));
    match password {
        "" | "x-oauth-basic" if forms::is_common_user(user) || is_plain_word(user) => {}
        "" | "x-oauth-basic" => know_both(user),
        password => {
            know_both(password);
            know_login(&percent_decode(user), &percent_decode(password));
        }
    }
}

fn learn_tokens(text: &str) {
    for query in shape::queries(text) {
        shape::tokens(&text[query]).for_each(know_both);
    }
}

/// A value as it stands, and what it says percent-decoded.
fn know_both(value: &str) {
    know(value);
    know(&percent_decode(value));
}

/// Whether a value is a short word, as many a database's password is: hiding it would hide half of a log.
fn is_plain_word(value: &str) -> bool {
    value.len() <= PLAIN && value.bytes().all(|byte| byte.is_ascii_lowercase())
}
