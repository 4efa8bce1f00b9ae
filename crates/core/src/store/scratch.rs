//! A folder for one process's unfinished files, which the next process sweeps away if its owner was killed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use pannier_archive::abort::{self, Listed};
use pannier_archive::atomic::remove_folder;

use super::StoreError;

/// Name of the file in each scratch folder whose lock says that its owner lives.
const ALIVE: &str = ".alive";

/// How the names of scratch folders begin.
const PREFIX: &str = "run-";

/// This process's folder below `tmp/`; removed when dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    _alive: File,
    _listed: Listed,
}

impl Scratch {
    /// Makes a folder below `parent` and removes those of processes that are gone.
    pub(super) fn new(parent: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(parent).map_err(StoreError::io("create", parent))?;
        // One at a time, so that nobody sweeps a folder between its making and its locking.
        let turnstile = lock_file(&parent.join(".turnstile"))?;
        turnstile
            .lock()
            .map_err(StoreError::io("lock", &parent.join(".turnstile")))?;
        sweep(parent);
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(parent)
            .map_err(StoreError::io("create a folder in", parent))?;
        let alive = lock_file(&folder.path().join(ALIVE))?;
        alive
            .lock()
            .map_err(StoreError::io("lock", folder.path()))?;
        let path = folder.keep();
        Ok(Self {
            _listed: abort::list(&path),
            _alive: alive,
            path,
        })
    }

    /// The folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is swept by the next run.
        let _ = remove_folder(&self.path, ALIVE);
    }
}

fn lock_file(path: &Path) -> Result<File, StoreError> {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(StoreError::io("open", path))
}

/// Removes the folders whose owner no longer holds its lock. A failure leaves them for the next sweep.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let folder = entry.path();
        let named = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if !named || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let _ = match File::open(folder.join(ALIVE)) {
            Ok(alive) if alive.try_lock().is_ok() => remove_folder(&folder, ALIVE),
            // Its owner was killed before it put anything there, or it is someone else's.
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::remove_dir(&folder),
            _ => Ok(()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_owners_folder_is_swept_and_a_living_ones_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let living = Scratch::new(parent.path()).unwrap();
        let dead = parent.path().join("run-dead");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(ALIVE), "").unwrap();
        fs::write(dead.join("half.whl"), "x").unwrap();
        // Killed before it had its file.
        let early = parent.path().join("run-early");
        fs::create_dir(&early).unwrap();
        let foreign = ["mine", "run-mine"].map(|name| parent.path().join(name));
        for folder in &foreign {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("file"), "x").unwrap();
        }
        let another = Scratch::new(parent.path()).unwrap();
        assert!(!dead.exists() && !early.exists());
        assert!(foreign.iter().all(|folder| folder.join("file").exists()));
        assert!(living.path().exists());
        let path = another.path().to_owned();
        drop(another);
        assert!(!path.exists());
    }
}
