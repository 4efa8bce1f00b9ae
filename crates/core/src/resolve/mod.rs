//! Making a lock: revisions become commits, projects tell their metadata, uv chooses versions, and what uv does not
//! look at is checked: that every image has a wheel of what was chosen.
//!
//! The steps are [`revisions`], [`projects`], [`stubs`], [`inputs`], [`ahead`], [`serve`] and [`finish`]; [`overriding`] says in each of
//! them the overrides of this run. Never writes the lock
//! anywhere and to choose versions by itself: it only takes choices away from uv that serve no image.

mod ahead;
mod applied;
mod banned_versions;
mod error;
mod finish;
pub mod hashes;
mod inputs;
mod listed;
mod minimize;
pub mod overridden;
mod overriding;
mod preview;
mod projects;
mod revisions;
mod rounds;
mod source_id;
mod stubs;
pub mod update;
mod wheel_coverage;

use std::collections::BTreeSet;
use std::sync::Arc;

use tempfile::TempDir;

pub use error::{Cause, ResolveError};
pub use overriding::check_matches;
pub use preview::{Preview, preview};

use crate::constraints::FileHash;
use crate::lock::model::{Artifact, Lock, LockedPackage, LockedSource};
use crate::request::Request;
use crate::request::digest::Parts;
use crate::request::overrides::{Applied, Kind, Override, OverrideValue};
use crate::resolve::hashes::{HashCheck, once};
use crate::wheel_build::{BuildError, BuildSource, Builder};
use pannier_archive::wheel::Wheel;
use pannier_base::digest::Digest;
use pannier_base::event::{Reporter, Stage, StageGuard};
use pannier_base::name::PackageName;
use pannier_base::platform::Target;
use pannier_base::url::SafeUrl;
use pannier_clients::git::{Git, GitError};
use pannier_clients::uv::{Surroundings, Uv};

/// Which versions and commits of an earlier lock are given up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Upgrade {
    /// None: what is locked stays where it can.
    #[default]
    None,
    /// All of them.
    All,
    /// Those of these packages (and data projects).
    Packages(Vec<PackageName>),
}

impl Upgrade {
    /// Whether the lock of this package is given up.
    #[must_use]
    pub fn concerns(&self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Packages(names) => names.iter().any(|listed| listed.as_str() == name),
        }
    }
}

/// Why a source does not answer.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum SourceError {
    /// The repository cannot be asked.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Git(#[from] GitError),
    /// It has no wheel.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Build(#[from] BuildError),
    /// Something else, in words.
    #[error("{0}")]
    Other(String),
}

/// What resolution asks of git and of the builder.
pub trait Sources: Sync {
    /// The commit (40 hexadecimal digits) that a revision means now.
    ///
    /// # Errors
    /// What git gives.
    fn commit(&self, repository: &SafeUrl, revision: &str) -> Result<String, SourceError>;

    /// What the wheel of a source says about itself.
    ///
    /// # Errors
    /// What building gives.
    fn metadata(&self, source: &BuildSource, targets: &[Target])
    -> Result<Arc<Wheel>, SourceError>;

    /// A wheel or source archive by its URL: which file it is, and what its wheel says about itself. `sha256` is what it must
    /// have, where that was stated.
    ///
    /// # Errors
    /// What fetching and building give.
    fn file(
        &self,
        url: &SafeUrl,
        sha256: Option<&Digest>,
        targets: &[Target],
    ) -> Result<(Artifact, Arc<Wheel>), SourceError>;

    /// The digests of a file, by all algorithms that a line may state.
    ///
    /// # Errors
    /// What fetching gives.
    fn hashes(&self, file: &Artifact) -> Result<Vec<FileHash>, SourceError>;

    /// Compares a wheel with the metadata that its index lists now (PEP 658), if the wheel is available and the index may be
    /// asked.
    ///
    /// # Errors
    /// What asking gives; that they differ is an error of the build's store.
    fn check_listed(&self, file: &Artifact) -> Result<(), SourceError>;
}

