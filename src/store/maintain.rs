//! Looking after a store: what is in it, whether it is still what was verified, and throwing away what nobody needs.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::digest::Digest;
use crate::wheel::WheelFilename;

use super::entry::{self, Snapshot};
use super::{Store, StoreError};

/// How much lies in each part of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoreInfo {
    /// Its folder.
    pub root: PathBuf,
    /// Parts: name, number of entries, bytes.
    pub parts: Vec<(String, u64, u64)>,
}

/// What a check of the whole store found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Verified {
    /// Number of wheels and snapshots that were read again and are what they were.
    pub good: u64,
    /// File names of wheels, and snapshots, that are no longer what was verified; they have been removed.
    pub removed: Vec<String>,
}

/// What pruning leaves in place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keep {
    /// Digests of wheels and keys of snapshots.
    pub digests: BTreeSet<Digest>,
    /// Sources whose built wheels stay, as [`super::BuiltRecord::source`] names them.
    pub sources: BTreeSet<String>,
}

/// What pruning removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Pruned {
    /// Number of entries.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Store {
    /// Counts what is in the store.
    ///
    /// # Errors
    /// [`StoreError::Io`] when a folder cannot be read.
    pub fn info(&self) -> Result<StoreInfo, StoreError> {
        let mut parts = Vec::new();
        for part in [
            "wheels", "data", "built", "derived", "git", "uv", "uv-cache",
        ] {
            let folder = self.root.join(part);
            let depth = if matches!(part, "git" | "uv" | "uv-cache") {
                1
            } else {
                2
            };
            let mut entries = Vec::new();
            at_depth(&folder, depth, &mut entries).map_err(StoreError::io("read", &folder))?;
            let bytes = size_below(&folder).map_err(StoreError::io("read", &folder))?;
            parts.push((part.to_owned(), entries.len() as u64, bytes));
        }
        Ok(StoreInfo {
            root: self.root.clone(),
            parts,
        })
    }

    /// Reads every wheel and snapshot again in full: its digest, and all checks of today's verifier. Removes what does not
    /// pass.
    ///
    /// # Errors
    /// [`StoreError::Io`] when something cannot be read, which is no reason to remove it, or an entry cannot be removed.
    pub fn verify(&self) -> Result<Verified, StoreError> {
        let mut verified = Verified::default();
        let wheels = self.entries("wheels")?.into_iter();
        let snapshots = self.entries("data")?.into_iter();
        let checks = wheels
            .map(|folder| (self.check_wheel(&folder), folder))
            .chain(snapshots.map(|folder| (self.check_snapshot(&folder), folder)));
        self.verify_derived(&mut verified)?;
        for (checked, folder) in checks {
            match checked? {
                Check::Good => verified.good += 1,
                Check::Bad(name) => {
                    fs::remove_dir_all(&folder).map_err(StoreError::io("remove", &folder))?;
                    verified.removed.push(name);
                }
            }
        }
        Ok(verified)
    }

    fn check_wheel(&self, folder: &Path) -> Result<Check, StoreError> {
        let Some(path) = wheel_in(folder).map_err(StoreError::io("read", folder))? else {
            return Ok(Check::Bad(folder.display().to_string()));
        };
        let name = file_name(&path);
        let expected = file_name(folder).parse::<Digest>().ok();
        let (file, found) = digest(&path)?;
        let (Ok(filename), true) = (name.parse::<WheelFilename>(), expected == Some(found)) else {
            return Ok(Check::Bad(name));
        };
        Check::of(name, self.judge(&file, &filename).map(drop))
    }

    /// What was made of wheels is made again when it is missing, so damage is removed and told like any other.
    fn verify_derived(&self, verified: &mut Verified) -> Result<(), StoreError> {
        let folder = self.root.join(super::derived::DERIVED);
        let mut found = Vec::new();
        at_depth(&folder, 3, &mut found).map_err(StoreError::io("read", &folder))?;
        for folder in found {
            let path = folder.join(super::derived::CONTENT);
            let expected = entry::judged_digest(&folder).filter(|_| path.is_file());
            let same = match expected {
                Some(expected) => digest(&path)?.1 == expected,
                None => false,
            };
            if same {
                verified.good += 1;
            } else {
                fs::remove_dir_all(&folder).map_err(StoreError::io("remove", &folder))?;
                verified
                    .removed
                    .push(format!("what was made of a wheel: {}", file_name(&folder)));
            }
        }
        Ok(())
    }

    /// A snapshot's folder is named by what it was taken of, so its digest is in its verdict alone.
    fn check_snapshot(&self, folder: &Path) -> Result<Check, StoreError> {
        let name = format!("the snapshot {}", file_name(folder));
        let path = folder.join(super::SNAPSHOT);
        let Some(expected) = entry::judged::<Snapshot>(folder).filter(|_| path.is_file()) else {
            return Ok(Check::Bad(name));
        };
        let (file, found) = digest(&path)?;
        if found != expected {
            return Ok(Check::Bad(name));
        }
        Check::of(name, self.judge_data(&file).map(drop))
    }

    /// Removes every wheel and snapshot but those that `keep` names, and lists of built wheels that have gone. Mirrors and
    /// uv's cache are removed when `caches` is set.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when another process uses the store; [`StoreError::Io`] when something cannot be removed.
    pub fn prune(self, keep: &Keep, caches: bool) -> Result<Pruned, StoreError> {
        let path = self.root.join("lock");
        let own = File::open(&path).map_err(StoreError::io("open", &path))?;
        // Our own shared lock is given up first, else it would be the one that is in the way.
        self._lock
            .unlock()
            .map_err(StoreError::io("unlock", &path))?;
        match own.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Busy(self.root.clone())),
            Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", &path)(error)),
        }
        let mut pruned = Pruned::default();
        let mut digests = keep.digests.clone();
        for list in self.entries("built")? {
            let bytes = fs::read(&list).unwrap_or_default();
            let built: super::BuiltWheels = serde_json::from_slice(&bytes).unwrap_or_default();
            let kept = |wheel: &&super::BuiltRecord| keep.sources.contains(&wheel.source);
            let kept: Vec<Digest> = built.wheels.iter().filter(kept).map(|w| w.sha256).collect();
            if kept.is_empty() {
                remove(&list, &mut pruned)?;
            }
            digests.extend(kept);
        }
        for part in ["wheels", "data", super::derived::DERIVED] {
            for folder in self.entries(part)? {
                let name = folder.file_name().and_then(|name| name.to_str());
                let digest = name.and_then(|name| name.parse::<Digest>().ok());
                if !digest.is_some_and(|digest| digests.contains(&digest)) {
                    remove(&folder, &mut pruned)?;
                }
            }
        }
        if caches {
            for part in ["git", "uv-cache"] {
                let folder = self.root.join(part);
                if folder.exists() {
                    remove(&folder, &mut pruned)?;
                }
            }
        }
        Ok(pruned)
    }

    fn entries(&self, part: &str) -> Result<Vec<PathBuf>, StoreError> {
        let folder = self.root.join(part);
        let mut found = Vec::new();
        at_depth(&folder, 2, &mut found).map_err(StoreError::io("read", &folder))?;
        found.sort();
        Ok(found)
    }
}

