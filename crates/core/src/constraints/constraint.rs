//! One requirement as Python's `packaging` reads it, and whether anything can be done with it.
//!
//! What pip reads is read. Some of it neither uv nor anybody who compares versions can use (a text that is no version behind
//! `===`, a number beyond 64 bits, what is no URL): that is kept as it is written, prints as such, and says why when somebody
//! wants to use it. Refuses to make sense of it by guessing.

use std::fmt;
use std::str::FromStr;

use pep440_rs::{VersionSpecifier, VersionSpecifiers};
use pep508_rs::{MarkerTree, Pep508ErrorSource, Requirement, VerbatimUrl, VersionOrUrl};

use super::grammar::{BoundPart, Parts, Spot, parts};
use super::hash::{FileHash, with_fragment};
use super::marker::{self, Marker};
use super::requirement::{RequirementError, explained};
use pannier_base::name::PackageName;
use pannier_base::secret::{has_password, redact};
use pannier_base::url::has_token;

/// A requirement: `name[extras]>=1 ; marker` or `name @ https://…`. Prints as text that is read as the same.
///
/// Debug hides credentials of its URL, Display does not.
#[derive(Clone)]
pub struct Constraint {
    name: PackageName,
    extras: Vec<PackageName>,
    bound: Bound,
    marker: Marker,
    /// What uv and Pannier make of it, or why they can make nothing of it.
    usable: Result<Requirement<VerbatimUrl>, Unusable>,
}

/// What bounds the version.
#[derive(Clone, PartialEq, Eq)]
enum Bound {
    Any,
    Versions(VersionSpecifiers),
    Url(VerbatimUrl),
    /// Specifiers of which some are none of PEP 440's, or `@ ` with what is no URL.
    Odd(String),
}

/// Why a requirement that `packaging` takes cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unusable {
    /// Byte of the text where the trouble starts.
    pub offset: usize,
    pub reason: String,
    /// The package's name as it is written: the normal form may be one that can be used.
    name: String,
    /// What is left of it for those who pass over what has no meaning, and fetch nothing.
    lenient: Option<Box<Requirement<VerbatimUrl>>>,
}

impl PartialEq for Constraint {
    fn eq(&self, other: &Self) -> bool {
        let all = |it: &Self| (it.name.clone(), it.extras.clone(), it.bound.clone());
        all(self) == all(other)
            && self.marker == other.marker
            && self.usable.is_ok() == other.usable.is_ok()
    }
}

impl Eq for Constraint {}

impl Constraint {
    /// The package, normalised.
    #[must_use]
    pub const fn name(&self) -> &PackageName {
        &self.name
    }

    /// Its extras, sorted.
    #[must_use]
    pub fn extras(&self) -> &[PackageName] {
        &self.extras
    }

    /// The requirement, if uv can read it and versions can be compared with it.
    #[must_use]
    pub fn usable(&self) -> Option<&Requirement<VerbatimUrl>> {
        self.usable.as_ref().ok()
    }

    /// Why it cannot be used.
    pub(super) fn unusable(&self) -> Option<&Unusable> {
        self.usable.as_ref().err()
    }

    /// Its version specifiers, as far as PEP 440 knows all of them.
    #[must_use]
    pub const fn versions(&self) -> Option<&VersionSpecifiers> {
        match &self.bound {
            Bound::Versions(versions) => Some(versions),
            _ => None,
        }
    }

    /// Whether it stands for a file or a repository instead of a version.
    #[must_use]
    pub fn has_url(&self) -> bool {
        match &self.bound {
            Bound::Url(_) => true,
            Bound::Odd(text) => text.starts_with('@'),
            _ => false,
        }
    }

    /// Its URL, if it has one that leads anywhere.
    pub(super) fn url(&self) -> Option<&url::Url> {
        match &self.bound {
            Bound::Url(url) => Some(url.raw()),
            _ => None,
        }
    }

