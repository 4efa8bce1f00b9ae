//! Why no lock can be made.

use std::io;

use crate::lock::pylock::PylockError;
use crate::resolve::hashes::HashError;
use crate::resolve::model::SourceError;
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
    #[error("cannot read the metadata of `{project}`")]
    Metadata {
        /// URL and commit, or the folder.
        project: String,
        /// What the build says.
        #[source]
        #[diagnostic_source]
        source: SourceError,
    },
    /// A project calls itself something else.
    #[error("`{project}` is requested as package `{wanted}`, but its name is `{found}`")]
    #[diagnostic(help("request it by its own name"))]
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
        "package `{package}` is requested from two sources: {one} ({one_by}) and {other} ({other_by})"
    )]
    #[diagnostic(help(
        "one lock holds one source per package: use the same URL, revision and folder everywhere"
    ))]
    TwoSources {
        /// The package.
        package: PackageName,
        /// One source.
        one: Box<str>,
        /// Where it is requested.
        one_by: Box<str>,
        /// The other.
        other: Box<str>,
        /// Where that is requested.
        other_by: Box<str>,
    },
    /// One data project is wanted from two sources.
    #[error(
        "data project `{data}` is requested from two sources: {one} (image `{image}`) and {other}"
    )]
    #[diagnostic(help("use another name for one of them"))]
    TwoDataSources {
        /// The data project.
        data: DataName,
        /// An image that requests it.
        image: ImageName,
        /// The source that the image requests.
        one: Box<str>,
        /// From where another one does.
        other: Box<str>,
    },
    /// A requirement inside a project is no requirement.
    #[error("`{project}` requires `{requirement}`, which is not valid: {reason}")]
    #[diagnostic(help("fix the requirement in the project's metadata"))]
    Requirement {
        /// URL and commit, or the folder.
        project: String,
        /// The line, without credentials.
        requirement: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The versions of the projects cannot be told to uv.
    #[error("package `{package}` has an invalid version `{version}` (PEP 440)")]
    #[diagnostic(help("fix the version in the project's metadata"))]
    Version {
        /// The package.
        package: PackageName,
        /// What its metadata says.
        version: String,
    },
    /// No set of versions meets all requirements.
    #[error("no set of versions satisfies the requirements and constraints of all images")]
    #[diagnostic(help("relax one of the conflicting requirements or constraints"))]
    Collision(#[source] UvError),
    /// No version of a package serves an image.
    #[error(
        "no version of package `{package}` supports image `{image}` ({target}): {reason}; tried {tried}"
    )]
    #[diagnostic(help(
        "run Pannier on a machine like the image, request a package with such wheels, or set a newer C library for the \
        image if it has one"
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
        /// What requires it, if uv reports that.
        #[source]
        source: Option<Box<UvError>>,
    },
    /// Looking for versions that serve all images came to no end.
    #[error("{rounds} resolutions found no set of versions that supports all images; last: {last}")]
    #[diagnostic(help("pin the package in the constraints to a version that supports them"))]
    Endless {
        /// How many.
        rounds: usize,
        /// What was not served at the end.
        last: String,
    },
    /// What an override names cannot be used.
    #[error("the override of `{name}` ({said_by}) is not valid")]
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
        "{said_by}: no package or data project of this run is called `{name}`, so its override changes nothing"
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
    #[error("{overrides} of this run {}: without overrides the request has a solution", cause(*.count))]
    #[diagnostic(help(
        "change the requirements or the version of the override, or relax what conflicts with it"
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
    #[error("cannot lock `{wheel}` with the metadata that its index lists")]
    Listed {
        /// The wheel's file name.
        wheel: String,
        /// Why not.
        #[source]
        #[diagnostic_source]
        source: SourceError,
    },
    /// uv wrote something that is no lock.
    #[error("the output of uv is not valid")]
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
    #[error("cannot write files for uv")]
    #[diagnostic(help("check the free space in the temporary folder"))]
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
        _ => "together are the cause",
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
