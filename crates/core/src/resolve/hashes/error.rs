//! What is wrong with the hashes of files, shown with both digests, the line that states one of them, and what to do.

use std::fmt::{self, Write as _};

use crate::constraints::{ConstraintLine, FileHash};
use crate::lock::model::{LockedPackage, LockedSource};
use crate::lock::select::SelectError;
use crate::request::{ImageRequest, Request};
use crate::resolve::hashes::Known;
use crate::resolve::model::SourceError;
use pannier_base::class::{Class, Classify};
use pannier_base::name::{ImageName, PackageName};
use pannier_clients::uv::{HASHES_VERSION, UvError};

/// Hashes of one line or file that are shown; a package may have a hundred.
const SHOWN: usize = 8;

/// What is wrong with the hashes of files.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum HashError {
    /// Files are not those that lines allow.
    #[error("hash mismatch in {}:{}", packages(.0.len()), list(.0))]
    #[diagnostic(help(
        "either the index serves other files than those of the hashes, or the hashes belong to another version: find out \
        which before you change them (`pip hash FILE` prints the hash of a file that you trust)"
    ))]
    Mismatch(Vec<Mismatch>),
    /// Hashes are required, and packages have none.
    #[error("hashes are required, but {} none:{}", have(.0.len()), list(.0))]
    #[diagnostic(help(
        "check that you trust these files, then add the lines to the constraints file"
    ))]
    Missing(Vec<MissingHash>),
    /// Hashes are required, and an override names a file without one.
    #[error("hashes are required, but {origin} overrides `{package}` with {value}, which has none")]
    #[diagnostic(help(
        "constraints do not apply to an overridden package: use a git revision, or a file as `https://…#sha256=…`"
    ))]
    Override {
        /// The package.
        package: PackageName,
        /// The variable, flag or key that sets it.
        origin: String,
        /// What it names.
        value: String,
    },
    /// A hash is stated for what is no file.
    #[error("{place} has hashes of `{package}`, which is built from a git repository or a folder")]
    #[diagnostic(help("remove the hashes from the line: a commit is identified by its content"))]
    NoFile {
        /// The package.
        package: PackageName,
        /// File and line.
        place: String,
    },
    /// Hashes are required, and something would have to be built whose source archive has none.
    #[error("hashes are required, but a package without wheels has none for its source archive")]
    #[diagnostic(help(
        "pin the package in the constraints file with `--hash=sha256:…` of its source archive"
    ))]
    Source(#[source] UvError),
    /// This uv would not check the hashes of what builds need.
    #[error("uv {found} does not check the hashes of build requirements")]
    #[diagnostic(help(
        "use uv {HASHES_VERSION} or newer; if neither PATH nor PANNIER_UV has one, Pannier downloads it"
    ))]
    OldUv {
        /// Its version.
        found: String,
    },
    /// Failed to fetch a file whose digest is needed.
    #[error("{place} has a hash of `{file}` that can only be checked against the file itself")]
    #[diagnostic(help("use its sha256, which the index lists"))]
    Unread {
        /// The file.
        file: String,
        /// File and line.
        place: String,
        /// Why the fetch failed.
        #[source]
        source: SourceError,
    },
    /// The lock does not serve an image.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Select(#[from] SelectError),
}

impl Classify for HashError {
    fn class(&self) -> Class {
        match self {
            Self::Mismatch(_) => Class::Refused,
            Self::Missing(_) | Self::Override { .. } | Self::NoFile { .. } | Self::Source(_) => {
                Class::NoHash
            }
            Self::OldUv { .. } => Class::Machine,
            Self::Unread { source, .. } => source.class(),
            Self::Select(_) => Class::BadLock,
        }
    }
}

/// A package none of whose files has a hash that is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    package: PackageName,
    version: String,
    /// The images that would get one of the files.
    pub(super) images: Vec<ImageName>,
    /// What each line allows, by its place.
    expected: Vec<(String, Vec<FileHash>)>,
    /// The files that there are, with their digests.
    found: Vec<(String, Vec<FileHash>)>,
}

