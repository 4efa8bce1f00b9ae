//! Locking a request: versions and commits for all images, written to `pylock.toml`.

use std::fmt;
use std::path::PathBuf;
use std::sync::OnceLock;

use pannier_archive::limited;
use pannier_base::digest::Digest;
use pannier_base::secret;
use schemars::JsonSchema;
use serde::Serialize;

use super::{RequestError, Session};
use crate::lock::effect::Effect;
use crate::lock::model::{Fork, Lock};
use crate::request::Request;
use crate::request::digest::Parts;
use crate::request::overrides::Applied;
use crate::resolve::overridden::{self, Movement};
use crate::resolve::update::{self, Happened, LockFile, Mode, UpToDate, UpdateError};
use crate::resolve::{Doors, ResolveError, Tools, Upgrade, Wanted, resolve};
use crate::wheel_build::Builder;

/// What to lock.
#[derive(Debug, Clone)]
pub struct LockOptions<'a> {
    /// The request.
    pub request: &'a Request,
    /// What may happen to the lock file.
    pub mode: Mode,
    /// What overrides may move.
    pub movement: Movement,
}

/// The lock, and what happened to its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LockReport {
    /// Path of the lock file.
    pub lock: String,
    /// SHA-256 of the lock file.
    #[schemars(with = "String")]
    pub digest: Digest,
    /// Whether the file was written.
    pub changed: bool,
    /// What changed since the lock before, one line for each package or data project.
    pub changes: Vec<String>,
    /// Packages that have more than one version.
    pub forks: Vec<Fork>,
    /// The overrides that it was made with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Applied>,
    /// What the overrides moved; none without overrides, or without a lock to compare with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// Number of packages.
    #[serde(skip)]
    pub packages: usize,
    /// Whether there was no lock before.
    #[serde(skip)]
    pub is_new: bool,
}

impl LockReport {
    pub(super) fn new(path: PathBuf, done: &UpToDate) -> Self {
        let changes = match &done.happened {
            Happened::Renewed(changes) => changes.iter().map(ToString::to_string).collect(),
            Happened::Nothing | Happened::Made => Vec::new(),
        };
        Self {
            lock: path.display().to_string(),
            digest: done.digest,
            changed: done.happened != Happened::Nothing,
            changes,
            forks: done.lock.pannier.forks.clone(),
            overrides: done.lock.pannier.overrides.clone(),
            effect: done.effect.clone(),
            packages: done.lock.packages.len(),
            is_new: done.happened == Happened::Made,
        }
    }
}

impl fmt::Display for LockReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.lock;
        let count = match self.packages {
            1 => "1 package".to_owned(),
            more => format!("{more} packages"),
        };
        if !self.changed {
            writeln!(f, "{path} matches the request ({count})")?;
        } else if self.is_new || !self.changes.is_empty() {
            writeln!(f, "wrote {path} ({count})")?;
        } else {
            writeln!(f, "wrote {path}: no version changed ({count})")?;
        }
        for change in &self.changes {
            writeln!(f, "  {change}")?;
        }
        let forks = self.forks.iter().filter(|_| self.changed);
        for fork in forks {
            let (package, version) = (&fork.package, &fork.version);
            let (image, reason) = (&fork.image, &fork.reason);
            writeln!(
                f,
                "  {package} {version} does not support {image}: {reason}"
            )?;
        }
        for one in &self.overrides {
            writeln!(f, "  {one}")?;
        }
        match &self.effect {
            Some(effect) => moved(effect, f),
            None if self.overrides.is_empty() => Ok(()),
            None => writeln!(f, "  there is no production lock to compare with"),
        }
    }
}

fn moved(effect: &Effect, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (title, changes) in [
        ("overridden", &effect.overridden),
        ("required by the overrides", &effect.needed),
        ("changed in addition", &effect.others),
    ] {
        for change in changes {
            writeln!(f, "  {title}: {change}")?;
        }
    }
    if effect.others.is_empty() {
        writeln!(f, "  nothing else differs from production")?;
    }
    Ok(())
}

/// Where the lock of a request without its overrides is.
#[must_use]
pub fn production_lock(request: &Request) -> PathBuf {
    request.root.join("pylock.toml")
}

fn is_overridden(request: &Request) -> bool {
    !request.overrides.list.is_empty()
}

/// Where the lock of a request is: one with overrides has a lock of its own.
pub(super) fn lock_path(request: &Request) -> PathBuf {
    let production = production_lock(request);
    if is_overridden(request) {
        overridden::path(&production)
    } else {
        production
    }
}

impl Session<'_> {
    /// Brings the lock of a request up to date, as far as the mode allows.
    ///
    /// # Errors
    /// [`RequestError`]; the lock file is untouched then.
    pub fn lock(&self, options: &LockOptions<'_>) -> Result<LockReport, RequestError> {
        let request = options.request;
        let parts = self.parts(request)?;
        let uv = || self.uv();
        let builder = self.builder(request, &uv);
        let done = self.update(options, &parts, &builder)?;
        Ok(LockReport::new(lock_path(request), &done))
    }

    /// The lock file of the request, if there is one.
    pub(super) fn previous(&self, request: &Request) -> Result<Option<Lock>, UpdateError> {
        let read = update::read(&lock_path(request), self.reporter())?;
        Ok(read.map(|(lock, _)| lock))
    }

    /// The digests of the request's parts. Reads the packaging files of its folders.
    pub(super) fn parts(&self, request: &Request) -> Result<Parts, RequestError> {
        let parts = request.parts(&|path| {
            let text = limited::read_text(&request.root.join(path), limited::LIST)?;
            secret::learn_text(&text);
            Ok(text)
        });
        Ok(parts?)
    }

    /// A lock that fits the request.
    pub(super) fn update(
        &self,
        options: &LockOptions<'_>,
        parts: &Parts,
        builder: &Builder<'_>,
    ) -> Result<UpToDate, UpdateError> {
        let doors = Doors {
            git: &self.git,
            builder,
        };
        let uv = OnceLock::new();
        let tools = || -> Result<Tools<'_>, ResolveError> {
            let found = self.uv()?;
            Ok(Tools {
                sources: &doors,
                uv: uv.get_or_init(|| found),
                around: &self.around,
                reporter: self.reporter(),
            })
        };
        let path = production_lock(options.request);
        let file = LockFile {
            path: &path,
            staging: self.store.scratch(),
        };
        let (wanted, reporter) = ((options.request, parts), self.reporter());
        if is_overridden(options.request) {
            let terms = (&options.mode, options.movement);
            overridden::bring_up_to_date(&file, wanted, terms, reporter, tools)
        } else {
            update::bring_up_to_date(&file, wanted, &options.mode, reporter, tools)
        }
    }

    /// Resolves a request from its lock file and writes nothing.
    pub(super) fn resolve(
        &self,
        request: &Request,
        parts: &Parts,
        upgrade: &Upgrade,
    ) -> Result<Lock, UpdateError> {
        let previous = self.previous(request)?;
        let find_uv = || self.uv();
        let builder = self.builder(request, &find_uv);
        let uv = self.uv().map_err(ResolveError::from)?;
        let tools = Tools {
            sources: &Doors {
                git: &self.git,
                builder: &builder,
            },
            uv: &uv,
            around: &self.around,
            reporter: self.reporter(),
        };
        let wanted = Wanted {
            request,
            parts,
            previous: previous.as_ref(),
            upgrade,
        };
        Ok(resolve(&wanted, tools)?)
    }
}