    /// The same with the hash of its file in its URL, if it has one.
    pub(super) fn with_url_hash(mut self, hashes: &[FileHash]) -> Self {
        if let (Bound::Url(url), [hash]) = (&mut self.bound, hashes) {
            *url = VerbatimUrl::from_url(with_fragment(url.raw(), hash));
            let url = url.clone();
            if let Ok(requirement) = &mut self.usable {
                requirement.version_or_url = Some(VersionOrUrl::Url(url));
            }
        }
        self
    }

    /// Whether a password stands in its URL, or what may be one.
    pub(super) fn has_password(&self) -> bool {
        match &self.bound {
            Bound::Url(url) => url.password().is_some() || has_token(url),
            Bound::Odd(text) => has_password(text),
            _ => false,
        }
    }

    /// Whether a token stands in the query of its URL.
    pub(super) fn has_token(&self) -> bool {
        match &self.bound {
            Bound::Url(url) => has_token(url),
            Bound::Odd(text) => {
                let url = text
                    .strip_prefix('@')
                    .map(|url| url::Url::parse(url.trim()));
                url.is_some_and(|url| url.is_ok_and(|url| has_token(&url)))
            }
            _ => false,
        }
    }

    /// `==2.0.2`, `>=2,<3`, `@ https://…` with its credentials, or empty when every version is allowed.
    pub(super) fn bound(&self) -> String {
        match &self.bound {
            Bound::Any => String::new(),
            Bound::Versions(all) => all
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(","),
            Bound::Url(url) => format!("@ {url}"),
            Bound::Odd(text) => text.clone(),
        }
    }

    /// Whether both bound the version alike.
    pub(super) fn bounds_as(&self, other: &Self) -> bool {
        self.bound == other.bound
    }

    pub(super) const fn marker(&self) -> &Marker {
        &self.marker
    }

    /// The environments outside of which it does not hold. Where its marker is understood, it holds in all of them.
    #[must_use]
    pub const fn reach(&self) -> &MarkerTree {
        self.marker.reach()
    }

    /// The same with other versions, where it can be used.
    #[must_use]
    pub fn with_versions(mut self, versions: Option<VersionSpecifiers>) -> Self {
        if let Ok(requirement) = &mut self.usable {
            self.bound = versions.clone().map_or(Bound::Any, Bound::Versions);
            requirement.version_or_url = versions.map(VersionOrUrl::VersionSpecifier);
        }
        self
    }

    /// What is usable, or what uv would make of it by passing over parts of it; else why not.
    pub(super) fn into_lenient(self) -> Result<Requirement<VerbatimUrl>, Unusable> {
        self.usable.or_else(|mut why| match why.lenient.take() {
            Some(requirement) => Ok(*requirement),
            None => Err(why),
        })
    }
}

impl From<Requirement<VerbatimUrl>> for Constraint {
    fn from(requirement: Requirement<VerbatimUrl>) -> Self {
        let name = |text: String| {
            text.parse()
                .expect("PEP 508 and PEP 503 allow the same names")
        };
        let extras = requirement.extras.iter().map(|it| name(it.to_string()));
        Self {
            name: name(requirement.name.to_string()),
            extras: sorted(extras.collect()),
            bound: match &requirement.version_or_url {
                None => Bound::Any,
                Some(VersionOrUrl::Url(url)) => Bound::Url(url.clone()),
                Some(VersionOrUrl::VersionSpecifier(all)) => Bound::Versions(all.clone()),
            },
            marker: Marker::Known(requirement.marker.clone()),
            usable: Ok(requirement),
        }
    }
}

impl FromStr for Constraint {
    type Err = RequirementError;

    /// Takes what `packaging` takes.
    fn from_str(text: &str) -> Result<Self, RequirementError> {
        match parts(text) {
            Ok(parts) => Ok(read(&parts)),
            Err(error) => Err(explained(text, &error)),
        }
    }
}

