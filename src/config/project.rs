//! The forms in which a project is written: short names, paths on the host of `git_base`, git URLs, folders.
//!
//! Parsing needs nothing but the text; [`ProjectSpec::source`] then says where that is. Refuses archives and SSH.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use crate::config::request::ProjectSource;
use crate::name::{NameError, PackageName};
use crate::url::{GitUrl, SafeUrl, UrlError, redact};

/// The forms that exist, for hints.
pub const FORMS: &str = "`name`, `group/name@revision`, `name[extra] @ git+https://host/group/name.git@revision#subdirectory=folder`, `https://host/group/name.git@revision` and `./folder` are expected";

/// A project as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectSpec {
    /// The text, without credentials.
    pub text: String,
    /// What stands before ` @ `, normalised.
    pub name: Option<PackageName>,
    /// The same as it was written.
    pub label: Option<String>,
    /// Extras, sorted, none twice.
    pub extras: Vec<PackageName>,
    /// Where it is.
    pub place: Place,
}

/// Where a project is, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A name alone (below `git_base`) or a path of at least two components (on the host of `git_base`).
    Short {
        /// `job-tools` or `other/lib`, without `.git`.
        path: String,
        /// Branch, tag or commit, where one was stated.
        revision: Option<String>,
        /// Folder of the project in the repository.
        subdirectory: Option<String>,
    },
    /// A git repository by URL.
    Git(GitUrl),
    /// A folder, relative or absolute.
    Directory(PathBuf),
}

/// Why a text is not a project. Prints the text without credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("`{text}` is not a project: {reason}")]
#[diagnostic(help("{FORMS}"))]
pub struct ProjectError {
    /// The text, without credentials.
    pub text: String,
    /// Which rule it breaks.
    pub reason: String,
}

/// Where short names are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitBase {
    /// Folder of the repositories that are given by name alone.
    pub group: SafeUrl,
    /// What paths start from: the server's root.
    pub server: SafeUrl,
}

impl GitBase {
    /// A base whose server is the host of `group`, or `server` where `group` lies below that (a GitLab below a path).
    #[must_use]
    pub fn new(group: SafeUrl, server: Option<&SafeUrl>) -> Self {
        let below = server.filter(|server| {
            let path = server.expose().path().trim_end_matches('/');
            let rest = group.expose().path().strip_prefix(path);
            server.same_origin(&group) && rest.is_some_and(|rest| rest.starts_with('/'))
        });
        let server = below.cloned().unwrap_or_else(|| with_path(&group, "/"));
        Self { group, server }
    }
}

/// The URL with another path and nothing behind it; credentials stay.
fn with_path(url: &SafeUrl, path: &str) -> SafeUrl {
    let mut changed = url.expose().clone();
    changed.set_path(path);
    changed.set_query(None);
    changed.set_fragment(None);
    changed
        .as_str()
        .parse()
        .expect("a URL stays one when its path is replaced by checked components")
}

impl ProjectSpec {
    /// Where the project is, with what was left open taken from `base` and `branch`.
    ///
    /// # Errors
    /// A short name when there is no base.
    pub fn source(
        &self,
        base: Option<&GitBase>,
        branch: &str,
    ) -> Result<ProjectSource, MissingBase> {
        let or_branch =
            |revision: &Option<String>| revision.as_deref().unwrap_or(branch).to_owned();
        Ok(match &self.place {
            Place::Short {
                path,
                revision,
                subdirectory,
            } => {
                let base = base.ok_or_else(|| MissingBase(self.text.clone()))?;
                let start = if path.contains('/') {
                    &base.server
                } else {
                    &base.group
                };
                let folder = start.expose().path().trim_end_matches('/');
                ProjectSource::Git {
                    repository: with_path(start, &format!("{folder}/{path}.git")),
                    revision: or_branch(revision),
                    subdirectory: subdirectory.clone(),
                }
            }
            Place::Git(url) => ProjectSource::Git {
                repository: url.repository.clone(),
                revision: or_branch(&url.revision),
                subdirectory: url.subdirectory.clone(),
            },
            Place::Directory(path) => ProjectSource::Directory { path: path.clone() },
        })
    }

