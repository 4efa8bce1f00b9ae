//! Looking after a store: what is in it, whether it is still what was verified, and throwing away what nobody needs.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use pannier_archive::limited;
use pannier_archive::wheel::WheelFilename;
use pannier_archive::zip::Rules;
use pannier_base::class::{Class, Classify};
use pannier_base::digest::Digest;

use super::entry::{self, Snapshot};
use super::layout::{self, Part};
use super::marker::{self, Found};
use super::{LOCK, StoreError, judge, judge_data};

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

/// A store that is looked after: nothing enters it.
#[derive(Debug, Clone)]
pub struct Maintenance {
    root: PathBuf,
    found: Found,
    rules: Rules,
}

impl Maintenance {
    /// Looks at the store at `root`, which may be missing or empty. Makes and changes nothing.
    ///
    /// # Errors
    /// [`StoreError::NotAStore`] when the folder holds something else.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let found = marker::look(root)?;
        Ok(Self {
            root: root.canonicalize().unwrap_or_else(|_| root.to_owned()),
            found,
            rules: Rules::default(),
        })
    }

    /// Keeps `prune` out while the result lives; `None` where there is no lock yet.
    fn shared(&self) -> Result<Option<File>, StoreError> {
        let path = self.root.join(LOCK);
        let lock = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(StoreError::io("open", &path))?,
        };
        lock.lock_shared().map_err(StoreError::io("lock", &path))?;
        Ok(Some(lock))
    }

    /// Counts what is in the store.
    ///
    /// # Errors
    /// [`StoreError::Io`] when a folder cannot be read.
    pub fn info(&self) -> Result<StoreInfo, StoreError> {
        let _lock = self.shared()?;
        let mut parts = Vec::new();
        for part in Part::ALL {
            let folder = self.root.join(part.name());
            let read = StoreError::io("read", &folder);
            let counted = match part.has_digests() {
                true => layout::entries(&self.root, part).map(|found| found.len() as u64),
                false => layout::count(&self.root, part),
            };
            let counted = counted.and_then(|count| Ok((count, size_below(&folder)?)));
            let (count, bytes) = counted.map_err(read)?;
            parts.push((part.name().to_owned(), count, bytes));
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
        let _lock = self.shared()?;
        let mut verified = Verified::default();
        let wheels = self.entries(Part::Wheels)?.into_iter();
        let snapshots = self.entries(Part::Data)?.into_iter();
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
        Check::of(name, judge(&file, &filename, &self.rules).map(drop))
    }

    /// What was made of wheels is made again when it is missing, so damage is removed and told like any other.
    fn verify_derived(&self, verified: &mut Verified) -> Result<(), StoreError> {
        for entry in self.entries(Part::Derived)? {
            let folders = layout::derived(&entry).map_err(StoreError::io("read", &entry))?;
            for folder in folders {
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
                    let name = format!("what was made of a wheel: {}", file_name(&folder));
                    verified.removed.push(name);
                }
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
        Check::of(name, judge_data(&file, &self.rules).map(drop))
    }

    /// Removes every wheel and snapshot but those that `keep` names, and lists of built wheels that have gone. Mirrors and
    /// uv's cache are removed when `caches` is set. Files that a store does not have stay.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when another process uses the store; [`StoreError::Io`] when something cannot be removed.
    pub fn prune(self, keep: &Keep, caches: bool) -> Result<Pruned, StoreError> {
        let mut pruned = Pruned::default();
        match self.found {
            Found::Nothing => return Ok(pruned),
            Found::Unmarked => marker::mark(&self.root)?,
            Found::Marked => {}
        }
        let _lock = self.alone()?;
        let mut digests = keep.digests.clone();
        for list in self.entries(Part::Built)? {
            let bytes = limited::read(&list, limited::LIST).unwrap_or_default();
            let built: super::BuiltWheels = serde_json::from_slice(&bytes).unwrap_or_default();
            let kept = |wheel: &&super::BuiltRecord| keep.sources.contains(&wheel.source);
            let kept: Vec<Digest> = built.wheels.iter().filter(kept).map(|w| w.sha256).collect();
            if kept.is_empty() {
                remove(&list, &mut pruned)?;
            }
            digests.extend(kept);
        }
        for part in [Part::Wheels, Part::Data, Part::Derived] {
            for folder in self.entries(part)? {
                let digest = file_name(&folder).parse::<Digest>();
                if !digest.is_ok_and(|digest| digests.contains(&digest)) {
                    remove(&folder, &mut pruned)?;
                }
            }
        }
        for part in [Part::Git, Part::UvCache].into_iter().filter(|_| caches) {
            let folder = self.root.join(part.name());
            if folder.symlink_metadata().is_ok() {
                remove(&folder, &mut pruned)?;
            }
        }
        Ok(pruned)
    }

    /// The lock that nobody else holds.
    fn alone(&self) -> Result<File, StoreError> {
        let path = self.root.join(LOCK);
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(StoreError::io("open", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(StoreError::Busy(self.root.clone())),
            Err(TryLockError::Error(error)) => Err(StoreError::io("lock", &path)(error)),
        }
    }

    fn entries(&self, part: Part) -> Result<Vec<PathBuf>, StoreError> {
        let folder = self.root.join(part.name());
        layout::entries(&self.root, part).map_err(StoreError::io("read", &folder))
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
            Err(error) if error.class() == Class::Refused => Ok(Self::Bad(name)),
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
    // A link goes, and what it leads to stays.
    match fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir()) {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    }
    .map_err(StoreError::io("remove", path))
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
