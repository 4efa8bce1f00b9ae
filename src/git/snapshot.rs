//! The tree of a commit as a container: sorted by path, with links and execute bits, each file byte for byte as it was
//! committed (no line-end conversion, no keyword expansion, no `export-subst`).
//!
//! Submodules are refused or followed as for checkouts; what `export-ignore` keeps out is not even looked at.

use std::fs::File;

use git2::{Oid, Repository};

use super::error::{GitError, name};
use super::large::Large;
use super::mirror::{Mirror, Wanted};
use super::pack::PackError;
use super::tree::{self, Leaf, LeafKind};
use super::{Git, Submodules, following};
use crate::url::SafeUrl;
use crate::zip;

/// A Git LFS pointer has fewer bytes than this (its specification, version 1).
const POINTER: usize = 1024;

/// What a snapshot is made of.
pub(super) struct Wish<'a> {
    pub git: &'a Git,
    pub submodules: Submodules,
}

/// A file or link on its way into the container.
struct Piece {
    /// In the container.
    path: String,
    kind: LeafKind,
    oid: Oid,
    /// Which of the sources holds its bytes.
    source: usize,
}

/// A commit that gives pieces.
struct Source {
    repository: SafeUrl,
    commit: Oid,
}

impl Wish<'_> {
    /// Writes the tree of `commit`, or `folder` of it, into `out`; gives the paths of LFS pointers.
    pub(super) fn write(
        &self,
        repository: &SafeUrl,
        commit: Oid,
        folder: Option<&str>,
        out: &mut zip::Writer<File>,
    ) -> Result<Vec<String>, GitError> {
        let mut sources = Vec::new();
        let mut pieces = Vec::new();
        let folder = folder.map_or("", |folder| folder.trim_matches('/'));
        self.collect(
            (repository, commit),
            ("", folder),
            &mut sources,
            &mut pieces,
        )?;
        if pieces.is_empty() && !folder.is_empty() {
            return Err(GitError::NoFolder {
                repository: name(repository),
                commit: commit.to_string(),
                folder: folder.to_owned(),
            });
        }
        pieces.sort_by(|a, b| a.path.cmp(&b.path));
        self.write_pieces(&sources, &pieces, out)
    }

    /// Gathers the pieces of one commit below `prefix` (with its slash), then those of its submodules.
    fn collect(
        &self,
        (repository, commit): (&SafeUrl, Oid),
        (prefix, folder): (&str, &str),
        sources: &mut Vec<Source>,
        pieces: &mut Vec<Piece>,
    ) -> Result<(), GitError> {
        let mirror = self.git.mirror(repository);
        let mut submodules = Vec::new();
        let (leaves, modules) = mirror.with(Wanted::Commit(commit), |mirror| {
            let leaves = tree::exported(mirror, repository, commit)?;
            Ok((leaves, following::modules(mirror, repository, commit)?))
        })?;
        let source = sources.len();
        sources.push(Source {
            repository: repository.clone(),
            commit,
        });
        for leaf in leaves {
            let Some(path) = below(&leaf, folder) else {
                continue;
            };
            let path = format!("{prefix}{path}");
            match leaf.kind {
                LeafKind::Submodule => submodules.push((path, leaf)),
                kind => pieces.push(Piece {
                    path,
                    kind,
                    oid: leaf.oid,
                    source,
                }),
            }
        }
        let found: Vec<_> = submodules.iter().map(|(_, leaf)| leaf).collect();
        following::permitted(self.submodules, repository, commit, &found, sources.len())?;
        for (path, leaf) in &submodules {
            let child = following::url(repository, &modules, &leaf.path)?;
            self.collect(
                (&child, leaf.oid),
                (&format!("{path}/"), ""),
                sources,
                pieces,
            )?;
        }
        Ok(())
    }

    fn write_pieces(
        &self,
        sources: &[Source],
        pieces: &[Piece],
        out: &mut zip::Writer<File>,
    ) -> Result<Vec<String>, GitError> {
        let mut pointers = Vec::new();
        for run in pieces.chunk_by(|a, b| a.source == b.source) {
            let source = &sources[run[0].source];
            let mirror = self.git.mirror(&source.repository);
            let written = write_run(&mirror, source, run, out, &mut pointers);
            if let Err(error) = &written
                && error.blames_mirror()
            {
                // Half of the container is written, so there is no second attempt here; the next run finds no mirror
                // and fetches a whole one.
                mirror.forget()?;
            }
            written?;
        }
        Ok(pointers)
    }
}

