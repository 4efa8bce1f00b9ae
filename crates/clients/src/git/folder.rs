//! A local folder as a snapshot: the rules of repositories without the repository.
//!
//! `.git` is left out at every level, links are kept as links, folders are kept where they are empty. Refuses sockets,
//! devices, pipes and names that are not UTF-8.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::error::GitError;
use super::lfs::{self, LfsPointers};
use pannier_archive::zip;
use pannier_base::digest::{Digest, Hasher};

struct Item {
    path: String,
    kind: ItemKind,
}

enum ItemKind {
    File { executable: bool },
    Symlink { target: String },
    EmptyFolder,
}

/// Writes a folder into `out`, sorted by path; gives the LFS pointers in it.
///
/// # Errors
/// [`GitError`] on what cannot be read or shipped.
pub fn snapshot_folder(
    folder: &Path,
    out: &mut zip::Writer<File>,
) -> Result<LfsPointers, GitError> {
    let mut pointers = LfsPointers::default();
    walk(folder, &mut |item| {
        let full = folder.join(&item.path);
        let written = match &item.kind {
            ItemKind::EmptyFolder => out.directory(&item.path),
            ItemKind::Symlink { target } => out.symlink(&item.path, target),
            ItemKind::File { executable } => {
                let mut file = File::open(&full).map_err(GitError::io("reading", &full))?;
                let mut start = Vec::new();
                let read = file
                    .by_ref()
                    .take(lfs::LONGEST as u64)
                    .read_to_end(&mut start);
                read.map_err(GitError::io("reading", &full))?;
                pointers.look_at(&item.path, &start);
                out.file(&item.path, *executable, &mut start.chain(file))
            }
        };
        let place = || folder.display().to_string();
        written.map_err(GitError::snapshot(place, &item.path))
    })?;
    Ok(pointers)
}

/// A digest of everything that a snapshot of the folder would hold: paths, kinds, execute bits, links, content.
///
/// # Errors
/// [`GitError`] on what cannot be read or shipped.
pub fn folder_digest(folder: &Path) -> Result<Digest, GitError> {
    let mut hasher = Hasher::default();
    walk(folder, &mut |item| {
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
        Ok(())
    })?;
    Ok(hasher.finish())
}

/// Tells everything in the folder, sorted by path. What is held is one folder's names on each level; it goes down without
/// calling itself, for folders may be very deep.
fn walk(root: &Path, tell: &mut dyn FnMut(Item) -> Result<(), GitError>) -> Result<(), GitError> {
    let mut levels = vec![sorted(root, "")?.into_iter()];
    while let Some(level) = levels.last_mut() {
        match level.next() {
            None => drop(levels.pop()),
            Some(found) if found.is_folder => {
                levels.push(sorted(root, &found.path)?.into_iter());
            }
            Some(found) => tell(item(root, found.path)?)?,
        }
    }
    Ok(())
}

/// What stands in a folder, in the order in which its paths and those below it are sorted.
struct Sorted {
    /// What the paths of it and below it begin with.
    key: String,
    path: String,
    /// Whether there is something in it.
    is_folder: bool,
}

fn sorted(root: &Path, folder: &str) -> Result<Vec<Sorted>, GitError> {
    let mut found = Vec::new();
    for entry in entries(&root.join(folder))? {
        let entry = entry?;
        let name = entry.file_name().into_string();
        let name = name.map_err(|_| refuse(root, &entry.path(), "a name that is not UTF-8"))?;
        let path = match folder {
            "" => name,
            _ => format!("{folder}/{name}"),
        };
        let kind = entry.file_type();
        let kind = kind.map_err(GitError::io("reading", &entry.path()))?;
        let is_folder = kind.is_dir() && entries(&entry.path())?.next().is_some();
        found.push(Sorted {
            key: format!("{path}{}", if is_folder { "/" } else { "" }),
            path,
            is_folder,
        });
    }
    found.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    Ok(found)
}

/// What stands in a folder but `.git`.
fn entries(
    folder: &Path,
) -> Result<impl Iterator<Item = Result<fs::DirEntry, GitError>>, GitError> {
    let entries = fs::read_dir(folder).map_err(GitError::io("reading", folder))?;
    let wanted = entries.filter(|entry| !matches!(entry, Ok(entry) if entry.file_name() == ".git"));
    Ok(wanted.map(move |entry| entry.map_err(GitError::io("reading", folder))))
}

/// What stands at `path`, which is no folder with anything in it.
fn item(root: &Path, path: String) -> Result<Item, GitError> {
    let full = root.join(&path);
    let metadata = full.symlink_metadata();
    let metadata = metadata.map_err(GitError::io("reading", &full))?;
    let kind = if metadata.is_dir() {
        ItemKind::EmptyFolder
    } else if metadata.is_symlink() {
        let target = fs::read_link(&full).map_err(GitError::io("reading", &full))?;
        let target = target.into_os_string().into_string();
        ItemKind::Symlink {
            target: target.map_err(|_| refuse(root, &full, "a link that is not UTF-8"))?,
        }
    } else if metadata.is_file() {
        ItemKind::File {
            executable: is_executable(&metadata),
        }
    } else {
        return Err(refuse(root, &full, "a socket, pipe or device"));
    };
    Ok(Item { path, kind })
}

fn refuse(root: &Path, path: &Path, problem: &'static str) -> GitError {
    GitError::Unshippable {
        place: root.display().to_string(),
        path: path.display().to_string(),
        problem,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_comes_in_the_order_of_its_path() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["a/b", "a-", "a/b.d/empty", "a/.git/x", "none/.git", "b"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        for file in ["a.b", "a/b/c", "a/b-", "a/b0", "a0", "b/.git", "B"] {
            fs::write(root.path().join(file), "").unwrap();
        }
        let mut paths = Vec::new();
        walk(root.path(), &mut |item| {
            paths.push(item.path);
            Ok(())
        })
        .unwrap();
        let mut expected = [
            "a-",
            "a.b",
            "a/b-",
            "a/b.d/empty",
            "a/b/c",
            "a/b0",
            "a0",
            "B",
            "b",
            "none",
        ];
        expected.sort_unstable();
        assert_eq!(paths, expected);
    }
}
