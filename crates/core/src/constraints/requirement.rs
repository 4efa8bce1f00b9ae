//! One requirement (PEP 508) as `pep508_rs`, uv's parser, reads it, and what is wrong with a text that is none.
//!
//! What people write has to mean the same to uv and to pip. The metadata of packages is read as leniently as uv reads it.

use pep508_rs::{
    MarkerTree, MarkerWarningKind, Pep508ErrorSource, Requirement, VerbatimUrl, VerbatimUrlError,
    VersionOrUrl,
};

use pannier_base::secret::scrub;
use pannier_base::url::{TOKEN_IN_QUERY, has_token};

/// Parentheses in a marker, beyond which it is refused: the parser takes some of the stack for each.
const PARENTHESES: usize = 100;

/// Digits of the shortest number that may not fit into 64 bits.
const LONG_NUMBER: usize = 20;

/// File names that uv takes for a wheel or a source archive.
const ARCHIVES: [&str; 13] = [
    ".whl",
    ".tar.gz",
    ".zip",
    ".tar.bz2",
    ".tar.lz",
    ".tar.lzma",
    ".tar.xz",
    ".tar.zst",
    ".tar",
    ".tbz",
    ".tgz",
    ".tlz",
    ".txz",
];

/// A text that is not a requirement that can be used. Prints the text, without credentials, and the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a requirement: {reason}")]
pub struct RequirementError {
    /// The text, without credentials.
    pub text: String,
    /// What is wrong, and what was expected.
    pub reason: String,
    /// Byte of the text where the problem starts.
    pub offset: usize,
}

/// What is wrong, and the byte where it starts.
type Flaw = (usize, String);

impl RequirementError {
    fn new(text: &str, flaw: Flaw) -> Self {
        let (offset, reason) = flaw;
        Self {
            text: scrub(text),
            reason: scrub(&reason),
            offset: offset.min(text.len()),
        }
    }
}

/// Parses one requirement of a package's metadata (PEP 508: `name[extras]>=1 ; marker`, or `name @ https://…`).
///
/// Comparisons of a marker that have no meaning are ignored, as in uv.
///
/// # Errors
/// [`RequirementError`] for what PEP 508 does not allow, and for `${NAME}`, which has a meaning in files only.
pub fn parse_requirement(text: &str) -> Result<Requirement<VerbatimUrl>, RequirementError> {
    let read = parse(text).map_err(|flaw| RequirementError::new(text, flaw))?;
    Ok(read.requirement)
}

/// Parses one requirement that a person wrote.
///
/// # Errors
/// Those of [`parse_requirement`], and what uv or pip cannot use: comparisons of a marker that uv ignores, and URLs from which
/// one of them does not install.
pub fn parse_strict(text: &str) -> Result<Requirement<VerbatimUrl>, RequirementError> {
    let read = parse(text).and_then(|read| supported(text, read));
    read.map_err(|flaw| RequirementError::new(text, flaw))
}

/// A requirement, and the first of uv's warnings about its marker.
struct Read {
    requirement: Requirement<VerbatimUrl>,
    ignored: Option<String>,
}

fn parse(text: &str) -> Result<Read, Flaw> {
    if text.trim().is_empty() {
        return Err((0, "it is empty".to_owned()));
    }
    if let Some(flaw) = forbidden(text)
        .or_else(|| name(text))
        .or_else(|| marker(text))
    {
        return Err(flaw);
    }
    let mut ignored = None;
    let mut warn = |kind, warning: String| {
        if kind != MarkerWarningKind::DeprecatedMarkerName {
            ignored.get_or_insert(warning);
        }
    };
    // The folder matters to relative paths alone, which this build of the parser refuses.
    let requirement = Requirement::parse_reporter(text, "", &mut warn)
        .map_err(|error| (error.start, reason(error.message)))?;
    if let Some(VersionOrUrl::Url(url)) = &requirement.version_or_url {
        let given = url.given().unwrap_or_default();
        if let Some(blank) = given.find([' ', '\t']) {
            let offset = text.find(given).unwrap_or_default() + blank;
            let reason = "expected ` ; marker` or the end after the URL";
            return Err((offset, reason.to_owned()));
        }
        if has_token(url) {
            return Err((url_start(text), TOKEN_IN_QUERY.to_owned()));
        }
    }
    Ok(Read {
        requirement,
        ignored,
    })
}

/// What is not part of any requirement, or what uv and pip read differently.
fn forbidden(text: &str) -> Option<Flaw> {
    if let Some(offset) = text.find("${") {
        // The parser would take its value from the environment of this process.
        let reason = "a variable cannot be used here; only files of requirements or constraints have them, in upper case";
        return Some((offset, reason.to_owned()));
    }
    let allowed = |c: char| (c.is_ascii_graphic() && c != '\\') || matches!(c, ' ' | '\t');
    let (offset, character) = text.char_indices().find(|(_, c)| !allowed(*c))?;
    let reason = format!("the character {character:?} is not allowed in a requirement");
    Some((offset, reason))
}

