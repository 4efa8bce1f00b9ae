//! Preparing a request: its lock, then one tarball per image.

use std::path::PathBuf;

use pannier_archive::tarball::{Mtime, Packing};
use pannier_base::digest::Digest;
use pannier_base::event::Event;
use pannier_base::name::ImageName;
use schemars::JsonSchema;
use serde::Serialize;

use super::fallback::{Fallback, Instead};
use super::lock::{LockOptions, LockReport, lock_path};
use super::{RequestError, Session};
use crate::prepare::fallback::Failed;
use crate::prepare::{self, Options, Prepared, Tools};
use crate::release::ChannelName;
use crate::request::digest::Parts;
use crate::request::overrides::Applied;
use crate::request::{Bytecode, Request};
use crate::resolve::Upgrade;
use crate::resolve::overridden::Movement;
use crate::resolve::update::Mode;

/// What to prepare.
#[derive(Debug, Clone)]
pub struct PrepareOptions<'a> {
    /// The request.
    pub request: &'a Request,
    /// Whether a lock that does not fit the request is an error.
    pub locked: bool,
    /// The images; all when empty.
    pub images: Vec<ImageName>,
    /// Folder for the tarballs; created if missing.
    pub output: PathBuf,
    /// Number of downloads, builds and tarballs at the same time; at least 1.
    pub jobs: usize,
    /// Time of every file in the tarballs.
    pub mtime: Mtime,
    /// How the tarballs are packed.
    pub packing: Packing,
    /// Whether they contain bytecode.
    pub bytecode: Bytecode,
    /// The channel whose release is prepared when an index, a repository or a package fails.
    pub fallback: Option<ChannelName>,
}

/// The tarballs, and the lock that they were made from.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PrepareReport {
    /// Path of the lock file, or where the release log has it.
    pub lock: PathBuf,
    /// SHA-256 of the lock file.
    #[schemars(with = "String")]
    pub lock_digest: Digest,
    /// How long all of it took.
    pub seconds: f64,
    /// The release that was prepared in place of what failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Instead>,
    /// The overrides of this run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Applied>,
    /// The tarballs, by the names of their images.
    pub images: Vec<Prepared>,
}

impl Session<'_> {
    /// Locks a request and writes its tarballs. With a fallback, a failure that is not this run's own is an event, and the
    /// channel's release is prepared.
    ///
    /// # Errors
    /// [`RequestError`]; tarballs of images that were not finished are untouched.
    pub fn prepare(&self, options: &PrepareOptions<'_>) -> Result<PrepareReport, RequestError> {
        let started = (self.run.clock)();
        let log = match &options.fallback {
            Some(channel) => {
                let log = self.release_log().map_err(RequestError::ReleaseLog)?;
                Some((channel, log))
            }
            None => None,
        };
        let request = options.request;
        let parts = self.parts(request)?;
        let uv = || self.uv();
        let builder = self.builder(request, &uv);
        let tools = Tools {
            store: &self.store,
            client: &self.client,
            git: &self.git,
            builder: &builder,
            pythons: &self.pythons,
            reporter: self.reporter(),
        };
        let work = self.options(options);
        let asked = self.asked(options, &parts, &work, &tools);
        let done = match (asked, log) {
            (Ok(done), _) => done,
            (Err(failed), None) => return Err(failed.into()),
            (Err(failed), Some((channel, log))) => {
                let fallback = Fallback {
                    log,
                    channel,
                    reporter: self.reporter(),
                    request,
                    parts: &parts,
                };
                let done = fallback.prepare(failed, &work, &tools)?;
                PrepareReport {
                    lock: done.lock,
                    lock_digest: done.lock_digest,
                    seconds: 0.0,
                    fallback: Some(done.instead),
                    overrides: Vec::new(),
                    images: done.images,
                }
            }
        };
        let now = (self.run.clock)();
        Ok(PrepareReport {
            seconds: now.duration_since(started).as_secs_f64(),
            ..done
        })
    }

    /// The tarballs of what is asked for.
    fn asked(
        &self,
        options: &PrepareOptions<'_>,
        parts: &Parts,
        work: &Options,
        tools: &Tools<'_>,
    ) -> Result<PrepareReport, Failed> {
        let request = options.request;
        let locking = LockOptions {
            request,
            mode: if options.locked {
                Mode::Locked
            } else {
                Mode::Update(Upgrade::None)
            },
            movement: Movement::Told,
        };
        let locked = self.update(&locking, parts, tools.builder)?;
        let report = LockReport::new(lock_path(request), &locked);
        if report.changed || !report.overrides.is_empty() {
            let summary = report.to_string();
            self.reporter().report(Event::Locked { summary });
        }
        let work = Options {
            lock_digest: locked.digest,
            ..work.clone()
        };
        Ok(PrepareReport {
            lock: lock_path(request),
            lock_digest: locked.digest,
            seconds: 0.0,
            fallback: None,
            images: prepare::prepare(request, &locked.lock, &work, tools)?,
            overrides: locked.lock.pannier.overrides,
        })
    }

    /// Everything but the lock.
    fn options(&self, options: &PrepareOptions<'_>) -> Options {
        Options {
            images: options.images.clone(),
            output: options.output.clone(),
            jobs: options.jobs,
            mtime: options.mtime,
            packing: options.packing,
            bytecode: options.bytecode,
            lock_digest: Digest::of(b""),
            fallback: None,
            clock: self.run.clock,
        }
    }
}
