//! Which wheels were built from which source: the list that makes every commit a wheel only once.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use pannier_archive::limited;
use pannier_base::digest::Digest;
use pannier_base::platform::Target;
use pannier_base::secret::Exposed;

use super::layout::Part;
use super::{Store, StoreError};

/// The wheels that were built under one key (everything that decided them).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BuiltWheels {
    /// In the order in which they were built; one per Python and platform for compiled packages, one alone for pure ones.
    pub wheels: Vec<BuiltRecord>,
}

/// One wheel that was built here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltRecord {
    /// File name of the wheel.
    pub filename: String,
    /// Its digest: under this it is in the store.
    pub sha256: Digest,
    /// What it was built from, as [`crate::store::Keep`] names sources.
    pub source: String,
    /// Where its commit stood among the tags then (as `git describe` has it), as version files are made from that; empty
    /// for other sources.
    pub tags: String,
    /// The Python and platform that built it: a compiled wheel's own tags do not tell its C library.
    pub machine: Target,
}

impl Store {
    /// What was built under `key`; empty when nothing was.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the list is there but cannot be read. A damaged list counts as empty.
    pub fn built(&self, key: &Digest) -> Result<BuiltWheels, StoreError> {
        let path = self.built_path(key);
        match limited::read(&path, limited::LIST) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BuiltWheels::default()),
            Err(error) => Err(StoreError::io("read", &path)(error)),
        }
    }

    /// Adds one wheel to what was built under `key`. When two processes add at the same moment one of the two additions may
    /// be lost, which costs a later build and nothing else.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the list cannot be written.
    pub fn remember_built(&self, key: &Digest, record: BuiltRecord) -> Result<(), StoreError> {
        let text = serde_json::to_string(&record).unwrap_or_default();
        Exposed::check("the record of a built wheel", &text)?;
        let mut built = self.built(key)?;
        if built.wheels.contains(&record) {
            return Ok(());
        }
        built.wheels.retain(|known| {
            (&known.filename, &known.machine, &known.tags)
                != (&record.filename, &record.machine, &record.tags)
        });
        built.wheels.push(record);
        let path = self.built_path(key);
        let folder = path.parent().unwrap_or(self.root());
        let write = || -> io::Result<()> {
            fs::create_dir_all(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(self.scratch.path())?;
            serde_json::to_writer(&mut file, &built)?;
            file.flush()?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(StoreError::io("write", &path))
    }

    fn built_path(&self, key: &Digest) -> PathBuf {
        let text = key.to_string();
        self.root
            .join(Part::Built.name())
            .join(&text[..2])
            .join(format!("{text}.json"))
    }
}
