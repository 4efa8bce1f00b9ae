//! The source of a project: a repository, a folder, or a file by its URL; which of them are equal, and how they are shown.

use crate::lock::model::Artifact;
use crate::request::ProjectSource;
use pannier_base::digest::Digest;
use pannier_base::url::SafeUrl;

/// Where a project is before it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// A repository or a folder.
    Tree(ProjectSource),
    /// A wheel or source archive by its URL, which an override named.
    File {
        /// Where it is.
        url: SafeUrl,
        /// Its digest, where one was stated.
        sha256: Option<Digest>,
    },
}

impl Origin {
    /// For people, without credentials.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Tree(source) => shown(source),
            Self::File { url, .. } => url.to_string(),
        }
    }
}

/// Where a project is.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// A repository or a folder.
    Tree(ProjectSource),
    /// A wheel or source archive by its URL.
    File(Artifact),
}

impl Place {
    /// For people, without credentials.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Tree(source) => shown(source),
            Self::File(artifact) => artifact.url.to_string(),
        }
    }

    /// Whether it is the source, however that was written.
    pub(super) fn is(&self, source: &ProjectSource) -> bool {
        matches!(self, Self::Tree(own) if same(own, source))
    }
}

/// Whether two sources are one, however they were written.
pub(super) fn same(one: &ProjectSource, other: &ProjectSource) -> bool {
    match (one, other) {
        (
            ProjectSource::Git {
                repository,
                revision,
                subdirectory,
            },
            ProjectSource::Git {
                repository: other_repository,
                revision: other_revision,
                subdirectory: other_subdirectory,
            },
        ) => {
            Revision::new(repository, revision) == Revision::new(other_repository, other_revision)
                && subdirectory == other_subdirectory
        }
        _ => one == other,
    }
}

/// A source for people, without credentials.
pub(super) fn shown(source: &ProjectSource) -> String {
    match source {
        ProjectSource::Git {
            repository,
            revision,
            subdirectory,
        } => {
            let repository: &SafeUrl = repository;
            let folder = subdirectory
                .as_ref()
                .map(|folder| format!("#subdirectory={folder}"));
            format!(
                "{}@{revision}{}",
                repository.without_credentials(),
                folder.unwrap_or_default()
            )
        }
        ProjectSource::Directory { path } => path.display().to_string(),
    }
}

/// A revision of a repository; two spellings of one URL are one repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Revision {
    repository: String,
    pub(super) revision: String,
}

impl Revision {
    pub(super) fn new(repository: &SafeUrl, revision: &str) -> Self {
        let url = repository.without_credentials().to_string();
        let url = url.trim_end_matches('/');
        Self {
            repository: url.strip_suffix(".git").unwrap_or(url).to_owned(),
            revision: revision.to_owned(),
        }
    }
}
