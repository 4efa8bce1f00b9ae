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

use std::path::PathBuf;

pub use build::WheelBuild;
pub use compile::{BestWheel, Compile, Refresh};
pub use error::UvError;
pub use fetch::PINNED_VERSION;
pub use find::MINIMUM_VERSION;
pub use finder::Finder;
pub use relay::Relay;
pub use simple::{ListedFile, ListingError, listed_metadata, listing};
pub use surroundings::{Indexes, Surroundings};

/// A uv that answers, of a version that Pannier knows.
#[derive(Debug, Clone)]
pub struct Uv {
    /// The program.
    pub program: PathBuf,
    /// Its version, such as `0.13.9`.
    pub version: String,
}
