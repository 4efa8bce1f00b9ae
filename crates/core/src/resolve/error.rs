//! Why no lock can be made.

use std::io;

use crate::lock::pylock::PylockError;
use crate::resolve::SourceError;
use crate::resolve::hashes::HashError;
use pannier_base::class::{Class, Classify};
use pannier_base::name::{DataName, ImageName, NameError, PackageName};
use pannier_base::platform::MarkerError;
use pannier_clients::uv::UvError;

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
    /// What an override names cannot be used.
    #[error("the override of `{name}` ({said_by}) cannot be used")]
    Override {
        /// The package.
        name: String,
        /// The variable, flag or key that said it.
        said_by: String,
        /// Why not.
        #[source]
        #[diagnostic_source]
        source: Cause,
    },
    /// A data project is to come from something that is no tree.
    #[error("{said_by}: the data project `{name}` can only come from a git repository")]
    #[diagnostic(help("write `git+https://host/group/{name}.git@revision` or a merge request"))]
    DataOverride {
        /// The data project.
        name: DataName,
        /// The variable, flag or key that said it.
        said_by: String,
    },
    /// Nothing has the name of an override.
    #[error(
        "{said_by}: no package and no data project of this run is called `{name}`, so its override changes nothing"
    )]
    #[diagnostic(help("{hint}"))]
    Unmatched {
        /// The name.
        name: String,
        /// The variable, flag or key that said it.
        said_by: String,
        /// What may have been meant.
        hint: String,
    },
    /// There is no solution with the overrides, but one without them.
    #[error("{overrides} of this run {}: without it the request has a solution", cause(*.count))]
    #[diagnostic(help(
        "change what the override requires or the version that it has, or loosen what collides with it"
    ))]
    Conflict {
        /// The overrides that are the cause, for people.
        overrides: String,
        /// How many these are.
        count: usize,
        /// Why there is no solution.
        #[source]
        #[diagnostic_source]
        source: Cause,
    },
    /// Files are not those whose hashes the request states.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Hashes(#[from] HashError),
    /// The index lists other metadata for a wheel than the wheel in the store has.
    #[error("cannot lock `{wheel}` by the metadata that its index lists")]
    Listed {
        /// The wheel's file name.
        wheel: String,
        /// Why not.
        #[source]
        #[diagnostic_source]
        source: SourceError,
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
        if why.class() == Class::Unsatisfiable {
            Self::Collision(why)
        } else {
            Self::Uv(why)
        }
    }
}

/// An error behind another one.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Cause(Box<ResolveError>);

impl From<ResolveError> for Cause {
    fn from(why: ResolveError) -> Self {
        Self(Box::new(why))
    }
}

impl miette::Diagnostic for Cause {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.0.help()
    }

    fn diagnostic_source(&self) -> Option<&dyn miette::Diagnostic> {
        self.0.diagnostic_source()
    }
}

fn cause(count: usize) -> &'static str {
    match count {
        1 => "is the cause",
        _ => "are the cause together",
    }
}

impl Classify for ResolveError {
    fn class(&self) -> Class {
        match self {
            Self::Revision { source, .. }
            | Self::Metadata { source, .. }
            | Self::Listed { source, .. } => source.class(),
            Self::Override { source, .. } => source.0.class(),
            Self::Hashes(error) => error.class(),
            Self::Uv(error) => error.class(),
            Self::Collision(_)
            | Self::NotServed { .. }
            | Self::TwoSources { .. }
            | Self::TwoDataSources { .. }
            | Self::Conflict { .. } => Class::Unsatisfiable,
            Self::Unmatched { .. } | Self::DataOverride { .. } | Self::BadName(_) => Class::Usage,
            Self::Name { .. }
            | Self::Requirement { .. }
            | Self::Version { .. }
            | Self::Endless { .. }
            | Self::Written(_)
            | Self::Marker { .. } => Class::Upstream,
            Self::Work(_) => Class::Machine,
        }
    }
}

impl ResolveError {
    /// Whether no set of versions was found, as against something that failed.
    pub(super) const fn is_conflict(&self) -> bool {
        matches!(
            self,
            Self::Collision(_) | Self::NotServed { .. } | Self::Endless { .. }
        )
    }
}
