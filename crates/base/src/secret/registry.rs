//! The secrets that this process knows: one list, which only grows.

use std::sync::{Arc, PoisonError, RwLock};

use super::known::Secrets;
use super::worth::is_worth_knowing;

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
