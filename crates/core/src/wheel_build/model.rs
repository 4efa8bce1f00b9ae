//! What wheels are built from, and with.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use crate::store::Store;
use pannier_base::digest::Digest;
use pannier_base::event::Reporter;
use pannier_base::url::SafeUrl;
use pannier_clients::git::{Git, Submodules};
use pannier_clients::http::Client;
use pannier_clients::python::Pythons;
use pannier_clients::uv::{Surroundings, Uv, UvError};

use super::BuildError;

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
    /// A folder of this machine.
    Directory {
        /// Absolute path.
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

impl BuildSource {
    /// What the store calls it, so that a lock can say whether its wheels are still needed.
    #[must_use]
    pub fn identity(&self) -> String {
        match self {
            Self::Git { commit, .. } => format!("git {commit}"),
            Self::Directory { path } => format!("directory {}", path.display()),
            Self::Sdist { sha256, .. } => format!("sdist {sha256}"),
        }
    }

    /// What people call it: repository and commit, folder, or archive.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Git {
                repository, commit, ..
            } => {
                let name = repository.file_name();
                let name = name.strip_suffix(".git").unwrap_or(&name);
                format!("{name} @ {}", commit.get(..12).unwrap_or(commit))
            }
            Self::Directory { path } => path.display().to_string(),
            Self::Sdist { name, .. } => name.clone(),
        }
    }
}

/// This machine, as far as builds depend on it.
pub struct Workshop<'a> {
    /// Gives uv; asked only when something must be built.
    pub uv: &'a (dyn Fn() -> Result<Uv, UvError> + Sync),
    /// What uv runs in.
    pub around: Surroundings,
    /// Interpreters available.
    pub pythons: &'a Pythons,
    /// Build constraints, one requirement per line, with the hashes that they state.
    pub constraints: String,
    /// Whether everything that a build needs must have a hash there.
    pub require_hashes: bool,
    /// What happens to submodules.
    pub submodules: Submodules,
}

/// Builds wheels and remembers them in the store. Shared by threads: a source that two of them ask for is built once.
pub struct Builder<'a> {
    pub(super) store: &'a Store,
    pub(super) git: &'a Git,
    pub(super) client: &'a Client,
    pub(super) workshop: Workshop<'a>,
    pub(super) reporter: &'a dyn Reporter,
    pub(super) busy: Mutex<HashMap<Digest, Arc<Mutex<()>>>>,
}

/// Makes a folder in a working folder.
pub(super) fn make_dir(work: &TempDir, name: &str) -> Result<PathBuf, BuildError> {
    let path = work.path().join(name);
    std::fs::create_dir(&path).map_err(|source| BuildError::Io {
        path: path.clone(),
        source,
    })?;
    Ok(path)
}
