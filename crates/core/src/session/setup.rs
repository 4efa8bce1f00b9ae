//! What a session is opened with: plain values, as configuration, environment and flags gave them.

use std::path::PathBuf;

use pannier_archive::zip::Rules;
use pannier_base::url::SafeUrl;
use pannier_clients::child::ChildEnvironment;
use pannier_clients::gitlab::Tokens;
use pannier_clients::http::CredentialEntries;
use pannier_clients::uv::Indexes;

/// What a session is opened with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Folder of the store.
    pub store: PathBuf,
    /// How large wheels may become.
    pub rules: Rules,
    /// User names and passwords for git hosts and indexes.
    pub logins: CredentialEntries,
    /// The package indexes.
    pub index: Indexes,
    /// URLs that must not lead to another server: sources of overrides.
    pub confined: Vec<SafeUrl>,
    /// Whether no connection may be made.
    pub offline: bool,
    /// The environment of uv, build backends and interpreters.
    pub environment: ChildEnvironment,
    /// Folders in which programs are searched (`PATH`).
    pub path: Vec<PathBuf>,
    /// The uv to use, if one is named.
    pub uv: Option<PathBuf>,
    /// GitLab's API, if its place is known.
    pub gitlab: Option<GitlabPlace>,
    /// The release log, if one is configured.
    pub release_log: Option<LogPlace>,
}

/// GitLab's API, and the tokens for it.
#[derive(Debug, Clone)]
pub struct GitlabPlace {
    /// The API's URL, such as `https://gitlab.example.com/api/v4`.
    pub api: SafeUrl,
    /// Tokens that may go there.
    pub tokens: Tokens,
}

/// Where a release log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPlace {
    /// The repository.
    pub repository: SafeUrl,
    /// The branch that holds the log.
    pub branch: String,
}
