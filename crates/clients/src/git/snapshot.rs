//! The tree of a commit as a container: sorted by path, with links and execute bits, each file byte for byte as it was
//! committed (no line-end conversion, no keyword expansion, no `export-subst`).
//!
//! Holds no list of the files: what is taken is settled first, then the trees are walked through again. Which commits give
//! what is not decided here.

use std::fs::File;

use git2::{Blob, Oid, Repository};

use super::error::{GitError, name};
use super::lfs::LfsPointers;
use super::mirror::Wanted;
use super::model::{Git, Submodules};
use super::sources::{Source, Sources, below};
use super::tree::{self, Leaf, LeafKind, Names};
use pannier_archive::zip;
use pannier_base::paths;
use pannier_base::url::SafeUrl;

/// What a snapshot is made of.
pub(super) struct Wish<'a> {
    pub git: &'a Git,
    pub submodules: Submodules,
}

impl Wish<'_> {
    /// Writes the tree of `commit`, or `folder` of it, into `out`.
    pub(super) fn write(
        &self,
        repository: &SafeUrl,
        commit: Oid,
        folder: Option<&str>,
        out: &mut zip::Writer<File>,
    ) -> Result<LfsPointers, GitError> {
        let folder = folder.map_or("", |folder| folder.trim_matches('/'));
        let mut sources = Sources::new(self.git, self.submodules);
        let first = sources.add(repository, commit, folder, 0)?;
        if !folder.is_empty() && !sources.all[first].taken.contains(&true) {
            return Err(GitError::NoFolder {
                repository: name(repository),
                commit: commit.to_string(),
                folder: folder.to_owned(),
            });
        }
        let mut writing = Writing {
            git: self.git,
            sources: &sources.all,
            out,
            pointers: LfsPointers::default(),
            has_forgotten: false,
        };
        writing.source(first, folder, "")?;
        Ok(writing.pointers)
    }
}

/// A container that is being written.
struct Writing<'a> {
    git: &'a Git,
    sources: &'a [Source],
    out: &'a mut zip::Writer<File>,
    pointers: LfsPointers,
    /// Whether a damaged mirror was put away.
    has_forgotten: bool,
}

impl Writing<'_> {
    /// Writes what is taken of a source, or of `folder` of it, below `prefix` (with its slash).
    fn source(&mut self, number: usize, folder: &str, prefix: &str) -> Result<(), GitError> {
        let source = &self.sources[number];
        let mirror = self.git.mirror(&source.repository);
        // The work of `with` may run twice, writing may not: the repository is taken out, the writing follows.
        let objects = mirror.with(Wanted::Commit(source.commit), |mirror| {
            let library = GitError::library(&source.repository, "opening the mirror");
            Repository::open_bare(mirror.path()).map_err(library)
        });
        let written = objects.and_then(|objects| self.walk(source, &objects, folder, prefix));
        if let Err(error) = &written
            && error.blames_mirror()
            && !self.has_forgotten
        {
            // Half of the container is written, so there is no second attempt here; the next run finds no mirror and
            // fetches a whole one.
            self.has_forgotten = true;
            mirror.forget()?;
        }
        written
    }

    fn walk(
        &mut self,
        source: &Source,
        objects: &Repository,
        folder: &str,
        prefix: &str,
    ) -> Result<(), GitError> {
        let files = Files {
            objects,
            repository: &source.repository,
        };
        let mut taken = source.taken.iter();
        let write = &mut |leaf: Leaf| {
            let is_taken = taken.next() == Some(&true);
            let Some(path) = below(&leaf.path, folder).filter(|_| is_taken) else {
                return Ok(());
            };
            let path = format!("{prefix}{path}");
            match leaf.kind {
                LeafKind::Submodule => match source.submodules.get(&leaf.path) {
                    Some(child) => self.source(*child, "", &format!("{path}/")),
                    None => Ok(()),
                },
                LeafKind::Symlink => files.link(&path, leaf.oid, self.out),
                LeafKind::File { executable } => {
                    let content = files.blob(leaf.oid)?;
                    let content = content.content();
                    self.pointers.look_at(&path, content);
                    let written = self.out.file(&path, executable, &mut { content });
                    let place = || name(&source.repository);
                    written.map_err(GitError::snapshot(place, &path))
                }
            }
        };
        tree::each(
            objects,
            &source.repository,
            source.commit,
            Names::Shippable,
            write,
        )
    }
}

/// Where the bytes of one source's files and links are.
struct Files<'a> {
    objects: &'a Repository,
    repository: &'a SafeUrl,
}

impl Files<'_> {
    fn blob(&self, oid: Oid) -> Result<Blob<'_>, GitError> {
        let library = GitError::library(self.repository, "reading a file");
        self.objects.find_blob(oid).map_err(library)
    }

    fn link(&self, path: &str, oid: Oid, out: &mut zip::Writer<File>) -> Result<(), GitError> {
        let place = || name(self.repository);
        let library = GitError::library(self.repository, "reading a link");
        let header = self.objects.odb().and_then(|odb| odb.read_header(oid));
        let (length, _) = header.map_err(library)?;
        if length > paths::LONGEST {
            return Err(GitError::Unshippable {
                place: place(),
                path: path.to_owned(),
                problem: "a link that is longer than the limit for paths",
            });
        }
        let blob = self.blob(oid)?;
        let target = std::str::from_utf8(blob.content()).map_err(|_| GitError::Unshippable {
            place: place(),
            path: path.to_owned(),
            problem: "a link that is not UTF-8",
        })?;
        let written = out.symlink(path, target);
        written.map_err(GitError::snapshot(place, path))
    }
}
