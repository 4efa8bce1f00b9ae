//! What `.gitattributes export-ignore` keeps out of archives.
//!
//! Attributes come from the commit itself (as `git archive` takes them), never from this machine.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use git2::{AttrCheckFlags, AttrValue, IndexEntry, IndexTime, Repository};
use pannier_archive::abort::Temporary;

use super::bounds;
use super::checkout::share_objects;
use super::error::GitError;
use super::mirror::half_made_beside;
use super::tree::{Leaf, LeafKind};
use pannier_base::url::SafeUrl;

/// Largest `.gitattributes` that is read, in bytes.
const LARGEST: usize = 1 << 20;

/// A repository next to the mirror whose index is the files of attributes: libgit2 reads them from there. It needs folders
/// (empty ones) to know which paths are folders.
pub(super) struct Attributes {
    repository: Repository,
    /// Whether a folder is exported, as far as was asked.
    folders: HashMap<String, bool>,
    _folder: Temporary,
}

impl Attributes {
    /// Whether the leaf is a file of attributes.
    pub(super) fn is_from(leaf: &Leaf) -> bool {
        leaf.kind != LeafKind::Submodule && leaf.path.rsplit('/').next() == Some(".gitattributes")
    }

    /// What `files` say, which are all files of attributes of a commit. Only under the mirror's lock: the folder is named as
    /// something that a killed run may have left.
    pub(super) fn new(
        mirror: &Repository,
        url: &SafeUrl,
        files: &[Leaf],
    ) -> Result<Self, GitError> {
        for file in files {
            // libgit2 would hold it whole before it finds it too long.
            bounds::check_blob(mirror, file.oid, LARGEST)
                .map_err(GitError::library(url, "reading the attributes"))?;
        }
        let folder = half_made_beside(mirror.path())
            .map_err(GitError::io("creating a folder next to", mirror.path()))?;
        let repository = share_objects(mirror, url, folder.path())?;
        let fill = || {
            let mut index = repository.index()?;
            for file in files {
                index.add(&entry(file))?;
            }
            index.write()
        };
        fill().map_err(GitError::library(url, "reading the attributes"))?;
        Ok(Self {
            repository,
            folders: HashMap::new(),
            _folder: folder,
        })
    }

    /// Whether neither the path nor a folder above it is marked.
    pub(super) fn exports(&mut self, path: &str) -> Result<bool, git2::Error> {
        let in_exported = match path.rsplit_once('/') {
            Some((folder, _)) => self.exports_folder(folder)?,
            None => true,
        };
        Ok(in_exported && !self.is_marked(path)?)
    }

    fn exports_folder(&mut self, folder: &str) -> Result<bool, git2::Error> {
        if let Some(known) = self.folders.get(folder) {
            return Ok(*known);
        }
        let workdir = self.repository.workdir().unwrap_or(Path::new(""));
        // A folder that cannot be made counts as a file for patterns like `docs/`; the disk is then full anyway.
        let _ = fs::create_dir_all(workdir.join(folder));
        let mut exported = true;
        let ends = folder.match_indices('/').map(|(at, _)| at);
        for end in ends.chain([folder.len()]) {
            let here = &folder[..end];
            exported = match self.folders.get(here) {
                Some(known) => *known,
                None => {
                    let exported = exported && !self.is_marked(here)?;
                    self.folders.insert(here.to_owned(), exported);
                    exported
                }
            };
        }
        Ok(exported)
    }

    fn is_marked(&self, path: &str) -> Result<bool, git2::Error> {
        let flags = AttrCheckFlags::INDEX_ONLY | AttrCheckFlags::NO_SYSTEM;
        let value = self
            .repository
            .get_attr(Path::new(path), "export-ignore", flags)?;
        Ok(AttrValue::from_string(value) == AttrValue::True)
    }
}

fn entry(file: &Leaf) -> IndexEntry {
    IndexEntry {
        ctime: IndexTime::new(0, 0),
        mtime: IndexTime::new(0, 0),
        dev: 0,
        ino: 0,
        mode: match file.kind {
            LeafKind::Symlink => 0o120_000,
            _ => 0o100_644,
        },
        uid: 0,
        gid: 0,
        file_size: 0,
        id: file.oid,
        flags: 0,
        flags_extended: 0,
        path: file.path.clone().into_bytes(),
    }
}
