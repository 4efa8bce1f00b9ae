//! What resolution works with: the request and an earlier lock, git and the builder, uv.

use std::sync::Arc;

use crate::constraints::FileHash;
use crate::lock::model::{Artifact, Lock};
use crate::request::Request;
use crate::request::digest::Parts;
use crate::wheel_build::{BuildError, BuildSource, Builder};
use pannier_archive::wheel::Wheel;
use pannier_base::class::{Class, Classify};
use pannier_base::digest::Digest;
use pannier_base::event::Reporter;
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

impl Classify for SourceError {
    fn class(&self) -> Class {
        match self {
            Self::Git(error) => error.class(),
            Self::Build(error) => error.class(),
            Self::Other(_) => Class::Upstream,
        }
    }
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
