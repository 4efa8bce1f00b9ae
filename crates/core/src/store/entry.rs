//! One folder of the store: a file and the verdict on it, put in place together by one rename.
//!
//! A verdict is bound to the file by digest and by the file's identity (size, time, inode): as long as the identity is the
//! same the file is not read again; when it differs the file is hashed again before the verdict counts.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use pannier_archive::entries::Pack;
use pannier_archive::limited;
use pannier_archive::wheel::Wheel;
use pannier_base::digest::{Digest, Hasher};

use super::StoreError;
use super::incoming::Arrived;

/// Raised whenever the checks of `zip` or `wheel`, or the shape of their result, change: older verdicts no longer count.
const VERIFIER: u32 = 3;

/// Name of the file that holds the verdict.
const VERDICT: &str = "verdict";

/// What was found out about a file: a value, and the bytes of its table of contents behind it.
pub(super) trait Found: Serialize + DeserializeOwned {
    /// The bytes.
    fn bytes(&self) -> Vec<u8> {
        Vec::new()
    }

    /// The value with its bytes; `None` when they do not belong to it.
    fn with(self, bytes: &[u8]) -> Option<Self> {
        bytes.is_empty().then_some(self)
    }
}

impl Found for Wheel {
    fn bytes(&self) -> Vec<u8> {
        self.pack.to_bytes()
    }

    fn with(mut self, bytes: &[u8]) -> Option<Self> {
        self.pack = Pack::from_bytes(bytes).ok()?;
        Some(self)
    }
}

/// What was found out about the snapshot of a data project.
#[derive(Serialize, Deserialize)]
pub(super) struct Snapshot {
    /// Its table of contents.
    #[serde(skip)]
    pub(super) pack: Pack,
}

impl Found for Snapshot {
    fn bytes(&self) -> Vec<u8> {
        self.pack.to_bytes()
    }

    fn with(self, bytes: &[u8]) -> Option<Self> {
        let pack = Pack::from_bytes(bytes).ok()?;
        Some(Self { pack })
    }
}

/// What is kept next to a verified file, before the bytes of the result.
#[derive(Serialize, Deserialize)]
struct Verdict<T> {
    identity: Identity,
    sha256: Digest,
    found: T,
}

/// What changes when a file is replaced or written to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    inode: u64,
}

impl Identity {
    fn of(file: &File) -> io::Result<Self> {
        let meta = file.metadata()?;
        Ok(Self {
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
            inode: meta.ino(),
        })
    }
}

/// Loads the entry at `folder` if it is the file of digest `sha256`.
pub(super) fn load<T: Found>(
    folder: &Path,
    name: &str,
    sha256: &Digest,
    judge: impl FnOnce(&File) -> Result<T, StoreError>,
) -> Result<Option<(PathBuf, T)>, StoreError> {
    let found = load_any(folder, name, judge)?;
    Ok(found
        .filter(|(_, digest, _)| digest == sha256)
        .map(|(path, _, found)| (path, found)))
}

/// Loads the entry at `folder`, whatever its digest.
///
/// Where the file's identity is no longer the one that was judged, its bytes are hashed: the same bytes keep their verdict,
/// other bytes are removed. A file without a verdict that counts is judged again if its folder is named by its digest, else
/// removed.
pub(super) fn load_any<T: Found>(
    folder: &Path,
    name: &str,
    judge: impl FnOnce(&File) -> Result<T, StoreError>,
) -> Result<Option<(PathBuf, Digest, T)>, StoreError> {
    let path = folder.join(name);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("open", &path)(error)),
    };
    let identity = Identity::of(&file).map_err(StoreError::io("read", &path))?;
    let verdict = match read_verdict::<T>(folder) {
        Some(verdict) if verdict.identity == identity => {
            return Ok(Some((path, verdict.sha256, verdict.found)));
        }
        verdict => verdict,
    };
    let (sha256, _) = Digest::of_reader(&mut file).map_err(StoreError::io("read", &path))?;
    let found = match verdict {
        Some(verdict) if verdict.sha256 == sha256 => verdict.found,
        None if is_named(folder, &sha256) => judge(&file)?,
        _ => {
            fs::remove_dir_all(folder).map_err(StoreError::io("remove", folder))?;
            return Ok(None);
        }
    };
    let verdict = Verdict {
        identity,
        sha256,
        found,
    };
    // Failing to renew it costs the next reader a hash, nothing else.
    let _ = write_verdict(folder, &verdict, &verdict.found.bytes());
    Ok(Some((path, sha256, verdict.found)))
}

