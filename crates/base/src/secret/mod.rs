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
mod registry;
mod shape;
mod spans;
#[cfg(test)]
mod tests;
mod views;
mod worth;
mod writer;

pub use check::Exposed;
pub use known::Secrets;
pub use learn::{learn_arguments, learn_environment, learn_text, learn_words};
pub use registry::{know, know_login, known};
pub use shape::{is_credential_name, percent_decode};
pub use shape::{redact, redact_input};
pub use spans::HIDDEN;
pub use writer::ScrubbedLines;

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
