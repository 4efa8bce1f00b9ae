//! The content-addressed store: wheels and data snapshots that were verified once, and what was built from which source.
//!
//! One folder, safe to use from several processes at once and to be killed in: whatever is visible under its final name is
//! whole. Refuses to fetch or to build anything, and to serve a file that has changed since its verification.
//!
//! ```text
//! .pannier-store          the marker: nothing is made or removed in a folder that holds other files and has none
//! wheels/<aa>/<sha256>/   one folder per wheel: the file, and `verdict`
//! data/<aa>/<key>/        one folder per snapshot: `snapshot.zip`, and `verdict`
//! built/<aa>/<key>.json   which wheels were built from a source
//! derived/<aa>/<sha256>/  what was made of a wheel or snapshot: folders of `content` and `verdict`
//! git/  uv/  uv-cache/    mirrors, the fetched uv, uv's own cache
//! index-relay             address and secrets of what stands between uv and indexes with credentials; the user's alone
//! tmp/<run>/              one folder per running process, swept when its owner is gone
//! lock                    held shared by every user, alone by `prune`
//! ```

mod built;
mod derived;
mod entry;
mod error;
mod incoming;
mod layout;
mod maintain;
mod marker;
mod scratch;

use std::fs::{self, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pannier_archive::entries::Pack;
use pannier_archive::wheel::{self, Wheel, WheelFilename};
use pannier_archive::zip::{self, Rules};
use pannier_base::digest::Digest;

pub use built::{BuiltRecord, BuiltWheels};
pub use error::StoreError;
pub use incoming::Incoming;
pub use layout::INDEX_RELAY;
pub use maintain::{Keep, Maintenance, Pruned, StoreInfo, Verified};

use entry::Snapshot;
use layout::Part;
use marker::Found;
use scratch::Scratch;

/// A store below one folder. Cheap to clone; the folder stays locked against pruning while any clone lives.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    rules: Rules,
    scratch: Arc<Scratch>,
    /// Held, never read: its shared lock keeps `prune` out.
    _lock: Arc<File>,
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
    pub wheel: Arc<Wheel>,
}

impl StoredWheel {
    /// Compares the wheel with what an index lists as its metadata (PEP 658).
    ///
    /// # Errors
    /// [`StoreError::Refused`] when they differ, [`StoreError::Io`] when the wheel cannot be read.
    pub fn check_listed(&self, listed: &[u8]) -> Result<(), StoreError> {
        let file = File::open(&self.path).map_err(StoreError::io("read", &self.path))?;
        Ok(wheel::check_listed(
            &file,
            &self.wheel,
            &self.filename,
            listed,
        )?)
    }
}

/// What a wheel has to be, as far as it is known before it comes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expected<'a> {
    /// SHA-256 of the file.
    pub sha256: Option<&'a Digest>,
    /// The metadata that its index lists (PEP 658).
    pub metadata: Option<&'a [u8]>,
}

impl<'a> From<Option<&'a Digest>> for Expected<'a> {
    fn from(sha256: Option<&'a Digest>) -> Self {
        Self {
            sha256,
            metadata: None,
        }
    }
}

/// A snapshot of a data project that is in the store.
#[derive(Debug, Clone)]
pub struct StoredData {
    /// Where the container is.
    pub path: PathBuf,
    /// SHA-256 of the container.
    pub sha256: Digest,
    /// Its table of contents.
    pub pack: Arc<Pack>,
}

