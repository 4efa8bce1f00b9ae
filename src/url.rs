//! URLs that never show their credentials, and the `git+https://…@ref#subdirectory=…` form of requirements.
//!
//! Refuses to fetch anything.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

/// Why a text is not a usable URL. The text itself is shown without credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not a usable URL: {reason}")]
pub struct UrlError {
    shown: String,
    reason: String,
}

impl UrlError {
    fn new(text: &str, reason: impl Into<String>) -> Self {
        // The URL Standard steps over these wherever they stand, so they do not end what has to be hidden.
        let text = text.replace(['\t', '\n', '\r'], "");
        Self {
            shown: redact(text.trim()),
            reason: reason.into(),
        }
    }
}

/// Replaces what stands before an `@` in the authority of every URL in `text` by `****`.
///
/// For texts that other programs wrote (uv, git, a server): a token in a URL is not shown even if they show it. Where a
/// password may hold what ends a URL elsewhere (quotes, or a slash that somebody forgot to encode), too much is hidden
/// rather than too little.
#[must_use]
pub fn redact(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = authority(rest) {
        let (head, tail) = rest.split_at(start);
        shown.push_str(head);
        let word = tail.find(char::is_whitespace).unwrap_or(tail.len());
        let mut end = tail[..word].find(['/', '?', '#']).unwrap_or(word);
        if !tail[..end].contains('@') && !ends_with_port(&tail[..end]) {
            // No port stands behind the colon, so it is the start of a password that holds one of the three.
            end = word;
        }
        // What has no `@` may hold the start of another URL, as in a list.
        rest = tail;
        if let Some(at) = tail[..end].rfind('@') {
            shown.push_str("****");
            rest = &tail[at..];
        }
    }
    shown.push_str(rest);
    shown
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

/// Whether what stands behind the last colon can be a port, if there is one.
fn ends_with_port(authority: &str) -> bool {
    let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
    // The colons of an IPv6 address stand in brackets; quotes and the like end a URL in a sentence.
    let port = port.trim_end_matches(|c: char| !c.is_alphanumeric() && c != ']');
    port.ends_with(']') || port.bytes().all(|byte| byte.is_ascii_digit())
}

/// A URL whose user name and password are hidden whenever it is shown, logged or serialised.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SafeUrl(Url);

impl SafeUrl {
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

impl FromStr for SafeUrl {
    type Err = UrlError;

    /// Takes an absolute URL with one of the schemes `http`, `https` and `file`.
    fn from_str(text: &str) -> Result<Self, UrlError> {
        let url = Url::parse(text).map_err(|why| UrlError::new(text, why.to_string()))?;
        if !matches!(url.scheme(), "http" | "https" | "file") {
            let reason = format!("the scheme `{}` is not supported, use https", url.scheme());
            return Err(UrlError::new(text, reason));
        }
        Ok(Self(url))
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
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
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
                _ => {
                    let reason = format!("`#{pair}` is not known, only `#subdirectory=…` is");
                    return Err(UrlError::new(text, reason));
                }
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
                return Err(UrlError::new(text, "nothing stands behind the `@`"));
            }
            if revision.contains(|c: char| c.is_control() || c.is_whitespace()) {
                let reason = "the revision holds a blank or a control character";
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
    fn other_programs_texts_are_redacted_too() {
        let said = "fatal: https://u:glpat-1@h/x?y@z and http://a@b@c:1 'https://tok@h'";
        assert_eq!(
            redact(said),
            "fatal: https://****@h/x?y@z and http://****@c:1 'https://****@h'"
        );
        assert!(
            !"https://tok:en@h:x/"
                .parse::<SafeUrl>()
                .expect_err("port")
                .to_string()
                .contains("tok")
        );
    }

    #[test]
    fn odd_passwords_are_hidden_too() {
        for text in [
            "https://u:it's3cr3t@h/x",
            "https://u:\"s3cr3t@h/x",
            "https://u:a/s3cr3t@h/x",
            "https://u:a?s3cr3t@h/x",
            "https://u:a#s3cr3t@h/x",
            "https:u:s3cr3t@h/x",
            "https:/u:s3cr3t@h/x",
            "HTTPS:\\\\u:s3cr3t@h/x",
            "ftp://u:s3cr3t@h/x",
            "http://h:80,https://u:s3cr3t@h/x",
        ] {
            let shown = redact(text);
            assert!(!shown.contains("s3cr3t"), "{shown}");
            assert_eq!(redact(&shown), shown);
            let shown = match text.parse::<SafeUrl>() {
                Ok(url) => format!("{url} {url:?}"),
                Err(error) => error.to_string(),
            };
            assert!(!shown.contains("s3cr3t"), "{shown}");
        }
        let broken = "ht\ntps://u:\ts3cr3t@h:x/".parse::<SafeUrl>();
        let shown = broken.expect_err("port").to_string();
        assert!(!shown.contains("s3cr3t"), "{shown}");
    }

    #[test]
    fn what_is_no_password_stays() {
        for text in [
            "https://h/x.git@main and https://h:8080/a@b (see https://h:80, http://[::1]/a@b)",
            "fatal: http: no answer from a@b",
            "'https://h': x@y",
        ] {
            assert_eq!(redact(text), text);
        }
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
