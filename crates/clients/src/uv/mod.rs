//! The only door to uv: finding it, fetching it, resolving and building with it.
//!
//! Nobody else knows its flags, its variables or how it words its errors. Refuses to run with surroundings that were
//! not given, and to show credentials that uv shows.

mod build;
mod compile;
mod error;
mod fetch;
mod find;
mod finder;
mod relay;
mod run;
mod simple;
mod surroundings;
mod version;

use std::path::PathBuf;

use pep440_rs::Version;

pub use build::WheelBuild;
pub use compile::{BestWheel, Compile, Refresh};
pub use error::UvError;
pub use finder::Finder;
pub use relay::Relay;
pub use simple::{ListedFile, ListingError, listed_metadata, listing};
pub use surroundings::{Indexes, Surroundings};
pub use version::{MINIMUM_VERSION, PINNED_VERSION};

/// The first uv that checks the hashes of what builds need wherever it builds, and can be told to require them.
pub const HASHES_VERSION: &str = "0.13.0";

/// A uv that answers, of a version that Pannier knows.
#[derive(Debug, Clone)]
pub struct Uv {
    /// The program.
    pub program: PathBuf,
    /// Its version, such as `0.13.9`.
    pub version: String,
}

impl Uv {
    /// Whether it checks the hashes of what builds need wherever it builds.
    #[must_use]
    pub fn checks_build_hashes(&self) -> bool {
        let needed: Version = HASHES_VERSION.parse().expect("the constant is a version");
        self.version.parse().is_ok_and(|own: Version| own >= needed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_versions() {
        let checks = |version: &str| {
            let version = version.to_owned();
            let program = PathBuf::from("uv");
            Uv { program, version }.checks_build_hashes()
        };
        assert!(checks(HASHES_VERSION) && checks(PINNED_VERSION) && checks("1.0"));
        assert!(!checks(MINIMUM_VERSION) && !checks("0.12.20") && !checks("unknown"));
    }
}
