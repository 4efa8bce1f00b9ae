//! What the files of this room share: what a tarball is made with, what comes of it, and what can be used again for the next one.

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};

use super::manifest::Manifest;
use super::packing::Packing;
use super::segment::Segment;
use super::tar::Mtime;
use crate::venv::Item;
use pannier_base::digest::Digest;

/// What a tarball is made with, whatever its parts are.
#[derive(Clone, Copy)]
pub struct Contents<'a> {
    /// The first entry.
    pub manifest: &'a Manifest,
    /// What comes next: entries that other tarballs with the same parts do not have alike.
    pub head: Option<&'a [Item]>,
    /// Time of every entry.
    pub mtime: Mtime,
    /// How the archive is packed.
    pub packing: Packing,
    /// Holds frames across tarballs, for [`Packing::Frames`]; `None`: every run is packed for this tarball alone.
    pub cache: Option<&'a dyn FrameCache>,
}

/// What came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Length of the tarball in bytes.
    pub bytes: u64,
    /// SHA-256 of the tarball.
    pub sha256: Digest,
    /// Length of the tar archive in it, in bytes.
    pub unpacked: u64,
    /// Number of regular files.
    pub files: u64,
    /// How many of them were carried over as raw streams.
    pub carried: u64,
}

/// The parts of a tarball, for others that have the same ones: everything behind [`Contents::head`]. Packed as
/// [`Packing::Spliced`].
#[derive(Debug)]
pub struct Common {
    /// The tarball that holds them.
    pub(super) file: File,
    pub(super) place: Place,
}

/// Where in a tarball its common parts are.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) run: Run,
    pub(super) files: u64,
    pub(super) carried: u64,
}

/// Whole segments of a tarball that refer to nothing before them.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// Where they start in the file, in bytes.
    pub(super) offset: u64,
    /// Their length in the file, in bytes.
    pub(super) length: u64,
    /// Each of them.
    pub(super) segments: Vec<Segment>,
}

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Frame {
    /// Its length in bytes.
    pub compressed: u64,
    /// Length of what it holds, in bytes.
    pub size: u64,
}

/// A packed run.
#[derive(Debug)]
pub struct PackedRun {
    /// Holds the frames, from its first byte on.
    pub file: File,
    /// The frames in their order.
    pub frames: Vec<Frame>,
}

/// Why a cache failed: the error of whatever holds the frames.
pub type FrameCacheError = Box<dyn Error + Send + Sync>;

/// Holds packed runs across tarballs.
pub trait FrameCache: Sync {
    /// The run made from the container `origin` (SHA-256) under `key`; `None` when it is not cached.
    ///
    /// # Errors
    /// [`FrameCacheError`] when the cache cannot be read.
    fn load(&self, origin: &Digest, key: &Digest) -> Result<Option<PackedRun>, FrameCacheError>;

    /// A new empty file for a run. It is removed when it is dropped unsaved.
    ///
    /// # Errors
    /// [`FrameCacheError`] when the file cannot be created.
    fn create(&self) -> Result<Box<dyn NewRun>, FrameCacheError>;
}

/// A run that is being packed.
pub trait NewRun: Write + Send {
    /// Caches the run under the container `origin` (SHA-256) and `key`, and opens it.
    ///
    /// # Errors
    /// [`FrameCacheError`] when it cannot be written.
    fn save(
        self: Box<Self>,
        origin: &Digest,
        key: &Digest,
        frames: Vec<Frame>,
    ) -> Result<PackedRun, FrameCacheError>;
}

/// What was written.
pub(super) struct Packed {
    /// Length of the file in bytes.
    pub(super) bytes: u64,
    /// SHA-256 of the file.
    pub(super) sha256: Digest,
    /// Length of the archive in it, in bytes.
    pub(super) size: u64,
}

/// Why packing stopped.
#[derive(Debug)]
pub(super) enum ArchiveError {
    /// The container could not be read, or is not what it was when it was verified.
    Read(io::Error),
    /// The output could not be written.
    Write(io::Error),
}
