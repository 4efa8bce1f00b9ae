//! URLs that never show their credentials, and the `git+https://…@ref#subdirectory=…` form of requirements.
//!
//! Refuses to fetch anything.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

use crate::secret;
pub use crate::secret::percent_decode;
pub use crate::secret::redact;

/// Why a text is not a usable URL. The text itself is shown without credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not a usable URL: {reason}")]
pub struct UrlError {
    shown: String,
    reason: String,
}

impl UrlError {
    /// Whether it is a URL, refused for the token in its query.
    #[must_use]
    pub fn is_token(&self) -> bool {
        self.reason == TOKEN_IN_QUERY
    }

    fn new(text: &str, reason: impl Into<String>) -> Self {
        // The URL Standard steps over these wherever they stand, so they do not end what has to be hidden.
        let text = text.replace(['\t', '\n', '\r'], "");
        Self {
            shown: secret::redact_input(text.trim()),
            reason: reason.into(),
        }
    }
}

/// Why a URL with a token in its query is refused, and what to do instead.
pub const TOKEN_IN_QUERY: &str = "its query contains a token, which logs and locks would show; set a variable such as \
PANNIER_TOKEN, add a `machine` line to netrc, or put the token of an index before the host of its URL in UV_INDEX or \
PIP_INDEX_URL";

/// Whether a URL has a token in its query or fragment: by a key such as `private_token`, or as the value of a known secret.
#[must_use]
pub fn has_token(url: &Url) -> bool {
    let parts = [url.query(), url.fragment()];
    parts.into_iter().flatten().any(secret::is_token_query)
}

/// A URL whose user name and password are hidden whenever it is shown, logged or serialized.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SafeUrl(Url);

impl SafeUrl {
    /// An absolute URL with one of the schemes `http`, `https` and `file` that a server, a page or a lock holds: a token in its
    /// query is the server's own, and its password is not learned.
    ///
    /// # Errors
    /// [`UrlError`] for anything else.
    pub fn of_server(text: &str) -> Result<Self, UrlError> {
        let url = Url::parse(text).map_err(|why| UrlError::new(text, why.to_string()))?;
        if !matches!(url.scheme(), "http" | "https" | "file") {
            let reason = format!("the scheme `{}` is not supported, use https", url.scheme());
            return Err(UrlError::new(text, reason));
        }
        Ok(Self(url))
    }

    /// The URL with its credentials, for the door that makes the connection and for nobody else.
    #[must_use]
    pub const fn expose(&self) -> &Url {
        &self.0
    }

    /// User name and password as they stand in the URL, percent-decoded; `None` when there is neither.
    #[must_use]
    pub fn credentials(&self) -> Option<(String, String)> {
        let decode = |text: &str| percent_decode(text);
        let password = self.0.password().unwrap_or("");
        if self.0.username().is_empty() && password.is_empty() {
            return None;
        }
        Some((decode(self.0.username()), decode(password)))
    }

    /// The same URL without user name and password: what may be stored.
    #[must_use]
    pub fn without_credentials(&self) -> Self {
        let mut url = self.0.clone();
        // Both fail only for URLs that cannot have credentials, which then have none to remove.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        Self(url)
    }

    /// Where it is, without credentials, query and fragment: what may be shown of a URL that a server made, as that of
    /// a redirect may be signed in its query.
    #[must_use]
    pub fn place(&self) -> String {
        let mut url = self.without_credentials().0;
        url.set_query(None);
        url.set_fragment(None);
        url.into()
    }

    /// This URL with the user name and password of `other`, where both are of one origin; else without any.
    #[must_use]
    pub fn with_credentials_of(&self, other: &Self) -> Self {
        let mut url = self.without_credentials().0;
        if self.same_origin(other) {
            // Both fail only for URLs that cannot have credentials; those have an origin like no other.
            let _ = url.set_username(other.0.username());
            let _ = url.set_password(other.0.password());
        }
        Self(url)
    }

    /// The same URL with this user name and password in place of those that it had.
    #[must_use]
    pub fn with_credentials(&self, user: &str, password: &str) -> Self {
        let mut url = self.0.clone();
        // Both fail only for URLs that cannot have credentials (`file:`), which need none.
        let _ = url.set_username(user);
        let _ = url.set_password((!password.is_empty()).then_some(password));
        Self(url)
    }

    /// The host, in lower case; empty for `file:` URLs.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or("")
    }

    /// Whether the other URL has the same scheme, host and port: only then are credentials of one sent to the other.
    #[must_use]
    pub fn same_origin(&self, other: &Self) -> bool {
        self.0.origin() == other.0.origin()
    }

    /// The last component of the path, percent-decoded; empty when the path ends with a slash.
    #[must_use]
    pub fn file_name(&self) -> String {
        percent_decode(self.0.path().rsplit('/').next().unwrap_or(""))
    }
}

impl FromStr for SafeUrl {
    type Err = UrlError;

