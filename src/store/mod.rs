//! The content-addressed store. (stub: owner = founder)

use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::digest::Digest;
use crate::pack::Pack;
use crate::wheel::{Wheel, WheelFilename};

/// A store below one folder. Safe to use from several processes at once.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

/// A wheel that is in the store, verified in full.
#[derive(Debug, Clone)]
pub struct StoredWheel {
    /// Its name as the index or the build gave it.
    pub filename: WheelFilename,
    /// SHA-256 of the file.
    pub sha256: Digest,
    /// Where the file is.
    pub path: PathBuf,
    /// What verification found.
    pub wheel: Wheel,
}

/// A snapshot of a data project.
#[derive(Debug, Clone)]
pub struct StoredData {
    /// Where the container is.
    pub path: PathBuf,
    /// Its table of contents.
    pub pack: Pack,
}

/// What went wrong in the store.
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct StoreError;

impl Store {
    /// Opens or makes a store.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            root: root.to_owned(),
        })
    }
    /// The store's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }
    /// Where git mirrors live.
    #[must_use]
    pub fn git_root(&self) -> PathBuf {
        self.root.join("git")
    }
    /// uv's own cache, kept beside so that one folder is all that CI caches.
    #[must_use]
    pub fn uv_cache(&self) -> PathBuf {
        self.root.join("uv-cache")
    }
    /// A temporary file on the store's own file system.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn temporary(&self) -> Result<NamedTempFile, StoreError> {
        todo!()
    }
    /// The wheel of that digest, if it is here.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn wheel(
        &self,
        _filename: &WheelFilename,
        _sha256: &Digest,
    ) -> Result<Option<StoredWheel>, StoreError> {
        todo!()
    }
    /// Verifies a file and takes it in.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn admit(
        &self,
        _filename: &WheelFilename,
        _file: NamedTempFile,
    ) -> Result<StoredWheel, StoreError> {
        todo!()
    }
}