/// Puts a judged file and its verdict in place; another process that was faster wins, its entry being the same.
pub(super) fn save<T: Found>(
    arrived: Arrived,
    folder: &Path,
    name: &str,
    found: &T,
    scratch: &Path,
) -> Result<PathBuf, StoreError> {
    let path = folder.join(name);
    let staged = tempfile::Builder::new()
        .prefix("entry-")
        .tempdir_in(scratch)
        .map_err(StoreError::io("create a folder in", scratch))?;
    let file = arrived
        .file
        .persist(staged.path().join(name))
        .map_err(|error| StoreError::io("write", &path)(error.error))?;
    let identity = Identity::of(&file).map_err(StoreError::io("read", &path))?;
    let verdict = Verdict {
        identity,
        sha256: arrived.sha256,
        found,
    };
    write_verdict(staged.path(), &verdict, &found.bytes())
        .map_err(StoreError::io("write", &path))?;
    let parent = folder.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(StoreError::io("create", parent))?;
    put_in_place(staged.path(), folder, name).map_err(StoreError::io("write", folder))?;
    Ok(path)
}

/// Renames the staged folder to its final name; where an entry stands already it stays, unless it lacks its file.
fn put_in_place(staged: &Path, folder: &Path, name: &str) -> io::Result<()> {
    match fs::rename(staged, folder) {
        Err(_) if folder.join(name).exists() => Ok(()),
        Err(_) if folder.exists() => {
            fs::remove_dir_all(folder)?;
            fs::rename(staged, folder)
        }
        done => done,
    }
}

fn is_named(folder: &Path, sha256: &Digest) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.and_then(|name| name.parse::<Digest>().ok()).as_ref() == Some(sha256)
}

/// The digest of the file that was judged in `folder`; `None` when no verdict on it counts.
pub(super) fn judged<T: Found>(folder: &Path) -> Option<Digest> {
    read_verdict::<T>(folder).map(|verdict| verdict.sha256)
}

/// The digest of the file in `folder`, whatever was noted of it.
pub(super) fn judged_digest(folder: &Path) -> Option<Digest> {
    let bytes = limited::read(&folder.join(VERDICT), limited::STORE).ok()?;
    let (head, body) = bytes.split_at_checked(36)?;
    if head[..4] != VERIFIER.to_le_bytes() || head[4..] != *Digest::of(body).as_bytes() {
        return None;
    }
    let (_, rest) = postcard::take_from_bytes::<Identity>(body).ok()?;
    postcard::take_from_bytes::<Digest>(rest)
        .ok()
        .map(|(digest, _)| digest)
}

/// The result next to a file; `None` when there is none, or it is from another verifier, or it is damaged.
fn read_verdict<T: Found>(folder: &Path) -> Option<Verdict<T>> {
    let bytes = limited::read(&folder.join(VERDICT), limited::STORE).ok()?;
    let (head, body) = bytes.split_at_checked(36)?;
    let counts = head[..4] == VERIFIER.to_le_bytes() && head[4..] == *Digest::of(body).as_bytes();
    if !counts {
        return None;
    }
    let (verdict, rest) = postcard::take_from_bytes::<Verdict<T>>(body).ok()?;
    let Verdict {
        identity,
        sha256,
        found,
    } = verdict;
    Some(Verdict {
        identity,
        sha256,
        found: found.with(rest)?,
    })
}

/// Writes a verdict: verifier, digest of the rest, the verdict, the bytes of what was found; whole or not at all.
fn write_verdict<T: Serialize>(
    folder: &Path,
    verdict: &Verdict<T>,
    found: &[u8],
) -> io::Result<()> {
    let body = postcard::to_stdvec(verdict).map_err(io::Error::other)?;
    let mut hasher = Hasher::default();
    hasher.update(&body);
    hasher.update(found);
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    for part in [
        &VERIFIER.to_le_bytes(),
        &hasher.finish().as_bytes()[..],
        &body,
        found,
    ] {
        io::Write::write_all(&mut file, part)?;
    }
    file.persist(folder.join(VERDICT))?;
    Ok(())
}
