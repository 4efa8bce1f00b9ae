//! Source trees become wheels, once. (stub: owner = founder)

use std::path::PathBuf;

use crate::digest::Digest;
use crate::store::StoredWheel;
use crate::target::Target;
use crate::url::SafeUrl;

/// A source tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum BuildSource {
    /// A commit of a git repository.
    Git {
        /// Its URL.
        repository: SafeUrl,
        /// 40 hexadecimal digits.
        commit: String,
        /// Folder of the project in it.
        subdirectory: Option<String>,
    },
    /// A folder, absolute.
    Directory {
        /// The folder.
        path: PathBuf,
    },
    /// A source archive of an index.
    Sdist {
        /// Where it is.
        url: SafeUrl,
        /// File name.
        name: String,
        /// Its digest.
        sha256: Digest,
    },
}

/// Builds wheels and remembers them in the store.
pub struct Builder;

/// Why there is no wheel.
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct BuildError;

impl Builder {
    /// A wheel of `source` that fits any of `targets`, or failing that any wheel that can be made here: its metadata is
    /// what resolution needs.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn metadata_wheel(
        &self,
        _source: &BuildSource,
        _targets: &[Target],
    ) -> Result<StoredWheel, BuildError> {
        todo!()
    }
    /// A wheel of `source` for exactly this target.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn wheel_for(
        &self,
        _source: &BuildSource,
        _target: &Target,
    ) -> Result<StoredWheel, BuildError> {
        todo!()
    }
}
