//! `constraints.yml`: constraints as a file that a pipeline includes.
//!
//! Its variable carries the text whole, for jobs without a checkout of the repository that holds the constraints; its hidden
//! key tells other tools what the lines mean. The same constraints give the same bytes. Values of `${NAME}` are never looked up
//! and never written: who reads the variable has them. Refuses credentials: every job of every pipeline sees variables.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use super::document::Document;
use super::load::{conflicts, plain};
use super::{ConstraintLine, LineError, LineErrors, Variables};
use pannier_archive::limited;
use pannier_base::digest::Digest;
use pannier_base::name::PackageName;

/// The variable that carries the text.
pub const VARIABLE: &str = "PANNIER_CONSTRAINTS_TEXT";

/// The hidden key that carries the mapping.
pub const HIDDEN_KEY: &str = ".pannier-constraints";

/// Bytes that one environment variable may take on Linux, with its name, `=` and the final zero (`MAX_ARG_STRLEN`: 32 pages of
/// 4 KiB). A process whose environment holds a longer one cannot be started.
pub const VARIABLE_LIMIT: usize = 128 * 1024;

/// From here on the converter warns: seven eighths of the limit.
pub const VARIABLE_NEAR: usize = VARIABLE_LIMIT / 8 * 7;

/// What the constraints were converted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The YAML, for `include:`.
    pub yaml: String,
    /// How many constraints there are.
    pub count: usize,
    /// Bytes that the variable takes, to be compared with [`VARIABLE_LIMIT`].
    pub variable: usize,
}

/// Why constraints cannot be converted.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ConvertError {
    /// The file cannot be read.
    #[error("cannot read the constraints {}", path.display())]
    #[diagnostic(help("{}", match source.kind() {
        io::ErrorKind::NotFound => "pass the file: `pannier constraints convert FILE`",
        _ => "save it as a file that this user may read, in UTF-8",
    }))]
    Read {
        /// Which.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Lines cannot be used.
    #[error("the constraints are not valid:\n{0}")]
    Lines(LineErrors),
    /// The text does not fit.
    #[error(
        "the constraints take {bytes} bytes as a variable, and Linux limits one variable to {VARIABLE_LIMIT} bytes"
    )]
    #[diagnostic(help(
        "every job that includes this file would fail with `Argument list too long`: shorten comments, or move constraints \
        of other teams to another file"
    ))]
    TooLarge {
        /// Bytes that the variable would take.
        bytes: usize,
    },
}

/// Reads the bytes of a file.
pub type BytesReader<'a> = dyn Fn(&Path) -> io::Result<Vec<u8>> + 'a;

/// Converts a file and those that it names by `-c`. `folder` is the folder of the result: file names are relative to it.
///
/// # Errors
/// [`ConvertError`].
pub fn convert(
    file: &Path,
    folder: &Path,
    read: &BytesReader<'_>,
) -> Result<Converted, ConvertError> {
    let mut gathered = Gathered {
        read,
        seen: BTreeSet::new(),
        sources: Vec::new(),
        constraints: Vec::new(),
        written: Vec::new(),
        places: Vec::new(),
        errors: Vec::new(),
    };
    let text = gathered.file(file).map_err(|source| ConvertError::Read {
        path: file.to_owned(),
        source,
    })?;
    let conflicts = conflicts(&gathered.constraints, &gathered.places);
    gathered.errors.extend(conflicts);
    gathered
        .errors
        .sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    if !gathered.errors.is_empty() {
        return Err(ConvertError::Lines(LineErrors(gathered.errors)));
    }
    let variable = VARIABLE.len() + 1 + text.len() + 1;
    if variable > VARIABLE_LIMIT {
        return Err(ConvertError::TooLarge { bytes: variable });
    }
    Ok(Converted {
        yaml: yaml(&text, &gathered, folder),
        count: gathered.constraints.len(),
        variable,
    })
}

/// What a constraint says, as it is written: `${NAME}` stays.
struct Written {
    specifier: String,
    marker: Option<String>,
}