/// The sources of the real world.
pub struct Doors<'a> {
    /// Resolves revisions.
    pub git: &'a Git,
    /// Builds what has to be asked for its metadata.
    pub builder: &'a Builder<'a>,
}

impl Sources for Doors<'_> {
    fn commit(&self, repository: &SafeUrl, revision: &str) -> Result<String, SourceError> {
        Ok(self.git.resolve(repository, revision)?)
    }

    fn metadata(
        &self,
        source: &BuildSource,
        targets: &[Target],
    ) -> Result<Arc<Wheel>, SourceError> {
        Ok(self.builder.metadata_wheel(source, targets)?.wheel)
    }

    fn file(
        &self,
        url: &SafeUrl,
        sha256: Option<&Digest>,
        targets: &[Target],
    ) -> Result<(Artifact, Arc<Wheel>), SourceError> {
        let fetched = self.builder.fetch(url, sha256)?;
        let artifact = Artifact {
            name: url.file_name(),
            url: url.without_credentials(),
            size: Some(fetched.size),
            upload_time: None,
            sha256: fetched.sha256,
        };
        let wheel = match fetched.wheel {
            Some(stored) => stored.wheel,
            None => {
                let source = BuildSource::Sdist {
                    url: url.clone(),
                    name: artifact.name.clone(),
                    sha256: artifact.sha256,
                };
                self.builder.metadata_wheel(&source, targets)?.wheel
            }
        };
        Ok((artifact, wheel))
    }

    fn hashes(&self, file: &Artifact) -> Result<Vec<FileHash>, SourceError> {
        let hashes = self
            .builder
            .file_hashes(&file.url, &file.name, &file.sha256);
        Ok(hashes?)
    }

    fn check_listed(&self, file: &Artifact) -> Result<(), SourceError> {
        let checked = self
            .builder
            .check_listed(&file.url, &file.name, &file.sha256);
        Ok(checked?)
    }
}

/// What resolution works with.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    /// Git and the builder.
    pub sources: &'a dyn Sources,
    /// Chooses versions.
    pub uv: &'a Uv,
    /// What uv sees of the world.
    pub around: &'a Surroundings,
    /// Hears what happens.
    pub reporter: &'a dyn Reporter,
}

/// What a lock is made from.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// The request.
    pub request: &'a Request,
    /// Its digests, see [`Request::parts`].
    pub parts: &'a Parts,
    /// The lock that is there already; its versions and commits are kept where they can be.
    pub previous: Option<&'a Lock>,
    /// Which parts are given up.
    pub upgrade: &'a Upgrade,
}

/// Makes the lock.
///
/// # Errors
/// [`ResolveError`] names the package, the image, the chain of requirements.
pub fn resolve(wanted: &Wanted<'_>, tools: Tools<'_>) -> Result<Lock, ResolveError> {
    let lock = choose(wanted, tools)?;
    listed::check(&lock, tools)?;
    Ok(lock)
}

/// Makes the lock by what uv is told, without a look at the wheels.
fn choose(wanted: &Wanted<'_>, tools: Tools<'_>) -> Result<Lock, ResolveError> {
    let overrides = &wanted.request.overrides;
    if overrides.list.is_empty() {
        return attempt(wanted, BTreeSet::new(), tools);
    }
    let mut found = BTreeSet::new();
    loop {
        let lock = attempt(wanted, found.clone(), tools);
        let lock = lock.map_err(|why| explain(why, wanted, tools))?;
        // A package that others pull in is known by name only now; so is what an override pulls in.
        let known = lock.packages.iter().map(|package| &package.name);
        let news: Vec<PackageName> = known
            .filter(|name| !found.contains(*name) && misses(wanted.request, &lock, name))
            .cloned()
            .collect();
        if news.is_empty() {
            check_matches(wanted.request, wanted.previous, &lock, tools.reporter)?;
            return Ok(lock);
        }
        found.extend(news);
    }
}

/// Whether an override names a source of the package and the lock has another source.
fn misses(request: &Request, lock: &Lock, name: &PackageName) -> bool {
    let one = request.overrides.of(name.as_str());
    let named = one.is_some_and(|one| !matches!(one.value, OverrideValue::Version(_)));
    let mut records = lock.pannier.overrides.iter();
    let is_it = |one: &Applied| one.kind == Kind::Package && one.name == name.as_str();
    named && !records.any(|one| is_it(one) && one.has_source())
}