impl Store {
    /// Opens the store at `root`. A folder that is missing (it is made, for its owner only) or empty becomes one. Waits while
    /// another process prunes it.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`] when the folder holds something else, and [`StoreError::Io`] when it cannot be made or
    /// locked. Nothing was changed then.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let io = |what| StoreError::io(what, root);
        let found = marker::look(root)?;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(root)
            .map_err(io("create the store"))?;
        let root = root.canonicalize().map_err(io("open the store"))?;
        if found != Found::Marked {
            marker::mark(&root)?;
        }
        let path = root.join(LOCK);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(StoreError::io("open", &path))?;
        lock.lock_shared().map_err(StoreError::io("lock", &path))?;
        let scratch = Arc::new(Scratch::new(&root.join("tmp"))?);
        Ok(Self {
            root,
            rules: Rules::default(),
            scratch,
            _lock: Arc::new(lock),
        })
    }

    /// The same store with other limits on what a wheel may be.
    #[must_use]
    pub fn with_rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// The store's folder, absolute.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where git mirrors live.
    #[must_use]
    pub fn git_root(&self) -> PathBuf {
        self.root.join(Part::Git.name())
    }

    /// Where a fetched uv lives.
    #[must_use]
    pub fn uv_root(&self) -> PathBuf {
        self.root.join(Part::Uv.name())
    }

    /// uv's own cache, kept here so that one folder is all that CI has to cache.
    #[must_use]
    pub fn uv_cache(&self) -> PathBuf {
        self.root.join(Part::UvCache.name())
    }

    /// The folder of this process for unfinished files.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// A folder for work in progress, on the store's own file system; it goes away with the returned value.
    ///
    /// # Errors
    /// [`StoreError::Io`] when it cannot be made.
    pub fn work_dir(&self) -> Result<tempfile::TempDir, StoreError> {
        tempfile::Builder::new()
            .prefix("work-")
            .tempdir_in(self.scratch.path())
            .map_err(StoreError::io("create a folder in", self.scratch.path()))
    }

    /// A file that is about to enter the store; its digest is taken while it is written.
    ///
    /// # Errors
    /// [`StoreError::Io`] when it cannot be made.
    pub fn incoming(&self) -> Result<Incoming, StoreError> {
        Incoming::new(self.scratch.path())
    }

    /// The wheel of that digest, if it is here and unchanged.
    ///
    /// A wheel that was verified by an older verifier is verified again; one whose bytes have changed is removed and
    /// counts as missing.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read, or the wheel does not pass today's checks.
    pub fn wheel(
        &self,
        filename: &WheelFilename,
        sha256: &Digest,
    ) -> Result<Option<StoredWheel>, StoreError> {
        let folder = self.entry_folder(Part::Wheels, sha256);
        let found = entry::load(&folder, &filename.to_string(), sha256, |file| {
            judge(file, filename, &self.rules)
        })?;
        Ok(found.map(|(path, wheel)| StoredWheel {
            filename: filename.clone(),
            sha256: *sha256,
            path,
            wheel: Arc::new(wheel),
        }))
    }

    /// Verifies a wheel in full and takes it in.
    ///
    /// # Errors
    /// [`StoreError::Digest`] when it is not the file that was `expected`, [`StoreError::Refused`] when it does not pass.
    /// The store is unchanged then.
    pub fn admit_wheel(
        &self,
        incoming: Incoming,
        filename: &WheelFilename,
        expected: Expected<'_>,
    ) -> Result<StoredWheel, StoreError> {
        let arrived = incoming.finish()?;
        let name = filename.to_string();
        arrived.expect(&name, expected.sha256)?;
        let sha256 = arrived.sha256;
        let file = arrived.file.as_file();
        let wheel = judge(file, filename, &self.rules)?;
        if let Some(listed) = expected.metadata {
            wheel::check_listed(file, &wheel, filename, listed)?;
        }
        let folder = self.entry_folder(Part::Wheels, &sha256);
        let path = entry::save(arrived, &folder, &name, &wheel, self.scratch.path())?;
        Ok(StoredWheel {
            filename: filename.clone(),
            sha256,
            path,
            wheel: Arc::new(wheel),
        })
    }

    /// The snapshot that was taken under `key`, if it is here and unchanged.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn data(&self, key: &Digest) -> Result<Option<StoredData>, StoreError> {
        let folder = self.entry_folder(Part::Data, key);
        let judge = |file: &File| judge_data(file, &self.rules).map(|pack| Snapshot { pack });
        let judged = entry::load_any(&folder, SNAPSHOT, judge)?;
        Ok(judged.map(|(path, sha256, Snapshot { pack })| StoredData {
            path,
            sha256,
            pack: Arc::new(pack),
        }))
    }

    /// Verifies a snapshot and keeps it under `key`.
    ///
    /// # Errors
    /// [`StoreError`] when it does not pass or cannot be written.
    pub fn admit_data(&self, incoming: Incoming, key: &Digest) -> Result<StoredData, StoreError> {
        let arrived = incoming.finish()?;
        let sha256 = arrived.sha256;
        let snapshot = Snapshot {
            pack: judge_data(arrived.file.as_file(), &self.rules)?,
        };
        let folder = self.entry_folder(Part::Data, key);
        let path = entry::save(arrived, &folder, SNAPSHOT, &snapshot, self.scratch.path())?;
        Ok(StoredData {
            path,
            sha256,
            pack: Arc::new(snapshot.pack),
        })
    }

    fn entry_folder(&self, part: Part, digest: &Digest) -> PathBuf {
        let text = digest.to_string();
        self.root.join(part.name()).join(&text[..2]).join(text)
    }
}

fn judge(file: &File, filename: &WheelFilename, rules: &Rules) -> Result<Wheel, StoreError> {
    wheel::verify(file, filename, rules).map_err(StoreError::from)
}

fn judge_data(file: &File, rules: &Rules) -> Result<Pack, StoreError> {
    let rules = Rules {
        entries: rules.entries,
        total: rules.total,
        ..Rules::snapshot()
    };
    zip::verify(file, &rules).map_err(StoreError::snapshot)
}

/// Name of the file that every user holds locked.
const LOCK: &str = "lock";

/// The name of every snapshot's container inside its folder.
const SNAPSHOT: &str = "snapshot.zip";

#[cfg(test)]
mod tests;