    /// Takes an absolute URL of the user's with one of the schemes `http`, `https` and `file`. Its password is a known secret
    /// from here on; a token in its query is refused.
    fn from_str(text: &str) -> Result<Self, UrlError> {
        let url = Self::of_server(text)?;
        if has_token(&url.0) {
            return Err(UrlError::new(text, TOKEN_IN_QUERY));
        }
        let behind = text.trim().split_once("://").map_or("", |(_, rest)| rest);
        let end = behind.find(['/', '?', '#']).unwrap_or(behind.len());
        if behind[..end].ends_with(':') {
            // The parser would take what follows for a path: the rest of a password that starts with a slash.
            return Err(UrlError::new(
                text,
                "a port is missing after the `:` of its host",
            ));
        }
        if let Some((user, password)) = url.credentials() {
            secret::know_url_login(&user, &password);
        }
        Ok(url)
    }
}

impl fmt::Display for SafeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.username().is_empty() && self.0.password().is_none() {
            return self.0.fmt(f);
        }
        // By its parts and not by `redact`: a password may hold quotes, which end a URL in a sentence.
        f.write_str(self.with_credentials("****", "").0.as_str())
    }
}

impl fmt::Debug for SafeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for SafeUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.without_credentials().0.as_str())
    }
}

impl<'de> Deserialize<'de> for SafeUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::of_server(&text).map_err(serde::de::Error::custom)
    }
}

/// A git repository with a revision and a folder in it, as requirements write it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GitUrl {
    /// Where the repository is; no fragment, no revision.
    pub repository: SafeUrl,
    /// Branch, tag, commit or full reference; `None` means what the caller's default says.
    pub revision: Option<String>,
    /// Folder of the project inside the repository, `/`-separated.
    pub subdirectory: Option<String>,
}

impl FromStr for GitUrl {
    type Err = UrlError;

    /// Takes `git+https://host/path[.git][@revision][#subdirectory=folder]` (PEP 508, pip's VCS form); `git+` may be
    /// missing. A revision may hold slashes: it starts at the last `@` of the path.
    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.starts_with("git+ssh://") || text.starts_with("ssh://") || text.starts_with("git@")
        {
            return Err(UrlError::new(
                text,
                "git over SSH is not supported, use git+https",
            ));
        }
        let mut repository: SafeUrl = text.strip_prefix("git+").unwrap_or(text).parse()?;
        let mut subdirectory = None;
        for pair in repository.0.fragment().unwrap_or("").split('&') {
            match pair.split_once('=') {
                Some(("subdirectory", folder)) => subdirectory = Some(check_folder(text, folder)?),
                Some(("egg", _)) => {}
                None if pair.is_empty() => {}
                // Not repeated: it may be a token.
                _ => return Err(UrlError::new(text, "only `#subdirectory=…` may follow it")),
            }
        }
        repository.0.set_fragment(None);
        let path = repository.0.path().to_owned();
        let revision = path.find('@').map(|_| {
            let at = path.rfind('@').unwrap_or(path.len());
            percent_decode(&path[at + 1..])
        });
        if let Some(revision) = &revision {
            if revision.is_empty() {
                return Err(UrlError::new(text, "the revision after the `@` is missing"));
            }
            if revision.contains(|c: char| c.is_control() || c.is_whitespace()) {
                let reason = "the revision contains a blank or a control character";
                return Err(UrlError::new(text, reason));
            }
            let at = path.rfind('@').unwrap_or(path.len());
            repository.0.set_path(&path[..at]);
        }
        Ok(Self {
            repository,
            revision,
            subdirectory,
        })
    }
}

fn check_folder(text: &str, folder: &str) -> Result<String, UrlError> {
    let folder = percent_decode(folder);
    let folder = folder.trim_matches('/');
    let climbs = folder
        .split('/')
        .any(|part| part.is_empty() || part == "." || part == ".." || part.contains('\\'));
    if climbs {
        return Err(UrlError::new(
            text,
            "the subdirectory must be a plain relative folder",
        ));
    }
    Ok(folder.to_owned())
}

impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "git+{}", self.repository)?;
        if let Some(revision) = &self.revision {
            write!(f, "@{revision}")?;
        }
        if let Some(folder) = &self.subdirectory {
            write!(f, "#subdirectory={folder}")?;
        }
        Ok(())
    }
}

