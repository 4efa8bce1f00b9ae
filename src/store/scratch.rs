//! A folder for one process's unfinished files, which the next process sweeps away if its owner was killed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::StoreError;

/// Name of the file in each scratch folder whose lock says that its owner lives.
const ALIVE: &str = ".alive";

/// This process's folder below `tmp/`; removed when dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    _alive: File,
}

impl Scratch {
    /// Makes a folder below `parent` and removes those of processes that are gone.
    pub(super) fn new(parent: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(parent).map_err(StoreError::io("make", parent))?;
        // One at a time, so that nobody sweeps a folder between its making and its locking.
        let turnstile = lock_file(&parent.join(".turnstile"))?;
        turnstile
            .lock()
            .map_err(StoreError::io("lock", &parent.join(".turnstile")))?;
        sweep(parent);
        let folder = tempfile::Builder::new()
            .prefix("run-")
            .tempdir_in(parent)
            .map_err(StoreError::io("make a folder in", parent))?;
        let alive = lock_file(&folder.path().join(ALIVE))?;
        alive
            .lock()
            .map_err(StoreError::io("lock", folder.path()))?;
        Ok(Self {
            path: folder.keep(),
            _alive: alive,
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
        let _ = fs::remove_dir_all(&self.path);
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
        if !folder.is_dir() {
            continue;
        }
        let orphaned = match File::open(folder.join(ALIVE)) {
            Ok(alive) => alive.try_lock().is_ok(),
            Err(_) => true,
        };
        if orphaned {
            let _ = fs::remove_dir_all(&folder);
        }
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
        let another = Scratch::new(parent.path()).unwrap();
        assert!(!dead.exists());
        assert!(living.path().exists());
        let path = another.path().to_owned();
        drop(another);
        assert!(!path.exists());
    }
}
