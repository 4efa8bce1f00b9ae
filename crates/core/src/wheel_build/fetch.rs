//! Takes in a wheel or source archive that is known by its URL alone: which file it is only its bytes tell.

use std::fs::File;
use std::io;
use std::path::Path;

use super::{BuildError, Builder};
use crate::constraints::FileHash;
use crate::store::{Expected, StoreError, StoredWheel};
use pannier_archive::wheel::WheelFilename;
use pannier_base::digest::Digest;
use pannier_base::event::Event;
use pannier_base::url::SafeUrl;
use pannier_clients::uv::listed_metadata;

/// A file that was fetched by its URL.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Its digest.
    pub sha256: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// The wheel that it is, in the store; none for a source archive.
    pub wheel: Option<StoredWheel>,
}

impl Builder<'_> {
    /// The digests of a file that is known by its SHA-256, by all algorithms that a line of constraints may use. It is fetched
    /// where the store does not have it; a wheel is kept.
    ///
    /// # Errors
    /// [`BuildError`] if it cannot be fetched or has another digest.
    pub fn file_hashes(
        &self,
        url: &SafeUrl,
        name: &str,
        sha256: &Digest,
    ) -> Result<Vec<FileHash>, BuildError> {
        let all = |path: &Path| {
            let at = |source: io::Error| BuildError::Io {
                path: path.to_owned(),
                source,
            };
            let mut file = File::open(path).map_err(at)?;
            Ok(FileHash::all_of(&mut file).map_err(at)?.to_vec())
        };
        let filename = name.parse::<WheelFilename>().ok();
        if let Some(filename) = &filename
            && let Some(stored) = self.store.wheel(filename, sha256)?
        {
            return all(&stored.path);
        }
        let mut incoming = self.store.incoming()?;
        self.client.download(url, &mut incoming, &|bytes| {
            self.reporter.report(Event::Downloaded { bytes });
        })?;
        match filename {
            Some(filename) => {
                let metadata = listed_metadata(self.client, url)?;
                let expected = Expected {
                    sha256: Some(sha256),
                    metadata: metadata.as_deref(),
                };
                let stored = self.store.admit_wheel(incoming, &filename, expected)?;
                all(&stored.path)
            }
            None => all(incoming.into_file(name, sha256)?.path()),
        }
    }

    /// Compares a wheel that the store holds with the metadata that its index lists now. Asks nobody when this run is offline or
    /// the store does not hold the wheel.
    ///
    /// # Errors
    /// [`BuildError`] when they differ or the index cannot be asked.
    pub fn check_listed(
        &self,
        url: &SafeUrl,
        name: &str,
        sha256: &Digest,
    ) -> Result<(), BuildError> {
        let Ok(filename) = name.parse::<WheelFilename>() else {
            return Ok(());
        };
        if self.client.is_offline() {
            return Ok(());
        }
        if let Some(stored) = self.store.wheel(&filename, sha256)?
            && let Some(listed) = listed_metadata(self.client, url)?
        {
            stored.check_listed(&listed)?;
        }
        Ok(())
    }

    /// Fetches a file, which must have the digest `expected` where one is stated. A wheel is verified in full and kept.
    ///
    /// # Errors
    /// [`BuildError`] if it is not available, is another file than expected, or is a wheel that fails verification.
    pub fn fetch(&self, url: &SafeUrl, expected: Option<&Digest>) -> Result<Fetched, BuildError> {
        let name = url.file_name();
        let filename = name.parse::<WheelFilename>().ok();
        if let (Some(filename), Some(sha256)) = (&filename, expected)
            && let Some(stored) = self.store.wheel(filename, sha256)?
        {
            let size = stored.path.metadata().map_or(0, |meta| meta.len());
            return Ok(Fetched {
                sha256: *sha256,
                size,
                wheel: Some(stored),
            });
        }
        let mut incoming = self.store.incoming()?;
        let size = self.client.download(url, &mut incoming, &|bytes| {
            self.reporter.report(Event::Downloaded { bytes });
        })?;
        if let Some(filename) = filename {
            let stored = self
                .store
                .admit_wheel(incoming, &filename, expected.into())?;
            return Ok(Fetched {
                sha256: stored.sha256,
                size,
                wheel: Some(stored),
            });
        }
        let at = |source: io::Error| BuildError::Io {
            path: incoming.path().to_owned(),
            source,
        };
        let mut file = File::open(incoming.path()).map_err(at)?;
        let (sha256, _) = Digest::of_reader(&mut file).map_err(at)?;
        match expected.filter(|expected| **expected != sha256) {
            Some(expected) => Err(StoreError::Digest {
                name,
                expected: *expected,
                found: sha256,
            }
            .into()),
            None => Ok(Fetched {
                sha256,
                size,
                wheel: None,
            }),
        }
    }
}
