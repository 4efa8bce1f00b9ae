//! Why there is no override: named by who said it, never by what may be a secret.

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
    #[error("the revision `{revision}` fits none of {}", list(.allowed))]
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
    #[error("{origin}: this cannot be the source of `{name}`")]
    #[diagnostic(help("{FORMS}"))]
    Value {
        origin: Origin,
        name: OverrideName,
        #[source]
        source: ValueError,
    },

    #[error("{origin}: what stands before the `=` is no name of a package or data project")]
    #[diagnostic(help(
        "write `NAME=VALUE`, such as `job-tools===1.2.3` or `job-tools=git+https://host/group/job-tools.git@branch`"
    ))]
    Pair { origin: Origin },

    #[error("{origin}: a name of an override cannot be used")]
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
        "who may say so adds to `overrides` of pannier.yml; unless it says otherwise, the host of git_base and the index are allowed"
    ))]
    Refused {
        origin: Origin,
        name: OverrideName,
        #[source]
        source: Refusal,
    },

    #[error("cannot read the overrides of {file}: {reason}")]
    #[diagnostic(help(
        "a path starts at the current folder; the file holds `overrides:` and below it one `name: value` per line"
    ))]
    File { file: String, reason: String },
}