struct Gathered<'a> {
    read: &'a BytesReader<'a>,
    seen: BTreeSet<PathBuf>,
    sources: Vec<(PathBuf, Digest)>,
    constraints: Vec<ConstraintLine>,
    /// Parallel to `constraints`, as `places`.
    written: Vec<Written>,
    places: Vec<(super::lines::Place, String)>,
    errors: Vec<LineError>,
}

impl Gathered<'_> {
    /// The text of a file with those that it names in it.
    fn file(&mut self, file: &Path) -> io::Result<String> {
        let file = plain(file);
        self.seen.insert(file.clone());
        let bytes = (self.read)(&file)?;
        self.sources.push((file.clone(), Digest::of(&bytes)));
        let text = limited::text(bytes)?;
        let text = text.trim_start_matches('\u{feff}');
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let (document, errors) = Document::parse_all(&text, &file, &stand_ins(&text));
        self.errors.extend(errors);
        for (index, line) in document.constraints().iter().enumerate() {
            self.constraint(&document, index, line);
        }
        let mut whole = self.with_includes(&document, &file);
        if !whole.is_empty() && !whole.ends_with('\n') {
            whole.push('\n');
        }
        Ok(whole)
    }

    fn constraint(&mut self, document: &Document, index: usize, line: &ConstraintLine) {
        let (place, shown) = document.start(index);
        let statement = document.statement(index);
        let fail = |message: &str, help: &str| LineError {
            file: line.file.clone(),
            line: place.line,
            column: place.column,
            text: shown.clone(),
            mark: Some(0),
            message: message.to_owned(),
            help: Some(help.to_owned()),
        };
        if statement.starts_with("${") {
            self.errors.push(fail(
                "the name is a variable, so other tools cannot read it",
                "write the name",
            ));
        }
        if line.constraint.has_password() && !statement.contains("${") {
            self.errors.push(fail(
                "the URL contains a password, and every job of every pipeline sees variables",
                "write `${NAME}` instead, and set the variable where it is needed",
            ));
        }
        self.written.push(written(statement, line));
        self.places.push((*place, shown.clone()));
        self.constraints.push(line.clone());
    }

    /// The text with files in the place of the lines that name them.
    fn with_includes(&mut self, document: &Document, file: &Path) -> String {
        let mut whole = String::new();
        let mut at = 0;
        for include in document.includes() {
            let path = plain(&file.parent().unwrap_or(Path::new("")).join(&include.path));
            let text = document.text();
            whole.push_str(&text[at..include.place.span.start]);
            let _ = write!(whole, "# -c {}", include.path.display());
            whole.push_str(&text[include.place.span.end..include.place.whole.end]);
            at = include.place.whole.end;
            if self.seen.contains(&path) {
                continue;
            }
            match self.file(&path) {
                Ok(included) => {
                    if !whole.ends_with('\n') {
                        whole.push('\n');
                    }
                    whole.push_str(&included);
                    // What it continues to its end is not continued by what follows here.
                    if whole.ends_with("\\\n") {
                        whole.push('\n');
                    }
                }
                Err(why) => self.errors.push(LineError {
                    file: file.to_owned(),
                    line: include.line,
                    column: 1,
                    text: text[include.place.span.clone()].replace("\\\n", ""),
                    mark: Some(0),
                    message: format!("cannot read {}: {why}", path.display()),
                    help: Some("the path is relative to the file that names it".to_owned()),
                }),
            }
        }
        whole.push_str(&document.text()[at..]);
        whole
    }
}

/// For every `${NAME}` of a text a value with which it parses.
fn stand_ins(text: &str) -> Variables {
    let mut values = Variables::new();
    for (at, _) in text.match_indices("${") {
        let Some((name, behind)) = text[at + 2..].split_once('}') else {
            continue;
        };
        let before = text[..at].rsplit('\n').next().unwrap_or_default();
        let ends = behind.is_empty() || behind.starts_with(char::is_whitespace);
        let value = match before.contains("://") {
            false if before.trim_end().ends_with('@') => "https://0/0.whl",
            true if ends => "0.whl",
            _ => "0",
        };
        values.insert(name.to_owned(), value.to_owned());
    }
    values
}

