//! A Python version as images state it: `3.13`, `3.13.2`, `3.13t`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that is not a Python version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a Python version: `3.13`, `3.13.2` or `3.13t` (free-threaded) is expected, from 3.8 on"
)]
pub struct PythonVersionError(String);

/// A CPython version. Prints as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PythonVersion {
    /// The second number, such as 13; the first is always 3.
    pub minor: u8,
    /// The third number, where it was stated.
    pub patch: Option<u8>,
    /// Whether it is a free-threaded build (PEP 703), with wheels of its own.
    pub free_threaded: bool,
}

impl PythonVersion {
    /// `3.13`
    #[must_use]
    pub fn short(&self) -> String {
        format!("3.{}", self.minor)
    }

    /// `3.13.2`; `3.13.0` when the patch number is not stated.
    #[must_use]
    pub fn full(&self) -> String {
        format!("3.{}.{}", self.minor, self.patch.unwrap_or(0))
    }

    /// The folder of the standard library and of site-packages below `lib/`: `python3.13` or `python3.13t`.
    #[must_use]
    pub fn lib_dir(&self) -> String {
        format!(
            "python3.{}{}",
            self.minor,
            if self.free_threaded { "t" } else { "" }
        )
    }
}

impl FromStr for PythonVersion {
    type Err = PythonVersionError;

    fn from_str(text: &str) -> Result<Self, PythonVersionError> {
        let fail = || PythonVersionError(text.to_owned());
        let number = |text: &str| {
            let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| text.parse().ok()).flatten().ok_or_else(fail)
        };
        let (numbers, free_threaded) = match text.strip_suffix('t') {
            Some(numbers) => (numbers, true),
            None => (text, false),
        };
        let parts: Vec<&str> = numbers.split('.').collect();
        let (minor, patch) = match parts[..] {
            ["3", minor] => (number(minor)?, None),
            ["3", minor, patch] => (number(minor)?, Some(number(patch)?)),
            _ => return Err(fail()),
        };
        if minor < 8 || (free_threaded && minor < 13) {
            return Err(fail());
        }
        Ok(Self {
            minor,
            patch,
            free_threaded,
        })
    }
}

impl TryFrom<String> for PythonVersion {
    type Error = PythonVersionError;
    fn try_from(text: String) -> Result<Self, PythonVersionError> {
        text.parse()
    }
}

impl From<PythonVersion> for String {
    fn from(version: PythonVersion) -> Self {
        version.to_string()
    }
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "3.{}", self.minor)?;
        if let Some(patch) = self.patch {
            write!(f, ".{patch}")?;
        }
        f.write_str(if self.free_threaded { "t" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_print_as_written() {
        for text in ["3.8", "3.13", "3.13.2", "3.14t", "3.13.1t"] {
            assert_eq!(text.parse::<PythonVersion>().expect(text).to_string(), text);
        }
        let version: PythonVersion = "3.13t".parse().expect("valid");
        assert_eq!(version.lib_dir(), "python3.13t");
        assert_eq!(version.full(), "3.13.0");
    }

    #[test]
    fn others_are_refused() {
        for text in [
            "", "3", "2.7", "3.7", "3.x", "3.12t", "3.13.1.2", "3.+9", "cp313", "3.300",
        ] {
            assert!(text.parse::<PythonVersion>().is_err(), "{text}");
        }
    }
}
