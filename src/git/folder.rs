//! A local folder as a snapshot: the rules of repositories without the repository.
//!
//! `.git` is left out at every level, links are kept as links, folders are kept where they are empty. Refuses sockets,
//! devices, pipes and names that are not UTF-8.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::error::GitError;
use super::snapshot::is_lfs_pointer;
use crate::digest::{Digest, Hasher};
use crate::zip;

struct Item {
    path: String,
    kind: ItemKind,
}

enum ItemKind {
    File { executable: bool },
    Symlink { target: String },
    EmptyFolder,
}

/// Writes a folder into `out`, sorted by path; gives the paths of LFS pointers in it.
///
/// # Errors
/// [`GitError`] on what cannot be read or shipped.
pub fn snapshot_folder(
    folder: &Path,
    out: &mut zip::Writer<File>,
) -> Result<Vec<String>, GitError> {
    let mut pointers = Vec::new();
    for item in items(folder)? {
        let full = folder.join(&item.path);
        let written = match &item.kind {
            ItemKind::EmptyFolder => out.directory(&item.path),
            ItemKind::Symlink { target } => out.symlink(&item.path, target),
            ItemKind::File { executable } => {
                let mut file = File::open(&full).map_err(GitError::io("reading", &full))?;
                let mut start = Vec::new();
                let read = file.by_ref().take(1024).read_to_end(&mut start);
                read.map_err(GitError::io("reading", &full))?;
                if is_lfs_pointer(&start) {
                    pointers.push(item.path.clone());
                }
                out.file(&item.path, *executable, &mut start.chain(file))
            }
        };
        let place = || folder.display().to_string();
        written.map_err(GitError::snapshot(place, &item.path))?;
    }
    Ok(pointers)
}

/// A digest of everything that a snapshot of the folder would hold: paths, kinds, execute bits, links, content.
///
/// # Errors
/// [`GitError`] on what cannot be read or shipped.
pub fn folder_digest(folder: &Path) -> Result<Digest, GitError> {
    let mut hasher = Hasher::default();
    for item in items(folder)? {
        hasher.field(item.path.as_bytes());
        match &item.kind {
            ItemKind::EmptyFolder => hasher.field(b"folder"),
            ItemKind::Symlink { target } => {
                hasher.field(b"symlink");
                hasher.field(target.as_bytes());
            }
            ItemKind::File { executable } => {
                hasher.field(if *executable { b"executable" } else { b"file" });
                let full = folder.join(&item.path);
                let digest = File::open(&full).and_then(|mut file| Digest::of_reader(&mut file));
                let (digest, _) = digest.map_err(GitError::io("reading", &full))?;
                hasher.field(digest.as_bytes());
            }
        }
    }
    Ok(hasher.finish())
}

fn items(folder: &Path) -> Result<Vec<Item>, GitError> {
    let mut items = Vec::new();
    collect(folder, "", &mut items)?;
    items.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(items)
}

fn collect(root: &Path, folder: &str, items: &mut Vec<Item>) -> Result<(), GitError> {
    let full = root.join(folder);
    let failed = || GitError::io("reading", &full);
    let mut found = false;
    for entry in fs::read_dir(&full).map_err(failed())? {
        let entry = entry.map_err(failed())?;
        if entry.file_name() == ".git" {
            continue;
        }
        found = true;
        let refuse = |problem| GitError::Unshippable {
            place: root.display().to_string(),
            path: entry.path().display().to_string(),
            problem,
        };
        let name = entry.file_name().into_string();
        let name = name.map_err(|_| refuse("a name that is not UTF-8"))?;
        let path = if folder.is_empty() {
            name
        } else {
            format!("{folder}/{name}")
        };
        let metadata = entry.metadata().map_err(failed())?;
        let kind = if metadata.is_dir() {
            collect(root, &path, items)?;
            continue;
        } else if metadata.is_symlink() {
            let target = fs::read_link(entry.path()).map_err(failed())?;
            let target = target.into_os_string().into_string();
            ItemKind::Symlink {
                target: target.map_err(|_| refuse("a link that is not UTF-8"))?,
            }
        } else if metadata.is_file() {
            ItemKind::File {
                executable: is_executable(&metadata),
            }
        } else {
            return Err(refuse("a socket, pipe or device"));
        };
        items.push(Item { path, kind });
    }
    if !found && !folder.is_empty() {
        items.push(Item {
            path: folder.to_owned(),
            kind: ItemKind::EmptyFolder,
        });
    }
    Ok(())
}

#[cfg(unix)]
fn is_executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_metadata: &fs::Metadata) -> bool {
    false
}
