//! One logical line: a requirement, a file that is named (`-c`, `-r`), or an option that is refused with its reason.

use std::path::PathBuf;

use pep508_rs::{Requirement, VerbatimUrl};

use super::constraint::Constraint;
use super::hash::{FileHash, FileHashError, of_fragment};
use super::lines::LogicalLine;
use super::requirement::RequirementError;

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
    /// Of a constraints file, with the hashes that its files may have.
    Constraint(Box<Constraint>, Vec<FileHash>),
    /// Of a requirements file, with the same.
    Requirement(Box<Requirement<VerbatimUrl>>, Vec<FileHash>),
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

impl From<RequirementError> for Problem {
    fn from(error: RequirementError) -> Self {
        Self {
            offset: error.offset,
            message: error.reason,
            help: None,
        }
    }
}

/// Reads one logical line by the rules of its kind of file.
pub(super) fn statement(line: &LogicalLine, kind: Kind) -> Result<Statement, Problem> {
    let text = line.text.as_str();
    if text.starts_with('-') {
        return option(text, kind);
    }
    let (text, hashes) = split_hashes(text)?;
    let constraint: Constraint = text.parse().map_err(Problem::from)?;
    let hashes = checkable(&constraint, hashes).map_err(|message| Problem {
        offset: text.len(),
        message,
        help: Some("see `pip hash FILE` for the digest of a file".to_owned()),
    })?;
    let constraint = constraint.with_url_hash(&hashes);
    if kind == Kind::Constraints {
        return match constraint.requirement().extras.is_empty() {
            true => Ok(Statement::Constraint(Box::new(constraint), hashes)),
            false => Err(Problem {
                offset: text.find('[').unwrap_or(0),
                message: "a constraint cannot have extras: it bounds versions and adds nothing"
                    .to_owned(),
                help: Some(format!(
                    "write `{}` without the brackets here, and the extras where the package is required",
                    constraint.name()
                )),
            }),
        };
    }
    if let Some(url) = constraint.url()
        && url.scheme().starts_with("git+")
    {
        return Err(Problem {
            offset: text.find('@').unwrap_or(0),
            message: "a git project is not a requirement from the index".to_owned(),
            help: Some("list it under `packages` of pannier.yml, in the same form".to_owned()),
        });
    }
    let requirement = Box::new(constraint.into_requirement());
    Ok(Statement::Requirement(requirement, hashes))
}

/// Splits a line into its requirement and the hashes of its `--hash` options.
fn split_hashes(text: &str) -> Result<(&str, Vec<FileHash>), Problem> {
    let Some(start) = text.find(" -") else {
        return Ok((text, Vec::new()));
    };
    let mut hashes = Vec::new();
    let mut rest = text[start..].trim_start();
    while !rest.is_empty() {
        let (word, behind) = first_word(rest);
        let (value, behind_value) = first_word(behind);
        let (hash, left) = match (word, word.strip_prefix("--hash=")) {
            ("--hash", _) if !value.is_empty() => (value, behind_value),
            (_, Some(value)) => (value, behind),
            (word, None) => {
                let name = word.split('=').next().unwrap_or(word);
                return Err(Problem {
                    offset: text.len() - rest.len(),
                    message: format!("the option `{name}` is not supported after a requirement"),
                    help: Some("only `--hash=…` is allowed here; remove the option".to_owned()),
                });
            }
        };
        hashes.push(hash.parse().map_err(|why: FileHashError| Problem {
            offset: text.len() - rest.len(),
            message: why.to_string(),
            help: Some("write `--hash=sha256:…`; `pip hash FILE` prints it".to_owned()),
        })?);
        rest = left;
    }
    Ok((text[..start].trim_end(), hashes))
}

/// The hashes of a line, with the one in the fragment of its URL, if they can be checked wherever the line is used.
///
/// uv checks the hashes of what builds need for `==` and URLs alone, and pip refuses all others, too.
fn checkable(constraint: &Constraint, options: Vec<FileHash>) -> Result<Vec<FileHash>, String> {
    let Some(url) = constraint.url() else {
        return match options.is_empty() || constraint.is_pinned() {
            true => Ok(options),
            false => Err(
                "hashes belong to the files of one version: pin the version with `==`".to_owned(),
            ),
        };
    };
    if url.scheme().starts_with("git+") {
        return match options.is_empty() {
            true => Ok(options),
            false => Err("hashes do not apply to a git repository".to_owned()),
        };
    }
    let mut hashes = options;
    hashes.extend(of_fragment(url)?);
    hashes.sort();
    hashes.dedup();
    match hashes.as_slice() {
        [] => Ok(hashes),
        [one] if one.is_sha256() => Ok(hashes),
        _ => Err("a URL names one file: add its one sha256 digest".to_owned()),
    }
}

/// What stands before the first blank, and what behind it.
fn first_word(text: &str) -> (&str, &str) {
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
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
            format!("`{name}` applies to the whole run and cannot be set in this file"),
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
