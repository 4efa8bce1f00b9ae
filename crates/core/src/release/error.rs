//! Errors of releases and of the release log.

use std::io;
use std::path::PathBuf;

use miette::Diagnostic;

use crate::lock::pylock::PylockError;
use pannier_base::class::{Class, Classify};
use pannier_base::digest::Digest;
use pannier_base::secret::Exposed;
use pannier_clients::git::GitError;
use pannier_clients::gitlab::GitlabError;

/// What went wrong with a release or the log.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum ReleaseError {
    /// There is no release log.
    #[error("no release log is configured")]
    #[diagnostic(help(
        "set a repository that the job may push to: `releases: {{repository: group/name}}` in pannier.yml, PANNIER_RELEASES or \
--release-log"
    ))]
    NotConfigured,
    /// The GitLab that has the package registry is unknown.
    #[error("no URL of GitLab's API given")]
    #[diagnostic(help(
        "set CI_API_V4_URL (https://HOST/api/v4) or `git_base` in pannier.yml; inside a pipeline, CI_API_V4_URL is set"
    ))]
    NoGitlab,
    /// The project that has the package registry is unknown.
    #[error(
        "the release log is not on this GitLab, so the project of the package registry is unknown"
    )]
    #[diagnostic(help("set the project with --project, by ID or path"))]
    NoProject,
    /// The lock that is to be recorded cannot be read.
    #[error("cannot read the lock {}", path.display())]
    #[diagnostic(help("run `pannier lock`, or set another file with --lock"))]
    NoLock {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The log's branch cannot be read or written.
    #[error("the release log is not usable")]
    Git(
        #[from]
        #[diagnostic_source]
        GitError,
    ),
    /// The log would hold a secret.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Exposed(#[from] Exposed),
    /// Other writers were faster, each time.
    #[error("the release log moved during each of {tries} tries to write it")]
    #[diagnostic(help("many jobs write at once, and this one wrote nothing: run it again"))]
    Busy {
        /// How many.
        tries: u32,
    },
    /// A file of the log does not say what it should.
    #[error("`{path}` of the release log is damaged: {problem}")]
    #[diagnostic(help(
        "check the history of the file on the branch of the log and restore it with a commit"
    ))]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A file of the log is of a newer Pannier.
    #[error(
        "`{path}` of the release log has format {found}, only {} is known",
        super::model::FORMAT
    )]
    #[diagnostic(help("use a newer Pannier"))]
    Newer {
        /// The file.
        path: String,
        /// Its format.
        found: u64,
    },
    /// The lock of a release is not the one that was recorded.
    #[error("the lock of release {release} has the digest {found}, recorded is {recorded}")]
    #[diagnostic(help("it was edited on the branch of the log; restore it with a commit"))]
    OtherLock {
        /// The release.
        release: String,
        /// The digest of what is there.
        found: Digest,
        /// What it should be.
        recorded: Digest,
    },
    /// A lock cannot be read.
    #[error("{place} is not a valid lock")]
    Lock {
        /// Which lock.
        place: String,
        /// What is wrong with it.
        #[source]
        #[diagnostic_source]
        source: PylockError,
    },
    /// No release is called so.
    #[error("the release log has no release `{text}`")]
    #[diagnostic(help("{hint}"))]
    Unknown {
        /// What was looked for.
        text: String,
        /// What there is.
        hint: String,
    },
    /// Several releases begin so.
    #[error("`{text}` is the beginning of several releases: {}", found.join(", "))]
    #[diagnostic(help("pass more of the name"))]
    Ambiguous {
        /// What was looked for.
        text: String,
        /// The releases.
        found: Vec<String>,
    },
    /// A channel holds nothing, or held nothing before.
    #[error("channel `{channel}` {problem}")]
    #[diagnostic(help("`pannier release list` shows the releases; name one of them"))]
    Channel {
        /// Its name.
        channel: String,
        /// What is missing.
        problem: &'static str,
    },
    /// The lock was made with overrides.
    #[error("{what} contains overrides ({}): it cannot be a release", overrides.join(", "))]
    #[diagnostic(help("record a lock without overrides"))]
    Overridden {
        /// The lock or release.
        what: String,
        /// What was overridden.
        overrides: Vec<String>,
    },
    /// A tarball cannot be read.
    #[error("cannot read {}", path.display())]
    #[diagnostic(help("set the folder that `pannier prepare` wrote to with --tarballs"))]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A tarball's manifest cannot be used.
    #[error("{} is not the manifest of a tarball: {problem}", path.display())]
    #[diagnostic(help("run `pannier prepare` again"))]
    Manifest {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A tarball was made from another lock, or changed since.
    #[error("{} does not belong to the release: {problem}", path.display())]
    #[diagnostic(help("run `pannier prepare --locked` with the lock to record"))]
    Foreign {
        /// The tarball.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
    /// GitLab's package registry.
    #[error("the package registry is not usable")]
    Gitlab(
        #[from]
        #[diagnostic_source]
        GitlabError,
    ),
    /// A release without tarballs.
    #[error("release {release} was recorded without tarballs")]
    #[diagnostic(help("record them with it: `pannier release record --tarballs dist`"))]
    Untarred {
        /// The release.
        release: String,
    },
    /// No release has these tarballs.
    #[error("no release was recorded with the tarballs in {}", folder.display())]
    #[diagnostic(help("record one: `pannier release record --tarballs FOLDER`"))]
    Unrecorded {
        /// Where they are.
        folder: PathBuf,
    },
    /// A tarball is not in the registry.
    #[error(
        "the package registry of project {project} does not have {tarball}, or this token may not see it"
    )]
    #[diagnostic(help(
        "run `pannier release publish` to upload it, or set another project with --project"
    ))]
    Unpublished {
        /// The tarball.
        tarball: String,
        /// The project.
        project: String,
    },
    /// The registry has something else.
    #[error("{tarball} in the package registry has the digest {found}, recorded is {recorded}")]
    #[diagnostic(help(
        "nothing of it was used; find out who uploaded it, and publish the tarball again"
    ))]
    Unlike {
        /// The tarball.
        tarball: String,
        /// What is there.
        found: String,
        /// What it should be.
        recorded: Digest,
    },
    /// A release has no tarball of an image.
    #[error("release {release} has no tarball of image `{image}`, only of {}", known.join(", "))]
    #[diagnostic(help("`pannier release show` lists its tarballs"))]
    NoImage {
        /// The release.
        release: String,
        /// The image.
        image: String,
        /// Those that it has.
        known: Vec<String>,
    },
    /// There is none.
    #[error("{} contains no tarball with a manifest", folder.display())]
    #[diagnostic(help("set the folder that `pannier prepare` wrote to with --tarballs"))]
    NoTarballs {
        /// Where they were looked for.
        folder: PathBuf,
    },
}

impl Classify for ReleaseError {
    fn class(&self) -> Class {
        match self {
            Self::OtherLock { .. } | Self::Foreign { .. } | Self::Unlike { .. } => Class::Refused,
            Self::Overridden { .. } => Class::NotAllowed,
            Self::NotConfigured
            | Self::NoGitlab
            | Self::NoProject
            | Self::Unknown { .. }
            | Self::Ambiguous { .. } => Class::Usage,
            Self::Git(error) => error.class(),
            Self::NoLock { .. }
            | Self::Io { .. }
            | Self::Manifest { .. }
            | Self::NoTarballs { .. }
            | Self::Exposed(_) => Class::Machine,
            _ => Class::Upstream,
        }
    }
}
