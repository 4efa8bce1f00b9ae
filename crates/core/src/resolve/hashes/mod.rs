//! Whether the files of a lock are those whose hashes the request states (`--hash` of constraints and requirements files).
//!
//! Every line that concerns a package is a condition of its own, as for pip and uv: a file needs one of the hashes of each.
//! Trees have no file to hash: a commit is made from its content, and a folder is the run's own. Refuses to pass over a hash
//! that nothing can be compared with.

mod error;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

pub use error::{HashError, Mismatch, MissingHash};

use crate::constraints::{ConstraintLine, FileHash};
use crate::lock::model::{Artifact, Lock, LockedPackage, LockedSource};
use crate::lock::select;
use crate::lock::select::{Choice, Selected};
use crate::request::overrides::OverrideValue;
use crate::request::{ImageRequest, Request};
use crate::resolve::model::SourceError;
use pannier_archive::wheel::WheelFilename;
use pannier_base::digest::Digest;
use pannier_base::name::ImageName;
use pannier_base::platform::evaluate;

/// Gives the digests of a file by all algorithms. Only asked where a line states no SHA-256 of the file, which a lock has.
pub type Digests<'a> = dyn Fn(&Artifact) -> Result<Vec<FileHash>, SourceError> + 'a;

/// Asks for each file once.
pub fn once<'a>(
    ask: impl Fn(&Artifact) -> Result<Vec<FileHash>, SourceError> + 'a,
) -> impl Fn(&Artifact) -> Result<Vec<FileHash>, SourceError> + 'a {
    let known: RefCell<HashMap<Digest, Vec<FileHash>>> = RefCell::default();
    move |file| {
        if let Some(hashes) = known.borrow().get(&file.sha256) {
            return Ok(hashes.clone());
        }
        let hashes = ask(file)?;
        known.borrow_mut().insert(file.sha256, hashes.clone());
        Ok(hashes)
    }
}

/// Compares files with the hashes of a request.
#[derive(Clone, Copy)]
pub struct HashCheck<'a> {
    request: &'a Request,
    /// `None`: nothing is fetched, and longer hashes than SHA-256 wait until the file is there.
    digests: Option<&'a Digests<'a>>,
    known_good: bool,
}

/// A file with what is known of its content.
struct Known<'a> {
    artifact: &'a Artifact,
    hashes: Vec<FileHash>,
}

impl<'a> HashCheck<'a> {
    /// A check against the hashes that `request` states; `digests` provides what a lock does not contain.
    #[must_use]
    pub const fn new(request: &'a Request, digests: Option<&'a Digests<'a>>) -> Self {
        Self {
            request,
            digests,
            known_good: false,
        }
    }

    /// The same for a lock that was made from other lines: a line says nothing about a version that it does not allow.
    #[must_use]
    pub const fn of_known_good(mut self, known_good: bool) -> Self {
        self.known_good = known_good;
        self
    }

