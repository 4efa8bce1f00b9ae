//! What is made from a verified wheel or snapshot and kept because making it costs time: Zstandard frames.
//!
//! Kept below the digest of its origin, so that it goes when the origin goes. A file that is no longer what was kept counts as
//! missing. Refuses to make anything.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::entry::{self, Found};
use super::incoming::Incoming;
use super::layout::Part;
use super::{Store, StoreError};
use crate::digest::Digest;

/// The file in each entry.
pub(super) const CONTENT: &str = "content";

/// What was noted of a file: all of it is in the value.
#[derive(Serialize, Deserialize)]
struct Noted<T>(T);

impl<T: Serialize + DeserializeOwned> Found for Noted<T> {}

impl Store {
    /// What was kept of `origin` under `key`, opened, with what was noted of it; `None` when there is nothing, or it has
    /// changed since.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the store cannot be read.
    pub fn derived<T: Serialize + DeserializeOwned>(
        &self,
        origin: &Digest,
        key: &Digest,
    ) -> Result<Option<(File, T)>, StoreError> {
        let folder = self.derived_folder(origin, key);
        let unknown = |_: &File| {
            Err(StoreError::io("read", &folder)(
                io::ErrorKind::InvalidData.into(),
            ))
        };
        let found = entry::load_any::<Noted<T>>(&folder, CONTENT, unknown)?;
        let Some((path, _, Noted(noted))) = found else {
            return Ok(None);
        };
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        Ok(Some((file, noted)))
    }

    /// Keeps a file that was made of `origin` under `key`, and opens it.
    ///
    /// # Errors
    /// [`StoreError::Io`] when it cannot be written.
    pub fn keep_derived<T: Serialize + DeserializeOwned>(
        &self,
        incoming: Incoming,
        origin: &Digest,
        key: &Digest,
        noted: T,
    ) -> Result<File, StoreError> {
        let arrived = incoming.finish()?;
        let folder = self.derived_folder(origin, key);
        let path = entry::save(
            arrived,
            &folder,
            CONTENT,
            &Noted(noted),
            self.scratch.path(),
        )?;
        File::open(&path).map_err(StoreError::io("open", &path))
    }

    fn derived_folder(&self, origin: &Digest, key: &Digest) -> PathBuf {
        self.entry_folder(Part::Derived, origin)
            .join(key.to_string())
    }
}