    /// The last component of where it is, without `.git`: what a data project is called that has no name of its own.
    #[must_use]
    pub fn last_component(&self) -> String {
        let last = match &self.place {
            Place::Short { path, .. } => path.rsplit('/').next().unwrap_or("").to_owned(),
            Place::Git(url) => {
                let path = url.repository.without_credentials();
                let path = path.expose().path().trim_end_matches('/').to_owned();
                path.rsplit('/').next().unwrap_or("").to_owned()
            }
            Place::Directory(path) => path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default(),
        };
        last.strip_suffix(".git").unwrap_or(&last).to_owned()
    }
}

/// A project is given by its name alone, and nothing says where such projects live.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("`{0}` is a name without a place: there is no git_base")]
#[diagnostic(help(
    "set `git_base: https://host/group` in pannier.yml, PANNIER_GIT_BASE or --git-base, or write the URL: `git+https://host/group/name.git`"
))]
pub struct MissingBase(pub String);

impl fmt::Display for ProjectSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for ProjectSpec {
    type Err = ProjectError;

    /// Takes one of the [`FORMS`].
    fn from_str(text: &str) -> Result<Self, ProjectError> {
        let text = text.trim();
        let fail = |reason: String| ProjectError {
            text: redact(text),
            reason,
        };
        let (head, place) = split_reference(text);
        let (label, extras, place) = match place {
            Some(place) => {
                let (label, extras) = name_and_extras(head).map_err(fail)?;
                (
                    Some(label.to_owned()),
                    extras,
                    parse_place(place).map_err(fail)?,
                )
            }
            None => {
                let (bare, extras) = cut_extras(head).map_err(fail)?;
                (None, extras, parse_place(&bare).map_err(fail)?)
            }
        };
        let name = label.as_deref().map(str::parse).transpose();
        Ok(Self {
            text: redact(text),
            name: name.map_err(|why: NameError| fail(why.to_string()))?,
            label,
            extras,
            place,
        })
    }
}

/// Splits `name @ place` (PEP 508); `name@v1` is no such thing, `name@https://…` is.
fn split_reference(text: &str) -> (&str, Option<&str>) {
    let Some(at) = text.find('@') else {
        return (text, None);
    };
    let (head, place) = (&text[..at], &text[at + 1..]);
    let is_name = !head.contains(['/', ':']);
    let spaced = head.ends_with(char::is_whitespace) || place.starts_with(char::is_whitespace);
    let place = place.trim_start();
    if is_name && (spaced || is_url(place) || is_folder(place)) {
        (head.trim_end(), Some(place))
    } else {
        (text, None)
    }
}

