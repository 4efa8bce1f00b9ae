//! Secrets that this process knows, and what keeps them out of everything that is shown or stored.
//!
//! A secret is known from the moment it is read: as a token, in a URL, in netrc or in the environment. From then on
//! [`scrub`] hides it wherever it appears, in text from any source, and [`Exposed::check`] refuses to store it where a text
//! must stay exact. The list of known secrets belongs to the process and only grows, because a secret stays one.
//!
//! Refuses to show a value or to give one back.

mod check;
mod forms;
mod known;
mod learn;
mod shape;
#[cfg(test)]
mod tests;
mod views;
mod writer;

use std::sync::{Arc, PoisonError, RwLock};

pub use check::Exposed;
pub use known::Secrets;
pub use learn::{learn_arguments, learn_environment, learn_text, learn_words};
pub use shape::{is_credential_name, percent_decode};
pub use shape::{redact, redact_input};
pub use writer::ScrubbedLines;

/// What replaces a secret.
pub const HIDDEN: &str = "****";

/// Shorter values are not known secrets: they would appear by chance all over a text.
const SHORTEST: usize = 8;

static KNOWN: RwLock<Registry> = RwLock::new(Registry {
    logins: Vec::new(),
    compiled: None,
});

/// Everything known so far, and the matcher made of it when it was last needed.
struct Registry {
    /// User name (may be empty) and value.
    logins: Vec<(String, String)>,
    compiled: Option<Arc<Secrets>>,
}

/// Makes a value known. Values of fewer than eight characters are ignored.
pub fn know(value: &str) {
    know_login("", value);
}

/// Makes a password known, with the user name that it is sent with: `user:password` in Base64 is hidden too.
pub fn know_login(user: &str, password: &str) {
    let password = password.trim();
    if !is_worth_knowing(password) {
        return;
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    let is_new = |(a, b): &(String, String)| (a.as_str(), b.as_str()) != (user, password);
    if known.logins.iter().all(is_new) {
        known.logins.push((user.to_owned(), password.to_owned()));
        known.compiled = None;
    }
}

/// Makes known what stands in front of the `@` of a URL, percent-decoded: a token may stand in place of the user.
pub fn know_url_login(user: &str, password: &str) {
    match password {
        "" => learn::learn_login(user),
        password => know_login(user, password),
    }
}

/// Whether a query or fragment of a URL holds a token, by its key or by its value.
pub fn is_token_query(query: &str) -> bool {
    shape::tokens(query).next().is_some() || !known().find(query).is_empty()
}

/// Whether a value is long enough to be found by value, and is neither a placeholder nor a variable's name.
fn is_worth_knowing(value: &str) -> bool {
    let masked = value.chars().all(|c| c == '*') || value == "[MASKED]";
    value.chars().count() >= SHORTEST && !masked && !value.starts_with('$')
}

/// All secrets known now.
#[must_use]
pub fn known() -> Arc<Secrets> {
    let read = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(compiled) = &read.compiled {
        return Arc::clone(compiled);
    }
    let logins = read.logins.clone();
    drop(read);
    // Without the lock: a panic in here is shown through this list too.
    let fresh = Arc::new(Secrets::new(logins.iter().cloned()));
    let mut write = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    // What came to be known meanwhile is not in there; the list only grows.
    if write.logins.len() == logins.len() {
        write.compiled = Some(Arc::clone(&fresh));
    }
    fresh
}

/// A text for people without known secrets and without anything that has the shape of a password in a URL.
#[must_use]
pub fn scrub(text: &str) -> String {
    let known = known();
    let shown = redact(&known.hide(text));
    // What was cut out may have stood between the halves of another secret.
    known.hide(&shown).into_owned()
}

/// A result without known secrets and otherwise as it is: for tables and JSON, which must keep their syntax.
#[must_use]
pub fn scrub_values(text: &str) -> String {
    known().hide(text).into_owned()
}
