//! Takes in a wheel or source archive that is known by its URL alone: which file it is only its bytes tell.

use std::io;

use super::{BuildError, Builder};
use crate::digest::Digest;
use crate::event::Event;
use crate::store::{StoreError, StoredWheel};
use crate::url::SafeUrl;
use crate::wheel::WheelFilename;

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
    /// Fetches a file, which must have the digest `expected` where one is stated. A wheel is verified in full and kept.
    ///
    /// # Errors
    /// [`BuildError`] when it cannot be had, is another file than expected, or is a wheel that does not pass.
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
        let mut file = std::fs::File::open(incoming.path()).map_err(at)?;
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
