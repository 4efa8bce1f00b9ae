//! What is wanted: `pannier.yml`, environment and flags become a request. Only the command line and the server import this crate.
//!
//! [`configure`] puts the three together: flags beat environment beats file. Everything comes in as a value or through a
//! reader that is handed in; nothing here looks at the machine.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod api;
mod common;
mod credentials;
mod effective;
pub mod env;
mod error;
pub mod file;
mod flags;
mod images;
mod index;
mod inputs;
mod job;
mod lists;
mod log_settings;
mod override_sources;
pub mod project;
mod releases;
pub mod schema;
mod show;
#[cfg(test)]
mod tests;
mod text;

pub use api::{api, tokens};
pub use credentials::gather;
pub use effective::{Configuration, configure};
pub use env::Environment;
pub use error::{ConfigError, Duplicate, FileError};
pub use flags::{Flags, HereImage};
pub use inputs::{Inputs, LoadedFile};
pub use job::job_project;
pub use log_settings::{LogSettings, log_settings};
pub use override_sources::OverridesFile;
pub use releases::LOG_BRANCH;
pub use show::{Known, Row, Shown};
pub use text::Text;
