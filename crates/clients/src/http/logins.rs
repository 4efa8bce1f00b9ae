//! User names and passwords for git hosts and indexes, each with the setting that it comes from.
//!
//! Refuses to send them anywhere, and to show them.

use std::fmt;

use pannier_base::url::SafeUrl;

use super::Credentials;

/// One pair for all URLs of one origin (scheme, host, port).
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// A URL of that origin, without credentials.
    pub origin: SafeUrl,
    /// User name.
    pub user: String,
    /// Password or token.
    pub password: String,
    /// Which setting it is from: a variable's name or the key of a URL.
    pub source: String,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}, from {})", self.origin, self.source)
    }
}

/// All pairs, the first that fits a URL wins; and the text of netrc, which is asked after them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CredentialEntries {
    /// Pairs in order of precedence.
    pub entries: Vec<Credential>,
    /// Text of the netrc file.
    pub netrc: Option<String>,
}

impl fmt::Debug for CredentialEntries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialEntries")
            .field("entries", &self.entries)
            .field("netrc", &self.netrc.as_ref().map(|_| "****"))
            .finish()
    }
}

impl CredentialEntries {
    /// Takes the user name and password that stand in a URL, if there are any; `source` says where the URL stands.
    pub fn take_from_url(&mut self, url: &SafeUrl, source: &str) {
        if let Some((user, password)) = url.credentials() {
            self.push(url, &user, &password, source);
        }
    }

    /// The pair for a URL's origin, netrc aside.
    #[must_use]
    pub fn find(&self, url: &SafeUrl) -> Option<&Credential> {
        self.entries
            .iter()
            .find(|entry| entry.origin.same_origin(url))
    }

    /// The pairs as the client takes them, with those that stand in the URLs of `indexes`.
    #[must_use]
    pub fn for_client<'a>(&self, indexes: impl Iterator<Item = &'a SafeUrl>) -> Credentials {
        let Self { entries, netrc } = self;
        let mut credentials = Credentials::default();
        if let Some(text) = netrc {
            credentials = credentials.with_netrc(text);
        }
        // The list has the strongest first; here the last one wins.
        for entry in entries.iter().rev() {
            credentials = credentials.with_entry(&entry.origin, &entry.user, &entry.password);
        }
        for index in indexes {
            credentials = credentials.with_index(index);
        }
        credentials
    }

    /// Adds a pair for the origin of `url`, unless it is there; `source` says which setting it is from.
    pub fn push(&mut self, url: &SafeUrl, user: &str, password: &str, source: &str) {
        let entry = Credential {
            origin: url.without_credentials(),
            user: user.to_owned(),
            password: password.to_owned(),
            source: source.to_owned(),
        };
        let known = |other: &Credential| {
            other.origin.same_origin(&entry.origin)
                && (&other.user, &other.password) == (&entry.user, &entry.password)
        };
        if !self.entries.iter().any(known) {
            self.entries.push(entry);
        }
    }
}
