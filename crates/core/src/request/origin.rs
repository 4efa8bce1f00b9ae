//! Where each effective value came from.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

/// The origin of a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A flag, with its dashes.
    Flag(&'static str),
    /// An environment variable.
    Variable(String),
    /// A key of the file.
    File {
        /// The file, as it was named.
        file: Box<str>,
        /// The key, such as `images.builder.packages`.
        key: Box<str>,
    },
    /// The interpreter that `--here` asked.
    Here,
    /// Nobody: the value that holds then.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => f.write_str(name),
            Self::Variable(name) => f.write_str(name),
            Self::File { file, key } => write!(f, "{file}: {key}"),
            Self::Here => f.write_str("--here"),
            Self::Default => f.write_str("default"),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A value with its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective<T> {
    /// What holds.
    pub value: T,
    /// Its origin.
    pub origin: Origin,
}

impl<T> Effective<T> {
    /// Puts both together.
    pub const fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }
}

/// Origins by key: `branch`, `images.builder.packages`.
pub type Provenance = BTreeMap<String, Origin>;
