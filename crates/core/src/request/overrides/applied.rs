//! What became of an override: the record that locks, manifests and tables show.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use pannier_base::digest::Digest;
use pannier_base::name::PackageName;
use pannier_base::url::SafeUrl;

/// Whether a package or a data project was overridden.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A package.
    Package,
    /// A data project.
    Data,
}

/// One override that a lock was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Applied {
    /// Name of the package or data project.
    pub name: String,
    /// Which of the two it is.
    pub kind: Kind,
    /// What it stands in for, for people; none: nothing had the name before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The version that it has now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Repository or file, without credentials; none for a version of the index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub url: Option<SafeUrl>,
    /// Branch, tag, commit or reference of the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The commit that it meant: 40 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Folder in the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdirectory: Option<String>,
    /// SHA-256 of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub sha256: Option<Digest>,
    /// The variable, flag or key that said it.
    pub said_by: String,
    /// Whose run it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// Constraints that do not hold in this run, each as `file:line: text`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<String>,
    /// Packages whose version in production it does not accept, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub moves: Vec<PackageName>,
}

impl Applied {
    /// Where it comes from, for people: `https://host/x.git@feature/a (0123456789)`, a URL, or the version of the index.
    #[must_use]
    pub fn to(&self) -> String {
        let version = self.version.as_deref().unwrap_or("?");
        let Some(url) = &self.url else {
            return format!("{version} of the index");
        };
        let mut text = url.without_credentials().to_string();
        if let Some(revision) = &self.revision {
            text += &format!("@{revision}");
        }
        if let Some(commit) = &self.commit {
            text += &format!(" ({})", commit.get(..10).unwrap_or(commit));
        }
        text
    }

    /// Whether it is about this package, or data project as `data/NAME`.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        match self.kind {
            Kind::Package => self.name == name,
            Kind::Data => name.strip_prefix("data/") == Some(&self.name),
        }
    }

    /// Whether it names where its source is: one without is a version of the index.
    #[must_use]
    pub const fn has_source(&self) -> bool {
        self.url.is_some()
    }

    /// Its origin, for people: `job_tools_pip_url`, optionally with the login of the user who started the run.
    #[must_use]
    pub fn by(&self) -> String {
        match &self.asked_by {
            Some(login) => format!("{login} ({})", self.said_by),
            None => self.said_by.clone(),
        }
    }
}

impl fmt::Display for Applied {
    /// `override job-tools: 1.3.0 from … instead of …, by alice (job_tools_pip_url)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "override {}: ", self.name)?;
        if let (Some(version), Some(_)) = (&self.version, &self.url) {
            write!(f, "{version} from ")?;
        }
        f.write_str(&self.to())?;
        if let Some(from) = &self.from {
            write!(f, " instead of {from}")?;
        }
        write!(f, ", by {}", self.by())?;
        if !self.set_aside.is_empty() {
            write!(f, "; sets aside {}", self.set_aside.join(", "))?;
        }
        Ok(())
    }
}
