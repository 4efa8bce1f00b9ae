//! One logical line: a requirement, a file that is named (`-c`, `-r`), or an option that is refused with its reason.

use std::path::PathBuf;
use std::str::FromStr;

use pep508_rs::{Pep508Error, Pep508ErrorSource, Requirement, VerbatimUrl, VersionOrUrl};

use super::lines::LogicalLine;
use crate::url::redact;

/// Which rules a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Bounds only: no extras, no `-r`.
    Constraints,
    /// What is installed.
    Requirements,
}

/// What a line says.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Statement {
    Requirement(Box<Requirement<VerbatimUrl>>),
    /// `-c file`
    Constraints(PathBuf),
    /// `-r file`
    Requirements(PathBuf),
}

/// Why a line cannot be used; `offset` is the byte of the logical line where the trouble starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub offset: usize,
    pub message: String,
    pub help: Option<String>,
}

/// A text that is not a requirement that can be used. Prints the text, without credentials, and the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a requirement: {reason}")]
pub struct RequirementError {
    /// The text, without credentials.
    pub text: String,
    /// What is wrong, and what was expected.
    pub reason: String,
    /// Byte of the text where the trouble starts.
    pub offset: usize,
}

/// Parses one requirement (PEP 508: `name[extras]>=1 ; marker`, or `name @ https://…`).
///
/// # Errors
/// [`RequirementError`] for what PEP 508 does not allow, and for `${NAME}`, which has its meaning in files only.
pub fn parse_requirement(text: &str) -> Result<Requirement<VerbatimUrl>, RequirementError> {
    let fail = |offset: usize, reason: String| RequirementError {
        text: redact(text),
        reason: redact(&reason),
        offset: offset.min(text.len()),
    };
    // The parser below would take variables from the environment of this process.
    if let Some(offset) = text.find("${") {
        let reason = "a variable cannot be used here; only files of requirements or constraints have them, in upper case";
        return Err(fail(offset, reason.to_owned()));
    }
    // Tabs are blanks to everybody but the parser below.
    let text = &without_last_comma(&text.replace('\t', " "));
    if let Some(offset) = text.find(char::is_control) {
        let reason = "a control character stands in it";
        return Err(fail(offset, reason.to_owned()));
    }
    // The grammar is ASCII, and the parser counts characters where it cuts bytes.
    if let Some((offset, character)) = text.char_indices().find(|(_, c)| !c.is_ascii()) {
        let reason = format!("`{character}` cannot stand in a requirement, which is plain ASCII");
        return Err(fail(offset, reason));
    }
    if text.trim().is_empty() {
        return Err(fail(0, "it is empty".to_owned()));
    }
    if let Some(what) = without_name(text) {
        return Err(fail(0, what.to_owned()));
    }
    check_names(text).map_err(|(offset, reason)| fail(offset, reason))?;
    if let Some(offset) = behind_url(text) {
        let reason = "a blank ends the URL; only ` ; marker` may follow".to_owned();
        return Err(fail(offset, reason));
    }
    Requirement::from_str(text).map_err(|error: Pep508Error| {
        let reason = match error.message {
            // Its messages begin with a capital; ours continue a sentence.
            Pep508ErrorSource::String(reason)
            | Pep508ErrorSource::UnsupportedRequirement(reason) => first_lower(&reason),
            Pep508ErrorSource::UrlError(why) => first_lower(&why.to_string()),
        };
        fail(error.start, reason)
    })
}

fn without_name(text: &str) -> Option<&'static str> {
    let start = text.split([' ', '@', '[', ';']).next().unwrap_or("");
    if start.contains("://") {
        return Some("a URL needs a name before it: `name @ https://…`");
    }
    if start.starts_with(['.', '/', '~']) || start.contains(['/', '\\']) {
        return Some("a package name is expected, this is a path");
    }
    None
}

/// Checks the name and the extras: the parser above panics where one of them ends with `-`, `_` or `.`.
fn check_names(text: &str) -> Result<(), (usize, String)> {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let check = |start: usize, what: &str| {
        let word = &text[start..];
        let word = &word[..word.find(|c| !inner(c)).unwrap_or(word.len())];
        if word.ends_with(['-', '_', '.']) {
            let reason = format!("the {what} `{word}` must end with a letter or digit");
            return Err((start, reason));
        }
        Ok(())
    };
    let start = text.len() - text.trim_start().len();
    check(start, "package name")?;
    let behind = text[start..].trim_start_matches(inner).trim_start();
    let Some(extras) = behind.strip_prefix('[') else {
        return Ok(());
    };
    let mut offset = text.len() - extras.len();
    for extra in extras.split(']').next().unwrap_or("").split(',') {
        let blank = extra.len() - extra.trim_start().len();
        check(offset + blank, "extra")?;
        offset += extra.len() + 1;
    }
    Ok(())
}

/// A comma may stand behind the last version, as Python's own tools have it; a blank comes in its place.
fn without_last_comma(text: &str) -> String {
    let end = text.find(';').unwrap_or(text.len());
    let versions = text[..end].trim_end();
    let versions = versions.strip_suffix(')').unwrap_or(versions).trim_end();
    let is_last = versions.ends_with(',')
        && !versions.contains('@')
        && versions.contains(['=', '<', '>', '~', '!']);
    let mut text = text.to_owned();
    if is_last {
        let comma = versions.len() - 1;
        text.replace_range(comma..=comma, " ");
    }
    text
}