fn is_url(text: &str) -> bool {
    let scheme = text.split("://").next().unwrap_or("");
    scheme.len() < text.len()
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn is_folder(text: &str) -> bool {
    matches!(text, "." | "..")
        || ["./", "../", "/"]
            .iter()
            .any(|start| text.starts_with(start))
}

/// `name[a,b]` → `name` and its extras.
fn name_and_extras(text: &str) -> Result<(&str, Vec<PackageName>), String> {
    let Some((name, rest)) = text.split_once('[') else {
        return Ok((text, Vec::new()));
    };
    let list = rest
        .trim_end()
        .strip_suffix(']')
        .ok_or("the bracket `[` is not closed before the `@`")?;
    Ok((name.trim_end(), parse_extras(list)?))
}

/// Takes `[a,b]` out of a short name such as `job-report[html]@v1`; URLs and folders keep their brackets.
fn cut_extras(text: &str) -> Result<(String, Vec<PackageName>), String> {
    if is_url(text) || is_folder(text) {
        return Ok((text.to_owned(), Vec::new()));
    }
    let Some((name, rest)) = text.split_once('[') else {
        return Ok((text.to_owned(), Vec::new()));
    };
    let (list, behind) = rest
        .split_once(']')
        .ok_or("the bracket `[` is not closed")?;
    Ok((format!("{name}{behind}"), parse_extras(list)?))
}

fn parse_extras(list: &str) -> Result<Vec<PackageName>, String> {
    let mut extras = Vec::new();
    for extra in list.split(',').map(str::trim).filter(|e| !e.is_empty()) {
        let extra: PackageName = extra
            .parse()
            .map_err(|_| format!("`{extra}` is not the name of an extra"))?;
        extras.push(extra);
    }
    extras.sort();
    extras.dedup();
    Ok(extras)
}

fn parse_place(text: &str) -> Result<Place, String> {
    if text.is_empty() {
        return Err("nothing says where it is".to_owned());
    }
    if let Some(c) = text.chars().find(|c| c.is_control()) {
        return Err(format!("the control character {c:?} stands in it"));
    }
    if is_folder(text) {
        return Ok(Place::Directory(tidy(Path::new(text))));
    }
    if is_url(text) || text.starts_with("git@") {
        return parse_url(text).map(Place::Git);
    }
    if let Some(c) = text.chars().find(|c| c.is_whitespace()) {
        return Err(format!("white space ({c:?}) stands in it"));
    }
    parse_short(text)
}

fn parse_url(text: &str) -> Result<GitUrl, String> {
    let reason = |why: UrlError| why.to_string();
    if text.starts_with("file:") {
        return Err(
            "a folder is written as a path, a repository on disk as `git+file://…`".to_owned(),
        );
    }
    let url: GitUrl = text.parse().map_err(reason)?;
    let path = url.repository.expose().path().to_ascii_lowercase();
    if [".whl", ".tar.gz", ".zip"]
        .iter()
        .any(|end| path.ends_with(end))
    {
        return Err(
            "an archive is not a git project; write `name @ https://…` under `requirements`"
                .to_owned(),
        );
    }
    if path.trim_matches('/').is_empty() {
        return Err("the URL names a host and no repository".to_owned());
    }
    if let Some(revision) = &url.revision {
        check_revision(revision)?;
    }
    Ok(url)
}

fn parse_short(text: &str) -> Result<Place, String> {
    let (text, fragment) = match text.split_once('#') {
        Some((text, fragment)) => (text, Some(fragment)),
        None => (text, None),
    };
    let (path, revision) = match text.split_once('@') {
        Some((path, revision)) => (path, Some(revision)),
        None => (text, None),
    };
    let path = path.strip_suffix(".git").unwrap_or(path);
    for component in path.split('/') {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
        if component.is_empty() || !component.chars().all(plain) {
            return Err(format!(
                "`{path}` is not a path of a project: ASCII letters, digits, `.`, `_`, `-` between single `/` are expected"
            ));
        }
        if component.starts_with(['-', '.']) {
            return Err(format!("`{component}` starts with `-` or `.`"));
        }
    }
    if let Some(revision) = revision {
        check_revision(revision)?;
    }
    let subdirectory = match fragment {
        Some(fragment) => subdirectory(fragment)?,
        None => None,
    };
    Ok(Place::Short {
        path: path.to_owned(),
        revision: revision.map(str::to_owned),
        subdirectory,
    })
}

/// What a fragment means is known to URLs; the host here is only a place to hang it on.
fn subdirectory(fragment: &str) -> Result<Option<String>, String> {
    let url: Result<GitUrl, UrlError> = format!("https://host/project#{fragment}").parse();
    match url {
        Ok(url) => Ok(url.subdirectory),
        Err(_) => Err(format!(
            "`#{fragment}` is not known, only `#subdirectory=folder` is, with a plain relative folder"
        )),
    }
}

/// The rules of `git check-ref-format` that matter, so that no text becomes an option or a range.
fn check_revision(revision: &str) -> Result<(), String> {
    let bad = |c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '~' | '^' | ':' | '?' | '*' | '[' | '\\')
    };
    let wrong = revision.is_empty()
        || revision.starts_with(['-', '/', '.'])
        || revision.ends_with(['/', '.'])
        || revision.contains("..")
        || revision.contains("//")
        || revision.contains("@{")
        || revision.contains(bad);
    if wrong {
        return Err(format!(
            "`{revision}` is not a branch, tag or commit (git check-ref-format)"
        ));
    }
    Ok(())
}

/// The path without `./` and without a slash at its end; `.` where nothing else is left.
fn tidy(path: &Path) -> PathBuf {
    let tidied: PathBuf = path
        .components()
        .filter(|component| *component != Component::CurDir)
        .collect();
    if tidied.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        tidied
    }
}
