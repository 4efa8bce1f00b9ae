//! Folders that must go when this process is ended from outside before it can clean up: scratch folders and unfinished trees.
//!
//! The list belongs to the process, because a signal ends all of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

static FOLDERS: Mutex<BTreeMap<PathBuf, usize>> = Mutex::new(BTreeMap::new());

/// How long threads that still write may put new files into a folder that is being removed.
const PATIENCE: Duration = Duration::from_millis(300);

/// A folder on the list, until this is dropped.
#[derive(Debug)]
pub struct Listed(PathBuf);

/// A temporary folder that is on the list.
#[derive(Debug)]
pub struct Temporary {
    listed: Listed,
    folder: TempDir,
}

impl From<TempDir> for Temporary {
    fn from(folder: TempDir) -> Self {
        Self {
            listed: list(folder.path()),
            folder,
        }
    }
}

impl Temporary {
    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes the folder from the list and keeps it.
    #[must_use]
    pub fn keep(self) -> PathBuf {
        drop(self.listed);
        self.folder.keep()
    }
}

/// Puts a folder on the list. Whoever made it removes it as usual.
#[must_use]
pub fn list(folder: &Path) -> Listed {
    *folders().entry(folder.to_owned()).or_default() += 1;
    Listed(folder.to_owned())
}

/// Removes all folders on the list. Call it only right before the process ends: they may be in use.
pub fn clean() {
    let folders: Vec<PathBuf> = folders().keys().cloned().collect();
    let end = Instant::now() + PATIENCE;
    for folder in folders {
        // Something new may appear in it while it is removed.
        while fs::remove_dir_all(&folder).is_err() && folder.exists() && Instant::now() < end {
            std::thread::yield_now();
        }
    }
}

fn folders() -> MutexGuard<'static, BTreeMap<PathBuf, usize>> {
    FOLDERS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut folders = folders();
        if let Some(count) = folders.get_mut(&self.0) {
            *count -= 1;
            if *count == 0 {
                folders.remove(&self.0);
            }
        }
    }
}
