//! Names in the log: of releases and of channels. Each is also a file name there, so a text that could lead elsewhere
//! is refused.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use pannier_base::digest::Digest;
use pannier_base::secret::scrub;

/// Why a text is no name of the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a name of a {what}: up to 64 lower-case letters, digits, `-`, `_` and `.`, beginning with a letter or digit"
)]
pub struct BadName {
    text: String,
    what: &'static str,
}

fn check(text: &str, what: &'static str) -> Result<String, BadName> {
    let first = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inner = |c: char| first(c) || matches!(c, '-' | '_' | '.');
    if text.len() <= 64 && text.starts_with(first) && text.chars().all(inner) {
        return Ok(text.to_owned());
    }
    Err(BadName {
        text: scrub(text).chars().take(80).collect(),
        what,
    })
}

macro_rules! name {
    ($(#[$meta:meta])* $name:ident, $what:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as a text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                check(text, $what).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name!(
    /// A release's name: when it was recorded (UTC) and the beginning of its lock's digest, such as
    /// `20260301-091500-3f2a1b`. Sorted by name they are sorted by time.
    ReleaseId,
    "release"
);
name!(
    /// A channel's name, such as `production`.
    ChannelName,
    "channel"
);

impl ReleaseId {
    /// The name of a release of `lock` that is recorded at `at`: the first that is not `taken`.
    #[must_use]
    pub fn free(at: Timestamp, lock: &Digest, taken: impl Fn(&Self) -> bool) -> Self {
        let time = at.strftime("%Y%m%d-%H%M%S").to_string();
        let stem = format!("{time}-{}", &lock.to_string()[..6]);
        let mut id = Self(stem.clone());
        let mut count = 1;
        while taken(&id) {
            count += 1;
            id = Self(format!("{stem}-{count}"));
        }
        id
    }
}
