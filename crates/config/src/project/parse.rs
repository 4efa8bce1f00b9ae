//! From a text to a [`ProjectSpec`]: which form it is, and why it is none.

use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use crate::project::{Place, ProjectError, ProjectSpec};
use pannier_base::name::{NameError, PackageName};
use pannier_base::secret::{redact_input, scrub};
use pannier_base::url::{GitUrl, UrlError};
use pannier_core::request::revision::{check_revision, subdirectory};

impl FromStr for ProjectSpec {
    type Err = ProjectError;

    /// Takes one of the [`FORMS`](super::FORMS).
    fn from_str(text: &str) -> Result<Self, ProjectError> {
        let text = text.trim();
        let fail = |reason: String| ProjectError {
            text: redact_input(&scrub(text)),
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
            text: scrub(text),
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
            .map_err(|_| "the brackets do not contain a list of extras")?;
        extras.push(extra);
    }
    extras.sort();
    extras.dedup();
    Ok(extras)
}

fn parse_place(text: &str) -> Result<Place, String> {
    if text.is_empty() {
        return Err("it has no URL".to_owned());
    }
    if let Some(c) = text.chars().find(|c| c.is_control()) {
        return Err(format!("it contains the control character {c:?}"));
    }
    if is_folder(text) {
        return Ok(Place::Directory(tidy(Path::new(text))));
    }
    if is_url(text) || text.starts_with("git@") {
        return parse_url(text).map(Place::Git);
    }
    if let Some(c) = text.chars().find(|c| c.is_whitespace()) {
        return Err(format!("it contains white space ({c:?})"));
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
        return Err("the URL has a host and no repository".to_owned());
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
    if path.contains("://") {
        // Not repeated: without what stood behind the `@`, nobody sees that it holds a password.
        return Err("a URL must start with `https://` or `git+https://`".to_owned());
    }
    let path = path.strip_suffix(".git").unwrap_or(path);
    for component in path.split('/') {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
        if component.is_empty() || !component.chars().all(plain) {
            // Not repeated in part: without its `@` nobody sees that it holds a password.
            return Err(
                "the path of a project contains only ASCII letters, digits, `.`, `_`, `-` between single `/`"
                    .to_owned(),
            );
        }
        if component.starts_with(['-', '.']) {
            return Err("a component of its path starts with `-` or `.`".to_owned());
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
