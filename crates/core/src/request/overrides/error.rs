//! Why an override is refused: named by its origin, never by a value that may be a secret.

use miette::Diagnostic;

use crate::request::origin::Origin;
use crate::request::overrides::OverrideName;
use pannier_base::name::NameError;

/// The forms that exist, for hints.
const FORMS: &str = "`git+https://host/group/name.git@revision#subdirectory=folder`, `https://host/group/name.git@revision`, `https://host/group/name/-/merge_requests/5`, the URL of a wheel or source archive, and `==1.2.3` are expected";

/// What is wrong with a value. Says nothing of the value itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(pub(super) &'static str);

/// What the policy has against an override.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its name is among those that nobody may override.
    #[error("`overrides.deny` names it")]
    Denied,
    /// It is somewhere else.
    #[error("{url} is not below {}", list(.allowed))]
    Place {
        /// Where it is; a value with credentials is refused before.
        url: String,
        /// What is allowed.
        allowed: Vec<String>,
    },
    /// It is another revision.
    #[error("the revision `{revision}` matches none of {}", list(.allowed))]
    Revision {
        /// The revision.
        revision: String,
        /// The patterns of `overrides.refs`.
        allowed: Vec<String>,
    },
}

fn list(allowed: &[String]) -> String {
    if allowed.is_empty() {
        return "anything: nothing is allowed".to_owned();
    }
    format!("`{}`", allowed.join("`, `"))
}

/// Why the overrides of a run cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Diagnostic)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum OverrideError {
    #[error("{origin}: not a valid source of `{name}`")]
    #[diagnostic(help("{FORMS}"))]
    Value {
        origin: Origin,
        name: OverrideName,
        #[source]
        source: ValueError,
    },

    #[error("{origin}: the text before the `=` is not the name of a package or data project")]
    #[diagnostic(help(
        "write `NAME=VALUE`, such as `job-tools===1.2.3` or `job-tools=git+https://host/group/job-tools.git@branch`"
    ))]
    Pair { origin: Origin },

    #[error("{origin}: the name of an override is not valid")]
    Name {
        origin: Origin,
        #[source]
        source: NameError,
    },

    #[error("`{name}` is overridden twice: by {first} and by {second}")]
    #[diagnostic(help("keep one of them; `-`, `_`, `.` and case make no difference"))]
    Twice {
        name: OverrideName,
        first: Origin,
        second: Origin,
    },

    #[error("{origin}: the override of `{name}` is not allowed")]
    #[diagnostic(help(
        "ask a maintainer to extend `overrides.allow` in pannier.yml; by default, only the host of git_base and the index \
        are allowed"
    ))]
    Refused {
        origin: Origin,
        name: OverrideName,
        #[source]
        source: Refusal,
    },

    #[error("cannot read the overrides of {file}: {reason}")]
    #[diagnostic(help(
        "the path is relative to the current folder; the file contains `overrides:` and below it one `name: value` per line"
    ))]
    File { file: String, reason: String },
}
