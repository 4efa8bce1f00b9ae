//! Packfiles and their indices (gitformat-pack(5)) without holding a large object in memory.
//!
//! libgit2 maps or loads every object whole, while it indexes a pack and while it reads one; here objects flow, and what a
//! difference is taken from lies in a scratch file when it is large. Every object's id is computed, with detection of
//! SHA-1 collisions. Refuses what is not a pack in full, and looks no further into commits and trees.

mod content;
mod delta;
mod entry;
mod hash;
mod index;
mod inflate;
mod objects;
mod resolve;
mod scan;
mod take;
mod window;

use std::io;

pub use content::{Content, Scratch};
pub use entry::Kind;
pub use objects::{Object, Packs};
pub use take::{Bases, UNFINISHED, take};

/// An object's id: its SHA-1 in 20 bytes.
pub type Id = [u8; ID];

/// Bytes of an [`Id`].
const ID: usize = 20;

/// Why a pack is refused or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// Something in it breaks the format.
    #[error("the pack is damaged at byte {at}: {problem}")]
    Damaged {
        /// Where in the pack the entry begins that is at fault.
        at: u64,
        /// What is wrong there.
        problem: &'static str,
    },
    /// An index breaks the format.
    #[error("the index of a pack is damaged: {0}")]
    Index(&'static str),
    /// An object is not what it is called, or made to collide with another one.
    #[error("object {id} {problem}")]
    Object {
        /// Its id, hexadecimal.
        id: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Objects are missing that others are kept as differences to.
    #[error("{count} objects are differences to objects that are not there")]
    NoBase {
        /// How many objects cannot be made.
        count: usize,
    },
    /// What the repository has already cannot be read.
    #[error("the repository cannot be read: {0}")]
    Repository(String),
    /// The pack could not be read or written.
    #[error("a pack could not be read or written")]
    Io(#[source] io::Error),
}

impl PackError {
    const fn damaged(at: u64, problem: &'static str) -> Self {
        Self::Damaged { at, problem }
    }
}

impl From<io::Error> for PackError {
    /// What came through a reader as this type comes out of it again.
    fn from(error: io::Error) -> Self {
        error.downcast().unwrap_or_else(Self::Io)
    }
}

impl From<PackError> for io::Error {
    fn from(error: PackError) -> Self {
        match error {
            PackError::Io(error) => error,
            error => Self::new(io::ErrorKind::InvalidData, error),
        }
    }
}

/// An id as git writes it.
fn hexadecimal(id: &[u8]) -> String {
    use std::fmt::Write as _;
    id.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