impl Mismatch {
    pub(super) fn new(
        image: &ImageRequest,
        package: &LockedPackage,
        lines: &[&ConstraintLine],
        files: &[Known<'_>],
    ) -> Self {
        let lines = lines.iter();
        let found = files
            .iter()
            .map(|file| (file.artifact.name.clone(), file.hashes.clone()));
        Self {
            package: package.name.clone(),
            version: version(package),
            images: vec![image.name.clone()],
            expected: lines.map(|it| (it.place(), it.hashes.clone())).collect(),
            found: found.collect(),
        }
    }

    /// Whether it is the same, for whatever image.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (&self.package, &self.version, &self.expected, &self.found)
            == (
                &other.package,
                &other.version,
                &other.expected,
                &other.found,
            )
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let images: Vec<&str> = self.images.iter().map(ImageName::as_str).collect();
        let (package, version) = (&self.package, &self.version);
        write!(f, "{package} {version} (image {})", images.join(", "))?;
        for (place, hashes) in &self.expected {
            write!(f, "\n  expected by {place}:")?;
            hashes_of(hashes, f)?;
        }
        for (file, hashes) in self.found.iter().take(SHOWN) {
            write!(f, "\n  found for {file}:")?;
            hashes_of(hashes, f)?;
        }
        rest(self.found.len(), f)
    }
}

fn hashes_of(hashes: &[FileHash], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for hash in hashes.iter().take(SHOWN) {
        write!(f, "\n    {hash}")?;
    }
    rest(hashes.len(), f)
}

fn rest(count: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match count.checked_sub(SHOWN) {
        None | Some(0) => Ok(()),
        Some(more) => write!(f, "\n    … and {more} more"),
    }
}

/// A package whose files have no hash. Prints as the line that states them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingHash {
    pub(super) package: PackageName,
    /// Whether it has another version for other images.
    pub(super) is_forked: bool,
    version: String,
    marker: Option<String>,
    /// The line that bounds it already.
    place: Option<String>,
    /// Where its only file is, if it does not come from an index.
    url: Option<String>,
    hashes: Vec<FileHash>,
}

impl MissingHash {
    pub(super) fn new(request: &Request, package: &LockedPackage) -> Self {
        let (url, files) = match &package.source {
            LockedSource::Archive { artifact, .. } => {
                (Some(artifact.url.to_string()), vec![artifact])
            }
            _ => (None, super::files(package)),
        };
        let lines = request.constraints.iter().flat_map(|text| &text.lines);
        let mut bounds = lines.filter(|line| *line.constraint.name() == package.name);
        Self {
            package: package.name.clone(),
            is_forked: false,
            version: version(package),
            marker: package.marker.clone(),
            place: bounds.next().map(ConstraintLine::place),
            url,
            hashes: files.iter().map(|file| file.sha256.into()).collect(),
        }
    }
}

impl fmt::Display for MissingHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            writeln!(f, "# in place of {place}")?;
        }
        match &self.url {
            Some(url) => write!(f, "{} @ {url}", self.package)?,
            None => write!(f, "{}=={}", self.package, self.version)?,
        }
        if let Some(marker) = self.marker.as_ref().filter(|_| self.is_forked) {
            write!(f, " ; {marker}")?;
        }
        for hash in &self.hashes {
            write!(f, " \\\n    --hash={hash}")?;
        }
        Ok(())
    }
}

fn version(package: &LockedPackage) -> String {
    let version = package.version.as_ref();
    version.map_or_else(|| "(no version)".to_owned(), ToString::to_string)
}

fn list(all: &[impl fmt::Display]) -> String {
    let mut text = String::new();
    for one in all {
        let _ = write!(text, "\n{one}");
    }
    text
}

fn packages(count: usize) -> String {
    match count {
        1 => "1 package".to_owned(),
        more => format!("{more} packages"),
    }
}

fn have(count: usize) -> String {
    let verb = if count == 1 { "has" } else { "have" };
    format!("{} {verb}", packages(count))
}