/// A name or an extra that ends with `-`, `_` or `.`: `pep508_rs` panics at it.
fn name(text: &str) -> Option<Flaw> {
    let head = &text[..head(text)];
    if !head.trim_start().starts_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut marks = head.match_indices(['-', '_', '.']);
    let (offset, _) = marks.find(|(at, _)| !head[at + 1..].starts_with(inner))?;
    Some((offset, "a name must end with a letter or digit".to_owned()))
}

/// Where name and extras end.
fn head(text: &str) -> usize {
    let end = text.find(['@', '(', '<', '=', '>', '!', '~', ';', '/']);
    end.unwrap_or(text.len())
}

/// What `pep508_rs` panics at in a marker, or in versions.
fn marker(text: &str) -> Option<Flaw> {
    let start = match head(text) {
        head if text[head..].starts_with('@') => text.find(';').unwrap_or(text.len()),
        head => head,
    };
    let rest = &text[start..];
    let quoted = |at: usize| rest[..at].trim_end().ends_with(['\'', '"']);
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit());
    let long = numbers.find(|number| number.len() >= LONG_NUMBER);
    let (offset, reason) = if let Some((at, _)) = rest.match_indices('(').nth(PARENTHESES) {
        (at, "it has too many parentheses")
    } else if let Some((at, _)) = rest.match_indices("~=").find(|(at, _)| quoted(*at)) {
        (at, "`~=` compares a variable on its left with a version")
    } else {
        let at = rest.find(long?)?;
        (at, "the number does not fit into 64 bits")
    };
    Some((start + offset, reason.to_owned()))
}

/// What `pep508_rs` says, as the end of a sentence.
fn reason(message: Pep508ErrorSource<VerbatimUrl>) -> String {
    match message {
        // Its messages start with a capital letter.
        Pep508ErrorSource::String(reason) => first_lower(reason.lines().next().unwrap_or_default()),
        Pep508ErrorSource::UnsupportedRequirement(_) => {
            "a URL or a file needs the name of its package: `name @ https://…`".to_owned()
        }
        Pep508ErrorSource::UrlError(VerbatimUrlError::NotAUrl(text)) => {
            format!("expected a URL such as `https://…` or `file:///…`, found `{text}`")
        }
        Pep508ErrorSource::UrlError(why) => format!("invalid URL: {why}"),
    }
}

fn first_lower(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        // `URL` stays.
        Some(_) if chars.as_str().starts_with(char::is_uppercase) => text.to_owned(),
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

/// The requirement with its marker in normal form, if both uv and pip can use it.
fn supported(text: &str, read: Read) -> Result<Requirement<VerbatimUrl>, Flaw> {
    let mut requirement = read.requirement;
    if let Some(VersionOrUrl::Url(url)) = &requirement.version_or_url
        && let Some(reason) = unsupported_url(url)
    {
        return Err((url_start(text), reason.to_owned()));
    }
    let start = text.rfind(';').unwrap_or_default();
    let marker = text[start..].trim_start_matches([';', ' ', '\t']);
    let fail = |reason: String| Err((text.len() - marker.len(), reason));
    if let Some(warning) = read.ignored {
        let words: Vec<&str> = warning.split_whitespace().collect();
        let words = words.join(" ");
        let words = words.split(", will be ignored").next().unwrap_or_default();
        let words = first_lower(words);
        return fail(format!("uv ignores a part of this marker: {words}"));
    }
    // uv gets the marker as it is printed, which has `os_name` for `os.name`, and does not escape quotes.
    let read_again = |marker: &MarkerTree| match marker.try_to_string() {
        Some(printed) => printed.parse::<MarkerTree>().ok(),
        None => Some(marker.clone()),
    };
    match read_again(&requirement.marker) {
        Some(marker) if read_again(&marker).as_ref() == Some(&marker) => {
            requirement.marker = marker
        }
        _ => {
            return fail(
                "the marker cannot be printed for uv; leave quotes out of its strings".to_owned(),
            );
        }
    }
    Ok(requirement)
}

/// Why uv or pip does not install from a URL.
fn unsupported_url(url: &VerbatimUrl) -> Option<&'static str> {
    let given = url.given().unwrap_or_default();
    let path = &given[url.scheme().len()..];
    match url.scheme() {
        _ if given.ends_with(['#', ';']) => Some("a URL cannot end with `#` or `;`"),
        scheme if scheme != "file" && !path.starts_with("://") => {
            Some("expected `://` after the scheme of the URL")
        }
        "file" if !(path.starts_with(":///") || path.starts_with("://localhost/")) => {
            Some("expected an absolute path: `file:///…`")
        }
        "file" | "http" | "https" if ARCHIVES.iter().any(|end| url.path().ends_with(end)) => None,
        "file" | "http" | "https" => {
            Some("expected the URL of a wheel or a source archive (`.whl`, `.tar.gz`, …)")
        }
        "git+https" | "git+http" | "git+ssh" | "git+file" => None,
        _ => Some("expected a URL that starts with `https:`, `file:` or `git+https:`"),
    }
}

fn url_start(text: &str) -> usize {
    let at = text.find('@').map_or(0, |at| at + 1);
    let blanks = text[at..].len() - text[at..].trim_start().len();
    at + blanks
}