fn write_run(
    mirror: &Mirror<'_>,
    source: &Source,
    run: &[Piece],
    out: &mut zip::Writer<File>,
    pointers: &mut Vec<String>,
) -> Result<(), GitError> {
    // The work of `with` may run twice, writing may not: the repository is taken out, the writing follows.
    let library = |doing| GitError::library(&source.repository, doing);
    let objects = mirror.with(Wanted::Commit(source.commit), |mirror| {
        Repository::open_bare(mirror.path()).map_err(library("opening the mirror"))
    })?;
    let broken = |doing| GitError::pack(&source.repository, doing);
    let large = Large::new(&objects, &source.repository)?;
    for piece in run {
        if let LeafKind::File { executable } = piece.kind
            && let Some(mut large) = large.open(piece.oid)?
        {
            let written = out.file(&piece.path, executable, &mut large);
            written.map_err(|error| match error.into() {
                PackError::Io(error) => {
                    GitError::snapshot(|| name(&source.repository), &piece.path)(error)
                }
                source => broken("reading a file")(source),
            })?;
            continue;
        }
        let blob = objects
            .find_blob(piece.oid)
            .map_err(library("reading a file"))?;
        let bytes = blob.content();
        let written = match piece.kind {
            LeafKind::File { executable } => {
                if is_lfs_pointer(bytes) {
                    pointers.push(piece.path.clone());
                }
                out.file(&piece.path, executable, &mut &*bytes)
            }
            LeafKind::Symlink => {
                let target = std::str::from_utf8(bytes).map_err(|_| GitError::Unshippable {
                    place: name(&source.repository),
                    path: piece.path.clone(),
                    problem: "a link that is not UTF-8",
                })?;
                out.symlink(&piece.path, target)
            }
            LeafKind::Submodule => Ok(()),
        };
        let place = || name(&source.repository);
        written.map_err(GitError::snapshot(place, &piece.path))?;
    }
    Ok(())
}

/// The leaf's path within the folder, if it lies there.
fn below<'a>(leaf: &'a Leaf, folder: &str) -> Option<&'a str> {
    if folder.is_empty() {
        return Some(&leaf.path);
    }
    leaf.path.strip_prefix(folder)?.strip_prefix('/')
}

/// Whether a file is only the pointer of Git LFS to the bytes that are meant.
pub(super) fn is_lfs_pointer(bytes: &[u8]) -> bool {
    bytes.len() < POINTER && bytes.starts_with(b"version https://git-lfs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_told_from_files() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
        assert!(is_lfs_pointer(pointer));
        assert!(!is_lfs_pointer(b"about version https://git-lfs"));
        assert!(!is_lfs_pointer(
            &[pointer.as_slice(), &[b'\n'; 1024]].concat()
        ));
    }

    #[test]
    fn folders_are_whole_components() {
        let leaf = Leaf {
            path: "py/src/a.py".to_owned(),
            kind: LeafKind::Symlink,
            oid: Oid::ZERO_SHA1,
        };
        assert_eq!(below(&leaf, ""), Some("py/src/a.py"));
        assert_eq!(below(&leaf, "py"), Some("src/a.py"));
        assert_eq!(below(&leaf, "p"), None);
        assert_eq!(below(&leaf, "py/src/a.py"), None);
    }
}
