//! What is made from a verified wheel or snapshot and kept because making it costs time: Zstandard frames.
//!
//! Kept below the digest of its origin, so that it goes when the origin goes. A file that is no longer what was kept counts as
//! missing. Refuses to make anything.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::incoming::Incoming;
use super::{Store, StoreError, entry};
use crate::digest::Digest;

/// The part of the store, and the file in each entry.
pub(super) const DERIVED: &str = "derived";
pub(super) const CONTENT: &str = "content";

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
        let Some((path, _, found)) = entry::load_any(&folder, CONTENT, unknown)? else {
            return Ok(None);
        };
        let file = File::open(&path).map_err(StoreError::io("open", &path))?;
        Ok(Some((file, found)))
    }

    /// Keeps a file that was made of `origin` under `key`, and opens it.
    ///
    /// # Errors
    /// [`StoreError::Io`] when it cannot be written.
    pub fn keep_derived<T: Serialize>(
        &self,
        incoming: Incoming,
        origin: &Digest,
        key: &Digest,
        noted: &T,
    ) -> Result<File, StoreError> {
        let arrived = incoming.finish()?;
        let folder = self.derived_folder(origin, key);
        let path = entry::save(arrived, &folder, CONTENT, noted, self.scratch.path())?;
        File::open(&path).map_err(StoreError::io("open", &path))
    }

    fn derived_folder(&self, origin: &Digest, key: &Digest) -> PathBuf {
        self.entry_folder(DERIVED, origin).join(key.to_string())
    }
}