/// What became of one entry.
enum Check {
    Good,
    /// Its name: it is not what it was, or does not pass any more.
    Bad(String),
}

impl Check {
    fn of(name: String, judged: Result<(), StoreError>) -> Result<Self, StoreError> {
        match judged {
            Ok(()) => Ok(Self::Good),
            Err(error) if error.is_refusal() => Ok(Self::Bad(name)),
            Err(error) => Err(error),
        }
    }
}

fn digest(path: &Path) -> Result<(File, Digest), StoreError> {
    let mut file = File::open(path).map_err(StoreError::io("open", path))?;
    let (found, _) = Digest::of_reader(&mut file).map_err(StoreError::io("read", path))?;
    Ok((file, found))
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn wheel_in(folder: &Path) -> io::Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "whl") {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn remove(path: &Path, pruned: &mut Pruned) -> Result<(), StoreError> {
    pruned.bytes += size_below(path).map_err(StoreError::io("read", path))?;
    pruned.entries += 1;
    if path.is_dir() {
        fs::remove_dir_all(path).map_err(StoreError::io("remove", path))
    } else {
        fs::remove_file(path).map_err(StoreError::io("remove", path))
    }
}

/// What lies `depth` folders below `folder`; nothing when it does not exist.
fn at_depth(folder: &Path, depth: u32, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        if depth <= 1 {
            found.push(path);
        } else if path.is_dir() {
            at_depth(&path, depth - 1, found)?;
        }
    }
    Ok(())
}

/// Bytes on disk below `path`, links not followed.
fn size_below(path: &Path) -> io::Result<u64> {
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    if !meta.is_dir() {
        return Ok(meta.size());
    }
    let mut total = 0;
    for entry in fs::read_dir(path)? {
        total += size_below(&entry?.path())?;
    }
    Ok(total)
}
