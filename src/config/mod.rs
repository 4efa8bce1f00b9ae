//! What is wanted, from file, environment and flags.
//!
//! [`configure`] puts the three together: flags beat environment beats file. Everything comes in as a value or through a
//! reader that is handed in; nothing here looks at the machine.

mod api;
mod common;
mod credentials;
pub mod digest;
mod effective;
pub mod env;
mod error;
pub mod file;
mod flags;
mod folder;
mod images;
mod index;
mod inputs;
mod lists;
pub mod overrides;
pub mod project;
mod provenance;
mod releases;
pub mod request;
pub mod schema;
mod show;
#[cfg(test)]
mod tests;
mod text;

pub use api::{api, tokens};
pub use credentials::{Credential, CredentialEntries};
pub use effective::{Configuration, configure};
pub use env::Environment;
pub use error::{ConfigError, Duplicate, FileError};
pub use flags::{Flags, HereImage};
pub use folder::FolderError;
pub use inputs::{Inputs, LoadedFile};
pub use provenance::{Effective, Origin, Provenance};
pub use releases::{BOOK_BRANCH, BookPlace, BookSettings, book_settings};
pub use show::{Known, Row, Shown};
pub use text::Text;
