//! The tarballs of a release, read from the folder that they were written to.
//!
//! Refuses a tarball that was made from another lock, and one that is no longer what was written.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use pannier_archive::limited;
use pannier_archive::tarball::Manifest;
use pannier_base::digest::Digest;

use super::error::ReleaseError;
use super::model::Tarball;

/// All tarballs of a folder that have a manifest beside them, hashed; each made from the lock with this digest.
///
/// # Errors
/// [`ReleaseError`].
pub fn gather(folder: &Path, lock: &Digest) -> Result<Vec<Tarball>, ReleaseError> {
    gather_checked(folder, |manifest| check_lock(manifest, lock))
}

/// All tarballs of a folder that have a manifest beside them, hashed, of whatever lock.
///
/// # Errors
/// [`ReleaseError`].
pub fn gather_any(folder: &Path) -> Result<Vec<Tarball>, ReleaseError> {
    gather_checked(folder, |_| Ok(()))
}

fn gather_checked(
    folder: &Path,
    check: impl Fn(&Path) -> Result<(), ReleaseError>,
) -> Result<Vec<Tarball>, ReleaseError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| ReleaseError::Io { path, source }
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let path = entry.map_err(failed(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(image) = name.strip_suffix(".manifest.json") {
            check(&path)?;
            found.push(tarball(folder, image)?);
        }
    }
    if found.is_empty() {
        let folder = folder.to_owned();
        return Err(ReleaseError::NoTarballs { folder });
    }
    found.sort();
    Ok(found)
}

fn check_lock(path: &Path, lock: &Digest) -> Result<(), ReleaseError> {
    let text = limited::read(path, limited::MANIFEST).map_err(|source| ReleaseError::Io {
        path: path.to_owned(),
        source,
    })?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|error| ReleaseError::Manifest {
            path: path.to_owned(),
            problem: error.to_string(),
        })?;
    if manifest.lock == *lock {
        return Ok(());
    }
    Err(ReleaseError::Foreign {
        path: path.to_owned(),
        problem: format!(
            "it was made from lock {}, recorded is {}",
            manifest.lock.short(),
            lock.short()
        ),
    })
}

fn tarball(folder: &Path, image: &str) -> Result<Tarball, ReleaseError> {
    let known = ["tar.gz", "tar.zst"].map(|kind| format!("{image}.{kind}"));
    let name = known.iter().find(|name| folder.join(name).is_file());
    // Where there is none, the error is that of opening the first.
    let name = name.unwrap_or(&known[0]).clone();
    let path = folder.join(&name);
    let failed = |source| ReleaseError::Io {
        path: path.clone(),
        source,
    };
    let (sha256, size) = hashed(&path).map_err(failed)?;
    let beside = folder.join(format!("{name}.sha256"));
    if let Ok(text) = limited::read_text(&beside, limited::SMALL)
        && text.split_whitespace().next() != Some(sha256.to_string().as_str())
    {
        let problem = format!("{name}.sha256 has another digest");
        return Err(ReleaseError::Foreign { path, problem });
    }
    Ok(Tarball { name, sha256, size })
}

/// Digest and length of a file.
pub(super) fn hashed(path: &Path) -> io::Result<(Digest, u64)> {
    Digest::of_reader(&mut File::open(path)?)
}
