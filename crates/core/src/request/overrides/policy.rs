//! Which overrides a project allows. Decided from what was said alone, before anything is fetched.

use std::fmt;
use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};

use crate::request::overrides::error::Refusal;
use crate::request::overrides::{OverrideName, OverrideValue};
use pannier_base::url::{SafeUrl, percent_decode};

/// What may be overridden by what.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Below which URLs repositories and files may be.
    pub allow: Vec<Prefix>,
    /// Which revisions repositories may be at; `None`: all.
    pub refs: Option<Vec<RefPattern>>,
    /// What nobody may override.
    pub deny: Vec<OverrideName>,
}

impl Policy {
    /// Looks at one override. A version of the index is always allowed: which index that is, the value does not say.
    ///
    /// # Errors
    /// [`Refusal`] says what it has against it.
    pub fn check(&self, name: &OverrideName, value: &OverrideValue) -> Result<(), Refusal> {
        if self.deny.contains(name) {
            return Err(Refusal::Denied);
        }
        match value {
            OverrideValue::Version(_) => Ok(()),
            OverrideValue::File { url, .. } => self.place(url),
            OverrideValue::Git {
                repository,
                revision,
                ..
            } => {
                self.place(repository)?;
                self.revision(revision)
            }
        }
    }

    fn place(&self, url: &SafeUrl) -> Result<(), Refusal> {
        if self.allow.iter().any(|prefix| prefix.covers(url)) {
            return Ok(());
        }
        Err(Refusal::Place {
            url: url.without_credentials().to_string(),
            allowed: self.allow.iter().map(ToString::to_string).collect(),
        })
    }

    fn revision(&self, revision: &str) -> Result<(), Refusal> {
        let Some(patterns) = &self.refs else {
            return Ok(());
        };
        if patterns.iter().any(|pattern| pattern.fits(revision)) {
            return Ok(());
        }
        Err(Refusal::Revision {
            revision: revision.to_owned(),
            allowed: patterns.iter().map(ToString::to_string).collect(),
        })
    }
}

/// A URL that others may lie below, compared by whole components of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(SafeUrl);

/// Why a text cannot be the start of URLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `https://host/group`: no user name, no `..`, nothing after the path")]
pub struct PrefixError;

impl Prefix {
    /// The whole server that a URL is on.
    #[must_use]
    pub fn server(url: &SafeUrl) -> Option<Self> {
        let mut root = url.without_credentials().expose().clone();
        root.set_path("/");
        root.set_query(None);
        root.set_fragment(None);
        SafeUrl::of_server(root.as_str()).ok().map(Self)
    }

    /// Whether the URL is this one or lies below it: same scheme, host and port, and a path that starts with the same
    /// components. `x.git` is the repository `x`, below which nothing lies.
    #[must_use]
    pub fn covers(&self, url: &SafeUrl) -> bool {
        let (own, other) = (components(&self.0), components(url));
        let bare = |text: &str| text.strip_suffix(".git").unwrap_or(text).to_owned();
        let Some((last, start)) = own.split_last() else {
            return self.0.same_origin(url);
        };
        if !self.0.same_origin(url) || !other.starts_with(start) || other.len() < own.len() {
            return false;
        }
        match other.len() == own.len() {
            true => bare(last) == bare(&other[start.len()]),
            false => !last.ends_with(".git") && *last == other[start.len()],
        }
    }
}

fn components(url: &SafeUrl) -> Vec<String> {
    let parts = url.expose().path().split('/');
    parts
        .filter(|part| !part.is_empty())
        .map(percent_decode)
        .collect()
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let url: SafeUrl = text.trim().parse().map_err(|_| PrefixError)?;
        let web = matches!(url.expose().scheme(), "http" | "https");
        let rest = url.expose().query().is_some() || url.expose().fragment().is_some();
        let written = text.contains("://") && !text.contains('\\');
        let climbs = text.split(['/', '?', '#']).skip(3).any(|part| {
            let part = percent_decode(part);
            part == "." || part == ".." || part.contains(['/', '\\'])
        });
        if !web || rest || !written || climbs || url.credentials().is_some() {
            return Err(PrefixError);
        }
        Ok(Self(url))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A pattern of revisions: `*` is anything within one component, `**` anything at all.
#[derive(Debug, Clone)]
pub struct RefPattern(GlobMatcher);

impl RefPattern {
    /// Whether a revision fits, as it was said or without `refs/heads/` and `refs/tags/`.
    #[must_use]
    pub fn fits(&self, revision: &str) -> bool {
        let short = revision
            .strip_prefix("refs/heads/")
            .or_else(|| revision.strip_prefix("refs/tags/"));
        self.0.is_match(revision) || short.is_some_and(|short| self.0.is_match(short))
    }
}

impl PartialEq for RefPattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.glob() == other.0.glob()
    }
}

impl FromStr for RefPattern {
    type Err = globset::Error;

    fn from_str(text: &str) -> Result<Self, globset::Error> {
        let mut glob = GlobBuilder::new(text.trim());
        let glob = glob
            .literal_separator(true)
            .backslash_escape(true)
            .build()?;
        Ok(Self(glob.compile_matcher()))
    }
}

impl fmt::Display for RefPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.glob().glob())
    }
}