fn written(statement: &str, line: &ConstraintLine) -> Written {
    if !statement.contains("${") {
        return Written {
            specifier: line.constraint.bound(),
            marker: line.marker(),
        };
    }
    let joined = statement.replace("\\\n", "");
    let joined = joined.split(" --hash").next().unwrap_or_default();
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let behind = joined.trim_start_matches(inner).trim();
    // In a URL a semicolon only ends it behind a blank.
    let end = if behind.starts_with('@') { " ;" } else { ";" };
    match behind.split_once(end) {
        Some((specifier, marker)) => Written {
            specifier: specifier.trim().to_owned(),
            marker: Some(marker.trim().to_owned()),
        },
        None => Written {
            specifier: behind.to_owned(),
            marker: None,
        },
    }
}

/// GitLab reads YAML 1.1, where `on`, `1e3` and `12:30` are no texts: every text is quoted, and so is every name.
fn yaml(text: &str, gathered: &Gathered<'_>, folder: &Path) -> String {
    let seen = |path: &Path| {
        let path = path.strip_prefix(folder).unwrap_or(path);
        path.display().to_string()
    };
    let (first, digest) = &gathered.sources[0];
    let mut yaml = format!(
        "# Generated by `pannier constraints convert` from {}: edit that file, not this one.\n# sha256 of the source: {digest}\n",
        seen(first).replace(char::is_control, "?")
    );
    let _ = writeln!(yaml, "variables:\n  {VARIABLE}:\n    expand: false");
    let _ = writeln!(yaml, "    value: {}", scalar(text, "      "));
    let _ = writeln!(yaml, "{HIDDEN_KEY}:\n  format: 1\n  sources:");
    for (path, digest) in &gathered.sources {
        let path = quoted(&seen(path));
        let _ = writeln!(yaml, "    - {{file: {path}, sha256: \"{digest}\"}}");
    }
    let mut packages: BTreeMap<PackageName, Vec<usize>> = BTreeMap::new();
    for (index, line) in gathered.constraints.iter().enumerate() {
        packages.entry(line.name()).or_default().push(index);
    }
    let empty = if packages.is_empty() { " {}" } else { "" };
    let _ = writeln!(yaml, "  packages:{empty}");
    for (name, indices) in packages {
        let _ = writeln!(yaml, "    {}:", quoted(name.as_str()));
        for index in indices {
            let (line, written) = (&gathered.constraints[index], &gathered.written[index]);
            let _ = write!(yaml, "      - {{specifier: {}", quoted(&written.specifier));
            if let Some(marker) = &written.marker {
                let _ = write!(yaml, ", marker: {}", quoted(marker));
            }
            // That of a URL is in the specifier.
            if !line.hashes.is_empty() && !line.constraint.has_url() {
                let hashes = line.hashes.iter().map(|hash| quoted(&hash.to_string()));
                let hashes = hashes.collect::<Vec<_>>().join(", ");
                let _ = write!(yaml, ", hashes: [{hashes}]");
            }
            if line.file != *first {
                let _ = write!(yaml, ", file: {}", quoted(&seen(&line.file)));
            }
            let _ = writeln!(yaml, ", line: {}}}", line.line);
        }
    }
    yaml
}

/// A text in double quotes: what JSON has for it is YAML as well.
fn quoted(text: &str) -> String {
    let json = serde_json::to_string(text).expect("a text is JSON");
    let mut quoted = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            c if is_plain(c) => quoted.push(c),
            c if u32::from(c) <= 0xffff => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
        }
    }
    quoted
}

/// A text as a literal block where that holds it unchanged, else in quotes.
fn scalar(text: &str, indent: &str) -> String {
    let holds = text.ends_with('\n') && text.chars().all(|c| is_plain(c) || c == '\n' || c == '\t');
    if !holds {
        return quoted(text);
    }
    // Readers take the first line's blanks for the block's own unless its depth is said.
    let depth = if text.starts_with([' ', '\n', '\t']) {
        "2"
    } else {
        ""
    };
    let keep = match text.ends_with("\n\n") || text == "\n" {
        true => "+",
        false => "",
    };
    let lines = text[..text.len() - 1].split('\n').map(|line| match line {
        "" => "\n".to_owned(),
        line => format!("\n{indent}{line}"),
    });
    format!("|{depth}{keep}{}", lines.collect::<String>())
}

/// What YAML 1.1 shows as it is and takes for no line break.
fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}
