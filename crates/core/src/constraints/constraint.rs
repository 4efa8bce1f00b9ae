//! One requirement of a constraints file: the package that it names, what bounds its version, and where it applies.

use std::fmt;
use std::str::FromStr;

use pep440_rs::{Operator, Version, VersionSpecifiers};
use pep508_rs::{MarkerTree, Requirement, VerbatimUrl, VersionOrUrl};

use super::hash::{FileHash, with_fragment};
use super::requirement::{RequirementError, parse_strict};
use pannier_base::name::PackageName;
use pannier_base::secret::scrub;

/// A requirement: `name[extras]>=1 ; marker` or `name @ https://…`. Prints as text that is read as the same.
///
/// Debug hides credentials of its URL, Display does not.
#[derive(Clone, PartialEq, Eq)]
pub struct Constraint {
    name: PackageName,
    requirement: Requirement<VerbatimUrl>,
}

impl Constraint {
    /// The package, normalised.
    #[must_use]
    pub const fn name(&self) -> &PackageName {
        &self.name
    }

    /// The requirement itself.
    #[must_use]
    pub const fn requirement(&self) -> &Requirement<VerbatimUrl> {
        &self.requirement
    }

    /// The requirement itself.
    #[must_use]
    pub fn into_requirement(self) -> Requirement<VerbatimUrl> {
        self.requirement
    }

    /// Its version specifiers (PEP 440).
    #[must_use]
    pub const fn versions(&self) -> Option<&VersionSpecifiers> {
        match &self.requirement.version_or_url {
            Some(VersionOrUrl::VersionSpecifier(versions)) => Some(versions),
            _ => None,
        }
    }

    /// The version, where exactly one is allowed (`==` without a wildcard, or `===`).
    #[must_use]
    pub fn pin(&self) -> Option<&Version> {
        let mut all = self.versions()?.iter();
        let exact =
            |operator: &Operator| matches!(operator, Operator::Equal | Operator::ExactEqual);
        match (all.next(), all.next()) {
            (Some(one), None) if exact(one.operator()) => Some(one.version()),
            _ => None,
        }
    }

    /// Whether exactly one version is allowed, by `==`.
    pub(super) fn is_pinned(&self) -> bool {
        let mut all = self.versions().into_iter().flat_map(|all| all.iter());
        self.pin().is_some() && all.all(|one| *one.operator() == Operator::Equal)
    }

    /// Whether it names a file or a repository instead of a version.
    #[must_use]
    pub const fn has_url(&self) -> bool {
        self.url().is_some()
    }

    pub(super) const fn url(&self) -> Option<&VerbatimUrl> {
        match &self.requirement.version_or_url {
            Some(VersionOrUrl::Url(url)) => Some(url),
            _ => None,
        }
    }

    /// The same with the hash of its file in its URL, if it has one.
    pub(super) fn with_url_hash(mut self, hashes: &[FileHash]) -> Self {
        if let (Some(VersionOrUrl::Url(url)), [hash]) =
            (&mut self.requirement.version_or_url, hashes)
        {
            *url = VerbatimUrl::from_url(with_fragment(url.raw(), hash));
        }
        self
    }

    /// Whether its URL holds a password.
    pub(super) fn has_password(&self) -> bool {
        self.url().is_some_and(|url| url.password().is_some())
    }

    /// `==2.0.2`, `>=2,<3`, `@ https://…` with its credentials, or empty when every version is allowed.
    pub(super) fn bound(&self) -> String {
        match &self.requirement.version_or_url {
            None => String::new(),
            Some(VersionOrUrl::VersionSpecifier(all)) => {
                let all: Vec<String> = all.iter().map(ToString::to_string).collect();
                all.join(",")
            }
            Some(VersionOrUrl::Url(url)) => format!("@ {url}"),
        }
    }

    /// Whether both bound the version alike.
    pub(super) fn bounds_as(&self, other: &Self) -> bool {
        self.requirement.version_or_url == other.requirement.version_or_url
    }

    /// Whether both apply to some environment and nothing meets both there: two URLs, or a pin that the other one excludes.
    pub(super) fn excludes(&self, other: &Self) -> bool {
        if self.marker().is_disjoint(other.marker()) {
            return false;
        }
        if let (Some(one), Some(two)) = (self.url(), other.url()) {
            return one != two;
        }
        let (Some(one), Some(two)) = (self.versions(), other.versions()) else {
            return false;
        };
        let met = [
            self.pin().map(|pin| two.contains(pin)),
            other.pin().map(|pin| one.contains(pin)),
        ];
        met.contains(&Some(false)) && !met.contains(&Some(true))
    }

    /// The environments that it applies to.
    #[must_use]
    pub const fn marker(&self) -> &MarkerTree {
        &self.requirement.marker
    }

    /// The same with other versions.
    #[must_use]
    pub fn with_versions(mut self, versions: Option<VersionSpecifiers>) -> Self {
        self.requirement.version_or_url = versions.map(VersionOrUrl::VersionSpecifier);
        self
    }
}

impl From<Requirement<VerbatimUrl>> for Constraint {
    fn from(requirement: Requirement<VerbatimUrl>) -> Self {
        let name = requirement.name.to_string().parse();
        Self {
            name: name.expect("PEP 508 and PEP 503 allow the same names"),
            requirement,
        }
    }
}

impl FromStr for Constraint {
    type Err = RequirementError;

    /// Takes what both uv and pip can use.
    fn from_str(text: &str) -> Result<Self, RequirementError> {
        parse_strict(text).map(Self::from)
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.requirement.fmt(f)
    }
}

impl fmt::Debug for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&scrub(&self.to_string()))
    }
}