    /// Whether there is nothing to check.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        !self.request.require_hashes && self.lines().next().is_none()
    }

    /// All lines with hashes, but those of overridden packages, which do not hold in this run.
    pub(super) fn lines(&self) -> impl Iterator<Item = &'a ConstraintLine> {
        let constraints = self.request.constraints.iter();
        let of_images = self.request.images.iter().flat_map(|image| &image.hashed);
        let lines = constraints.flat_map(|text| &text.lines).chain(of_images);
        let overrides = &self.request.overrides;
        lines.filter(|line| !line.hashes.is_empty() && overrides.of(line.name().as_str()).is_none())
    }

    /// Checks the files that each image named in `only` (all when empty) gets.
    ///
    /// # Errors
    /// [`HashError`] with everything that is wrong.
    pub fn check(&self, lock: &Lock, only: &[ImageName]) -> Result<(), HashError> {
        if self.is_idle() {
            return Ok(());
        }
        let mut found = Found::default();
        let wanted = |image: &&ImageRequest| only.is_empty() || only.contains(&image.name);
        for image in self.request.images.iter().filter(wanted) {
            for selected in select::select(lock, &image.name)? {
                self.check_one(image, &selected, &mut found)?;
            }
        }
        found.result(lock)
    }

    fn check_one(
        &self,
        image: &ImageRequest,
        selected: &Selected<'_>,
        found: &mut Found,
    ) -> Result<(), HashError> {
        let package = selected.package;
        let lines = self.concerning(image, package);
        let artifact = match selected.choice {
            Choice::Wheel(artifact) | Choice::Sdist(artifact) | Choice::Archive(artifact) => {
                artifact
            }
            Choice::Git | Choice::Directory => {
                return match lines.first() {
                    None => Ok(()),
                    Some(line) => Err(HashError::NoFile {
                        package: package.name.clone(),
                        place: line.place(),
                    }),
                };
            }
        };
        if lines.is_empty() {
            return match self.request.require_hashes {
                true => self.missing(package, found),
                false => Ok(()),
            };
        }
        let file = self.known(artifact, &lines)?;
        if !self.allows(&file, &lines) {
            found.mismatch(image, package, &lines, &[file]);
        }
        Ok(())
    }

    /// Takes the files out of a lock that no image may get, so that other tools do not install them either.
    ///
    /// # Errors
    /// [`HashError::Mismatch`] where an image is left without a file.
    pub(super) fn narrow(&self, lock: &mut Lock) -> Result<(), HashError> {
        if self.lines().next().is_none() {
            return Ok(());
        }
        let mut found = Found::default();
        let mut allowed: BTreeMap<usize, Vec<Artifact>> = BTreeMap::new();
        for image in &self.request.images {
            let tags = image.target.tags();
            for selected in select::select(lock, &image.name)? {
                let package = selected.package;
                let lines = self.concerning(image, package);
                let files = files(package);
                let serving = |file: &&Artifact| match file.name.parse::<WheelFilename>() {
                    Ok(name) => name.rank(&tags).is_some(),
                    Err(_) => true,
                };
                let mut known = Vec::new();
                for artifact in &files {
                    known.push(self.known(artifact, &lines)?);
                }
                let (good, bad): (Vec<_>, Vec<_>) = known
                    .into_iter()
                    .partition(|file| self.allows(file, &lines));
                let is_served = good.iter().any(|file| serving(&file.artifact));
                if !files.is_empty() && !is_served {
                    let bad: Vec<_> = bad.into_iter().filter(|it| serving(&it.artifact)).collect();
                    found.mismatch(image, package, &lines, &bad);
                }
                let mut packages = lock.packages.iter();
                let at = packages.position(|other| std::ptr::eq(other, package));
                let kept = allowed.entry(at.unwrap_or_default()).or_default();
                kept.extend(good.iter().map(|file| file.artifact.clone()));
            }
        }
        found.result(lock)?;
        for (at, kept) in allowed {
            if let LockedSource::Index { sdist, wheels } = &mut lock.packages[at].source {
                wheels.retain(|wheel| kept.contains(wheel));
                *sdist = sdist.take().filter(|sdist| kept.contains(sdist));
            }
        }
        Ok(())
    }

    /// Whether any image that lines concern may get a file of the package.
    pub(super) fn is_allowed_somewhere(
        &self,
        package: &LockedPackage,
        artifact: &Artifact,
    ) -> Result<bool, HashError> {
        for image in &self.request.images {
            let lines = self.concerning(image, package);
            if !lines.is_empty() && self.allows(&self.known(artifact, &lines)?, &lines) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// That none of the files of a package is allowed, as an error.
    pub(super) fn mismatch(&self, package: &LockedPackage) -> Result<HashError, HashError> {
        let mut found = Found::default();
        for image in &self.request.images {
            let lines = self.concerning(image, package);
            let files = files(package);
            let files = files.iter().map(|file| self.known(file, &lines));
            let files = files.collect::<Result<Vec<_>, _>>()?;
            if !lines.is_empty() {
                found.mismatch(image, package, &lines, &files);
            }
        }
        Ok(HashError::Mismatch(found.mismatches))
    }

    /// The lines with hashes that hold for a package in an image.
    fn concerning(&self, image: &ImageRequest, package: &LockedPackage) -> Vec<&'a ConstraintLine> {
        let constraints = self.request.constraints.iter();
        let constraints = constraints.flat_map(|text| &text.lines);
        let images = self.request.images.iter();
        let own = images.filter(|other| other.name == image.name);
        let lines = constraints.chain(own.flat_map(|image| &image.hashed));
        let concerns = |line: &&ConstraintLine| {
            !line.hashes.is_empty()
                && *line.constraint.name() == package.name
                && (!self.known_good || allows_version(line, package))
                // One that cannot be answered holds.
                && line.marker().is_none_or(|marker| {
                    evaluate(&marker, &image.target, &[]).unwrap_or(true)
                })
        };
        match self.request.overrides.of(package.name.as_str()) {
            Some(_) => Vec::new(),
            None => lines.filter(concerns).collect(),
        }
    }

    /// What is known of a file, by as many algorithms as the lines need.
    fn known<'f>(
        &self,
        artifact: &'f Artifact,
        lines: &[&ConstraintLine],
    ) -> Result<Known<'f>, HashError> {
        let own = FileHash::from(artifact.sha256);
        let open = |line: &&&ConstraintLine| {
            !line.hashes.contains(&own) && line.hashes.iter().any(|hash| !hash.is_sha256())
        };
        let hashes = match (lines.iter().find(open), self.digests) {
            (Some(line), Some(digests)) => {
                digests(artifact).map_err(|source| HashError::Unread {
                    file: artifact.name.clone(),
                    place: line.place(),
                    source,
                })?
            }
            _ => vec![own],
        };
        Ok(Known { artifact, hashes })
    }

    /// Whether each of the lines allows a file.
    fn allows(&self, file: &Known<'_>, lines: &[&ConstraintLine]) -> bool {
        lines.iter().all(|line| {
            let waits = self.digests.is_none() && line.hashes.iter().any(|hash| !hash.is_sha256());
            waits || file.hashes.iter().any(|hash| line.hashes.contains(hash))
        })
    }

    /// No line states a hash of a package's files, and one is required.
    fn missing(&self, package: &LockedPackage, found: &mut Found) -> Result<(), HashError> {
        let Some(one) = self.request.overrides.of(package.name.as_str()) else {
            found.missing(self.request, package);
            return Ok(());
        };
        match &one.value {
            OverrideValue::File { sha256, .. } if sha256.is_some() => Ok(()),
            value => Err(HashError::Override {
                package: package.name.clone(),
                origin: one.origin.to_string(),
                value: value.to_string(),
            }),
        }
    }
}

