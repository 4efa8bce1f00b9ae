//! Source trees become wheels, each only once: the key under which a built wheel is kept holds everything that decided it.
//!
//! Pure wheels serve every image; compiled ones only images like the machine that built them. Refuses to build for an image
//! that this machine is not like: the error then says to run in the image or to use a wheel.

pub mod bytecode;
mod error;
mod fetch;
mod key;
mod model;
mod tree;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use pep440_rs::Version;

use crate::store::{BuiltRecord, Store, StoredWheel};
use pannier_archive::wheel::{self, WheelFilename};
use pannier_base::digest::Digest;
use pannier_base::event::Reporter;
use pannier_base::platform::Target;
use pannier_clients::git::Git;
use pannier_clients::http::Client;
use pannier_clients::python::Described;
use pannier_clients::uv::WheelBuild;

pub use error::BuildError;
pub use fetch::Fetched;
pub use model::{BuildSource, Builder, Workshop};

use model::make_dir;

impl<'a> Builder<'a> {
    /// Puts a builder together.
    #[must_use]
    pub fn new(
        store: &'a Store,
        git: &'a Git,
        client: &'a Client,
        workshop: Workshop<'a>,
        reporter: &'a dyn Reporter,
    ) -> Self {
        Self {
            store,
            git,
            client,
            workshop,
            reporter,
            busy: Mutex::default(),
        }
    }

    /// A wheel of `source` that fits any of `targets`, or failing that any wheel that can be made here: its metadata is
    /// what resolution needs. Of a commit it is one that was built with the tags of now.
    ///
    /// # Errors
    /// [`BuildError`] if the source is not available or its build fails.
    pub fn metadata_wheel(
        &self,
        source: &BuildSource,
        targets: &[Target],
    ) -> Result<StoredWheel, BuildError> {
        let tags = self.tags(source)?;
        let current = |record: &BuiltRecord| record.tags == tags;
        let serving = |filename: &WheelFilename, machine: &Target| {
            filename.is_pure() || targets.iter().any(|target| fits(filename, machine, target))
        };
        let (wheel, _) = self.wheel(source, targets, &current, &serving)?;
        Ok(wheel)
    }

    /// A wheel of `source` for exactly this target and, where one is locked, of this version.
    ///
    /// # Errors
    /// [`BuildError`]; [`BuildError::Foreign`] when it must be compiled and this machine is not like the image,
    /// [`BuildError::Version`] when the source no longer builds to the locked version.
    pub fn wheel_for(
        &self,
        source: &BuildSource,
        target: &Target,
        version: Option<&Version>,
    ) -> Result<StoredWheel, BuildError> {
        let current = |record: &BuiltRecord| is_version(record, version);
        let serving = |filename: &WheelFilename, machine: &Target| fits(filename, machine, target);
        let targets = std::slice::from_ref(target);
        let made = self.wheel(source, targets, &current, &serving);
        let (built, machine) = made.map_err(|why| self.blame_machine(why, target))?;
        if let Some(version) = version.filter(|version| **version != built.filename.version) {
            return Err(BuildError::Version {
                label: source.label(),
                locked: version.to_string(),
                built: built.filename.version.to_string(),
            });
        }
        if serving(&built.filename, &machine) {
            return Ok(built);
        }
        Err(BuildError::Foreign {
            label: source.label(),
            wheel: built.filename.to_string(),
            python: target.python.to_string(),
            platform: target.platform.to_string(),
        })
    }

    /// A build that fails on a machine that is not like the image says nothing about one in the image.
    fn blame_machine(&self, why: BuildError, target: &Target) -> BuildError {
        let pythons = self.workshop.pythons.all();
        match why {
            BuildError::Backend { label, source }
                if !pythons.iter().any(|python| serves(&python.target, target)) =>
            {
                BuildError::ForeignBackend {
                    label,
                    python: target.python.to_string(),
                    platform: target.platform.to_string(),
                    source,
                }
            }
            other => other,
        }
    }

    /// The wheel that was built before for this target and version, if there is one; builds nothing.
    ///
    /// # Errors
    /// [`BuildError`] when the source's folder or the store cannot be read.
    pub fn at_hand(
        &self,
        source: &BuildSource,
        target: &Target,
        version: Option<&Version>,
    ) -> Result<Option<StoredWheel>, BuildError> {
        let key = key::of(source, &self.workshop)?;
        let known = self.remembered(&key, &|filename, record| {
            is_version(record, version) && fits(filename, &record.machine, target)
        })?;
        Ok(known.map(|(stored, _)| stored))
    }

    /// Where a commit stands among its tags; empty for other sources.
    fn tags(&self, source: &BuildSource) -> Result<String, BuildError> {
        match source {
            BuildSource::Git {
                repository, commit, ..
            } => Ok(self.git.describe(repository, commit)?),
            BuildSource::Directory { .. } | BuildSource::Sdist { .. } => Ok(String::new()),
        }
    }

    /// The interpreter for a build: one that is like one of the targets, else one of the same Python version, for a result
    /// that is hoped to be pure, else the first one.
    fn python_for(&self, targets: &[Target]) -> Result<&Described, BuildError> {
        // Looking for interpreters starts each of them: only builds pay for that.
        let pythons = self.workshop.pythons.all();
        let like = |target: &Target| pythons.iter().find(|p| serves(&p.target, target));
        let minors: Vec<u8> = targets.iter().map(|target| target.python.minor).collect();
        let same = |python: &&Described| minors.contains(&python.target.python.minor);
        targets
            .iter()
            .find_map(like)
            .or_else(|| pythons.iter().find(same))
            .or_else(|| pythons.first())
            .ok_or(BuildError::NoPython)
    }