/// Where something stands behind a URL that is no marker: the parser above would take it for a part of the URL.
fn behind_url(text: &str) -> Option<usize> {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let behind = text.trim_start().trim_start_matches(inner).trim_start();
    let behind = match behind.strip_prefix('[') {
        Some(extras) => extras.split_once(']')?.1.trim_start(),
        None => behind,
    };
    let url = behind.strip_prefix('@')?.trim_start();
    let rest = url[url.find(' ')?..].trim_start();
    (!rest.is_empty() && !rest.starts_with(';')).then(|| text.len() - rest.len())
}

fn first_lower(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

/// Reads one logical line by the rules of its kind of file.
pub(super) fn statement(line: &LogicalLine, kind: Kind) -> Result<Statement, Problem> {
    let text = line.text.as_str();
    if text.starts_with('-') {
        return option(text, kind);
    }
    let text = without_hashes(text)?;
    let requirement = parse_requirement(text).map_err(|error| Problem {
        offset: error.offset,
        message: error.reason,
        help: None,
    })?;
    if kind == Kind::Constraints && !requirement.extras.is_empty() {
        return Err(Problem {
            offset: text.find('[').unwrap_or(0),
            message: "a constraint cannot have extras: it bounds versions and adds nothing"
                .to_owned(),
            help: Some(format!(
                "write `{}` without the brackets here, and the extras where the package is required",
                requirement.name
            )),
        });
    }
    if kind == Kind::Requirements
        && let Some(VersionOrUrl::Url(url)) = &requirement.version_or_url
        && url.scheme().starts_with("git+")
    {
        return Err(Problem {
            offset: text.find('@').unwrap_or(0),
            message: "a git project is not a requirement from the index".to_owned(),
            help: Some("list it under `packages` of pannier.yml, in the same form".to_owned()),
        });
    }
    Ok(Statement::Requirement(Box::new(requirement)))
}

/// Cuts off `--hash=…` options: the lock has hashes of its own.
fn without_hashes(text: &str) -> Result<&str, Problem> {
    let Some(start) = text.find(" -") else {
        return Ok(text);
    };
    let mut words = text[start..].split_whitespace();
    while let Some(word) = words.next() {
        let known = word == "--hash" && words.next().is_some() || word.starts_with("--hash=");
        if !known {
            let name = word.split('=').next().unwrap_or(word);
            return Err(Problem {
                offset: start + 1,
                message: format!("the option `{name}` is not supported behind a requirement"),
                help: Some("only `--hash=…` may stand here; remove the option".to_owned()),
            });
        }
    }
    Ok(text[..start].trim_end())
}

/// `-c`, `-r`, or one of pip's other options, each with the reason why it is refused.
fn option(text: &str, kind: Kind) -> Result<Statement, Problem> {
    let (name, value) = split_option(text);
    let fail = |message: String, help: &str| Err(refusal(message, help));
    match (name, kind) {
        ("-c" | "--constraint", _) => file_of(name, value).map(Statement::Constraints),
        ("-r" | "--requirement", Kind::Requirements) => {
            file_of(name, value).map(Statement::Requirements)
        }
        ("-r" | "--requirement", Kind::Constraints) => fail(
            format!("`{name}` adds packages, and a constraints file never adds a package"),
            "use `-c` for more constraints, or name the file under `requirements` of pannier.yml",
        ),
        ("-e" | "--editable", Kind::Constraints) => fail(
            "an editable project is not a bound on a version".to_owned(),
            "write `name==version` or `name @ https://…`",
        ),
        ("-e" | "--editable", Kind::Requirements) => fail(
            "an editable project cannot be shipped in a tarball".to_owned(),
            "list the folder or the git project under `packages` of pannier.yml",
        ),
        (
            "-i" | "--index-url" | "--extra-index-url" | "-f" | "--find-links" | "--no-index"
            | "--trusted-host",
            _,
        ) => fail(
            format!("`{name}` is set once for everything, not in this file"),
            "use `index: {url: …, extra: […]}` of pannier.yml, or UV_DEFAULT_INDEX and UV_INDEX",
        ),
        _ => fail(
            format!("the option `{name}` is not supported"),
            match kind {
                Kind::Constraints => "constraints, comments and `-c other.txt` are expected",
                Kind::Requirements => {
                    "requirements, comments, `-r other.in` and `-c constraints.txt` are expected"
                }
            },
        ),
    }
}

fn refusal(message: String, help: &str) -> Problem {
    Problem {
        offset: 0,
        message,
        help: Some(help.to_owned()),
    }
}

/// The file that an option names.
fn file_of(name: &str, value: &str) -> Result<PathBuf, Problem> {
    if value.is_empty() {
        return Err(refusal(
            format!("`{name}` needs the path of a file"),
            "write `-c other.txt`",
        ));
    }
    if value.contains("://") {
        return Err(refusal(
            format!("`{name}` takes a file of this project, not a URL"),
            "keep a copy of the file in the repository, so that its changes are reviewed",
        ));
    }
    Ok(PathBuf::from(value))
}

/// `-c x`, `-cx`, `--constraint x`, `--constraint=x` → name and value.
fn split_option(text: &str) -> (&str, &str) {
    if !text.starts_with("--") {
        let end = text
            .char_indices()
            .nth(2)
            .map_or(text.len(), |(end, _)| end);
        return (&text[..end], text[end..].trim());
    }
    match text.find(|c: char| c == '=' || c.is_whitespace()) {
        Some(end) => (&text[..end], text[end..].trim_start_matches(['=']).trim()),
        None => (text, ""),
    }
}
