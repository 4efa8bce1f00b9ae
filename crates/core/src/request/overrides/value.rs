//! What an override says: a git repository at a revision, a file by its URL, or a version of the index.
//!
//! Anyone who can start a pipeline can set such a value, so the reading is strict: no user name or password, no `..`, no
//! scheme but HTTP. Nothing of a value that was refused is repeated in an error, as it may be a secret that went astray.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use pep440_rs::VersionSpecifiers;

use crate::request::overrides::error::ValueError;
use crate::request::revision::{check_revision, subdirectory};
use pannier_archive::wheel::WheelFilename;
use pannier_base::digest::Digest;
use pannier_base::secret::is_token_query;
use pannier_base::url::{SafeUrl, percent_decode};

/// The revision of a repository that is given without one: the branch that its server calls the first, as with pip.
const FIRST: &str = "HEAD";
/// What stands between the path of a project of a GitLab and the number of a merge request.
const MERGE_REQUESTS: &str = "/-/merge_requests/";

/// From where a package or data project is to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverrideValue {
    /// A git repository.
    Git {
        /// Its URL, without credentials.
        repository: SafeUrl,
        /// Branch, tag, commit or full reference.
        revision: String,
        /// Folder of the project in it.
        subdirectory: Subdirectory,
    },
    /// A wheel or source archive.
    File {
        /// Its URL, without credentials and fragment.
        url: SafeUrl,
        /// Its digest, where one was stated.
        sha256: Option<Digest>,
    },
    /// A version of the index.
    Version(VersionSpecifiers),
}

/// In which folder of its repository an overridden project is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subdirectory {
    /// In that of what it stands in for: nothing was said.
    AsBefore,
    /// In none.
    Root,
    /// In this one, `/`-separated.
    Folder(String),
}

impl Subdirectory {
    /// The folder, given that of what is overridden.
    #[must_use]
    pub fn or(&self, before: Option<&str>) -> Option<String> {
        match self {
            Self::AsBefore => before.map(str::to_owned),
            Self::Root => None,
            Self::Folder(folder) => Some(folder.clone()),
        }
    }
}

impl FromStr for OverrideValue {
    type Err = ValueError;

    /// Takes `git+https://host/path[@revision][#subdirectory=folder]`, `https://host/path.git[@revision]`,
    /// `https://host/group/project/-/merge_requests/5`, the URL of a wheel or source archive, and `==1.2.3`.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let text = text.trim();
        if text.starts_with(['=', '<', '>', '!', '~']) {
            let specifiers = text.parse::<VersionSpecifiers>();
            return specifiers
                .map(Self::Version)
                .map_err(|_| ValueError("it looks like a version, but is not valid (PEP 440)"));
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
            return Err(ValueError(
                "it contains a blank, a control character or `\\`",
            ));
        }
        let (forced, url) = match strip(text, "git+") {
            Some(url) => (true, url),
            None => (false, text),
        };
        let parts = Parts::of(url)?;
        let (path, revision) = split_revision(parts.path);
        if !forced && revision.is_none_or(|_| !path.ends_with(".git")) && is_file(parts.path) {
            return parts.file();
        }
        let request = parts.path.split_once(MERGE_REQUESTS);
        if let Some((project, rest)) = request {
            return parts.merge_request(project, rest);
        }
        if !forced && !path.ends_with(".git") {
            return Err(ValueError(
                "it may be a git repository (then write `git+` before it) or a file",
            ));
        }
        parts.git(path, revision)
    }
}

