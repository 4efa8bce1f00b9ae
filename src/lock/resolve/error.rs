//! Why no lock can be made.

use std::io;

use super::SourceError;
use crate::build::BuildError;
use crate::lock::pylock::PylockError;
use crate::name::{DataName, ImageName, NameError, PackageName};
use crate::target::MarkerError;
use crate::uv::UvError;

/// Why no lock can be made.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ResolveError {
    /// A revision has no commit.
    #[error("revision `{revision}` of `{repository}` has no commit")]
    Revision {
        /// The repository, without credentials.
        repository: String,
        /// Branch, tag, commit or reference.
        revision: String,
        /// What git says.
        #[source]
        #[diagnostic_source]
        source: SourceError,
    },
    /// A project does not tell its metadata.
    #[error("the metadata of `{project}` cannot be had")]
    Metadata {
        /// URL and commit, or the folder.
        project: String,
        /// What the build says.
        #[source]
        #[diagnostic_source]
        source: SourceError,
    },
    /// A project calls itself something else.
    #[error("`{project}` was asked for as package `{wanted}`, but it is `{found}`")]
    #[diagnostic(help("ask for it by its own name"))]
    Name {
        /// URL and commit, or the folder.
        project: String,
        /// The name in the request or in a requirement.
        wanted: PackageName,
        /// The name in its metadata.
        found: PackageName,
    },
    /// One package is wanted from two sources.
    #[error(
        "package `{package}` is wanted from two sources: {one} ({one_by}) and {other} ({other_by})"
    )]
    #[diagnostic(help(
        "one lock holds one source per package: use the same URL, revision and folder everywhere"
    ))]
    TwoSources {
        /// The package.
        package: PackageName,
        /// One source.
        one: Box<str>,
        /// Who wants it.
        one_by: Box<str>,
        /// The other.
        other: Box<str>,
        /// Who wants that.
        other_by: Box<str>,
    },
    /// One data project is wanted from two sources.
    #[error(
        "data project `{data}` is wanted from two sources: {one} (image `{image}`) and {other}"
    )]
    #[diagnostic(help("give one of them another name"))]
    TwoDataSources {
        /// The data project.
        data: DataName,
        /// An image that wants it.
        image: ImageName,
        /// From where that image wants it.
        one: Box<str>,
        /// From where another one does.
        other: Box<str>,
    },
    /// A requirement inside a project is no requirement.
    #[error("`{project}` requires `{requirement}`, which cannot be read: {reason}")]
    #[diagnostic(help("mend the requirement in the project's metadata"))]
    Requirement {
        /// URL and commit, or the folder.
        project: String,
        /// The line, without credentials.
        requirement: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The versions of the projects cannot be told to uv.
    #[error("package `{package}` has version `{version}`, which is none (PEP 440)")]
    #[diagnostic(help("mend the version in the project's metadata"))]
    Version {
        /// The package.
        package: PackageName,
        /// What its metadata says.
        version: String,
    },
    /// No set of versions meets all requirements.
    #[error("no set of versions meets the requirements and constraints of all images")]
    #[diagnostic(help("loosen what collides: a requirement, or a line of the constraints"))]
    Collision(#[source] UvError),
    /// No version of a package serves an image.
    #[error(
        "no version of package `{package}` serves image `{image}` ({target}): {reason}; tried {tried}"
    )]
    #[diagnostic(help(
        "run Pannier on a machine like the image, ask for a package that has such wheels, or state a newer C library for \
         the image if it has one"
    ))]
    NotServed {
        /// The package.
        package: PackageName,
        /// The image.
        image: ImageName,
        /// Its target, for people.
        target: Box<str>,
        /// Why.
        reason: Box<str>,
        /// The versions that were tried.
        tried: Box<str>,
        /// Who wants it, where uv tells.
        #[source]
        source: Option<Box<UvError>>,
    },
    /// Looking for versions that serve all images came to no end.
    #[error(
        "after {rounds} resolutions there still is no set of versions that serves all images; last: {last}"
    )]
    #[diagnostic(help("hold the package at a version that serves, in the constraints"))]
    Endless {
        /// How many.
        rounds: usize,
        /// What was not served at the end.
        last: String,
    },
    /// uv wrote something that is no lock.
    #[error("what uv wrote cannot be used")]
    Written(#[source] PylockError),
    /// A package is locked with a marker that has no answer.
    #[error("package `{package}` for image `{image}`")]
    Marker {
        /// The package.
        package: PackageName,
        /// The image.
        image: ImageName,
        /// Why.
        #[source]
        #[diagnostic_source]
        source: MarkerError,
    },
    /// A name of the request is none.
    #[error(transparent)]
    BadName(#[from] NameError),
    /// uv failed in another way.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Uv(UvError),
    /// Files for uv could not be written.
    #[error("files for uv could not be written")]
    #[diagnostic(help("check the free space of the temporary folder"))]
    Work(#[source] io::Error),
}

impl From<UvError> for ResolveError {
    fn from(why: UvError) -> Self {
        if why.is_unsatisfiable() {
            Self::Collision(why)
        } else {
            Self::Uv(why)
        }
    }
}

impl ResolveError {
    /// Whether everything was looked at and no lock can be made of it: an answer about the request, as against something that
    /// failed on the way to one.
    #[must_use]
    pub fn is_unsatisfiable(&self) -> bool {
        match self {
            Self::Collision(_)
            | Self::NotServed { .. }
            | Self::TwoSources { .. }
            | Self::TwoDataSources { .. } => true,
            // The build constraints are a part of the request.
            Self::Metadata {
                source: SourceError::Build(BuildError::Backend { source, .. }),
                ..
            } => source.is_unsatisfiable(),
            _ => false,
        }
    }

    /// Whether foreign bytes were refused, as against something that failed.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Metadata { source: SourceError::Build(error), .. } if error.is_refusal())
    }
}
