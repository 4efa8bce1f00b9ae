//! Why there is no request: what is wrong, where that was said, and what to write instead.

use std::path::{Path, PathBuf};

use miette::Diagnostic;

use crate::project::{FORMS, MissingBase, ProjectError};
use pannier_base::name::{ImageName, NameError};
use pannier_base::secret::scrub;
use pannier_base::url::UrlError;
use pannier_core::constraints::LineError;
use pannier_core::request::origin::Origin;
use pannier_core::request::overrides::OverrideError;

/// What is wrong with `pannier.yml` as a text. Prints as `file:line:column: what`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}:{column}: {message}", file.display())]
pub struct FileError {
    /// The file, as it was named.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong, without credentials.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Diagnostic for FileError {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }
}

impl FileError {
    /// From what the YAML reader says.
    pub(super) fn new(file: &Path, error: &serde_yaml::Error) -> Self {
        let (line, column) = error
            .location()
            .map_or((1, 1), |place| (place.line(), place.column()));
        let said = error.to_string();
        // The place comes first, once.
        let said = said
            .rfind(&format!(" at line {line} column {column}"))
            .map_or(said.as_str(), |end| &said[..end]);
        let (message, help) = explain(said);
        Self {
            file: file.to_owned(),
            line,
            column,
            message: scrub(&message),
            help,
        }
    }
}

/// Rewrites what serde says of unknown keys, and finds the hint for the rest.
fn explain(said: &str) -> (String, Option<String>) {
    let unknown = ["unknown field `", "unknown variant `"]
        .iter()
        .find_map(|start| said.split_once(start).map(|parts| (*start, parts)));
    let Some((start, (path, rest))) = unknown else {
        return (said.to_owned(), hint(said));
    };
    let (key, expected) = rest.split_once('`').unwrap_or((rest, ""));
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    let path = path.trim_end_matches([':', ' ']);
    let what = if start.contains("field") {
        "is not a key"
    } else {
        "is not a value"
    };
    let place = if path.is_empty() {
        "pannier.yml".to_owned()
    } else {
        format!("`{path}`")
    };
    let list = || format!("known are {}", known.join(", "));
    let help = match nearest(key, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? {}", list()),
        None => list(),
    };
    (format!("`{key}` {what} of {place}"), Some(help))
}

fn hint(said: &str) -> Option<String> {
    if said.contains("is not a project:") {
        return Some(FORMS.to_owned());
    }
    if said.contains("is not a requirement:") {
        return Some("`name>=1.0`, `name[extra]==2.* ; python_version < '3.12'`, `name @ https://…` and `-r file` are expected".to_owned());
    }
    if said.contains("invalid type: string") && said.contains("expected a sequence") {
        return Some(
            "write a list: `[one, two]`, or one entry per line, each behind `- `".to_owned(),
        );
    }
    None
}

impl From<OverrideError> for ConfigError {
    fn from(error: OverrideError) -> Self {
        Self::Override(Box::new(error))
    }
}

/// The known word that is nearest to `text`, if one is near enough to be meant.
pub(super) fn nearest<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|word| (strsim::jaro_winkler(text, word), word))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}

/// An image would get the same thing twice.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("image {image}: `{first}` and `{second}` are the same {what}, listed twice ({origin})")]
#[diagnostic(help("{help}"))]
pub struct Duplicate {
    pub(super) image: ImageName,
    pub(super) origin: Origin,
    pub(super) what: &'static str,
    pub(super) first: String,
    pub(super) second: String,
    pub(super) help: &'static str,
}

/// Why configuration, environment and flags together make no request.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum ConfigError {
    #[error(transparent)]
    #[diagnostic(transparent)]
    File(#[from] FileError),

    #[error(transparent)]
    #[diagnostic(transparent)]
    Override(Box<OverrideError>),

    #[error("{origin}: the project `{text}` is not valid")]
    #[diagnostic(help("{FORMS}"))]
    Project {
        origin: Origin,
        text: String,
        #[source]
        source: ProjectError,
    },

    #[error("{origin}: the project `{text}` has no URL")]
    #[diagnostic(help(
        "set `git_base: https://host/group` in pannier.yml, PANNIER_GIT_BASE or --git-base, or write the URL: `git+https://host/group/name.git`"
    ))]
    NoBase {
        origin: Origin,
        text: String,
        #[source]
        source: MissingBase,
    },

    #[error("{origin}: the URL is not valid")]
    #[diagnostic(help("`https://host/path` is expected"))]
    Url {
        origin: Origin,
        #[source]
        source: UrlError,
    },

    #[error("{origin}: the data project `{text}` needs a name for its folder")]
    #[diagnostic(help("write `name @ {text}`"))]
    DataName {
        origin: Origin,
        text: String,
        #[source]
        source: NameError,
    },

    #[error("{origin}: the data project `{text}` has extras, which only packages have")]
    #[diagnostic(help("write it without the brackets"))]
    DataExtras { origin: Origin, text: String },

    #[error(transparent)]
    #[diagnostic(transparent)]
    Duplicate(Box<Duplicate>),

    #[error("no image is configured")]
    #[diagnostic(help(
        "list images under `images` in pannier.yml (`pannier image describe` prints the entry for this machine), or pass \
        --here"
    ))]
    NoImages,

    #[error("{file} has no image `{name}`")]
    #[diagnostic(help("{help}"))]
    UnknownImage {
        name: String,
        file: String,
        help: String,
    },

    #[error("--here describes one image, but --image names {count}")]
    #[diagnostic(help("pass --image once, or not at all: then the image is called `here`"))]
    HereIsOne { count: usize },

    #[error("{origin}: `{name}` is not a valid name of an image")]
    ImageName {
        origin: Origin,
        name: String,
        #[source]
        source: NameError,
    },

    #[error("image {image} of {file} has no `{key}`")]
    #[diagnostic(help(
        "`pannier image describe` prints the entry for the machine it runs on; {example}"
    ))]
    IncompleteImage {
        image: ImageName,
        file: String,
        key: &'static str,
        example: &'static str,
    },

    #[error("image {image}: the interpreter `{}` is not an absolute path inside the image", path.display())]
    #[diagnostic(help("write an absolute path, such as `/usr/bin/python3.13`"))]
    RelativeInterpreter { image: ImageName, path: PathBuf },

    #[error("{origin}: cannot read the constraints file {}", path.display())]
    #[diagnostic(help(
        "paths in pannier.yml are relative to its folder, those in flags and variables to the current folder; remove the \
        setting if there are no constraints; jobs without the file can use PANNIER_CONSTRAINTS_TEXT, which `pannier \
        constraints convert` writes"
    ))]
    Constraints {
        origin: Origin,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },

    #[error("{origin}: cannot read the requirements file {}", path.display())]
    #[diagnostic(help("the path is relative to the folder of pannier.yml"))]
    Requirements {
        origin: Origin,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },

    #[error("constraints or requirements are not valid in {count}", count = match errors.len() { 1 => "one line".to_owned(), n => format!("{n} lines") })]
    Lines {
        #[related]
        errors: Vec<LineError>,
    },

    #[error("{origin}: `{value}` is not valid, expected {expected}")]
    Value {
        origin: Origin,
        value: String,
        expected: &'static str,
    },
}