/// One resolution; `found` are overridden packages that an earlier one led to.
fn attempt(
    wanted: &Wanted<'_>,
    found: BTreeSet<PackageName>,
    tools: Tools<'_>,
) -> Result<Lock, ResolveError> {
    let request = overriding::with_data(wanted.request)?;
    let changed = Wanted {
        request: &request,
        ..*wanted
    };
    let overriding = overriding::Overriding::of(&changed, found);
    let commits = {
        let revisions = revisions::Wanted::of(&changed, &overriding);
        let stage = StageGuard::start(tools.reporter, Stage::Revisions, Some(revisions.len()));
        revisions::commits(&revisions, tools, &stage)?
    };
    let projects = {
        let total = projects::count(&request, &overriding);
        let stage = StageGuard::start(tools.reporter, Stage::Build, Some(total));
        projects::discover(&changed, commits, &overriding, (tools, &stage))?
    };
    let _stage = StageGuard::start(tools.reporter, Stage::Resolve, None);
    let work = TempDir::new().map_err(ResolveError::Work)?;
    let stubs = stubs::write(&projects, &overriding, work.path())?;
    let mut inputs = inputs::Inputs::new(&request, &projects, &stubs, &overriding);
    let digests = once(|file| tools.sources.hashes(file));
    let check = HashCheck::new(&request, Some(&digests));
    let required = request.require_hashes;
    let ahead = ahead::look(&check, required, &mut inputs, (work.path(), tools))?;
    let mut choose = |inputs: &inputs::Inputs| {
        let chosen = rounds::choose(&changed, inputs, work.path(), tools);
        let chosen = chosen.map_err(|why| ahead.explain(why, &check))?;
        let mut lock = finish::lock(&changed, &projects, inputs, chosen)?;
        check.narrow(&mut lock)?;
        check.check(&lock, &[])?;
        lock.pannier.overrides = applied::records(wanted, &overriding, &projects, &lock);
        Ok(lock)
    };
    let lock = choose(&inputs)?;
    match wanted.previous {
        Some(before) if !lock.pannier.overrides.is_empty() => {
            minimize::minimize((before, wanted.upgrade), lock, &mut inputs, &mut choose)
        }
        _ => Ok(lock),
    }
}

/// Tells whether overrides are the cause of an error. If there is no solution, one without them is searched.
fn explain(why: ResolveError, wanted: &Wanted<'_>, tools: Tools<'_>) -> ResolveError {
    let request = wanted.request;
    if !why.is_conflict() {
        return overriding::blame(why, request);
    }
    let solved = |overrides: Vec<Override>| {
        let mut request = request.clone();
        request.overrides.list = overrides;
        let without = Wanted {
            request: &request,
            ..*wanted
        };
        attempt(&without, BTreeSet::new(), tools).is_ok()
    };
    let list = &request.overrides.list;
    if !solved(Vec::new()) {
        tools.reporter.warn(
            "there is no solution without the overrides, either".to_owned(),
            None,
        );
        return why;
    }
    let alone = list.iter().filter(|one| {
        list.len() > 1 && {
            let others = list.iter().filter(|other| other.name != one.name);
            solved(others.cloned().collect())
        }
    });
    let mut causes: Vec<&Override> = alone.collect();
    if causes.is_empty() {
        causes = list.iter().collect();
    }
    ResolveError::Conflict {
        count: causes.len(),
        overrides: overriding::described(&causes),
        source: why.into(),
    }
}

/// Whether the file of an archive is the stub of a project.
fn stub_of<'a>(
    package: &LockedPackage,
    projects: &'a projects::Projects,
) -> Option<&'a projects::Project> {
    match &package.source {
        LockedSource::Archive { artifact, .. } if artifact.url.expose().scheme() == "file" => {
            projects.by_name.get(&package.name)
        }
        _ => None,
    }
}