    /// The remembered wheel that is `current` and `serving`, else one built here for the first of `targets` that this machine
    /// is like, which may be neither. Gives the machine that built it too.
    fn wheel(
        &self,
        source: &BuildSource,
        targets: &[Target],
        current: &dyn Fn(&BuiltRecord) -> bool,
        serving: &dyn Fn(&WheelFilename, &Target) -> bool,
    ) -> Result<(StoredWheel, Target), BuildError> {
        let key = key::of(source, &self.workshop)?;
        let turn = {
            let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(busy.entry(key).or_default())
        };
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = |filename: &WheelFilename, record: &BuiltRecord| {
            current(record) && serving(filename, &record.machine)
        };
        if let Some(known) = self.remembered(&key, &wanted)? {
            return Ok(known);
        }
        let python = self.python_for(targets)?;
        let machine = &python.target;
        // What this very interpreter made before will not be another thing this time.
        let own =
            |_: &WheelFilename, record: &BuiltRecord| current(record) && record.machine == *machine;
        if let Some(known) = self.remembered(&key, &own)? {
            return Ok(known);
        }
        let stored = self.build(source, &python.interpreter)?;
        if key::of(source, &self.workshop)? != key {
            // Remembered as the wheel of what was there before, it would be served whenever that is there again.
            let message = format!("{} changed while a wheel was built", source.label());
            let hint =
                "its wheel may contain only a part of the change: run the command again to be sure";
            self.reporter.warn(message, Some(hint.to_owned()));
            return Ok((stored, machine.clone()));
        }
        let record = BuiltRecord {
            filename: stored.filename.to_string(),
            sha256: stored.sha256,
            source: source.identity(),
            tags: self.tags(source)?,
            machine: machine.clone(),
        };
        self.store.remember_built(&key, record)?;
        let built = format!("built {} from {}", stored.filename, source.label());
        self.reporter.detail(built);
        Ok((stored, machine.clone()))
    }

    fn remembered(
        &self,
        key: &Digest,
        wanted: &dyn Fn(&WheelFilename, &BuiltRecord) -> bool,
    ) -> Result<Option<(StoredWheel, Target)>, BuildError> {
        for record in self.store.built(key)?.wheels {
            let Ok(filename) = record.filename.parse::<WheelFilename>() else {
                continue;
            };
            if !wanted(&filename, &record) {
                continue;
            }
            if let Some(stored) = self.store.wheel(&filename, &record.sha256)? {
                return Ok(Some((stored, record.machine)));
            }
        }
        Ok(None)
    }

    fn build(&self, source: &BuildSource, python: &Path) -> Result<StoredWheel, BuildError> {
        let label = source.label();
        self.reporter.detail(format!("building {label}"));
        let work = self.store.work_dir()?;
        let tree = tree::fetch(self, source, &work)?;
        let out = make_dir(&work, "out")?;
        let uv = (self.workshop.uv)().map_err(BuildError::Uv)?;
        let built = uv
            .build_wheel(
                &WheelBuild {
                    source: &tree.path,
                    python,
                    constraints: &self.workshop.constraints,
                    require_hashes: self.workshop.require_hashes,
                    epoch: tree.epoch,
                    out: &out,
                },
                &self.workshop.around,
            )
            .map_err(|source| BuildError::Backend {
                label: label.clone(),
                source,
            })?;
        self.take_in(&built, &label)
    }

    /// Normalises what a backend made and puts it into the store.
    fn take_in(&self, built: &Path, label: &str) -> Result<StoredWheel, BuildError> {
        let unusable = |reason: String| BuildError::Unusable {
            label: label.to_owned(),
            reason,
        };
        let name = built.file_name().unwrap_or_default().to_string_lossy();
        let filename: WheelFilename = name
            .parse()
            .map_err(|error: pannier_archive::wheel::FilenameError| unusable(error.to_string()))?;
        let file = std::fs::File::open(built).map_err(|error| unusable(error.to_string()))?;
        let incoming = self.store.incoming()?.fill(|mut out| {
            let scratch = self.store.scratch();
            let normal = wheel::normalise(&file, &filename, scratch, &mut out);
            normal.map_err(|source| BuildError::Refused {
                label: label.to_owned(),
                source,
            })
        })?;
        Ok(self.store.admit_wheel(incoming, &filename, None.into())?)
    }
}

/// Whether a built wheel is of the locked version, where one is locked.
fn is_version(record: &BuiltRecord, version: Option<&Version>) -> bool {
    let filename = record.filename.parse::<WheelFilename>();
    version.is_none_or(|version| filename.is_ok_and(|filename| filename.version == *version))
}

/// Whether a wheel that `machine` built can be used on `target`. The tag `linux_x86_64` of a local build says nothing of the
/// C library, so a compiled wheel serves only targets that the machine itself serves.
fn fits(filename: &WheelFilename, machine: &Target, target: &Target) -> bool {
    filename.rank(&target.tags()).is_some() && (filename.is_pure() || serves(machine, target))
}

/// Whether what the machine compiles runs on the target: same Python, same processor, a C library that is no newer.
fn serves(machine: &Target, target: &Target) -> bool {
    use pannier_base::platform::Libc::{Glibc, Musl};
    let libc = match (machine.platform.libc, target.platform.libc) {
        (Glibc { minor: have }, Glibc { minor: want })
        | (Musl { minor: have }, Musl { minor: want }) => have <= want,
        _ => false,
    };
    machine.python.minor == target.python.minor
        && machine.python.free_threaded == target.python.free_threaded
        && machine.platform.arch == target.platform.arch
        && libc
}

#[cfg(test)]
mod tests;
