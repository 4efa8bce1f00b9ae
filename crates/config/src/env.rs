//! The environment as a value, and the one list of the variables that mean something to Pannier.
//!
//! Refuses to read the process's environment: the rim hands it in.

use std::collections::BTreeMap;
use std::fmt;

/// Environment variables by name. Its Debug output shows names only: values may be secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(pub BTreeMap<String, String>);

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Environment {
    /// The value of a variable; one that is empty or blank counts as not set, as CI systems cannot unset.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// The first of these variables that is set, with its name.
    #[must_use]
    pub fn first<'a>(&self, names: &[&'a str]) -> Option<(&'a str, &str)> {
        names
            .iter()
            .find_map(|name| self.get(name).map(|value| (*name, value)))
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }
}

/// Whether Pannier, or the client of a proxy, reads this variable.
#[must_use]
pub fn is_read(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    VARIABLES.iter().any(|variable| variable.name == name)
        || upper.ends_with("_PIP_URL")
        || upper.starts_with("UV_INDEX_")
        || matches!(upper.as_str(), "HTTP_PROXY" | "HTTPS_PROXY" | "ALL_PROXY")
}

/// A variable that Pannier reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

macro_rules! variables {
    ($($constant:ident = $name:literal: $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $constant: &str = $name;)*

        /// Every variable that Pannier reads, in the order of the reference.
        pub const VARIABLES: &[Variable] = &[$(Variable { name: $name, meaning: $meaning }),*];
    };
}

variables! {
    CONFIG = "PANNIER_CONFIG": "The configuration file, as `--config`.";
    STORE = "PANNIER_STORE": "The folder of the store, as `--store`.";
    OUTPUT = "PANNIER_OUTPUT": "The folder for the tarballs, as `--output`.";
    GIT_BASE = "PANNIER_GIT_BASE": "The base URL of projects that are given by name, as `git_base`.";
    BRANCH = "PANNIER_BRANCH": "The default revision of projects, as `branch`.";
    CONSTRAINTS = "PANNIER_CONSTRAINTS": "The constraints file, as `constraints`.";
    CONSTRAINTS_TEXT = "PANNIER_CONSTRAINTS_TEXT": "The constraints themselves, if there is no file with them; \
    `constraints.yml` of `pannier constraints convert` sets it.";
    REQUIRE_HASHES = "PANNIER_REQUIRE_HASHES": "`true`: every downloaded file needs a hash, as with `require_hashes`; \
    `false` does not turn that off.";
    PACKAGES = "GITLAB_COM_PACKAGES": "Replaces `packages` of every image: projects separated by white space; folders are \
    relative to pannier.yml.";
    DATA = "DATA_PROJECTS": "Replaces `data` of every image: projects separated by white space; folders are relative to \
    pannier.yml.";
    RELEASES = "PANNIER_RELEASES": "The repository of the release log, as `releases.repository`; `project@branch` also \
    sets its branch.";
    PIP_URL = "<NAME>_pip_url": "The source of the package or data project NAME in this run, as `--override`; in NAME, \
    case does not matter and `_` replaces every other sign.";
    GITLAB_USER_LOGIN = "GITLAB_USER_LOGIN": "The user who started the pipeline; recorded with overrides.";
    UV = "PANNIER_UV": "The uv program to use; otherwise the one on PATH, otherwise Pannier downloads one.";
    TOKEN = "PANNIER_TOKEN": "Token for the host of `git_base` and for GitLab's API.";
    GITLAB_TOKEN = "GITLAB_TOKEN": "Used like PANNIER_TOKEN if that is not set; if CI_SERVER_URL is set, only for its host.";
    PRIVATE_TOKEN = "PRIVATE_TOKEN": "Used like GITLAB_TOKEN if neither is set.";
    CI_JOB_TOKEN = "CI_JOB_TOKEN": "The job's token, for the host of CI_SERVER_URL.";
    CI_SERVER_URL = "CI_SERVER_URL": "The GitLab server; with CI_PROJECT_NAMESPACE it is the default of `git_base`.";
    CI_API_V4_URL = "CI_API_V4_URL": "The URL of GitLab's API; otherwise `/api/v4` of CI_SERVER_URL, otherwise of the host \
    of `git_base`.";
    CI_PROJECT_NAMESPACE = "CI_PROJECT_NAMESPACE": "The group of the pipeline's project.";
    CI_PROJECT_URL = "CI_PROJECT_URL": "The project that `deploy` deploys if none is named.";
    CI_COMMIT_SHA = "CI_COMMIT_SHA": "The commit of it that `deploy` deploys.";
    CI_MERGE_REQUEST_PROJECT_URL = "CI_MERGE_REQUEST_PROJECT_URL": "In a merge request pipeline: used instead of \
    CI_PROJECT_URL, which may be that of a fork.";
    CI_MERGE_REQUEST_SOURCE_BRANCH_SHA = "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": "In a merged results pipeline: used instead \
    of CI_COMMIT_SHA, which is on no branch.";
    CI_ENVIRONMENT_NAME = "CI_ENVIRONMENT_NAME": "The environment whose deployments show `deploy` what was in production, \
    as `--environment`.";
    UV_DEFAULT_INDEX = "UV_DEFAULT_INDEX": "The URL of the index with the lowest priority, as `index.url`; may be `name=URL`.";
    UV_INDEX_URL = "UV_INDEX_URL": "The same if UV_DEFAULT_INDEX is not set.";
    PIP_INDEX_URL = "PIP_INDEX_URL": "The same if neither is set.";
    UV_INDEX = "UV_INDEX": "Indexes with a higher priority, as `index.extra`: URLs or `name=URL`, separated by white space.";
    UV_EXTRA_INDEX_URL = "UV_EXTRA_INDEX_URL": "More of them, with a lower priority than those of UV_INDEX.";
    PIP_EXTRA_INDEX_URL = "PIP_EXTRA_INDEX_URL": "The same if neither UV_INDEX nor UV_EXTRA_INDEX_URL is set.";
    UV_INDEX_USERNAME = "UV_INDEX_<NAME>_USERNAME": "The user name for the index that UV_INDEX calls NAME.";
    UV_INDEX_PASSWORD = "UV_INDEX_<NAME>_PASSWORD": "The password for the index that UV_INDEX calls NAME.";
    NETRC = "NETRC": "The file with user names and passwords by host; otherwise `.netrc` in the home folder.";
    SOURCE_DATE_EPOCH = "SOURCE_DATE_EPOCH": "The time that builds of folders see, in seconds since 1970.";
}