fn read(parts: &Parts<'_>) -> Constraint {
    let name = |text| PackageName::as_packaging_reads(text).expect("the grammar takes names alone");
    let why = match plain(parts) {
        Ok(requirement) => return requirement.into(),
        Err(why) => Unusable {
            name: parts.name.text.to_owned(),
            ..why
        },
    };
    Constraint {
        name: name(parts.name.text),
        extras: sorted(parts.extras.iter().map(|it| name(it.text)).collect()),
        bound: bound(&parts.bound),
        marker: match &parts.marker {
            None => Marker::Known(MarkerTree::TRUE),
            Some(chain) => marker::read(chain).marker,
        },
        usable: Err(why),
    }
}

fn sorted(mut extras: Vec<PackageName>) -> Vec<PackageName> {
    extras.sort();
    extras.dedup();
    extras
}

/// What bounds the version, by itself.
fn bound(part: &BoundPart<'_>) -> Bound {
    match part {
        BoundPart::Any => Bound::Any,
        BoundPart::Url(spot) => match parsed_url(spot) {
            Ok(url) if unfetched(spot, &url).is_none() => Bound::Url(url),
            _ => Bound::Odd(format!("@ {}", spot.text)),
        },
        BoundPart::Versions(clauses) => match usable_versions(clauses) {
            Ok(versions) => Bound::Versions(versions),
            Err(_) => {
                let all = clauses.iter().map(|(text, _)| text.as_str());
                Bound::Odd(all.collect::<Vec<_>>().join(","))
            }
        },
    }
}

/// The parts as one requirement, if uv reads them.
fn plain(parts: &Parts<'_>) -> Result<Requirement<VerbatimUrl>, Unusable> {
    for word in std::iter::once(&parts.name).chain(&parts.extras) {
        if word.text.ends_with('_') {
            let reason = format!(
                "nothing can be called `{}`: a name ends with a letter or digit (PEP 508)",
                word.text
            );
            return Err(Unusable::new(word.offset, reason));
        }
    }
    let extras: Vec<&str> = parts.extras.iter().map(|it| it.text).collect();
    // A name alone is refused where it looks like the file of an archive.
    let any = match parts.bound {
        BoundPart::Any => "",
        _ => ">=0",
    };
    let bare = format!("{}[{}]{any}", parts.name.text, extras.join(","));
    let mut requirement = Requirement::from_str(&bare).map_err(|_| {
        let name = parts.name.text;
        let reason = format!("uv takes `{name}` for a file: write `name @ file:///…/{name}`");
        Unusable::new(parts.name.offset, reason)
    })?;
    let mut trouble = None;
    requirement.version_or_url = match &parts.bound {
        BoundPart::Any => None,
        BoundPart::Versions(clauses) => {
            Some(VersionOrUrl::VersionSpecifier(usable_versions(clauses)?))
        }
        BoundPart::Url(spot) => {
            let url = parsed_url(spot)?;
            trouble = unfetched(spot, &url);
            Some(VersionOrUrl::Url(url))
        }
    };
    let mut understood = true;
    if let Some(chain) = &parts.marker {
        let read = marker::read(chain);
        if let Some((offset, reason)) = read.trouble {
            trouble = trouble.or(Some(Unusable::new(offset, reason)));
            understood = read.passed_over.is_some();
        }
        let marker = read.passed_over.as_ref();
        requirement.marker = marker.unwrap_or(read.marker.reach()).clone();
    }
    match trouble {
        None => Ok(requirement),
        Some(why) => Err(Unusable {
            lenient: understood.then(|| Box::new(requirement)),
            ..why
        }),
    }
}

impl Unusable {
    const fn new(offset: usize, reason: String) -> Self {
        Self {
            offset,
            reason,
            name: String::new(),
            lenient: None,
        }
    }
}

fn usable_versions(clauses: &[(String, usize)]) -> Result<VersionSpecifiers, Unusable> {
    let each = clauses.iter().map(|(text, offset)| {
        let specifier = VersionSpecifier::from_str(text);
        let reason = match (specifier, text.strip_prefix("===")) {
            _ if beyond(text) => {
                format!("a number in `{text}` is beyond 64 bits, which uv does not read")
            }
            (Ok(specifier), _) => return Ok(specifier),
            (Err(_), Some(_)) => format!(
                "`{text}` names no version (PEP 440), and uv, which chooses, knows nothing else"
            ),
            (Err(why), None) => format!(
                "uv does not read `{text}`: {}",
                first_line(&why.to_string())
            ),
        };
        Err(Unusable::new(*offset, reason))
    });
    each.collect()
}

