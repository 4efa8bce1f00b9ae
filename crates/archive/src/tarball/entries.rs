//! Entries of a layout become tar entries, and these become bytes of our own and carried streams of an archive.

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::archive::Archive;
use super::error::AssembleError;
use super::model::{ArchiveError, Contents};
use super::part::{Container, Part, Parts};
use super::tar::{END, Header, Kind, Mtime, padding};
use crate::entries::Stream;
use crate::venv::{Item, ItemKind};
use crate::zip;
use pannier_base::paths::{path_fault, target_fault};

/// Writes entries to an archive.
pub(super) struct Entries<A: Archive> {
    mtime: Mtime,
    /// Files of up to this many bytes are not carried.
    most_small: u64,
    archive: A,
    scratch: Vec<u8>,
    inline: zip::InlineReader,
    pub(super) files: u64,
    pub(super) carried: u64,
}

impl<A: Archive> Entries<A> {
    pub(super) fn new(contents: &Contents<'_>, archive: A) -> Self {
        Self {
            mtime: contents.mtime,
            most_small: contents.packing.small(),
            archive,
            scratch: Vec::new(),
            inline: zip::InlineReader::default(),
            files: 0,
            carried: 0,
        }
    }

    /// The archive, for what is not an entry.
    pub(super) fn archive(&mut self) -> &mut A {
        &mut self.archive
    }

    pub(super) fn into_archive(self) -> A {
        self.archive
    }

    /// Some items of a part.
    pub(super) fn items(&mut self, part: &Part<'_>, items: &[Item]) -> Result<(), AssembleError> {
        let mut items = items.iter();
        items.try_for_each(|item| self.entry(&part.containers, item))
    }

    /// One entry, whose file is in one of these containers if it is carried.
    pub(super) fn entry(
        &mut self,
        containers: &[Container<'_>],
        item: &Item,
    ) -> Result<(), AssembleError> {
        let path = &*item.path;
        if self.is_time_to_cut(&item.kind) {
            self.archive.cut().map_err(|error| failed(path, error))?;
        }
        match &item.kind {
            ItemKind::Directory => self.header(path, Kind::Directory),
            ItemKind::Symlink { target } => self.header(path, Kind::Symlink { target }),
            ItemKind::Bytes { bytes, executable } => {
                let (size, executable) = (bytes.len() as u64, *executable);
                self.header(path, Kind::File { size, executable })?;
                self.own(path, bytes)?;
                self.end_of_file(path, size)
            }
            ItemKind::Carried {
                pack,
                stream,
                executable,
            } => {
                let file = containers
                    .get(*pack)
                    .ok_or_else(|| no_container(path))?
                    .file;
                let (size, executable) = (stream.size, *executable);
                self.header(path, Kind::File { size, executable })?;
                self.content(path, file, stream)?;
                self.end_of_file(path, size)
            }
        }
    }

    /// Between entries, at regular distances, and before a large file, which then is someone's only work.
    fn is_time_to_cut(&self, kind: &ItemKind) -> bool {
        let large =
            matches!(kind, ItemKind::Carried { stream, .. } if stream.size / 2 >= A::SEGMENT);
        self.archive.since_cut() >= if large { A::SEGMENT / 8 } else { A::SEGMENT }
    }

    fn header(&mut self, path: &str, kind: Kind<'_>) -> Result<(), AssembleError> {
        self.scratch.clear();
        let mtime = self.mtime;
        let target = match kind {
            Kind::Symlink { target } => target_fault(target),
            Kind::Directory | Kind::File { .. } => None,
        };
        if let Some(rule) = path_fault(path).or(target) {
            let path = path.to_owned();
            return Err(AssembleError::Entry { path, rule });
        }
        Header { path, kind, mtime }.write(&mut self.scratch);
        self.archive
            .own(&self.scratch)
            .map_err(|error| failed(path, error))
    }

    fn content(
        &mut self,
        path: &str,
        file: &Arc<File>,
        stream: &Stream,
    ) -> Result<(), AssembleError> {
        if stream.size > self.most_small {
            self.carried += 1;
            let carried = self.archive.carry(file, stream);
            return carried.map_err(|error| failed(path, error));
        }
        let bytes = self.inline.read(file, stream);
        let bytes = bytes.map_err(|source| failed(path, ArchiveError::Read(source)))?;
        self.archive.own(bytes).map_err(|error| failed(path, error))
    }

    fn end_of_file(&mut self, path: &str, size: u64) -> Result<(), AssembleError> {
        self.files += 1;
        self.own(path, &END[..padding(size)])
    }

    fn own(&mut self, path: &str, bytes: &[u8]) -> Result<(), AssembleError> {
        self.archive.own(bytes).map_err(|error| failed(path, error))
    }
}

impl<A: Archive> Parts for Entries<A> {
    fn add(&mut self, parts: &[Part<'_>]) -> Result<(), AssembleError> {
        for part in parts {
            self.items(part, &part.items)?;
        }
        Ok(())
    }
}

fn no_container(path: &str) -> AssembleError {
    let reason = "its container is not one of the part's";
    let source = io::Error::new(io::ErrorKind::InvalidInput, reason);
    failed(path, ArchiveError::Read(source))
}

/// What went wrong, on which entry.
pub(super) fn failed(path: &str, error: ArchiveError) -> AssembleError {
    match error {
        ArchiveError::Read(source) => AssembleError::Read {
            path: path.to_owned(),
            source,
        },
        ArchiveError::Write(source) => AssembleError::Write { source },
    }
}
