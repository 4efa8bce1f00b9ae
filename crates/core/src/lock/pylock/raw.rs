//! The tables of a `pylock.toml` as they stand, before anything is checked. What is not known is collected, not lost.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Value;

pub(super) type Rest = BTreeMap<String, Value>;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RawLock {
    pub lock_version: String,
    pub requires_python: Option<String>,
    #[serde(default)]
    pub environments: Vec<String>,
    #[serde(default)]
    pub packages: Vec<RawPackage>,
    #[serde(default)]
    pub tool: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RawPackage {
    pub name: String,
    pub version: Option<String>,
    pub marker: Option<String>,
    pub requires_python: Option<String>,
    pub index: Option<String>,
    pub vcs: Option<RawVcs>,
    pub directory: Option<RawDirectory>,
    pub archive: Option<RawFile>,
    pub sdist: Option<RawFile>,
    pub wheels: Option<Vec<RawFile>>,
    #[serde(flatten)]
    pub rest: Rest,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RawVcs {
    #[serde(rename = "type")]
    pub kind: String,
    pub url: Option<String>,
    pub requested_revision: Option<String>,
    pub commit_id: String,
    pub subdirectory: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct RawDirectory {
    pub path: String,
    pub subdirectory: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct RawFile {
    pub name: Option<String>,
    pub url: Option<String>,
    pub path: Option<String>,
    pub size: Option<u64>,
    pub upload_time: Option<Value>,
    #[serde(default)]
    pub hashes: BTreeMap<String, String>,
    pub subdirectory: Option<String>,
}
