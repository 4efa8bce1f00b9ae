//! Which user name and password a URL is asked with.
//!
//! Every password that is added becomes a known secret. Refuses to show any of them, to read a file or the environment, and to give the credentials of one origin to another.

use std::fmt;

use super::netrc;
use pannier_base::secret;
use pannier_base::url::SafeUrl;

/// User names and passwords by host or origin. `Debug` shows how many there are and nothing else.
///
/// Credentials in a URL take precedence. Then the user information of an index URL for files next to the
/// index, then an explicit entry for the origin, then netrc for the host, and last an index URL's user information for
/// anything else of its origin.
#[derive(Clone, Default)]
pub struct Credentials {
    netrc: Vec<netrc::Entry>,
    entries: Vec<(SafeUrl, Login)>,
    indexes: Vec<(SafeUrl, Login)>,
}

/// A user name with its password, and where they were found. Shown as its source only.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    user: String,
    password: String,
    source: LoginSource,
}

/// Where credentials were found, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginSource {
    /// In the URL that was asked for.
    Url,
    /// In the URL of an index of the same origin.
    Index,
    /// In an explicit entry: a token of the environment or of a setting.
    Entry,
    /// In netrc.
    Netrc,
}

impl fmt::Display for LoginSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Url => "the URL",
            Self::Index => "the index URL",
            Self::Entry => "the configured token",
            Self::Netrc => "netrc",
        })
    }
}

impl Login {
    /// The user name, for the connection only.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password, for the connection only.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Where both were found.
    #[must_use]
    pub const fn source(&self) -> LoginSource {
        self.source
    }
}

impl Credentials {
    /// Adds what a netrc text says; entries that were added before win over later ones for the same host.
    #[must_use]
    pub fn with_netrc(mut self, text: &str) -> Self {
        let entries = netrc::parse(text);
        for entry in &entries {
            secret::know_login(&entry.login, &entry.password);
        }
        self.netrc.extend(entries);
        self
    }

    /// Adds an explicit entry for everything of the origin (scheme, host and port) of `origin`. A later entry for the
    /// same origin wins.
    #[must_use]
    pub fn with_entry(mut self, origin: &SafeUrl, user: &str, password: &str) -> Self {
        secret::know_login(user, password);
        let login = Login {
            user: user.to_owned(),
            password: password.to_owned(),
            source: LoginSource::Entry,
        };
        self.entries.push((origin.without_credentials(), login));
        self
    }

    /// Adds the user information of an index URL, if it has any: files of the index are requested with it, too.
    #[must_use]
    pub fn with_index(mut self, index: &SafeUrl) -> Self {
        if let Some((user, password)) = index.credentials() {
            secret::know_url_login(&user, &password);
            let login = Login {
                user,
                password,
                source: LoginSource::Index,
            };
            self.indexes.push((index.without_credentials(), login));
        }
        self
    }

    /// The credentials to ask `url` with.
    #[must_use]
    pub fn for_url(&self, url: &SafeUrl) -> Option<Login> {
        if let Some((user, password)) = url.credentials() {
            return Some(Login {
                user,
                password,
                source: LoginSource::Url,
            });
        }
        let of_origin = |list: &[(SafeUrl, Login)]| {
            let found = list.iter().rev().find(|(known, _)| known.same_origin(url));
            found.map(|(_, login)| login.clone())
        };
        self.beside_index(url)
            .or_else(|| of_origin(&self.entries))
            .or_else(|| self.of_netrc(url))
            .or_else(|| of_origin(&self.indexes))
    }

    /// An index at `…/pypi/simple/` and its files at `…/pypi/files/` share a folder; a git repository on the same host
    /// does not, and must not be asked with the index's token.
    fn beside_index(&self, url: &SafeUrl) -> Option<Login> {
        let folder = |index: &SafeUrl| {
            let path = index.expose().path().trim_end_matches('/');
            let end = path.rfind('/').map_or(0, |slash| slash + 1);
            path[..end].to_owned()
        };
        self.indexes
            .iter()
            .filter(|(index, _)| index.same_origin(url))
            .map(|(index, login)| (folder(index), login))
            .filter(|(folder, _)| folder.len() > 1 && url.expose().path().starts_with(folder))
            .max_by_key(|(folder, _)| folder.len())
            .map(|(_, login)| login.clone())
    }

    fn of_netrc(&self, url: &SafeUrl) -> Option<Login> {
        let host = url.host();
        if host.is_empty() {
            return None;
        }
        let exact = self
            .netrc
            .iter()
            .find(|e| e.machine.as_deref() == Some(host));
        let entry = exact.or_else(|| self.netrc.iter().find(|e| e.machine.is_none()))?;
        Some(Login {
            user: entry.login.clone(),
            password: entry.password.clone(),
            source: LoginSource::Netrc,
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.netrc.len() + self.entries.len() + self.indexes.len();
        write!(f, "Credentials({count} hidden)")
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login(hidden, from {})", self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> SafeUrl {
        text.parse().expect("a URL")
    }

    fn check(credentials: &Credentials, asked: &str, expected: Option<&str>) {
        let found = credentials.for_url(&url(asked));
        let found = found.map(|login| format!("{}:{}", login.user(), login.password()));
        assert_eq!(found.as_deref(), expected, "{asked}");
    }

    #[test]
    fn the_nearest_source_wins() {
        let netrc = Credentials::default().with_netrc("machine git.example.org login n password n");
        check(&netrc, "https://git.example.org/a", Some("n:n"));
        check(&netrc, "https://other.example.org/a", None);
        let both = netrc.with_entry(&url("https://git.example.org"), "e", "e");
        check(&both, "https://git.example.org/a", Some("e:e"));
        check(&both, "https://u:p%40@git.example.org/a", Some("u:p@"));
        // Another port is another origin, but netrc knows hosts only.
        check(&both, "https://git.example.org:8443/a", Some("n:n"));
    }

    #[test]
    fn the_default_entry_comes_last() {
        let netrc = "default login d password d\nmachine a.example.org login a password a";
        let credentials = Credentials::default().with_netrc(netrc);
        check(&credentials, "https://a.example.org/", Some("a:a"));
        check(&credentials, "https://b.example.org/", Some("d:d"));
        check(&credentials, "file:///tmp/x", None);
    }

    #[test]
    fn an_index_token_stays_with_its_index() {
        let credentials = Credentials::default()
            .with_index(&url(
                "https://i:i@git.example.org/api/v4/projects/1/pypi/simple/",
            ))
            .with_index(&url("https://git.example.org/public/simple/"));
        let file = "https://git.example.org/api/v4/projects/1/pypi/files/x.whl";
        let repository = "https://git.example.org/team/lib.git";
        check(&credentials, file, Some("i:i"));
        check(&credentials, repository, Some("i:i"));
        check(
            &credentials,
            "https://elsewhere.example.org/api/v4/projects/1/pypi/",
            None,
        );
        let credentials = credentials.with_entry(&url("https://git.example.org"), "job", "token");
        check(&credentials, file, Some("i:i"));
        check(&credentials, repository, Some("job:token"));
    }

    #[test]
    fn debug_shows_nothing() {
        let credentials = Credentials::default()
            .with_netrc("machine a login hush password hush")
            .with_entry(&url("https://b.example.org"), "hush", "hush")
            .with_index(&url("https://hush:hush@c.example.org/simple"));
        let login = credentials.for_url(&url("https://b.example.org"));
        assert!(!format!("{credentials:?} {login:?}").contains("hush"));
    }
}