/// Whether a number in it is one that uv does not count up to; it needs the last one of 64 bits for itself.
fn beyond(text: &str) -> bool {
    let numbers = text.split(|c: char| !c.is_ascii_digit());
    let mut numbers = numbers.filter(|digits| !digits.is_empty());
    numbers.any(|digits| {
        digits
            .parse::<u64>()
            .map_or(true, |number| number == u64::MAX)
    })
}

fn parsed_url(spot: &Spot<'_>) -> Result<VerbatimUrl, Unusable> {
    let text = spot.text;
    let reason = if text.contains("${") {
        "a variable in it is not replaced: its name has to be in upper case".to_owned()
    } else if text.contains(|c: char| !c.is_ascii_graphic()) {
        "a URL is plain ASCII; write the rest of it percent-encoded".to_owned()
    } else if text.ends_with([';', '#']) {
        "uv would take its last character for the beginning of a marker or a comment".to_owned()
    } else {
        match VerbatimUrl::from_str(text) {
            Ok(parsed) => return Ok(parsed),
            Err(why) => {
                let why = first_lower(&why.to_string());
                format!("no file and no repository is at this URL: {why}")
            }
        }
    };
    Err(Unusable::new(spot.offset, reason))
}

/// Why uv would not fetch from a URL.
fn unfetched(spot: &Spot<'_>, url: &VerbatimUrl) -> Option<Unusable> {
    /// What uv takes for a wheel or an archive.
    const ENDINGS: [&str; 13] = [
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
    let given = spot.text.to_ascii_lowercase();
    let whole = ["file:///", "file://localhost/"];
    let reason = match url.scheme() {
        "file" if !whole.iter().any(|start| given.starts_with(start)) => {
            "a path is relative to a folder that uv does not know: write `file:///…`".to_owned()
        }
        "http" | "https" if !ENDINGS.iter().any(|end| url.path().ends_with(end)) => {
            "the URL does not end like a wheel or a source archive (`.whl`, `.tar.gz`, …), and uv takes nothing else".to_owned()
        }
        "file" | "http" | "https" | "git+https" | "git+http" | "git+ssh" | "git+file" => {
            return None;
        }
        // Some of these it takes for a path in the current folder.
        scheme => format!("uv fetches nothing whose URL begins with `{scheme}:`"),
    };
    Some(Unusable::new(spot.offset, reason))
}

/// What the parser of PEP 508 says, as the end of a sentence.
pub(super) fn said(message: Pep508ErrorSource<VerbatimUrl>) -> String {
    match message {
        // Its messages begin with a capital; ours continue a sentence.
        Pep508ErrorSource::String(reason) | Pep508ErrorSource::UnsupportedRequirement(reason) => {
            first_lower(&reason)
        }
        Pep508ErrorSource::UrlError(why) => first_lower(&why.to_string()),
    }
}

fn first_lower(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        // `URL` stays.
        Some(_) if chars.as_str().starts_with(|c: char| c.is_uppercase()) => text.to_owned(),
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.usable {
            Ok(requirement) => return write!(f, "{requirement}"),
            Err(why) => f.write_str(&why.name)?,
        }
        if !self.extras.is_empty() {
            let extras: Vec<&str> = self.extras.iter().map(PackageName::as_str).collect();
            write!(f, "[{}]", extras.join(","))?;
        }
        let blank = if self.has_url() { " " } else { "" };
        write!(f, "{blank}{}", self.bound())?;
        match self.marker.text() {
            Some(marker) => write!(f, " ; {marker}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // By its shape alone: a digest is made of this, which must not depend on what is secret here.
        f.write_str(&redact(&self.to_string()))
    }
}