/// Whether a line allows the version of a package.
fn allows_version(line: &ConstraintLine, package: &LockedPackage) -> bool {
    match (line.constraint.versions(), &package.version) {
        (Some(versions), Some(version)) => versions.contains(version),
        _ => line.constraint.has_url() && matches!(package.source, LockedSource::Archive { .. }),
    }
}

/// The files of a package that comes from an index.
fn files(package: &LockedPackage) -> Vec<&Artifact> {
    match &package.source {
        LockedSource::Index { sdist, wheels } => wheels.iter().chain(sdist).collect(),
        _ => Vec::new(),
    }
}

/// What is wrong so far.
#[derive(Default)]
struct Found {
    mismatches: Vec<Mismatch>,
    missing: Vec<MissingHash>,
}

impl Found {
    fn mismatch(
        &mut self,
        image: &ImageRequest,
        package: &LockedPackage,
        lines: &[&ConstraintLine],
        files: &[Known<'_>],
    ) {
        let mismatch = Mismatch::new(image, package, lines, files);
        match self
            .mismatches
            .iter_mut()
            .find(|one| one.is_like(&mismatch))
        {
            Some(one) => one.images.push(image.name.clone()),
            None => self.mismatches.push(mismatch),
        }
    }

    fn missing(&mut self, request: &Request, package: &LockedPackage) {
        let missing = MissingHash::new(request, package);
        if !self.missing.contains(&missing) {
            self.missing.push(missing);
        }
    }

    fn result(mut self, lock: &Lock) -> Result<(), HashError> {
        if !self.mismatches.is_empty() {
            return Err(HashError::Mismatch(self.mismatches));
        }
        if self.missing.is_empty() {
            return Ok(());
        }
        for one in &mut self.missing {
            let of_name = lock.packages.iter().filter(|it| it.name == one.package);
            one.is_forked = of_name.count() > 1;
        }
        Err(HashError::Missing(self.missing))
    }
}
