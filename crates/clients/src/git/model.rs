//! What all of this module works with: the repositories, and how they are checked out.

use std::path::{Path, PathBuf};

use super::mirror::Mirror;
use super::transport::Network;
use crate::http::Client;
use pannier_base::url::SafeUrl;

/// Repositories mirrored below one folder. Safe to use from several threads and processes at once.
#[derive(Debug, Clone)]
pub struct Git {
    pub(super) root: PathBuf,
    pub(super) client: Client,
}

/// A working tree at a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Committer time, seconds since 1970: `SOURCE_DATE_EPOCH` of builds.
    pub time: i64,
    /// The tree's object id, hexadecimal.
    pub tree: String,
}

/// What happens to submodules of git projects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Submodules {
    /// A project with submodules is an error.
    #[default]
    Refuse,
    /// They are fetched at the commits that the project names.
    Follow,
}

impl Git {
    /// Uses `root` for mirrors and `client` for connections.
    #[must_use]
    pub fn new(root: &Path, client: Client) -> Self {
        Self {
            root: root.to_owned(),
            client,
        }
    }

    pub(super) fn network(&self) -> Network<'_> {
        Network {
            client: &self.client,
            scratch: &self.root,
        }
    }

    pub(super) fn mirror<'a>(&'a self, repository: &'a SafeUrl) -> Mirror<'a> {
        Mirror::new(&self.root, &self.client, repository)
    }
}
