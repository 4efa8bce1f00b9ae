//! What preparing works with, how it is done, and what comes of it.

use std::path::PathBuf;
use std::time::Instant;

use schemars::JsonSchema;
use serde::Serialize;

use crate::request::Bytecode;
use crate::store::Store;
use crate::wheel_build::Builder;
use pannier_archive::tarball::{Fallback, Mtime, Packing};
use pannier_base::digest::Digest;
use pannier_base::event::Reporter;
use pannier_base::name::ImageName;
use pannier_clients::git::Git;
use pannier_clients::http::Client;
use pannier_clients::python::Pythons;

/// The doors that preparing goes through.
pub struct Tools<'a> {
    /// Where wheels and data are kept.
    pub store: &'a Store,
    /// The network.
    pub client: &'a Client,
    /// Repositories.
    pub git: &'a Git,
    /// What makes wheels of sources.
    pub builder: &'a Builder<'a>,
    /// Interpreters of this machine, for bytecode.
    pub pythons: &'a Pythons,
    /// Who is told.
    pub reporter: &'a dyn Reporter,
}

/// How to prepare.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which images; empty means all of the lock.
    pub images: Vec<ImageName>,
    /// Folder that the tarballs go to; made if missing.
    pub output: PathBuf,
    /// Number of downloads, builds and tarballs at the same time; at least 1.
    pub jobs: usize,
    /// Time of every file in the tarballs.
    pub mtime: Mtime,
    /// How the tarballs are packed.
    pub packing: Packing,
    /// Whether they hold bytecode.
    pub bytecode: Bytecode,
    /// Digest of the lock file's bytes, for the manifest.
    pub lock_digest: Digest,
    /// The channel that this is prepared from because what was asked for failed, for the manifest.
    pub fallback: Option<Fallback>,
    /// Tells the time, for [`Prepared::seconds`]: nothing else here looks at a clock.
    pub clock: fn() -> Instant,
}

/// One tarball that was written.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Prepared {
    /// For which image.
    #[schemars(with = "String")]
    pub image: ImageName,
    /// Where it is.
    pub tarball: PathBuf,
    /// Number of packages in it.
    pub packages: u64,
    /// Number of files and links in it.
    pub files: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256.
    #[schemars(with = "String")]
    pub sha256: Digest,
    /// How long writing it took, with waiting for what was not in the store yet.
    pub seconds: f64,
}
