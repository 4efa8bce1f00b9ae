//! Making a lock: revisions become commits, projects tell their metadata, uv chooses versions, and what uv does not
//! look at is checked: that every image has a wheel of what was chosen.
//!
//! The steps are [`revisions`], [`projects`], [`stubs`], [`inputs`], [`serve`] and [`finish`]. Refuses to write the lock
//! anywhere and to choose versions by itself: it only takes choices away from uv that serve no image.

mod error;
mod exclusion;
mod finish;
mod inputs;
mod projects;
mod revisions;
mod rounds;
mod serve;
mod stubs;

use std::sync::Arc;

use tempfile::TempDir;

pub use error::ResolveError;

use super::model::{Lock, LockedPackage, LockedSource};
use crate::build::{BuildError, BuildSource, Builder};
use crate::config::digest::Parts;
use crate::config::request::Request;
use crate::event::{Reporter, Stage, StageGuard};
use crate::git::{Git, GitError};
use crate::name::PackageName;
use crate::target::Target;
use crate::url::SafeUrl;
use crate::uv::{Surroundings, Uv};
use crate::wheel::Wheel;

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
    /// There is no wheel of it.
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
    /// What of it is given up.
    pub upgrade: &'a Upgrade,
}

/// Makes the lock.
///
/// # Errors
/// [`ResolveError`] names the package, the image, the chain of requirements.
pub fn resolve(wanted: &Wanted<'_>, tools: Tools<'_>) -> Result<Lock, ResolveError> {
    let commits = {
        let revisions = revisions::Wanted::of(wanted);
        let stage = StageGuard::start(tools.reporter, Stage::Revisions, Some(revisions.len()));
        revisions::commits(&revisions, tools, &stage)?
    };
    let projects = {
        let total = projects::count(wanted.request);
        let stage = StageGuard::start(tools.reporter, Stage::Build, Some(total));
        projects::discover(wanted, commits, tools, &stage)?
    };
    let _stage = StageGuard::start(tools.reporter, Stage::Resolve, None);
    let work = TempDir::new().map_err(ResolveError::Work)?;
    let stubs = stubs::write(&projects, work.path())?;
    let inputs = inputs::Inputs::new(wanted, &projects, &stubs);
    let chosen = rounds::choose(wanted, &inputs, work.path(), tools)?;
    finish::lock(wanted, &projects, &inputs, chosen)
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