/// A URL cut where the standard cuts it, before anything of it is tidied.
struct Parts<'a> {
    /// Scheme, `://` and authority.
    origin: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    fragment: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Result<Self, ValueError> {
        let behind = strip(url, "https://").or_else(|| strip(url, "http://"));
        let Some(behind) = behind else {
            return Err(ValueError(other_scheme(url)));
        };
        let start = url.len() - behind.len();
        let end = behind.find(['/', '?', '#']).unwrap_or(behind.len());
        if behind[..end].contains('@') {
            return Err(ValueError(
                "it contains a user name or password, which everyone who sees variables could read",
            ));
        }
        let (origin, rest) = url.split_at(start + end);
        let (rest, fragment) = cut(rest, '#');
        let (path, query) = cut(rest, '?');
        Ok(Self {
            origin,
            path,
            query,
            fragment,
        })
    }

    fn git(&self, path: &str, revision: Option<&str>) -> Result<OverrideValue, ValueError> {
        if self.query.is_some() {
            return Err(ValueError(QUERY));
        }
        let subdirectory = match self.fragment {
            None | Some("") => Subdirectory::AsBefore,
            Some("subdirectory=" | "subdirectory=.") => Subdirectory::Root,
            Some(fragment) => match subdirectory(fragment) {
                Ok(Some(folder)) => Subdirectory::Folder(folder),
                Ok(None) => Subdirectory::AsBefore,
                Err(_) => return Err(ValueError(FRAGMENT)),
            },
        };
        let revision = match revision {
            Some(revision) => percent_decode(revision),
            None => FIRST.to_owned(),
        };
        check_revision(&revision).map_err(|_| {
            ValueError("the text after the `@` is not a branch, tag, commit or reference")
        })?;
        let path = path.trim_end_matches('/');
        Ok(OverrideValue::Git {
            repository: self.url(path)?,
            revision,
            subdirectory,
        })
    }

    /// The head of a merge request, which its target project has under a reference of its own, forks included.
    fn merge_request(&self, project: &str, rest: &str) -> Result<OverrideValue, ValueError> {
        let number = rest.split('/').next().unwrap_or("");
        let number: u64 = match number.parse() {
            Ok(number) if number > 0 && rest.starts_with(|c: char| c.is_ascii_digit()) => number,
            _ => return Err(ValueError("the merge request has no number")),
        };
        if project.trim_matches('/').split('/').count() < 2 {
            return Err(ValueError("the merge request has no project"));
        }
        let parts = [self.query, self.fragment];
        if parts.into_iter().flatten().any(is_token_query) {
            return Err(ValueError(QUERY));
        }
        // What a browser's address bar holds behind the number says which page was open.
        let fragment = self.fragment.filter(|it| it.starts_with("subdirectory="));
        let request = Self {
            query: None,
            fragment,
            ..*self
        };
        let reference = format!("refs/merge-requests/{number}/head");
        request.git(&format!("{project}.git"), Some(&reference))
    }

    fn file(&self) -> Result<OverrideValue, ValueError> {
        if self.query.is_some() {
            return Err(ValueError(QUERY));
        }
        let sha256 = match self.fragment {
            None | Some("") => None,
            Some(fragment) => {
                let digest = fragment.strip_prefix("sha256=");
                let digest = digest.and_then(|digest| digest.parse().ok());
                Some(digest.ok_or(ValueError(
                    "only `#sha256=` with 64 hexadecimal digits may follow a file",
                ))?)
            }
        };
        let url = self.url(self.path)?;
        if url.file_name().ends_with(".whl") && url.file_name().parse::<WheelFilename>().is_err() {
            return Err(ValueError(
                "the name of the file is not that of a wheel (PEP 427)",
            ));
        }
        Ok(OverrideValue::File { url, sha256 })
    }

    /// The URL with this path, which must be the path that it says.
    fn url(&self, path: &str) -> Result<SafeUrl, ValueError> {
        if path.is_empty() {
            return Err(ValueError("it has a host and no path"));
        }
        for segment in path.split('/').skip(1) {
            let plain = percent_decode(segment);
            if plain.is_empty() || plain == "." || plain == ".." {
                return Err(ValueError("there is `.`, `..` or nothing between two `/`"));
            }
            if plain.contains(|c: char| c == '/' || c == '\\' || c.is_control()) {
                return Err(ValueError(
                    "it contains an encoded `/`, `\\` or control character",
                ));
            }
        }
        let url = format!("{}{path}", self.origin).parse::<SafeUrl>();
        url.map_err(|_| ValueError("it is not a URL"))
    }
}

const QUERY: &str = "it contains a query (`?…`), which may be a secret: set a variable such as PANNIER_TOKEN, or add a \
`machine` line to netrc";
const FRAGMENT: &str = "only `#subdirectory=` with a plain relative folder may follow it";

/// What stands behind `start`, in any case.
fn strip<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let head = text.get(..start.len())?;
    head.eq_ignore_ascii_case(start)
        .then(|| &text[start.len()..])
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, behind)) => (before, Some(behind)),
        None => (text, None),
    }
}

/// Why what does not start with `http://` or `https://` is nothing.
fn other_scheme(url: &str) -> &'static str {
    let is = |scheme| strip(url, scheme).is_some();
    if is("ssh:") || is("git@") {
        "git over SSH is not supported, use git+https"
    } else if is("file:") || url.starts_with(['/', '.']) {
        "a folder or file of this machine cannot be an override"
    } else if is("http:") || is("https:") {
        "`//` is missing after the scheme"
    } else if url.starts_with(|c: char| c.is_ascii_digit()) {
        "a version is written `==1.2.3`"
    } else {
        "only https is allowed, and http if the policy allows it"
    }
}

/// Cuts the revision off a path: at the first `.git@`, else at the first `@` that does not start a component. Revisions may
/// hold slashes and `@`.
fn split_revision(path: &str) -> (&str, Option<&str>) {
    let at = path.find(".git@").map(|at| at + ".git".len()).or_else(|| {
        path.match_indices('@')
            .map(|(at, _)| at)
            .find(|at| *at > 0 && path.as_bytes()[at - 1] != b'/')
    });
    match at {
        Some(at) => (&path[..at], Some(&path[at + 1..])),
        None => (path, None),
    }
}

fn is_file(path: &str) -> bool {
    let ends = [".whl", ".tar.gz", ".zip"];
    ends.iter().any(|end| path.ends_with(end))
}

/// The text with everything but what is `plain` percent-encoded.
fn encode(text: &str, plain: impl Fn(char) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for c in text.chars() {
        if plain(c) {
            encoded.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

impl fmt::Display for OverrideValue {
    /// In the one spelling of it, which is read as the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Git {
                repository,
                revision,
                subdirectory,
            } => {
                let revision = encode(revision, |c| !matches!(c, '%' | '#' | '?'));
                write!(f, "git+{}@{revision}", repository.without_credentials())?;
                match subdirectory {
                    Subdirectory::AsBefore => Ok(()),
                    Subdirectory::Root => f.write_str("#subdirectory=."),
                    Subdirectory::Folder(folder) => {
                        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-~+".contains(c);
                        write!(f, "#subdirectory={}", encode(folder, plain))
                    }
                }
            }
            Self::File { url, sha256 } => {
                write!(f, "{}", url.without_credentials())?;
                match sha256 {
                    Some(sha256) => write!(f, "#sha256={sha256}"),
                    None => Ok(()),
                }
            }
            Self::Version(specifiers) => specifiers.fmt(f),
        }
    }
}
