//! Names of packages, data projects and images: values that cannot be wrong once they exist.
//!
//! Refuses to know where a name came from or what it stands for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not a name. Prints the text and the rule that it breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid {what}: {rule}")]
pub struct NameError {
    text: String,
    what: &'static str,
    rule: &'static str,
}

/// A Python project's name, normalised: lower case, runs of `-`, `_` and `.` folded to one `-` (PEP 503).
///
/// Two spellings of one project compare equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PackageName(String);

impl PackageName {
    /// The normalised spelling, such as `ruamel-yaml`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The spelling in wheel file names and `.dist-info` folders: `-` as `_` (binary distribution format).
    #[must_use]
    pub fn escaped(&self) -> String {
        self.0.replace('-', "_")
    }
}

impl FromStr for PackageName {
    type Err = NameError;

    /// Takes any valid spelling (PEP 508: ASCII letters, digits, `.`, `_`, `-`, starting and ending with a letter or digit).
    fn from_str(text: &str) -> Result<Self, NameError> {
        let fail = |rule| NameError {
            text: text.to_owned(),
            what: "package name",
            rule,
        };
        let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        if text.is_empty() {
            return Err(fail("it is empty"));
        }
        if !text.chars().all(inner) {
            return Err(fail(
                "only ASCII letters, digits, `.`, `_` and `-` are allowed",
            ));
        }
        if !edge(text.chars().next()) || !edge(text.chars().last()) {
            return Err(fail("it must start and end with a letter or digit"));
        }
        let mut folded = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '-' | '_' | '.' if folded.ends_with('-') => {}
                '-' | '_' | '.' => folded.push('-'),
                c => folded.push(c.to_ascii_lowercase()),
            }
        }
        Ok(Self(folded))
    }
}

impl TryFrom<String> for PackageName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<PackageName> for String {
    fn from(name: PackageName) -> Self {
        name.0
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Declares a name that becomes a file or folder name: letters, digits, `.`, `_`, `-`, not starting with `.` or `-`.
macro_rules! file_name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The name as it was written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            /// Takes a text that is safe as one component of a path on every system that unpacks it.
            fn from_str(text: &str) -> Result<Self, NameError> {
                check_file_name(text, $what)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

file_name!(
    /// The name of an image in `pannier.yml`; its tarball is called after it.
    ImageName,
    "image name"
);
file_name!(
    /// The name of a data project: the folder `data/<name>/` of the tarball.
    DataName,
    "data project name"
);

fn check_file_name(text: &str, what: &'static str) -> Result<(), NameError> {
    let fail = |rule| {
        Err(NameError {
            text: text.to_owned(),
            what,
            rule,
        })
    };
    if text.is_empty() || text.len() > 100 {
        return fail("it must have 1 to 100 characters");
    }
    if !text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    {
        return fail("only ASCII letters, digits, `.`, `_` and `-` are allowed");
    }
    if text.starts_with(['.', '-']) {
        return fail("it must not start with `.` or `-`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_package_are_equal() {
        for text in [
            "Ruamel.YAML",
            "ruamel_yaml",
            "ruamel--yaml",
            "RUAMEL-_.yaml",
        ] {
            let name: PackageName = text.parse().expect(text);
            assert_eq!(name.as_str(), "ruamel-yaml");
            assert_eq!(name.escaped(), "ruamel_yaml");
        }
    }

    #[test]
    fn bad_package_names_say_which_rule_they_break() {
        let message = |text: &str| text.parse::<PackageName>().expect_err(text).to_string();
        assert!(message("").contains("empty"));
        assert!(message("a b").contains("only ASCII"));
        assert!(message("-a").contains("start and end"));
        assert!(message("a.").contains("start and end"));
    }

    #[test]
    fn image_and_data_names_cannot_leave_their_folder() {
        for text in ["", "..", ".a", "-rf", "a/b", "a\\b", "a b", "ä"] {
            assert!(text.parse::<ImageName>().is_err(), "{text}");
            assert!(text.parse::<DataName>().is_err(), "{text}");
        }
        assert_eq!(
            "py3.13_arm-64"
                .parse::<ImageName>()
                .expect("valid")
                .as_str(),
            "py3.13_arm-64"
        );
    }
}