/// Whether two URLs are those of one repository, written with `.git` or without.
#[must_use]
pub fn same_repository(one: &SafeUrl, other: &SafeUrl) -> bool {
    let path = |url: &SafeUrl| {
        let path = url.expose().path().trim_end_matches('/').to_owned();
        path.strip_suffix(".git")
            .map_or(path.clone(), str::to_owned)
    };
    one.same_origin(other) && path(one) == path(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_known_but_never_shown() {
        let url: SafeUrl = "https://bot:s%40cret@git.example.org/x.git"
            .parse()
            .expect("valid");
        assert_eq!(url.credentials(), Some(("bot".into(), "s@cret".into())));
        assert_eq!(url.to_string(), "https://****@git.example.org/x.git");
        assert_eq!(format!("{url:?}"), "https://****@git.example.org/x.git");
        let json = serde_json::to_string(&url).expect("serialises");
        assert_eq!(json, "\"https://git.example.org/x.git\"");
    }

    #[test]
    fn what_is_no_url_hides_its_password() {
        for text in [
            "https://u:it's3cr3t@h/x",
            "https://u:\"s3cr3t@h/x",
            "https://u:a/s3cr3t@h/x",
            "https://u:/s3cr3t@h/x",
            "https://u:a?s3cr3t@h/x",
            "https://u:a#s3cr3t@h/x",
            "https:u:s3cr3t@h/x",
            "https:/u:s3cr3t@h/x",
            "HTTPS:\\\\u:s3cr3t@h/x",
            "ftp://u:s3cr3t@h/x",
            "http://h:80,https://u:s3cr3t@h/x",
            "ht\ntps://u:\ts3cr3t@h:x/",
            "https://u:s3cr3t",
            "https://u:my s3cr3t@h",
            "https://u:my s3cr3t",
            "https://u:s3cr3t@",
            "http//u:s3cr3t@h/simple",
            "git+https//u:s3cr3t@h/x.git@main",
            "//u:s3cr3t@h",
            "//s3cr3t@h",
            "u:s3cr3t@h/simple",
            "u:my s3cr3t@h/simple",
            "me@example.org:s3cr3t@h/simple",
            "https://h/x?private_token=s3cr3t",
            "https://h/x#access_token=s3cr3t",
            "https://h/x?a=1;job%5Ftoken=s3cr3t&b=2",
        ] {
            let shown = match (text.parse::<SafeUrl>(), text.parse::<GitUrl>()) {
                (Err(error), Err(other)) => format!("{error} {error:?} {other} {other:?}"),
                (Ok(url), Err(error)) => format!("{} {error} {error:?}", url.place()),
                (url, git) => {
                    let shown = url.map(|url| format!("{url} {url:?}"));
                    format!("{shown:?} {git:?}")
                }
            };
            assert!(!shown.contains("s3cr3t"), "{text}: {shown}");
        }
    }

    #[test]
    fn a_token_in_a_query_is_refused_with_the_way_to_pass_it() {
        for query in [
            "private_token=x",
            "job_token=x",
            "access_token=x",
            "token=x",
            "oauth_token=x",
            "a=b&apiKey=x",
            "X-Amz-Signature=x",
            "a;private%5Ftoken=x",
            "password=x",
            "sig=x",
        ] {
            for text in [
                format!("https://h/a?{query}"),
                format!("https://h/a#{query}"),
            ] {
                let error = text.parse::<SafeUrl>().expect_err(&text);
                assert!(error.is_token(), "{text}");
            }
        }
        let error = "https://h/a?private_token=x".parse::<SafeUrl>();
        insta::assert_snapshot!(error.expect_err("a token"), @"`https://h/a?****` is not a usable URL: its query contains \
        a token, which logs and locks would show; set a variable such as PANNIER_TOKEN, add a `machine` line to netrc, or \
        put the token of an index before the host of its URL in UV_INDEX or PIP_INDEX_URL");
        for text in [
            "https://h/a?service=git-upload-pack",
            "https://h/a?tokens_per_page=3&monkey=a",
            "https://h/a?token=",
            "https://h/a#sha256=ab",
        ] {
            assert!(text.parse::<SafeUrl>().is_ok(), "{text}");
        }
        assert!(SafeUrl::of_server("https://h/a?X-Amz-Signature=x").is_ok());
        let known = "of-a-query/of unit tests";
        secret::know(known);
        let url = "https://h/a?page=of-a-query%2Fof+unit%20tests".parse::<SafeUrl>();
        assert!(url.expect_err("a known secret").is_token());
    }

    #[test]
    fn git_urls_have_revision_and_folder() {
        let url: GitUrl = "git+https://u:p@h/g/x.git@feature/a#subdirectory=py/lib"
            .parse()
            .expect("valid");
        assert_eq!(url.repository.to_string(), "https://****@h/g/x.git");
        assert_eq!(url.revision.as_deref(), Some("feature/a"));
        assert_eq!(url.subdirectory.as_deref(), Some("py/lib"));
        assert_eq!(
            url.to_string(),
            "git+https://****@h/g/x.git@feature/a#subdirectory=py/lib"
        );
        let plain: GitUrl = "https://h/x.git".parse().expect("valid");
        assert_eq!((plain.revision, plain.subdirectory), (None, None));
    }

    #[test]
    fn odd_git_urls_are_refused() {
        for text in [
            "git+https://h/x@",
            "git+https://h/x@a%00b",
            "git+https://h/x@a%0ab",
            "git+ssh://git@h/x",
            "git@h:x.git",
            "git+https://h/x#subdirectory=../y",
            "git+https://h/x#branch=y",
            "git+ftp://h/x",
        ] {
            assert!(text.parse::<GitUrl>().is_err(), "{text}");
        }
    }
}
