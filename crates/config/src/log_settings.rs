//! The settings of commands that work on the release log alone: they name no images.

use std::path::PathBuf;

use crate::common::Common;
use crate::credentials::gather;
use crate::error::ConfigError;
use crate::inputs::Inputs;
use pannier_base::url::SafeUrl;
use pannier_clients::http::CredentialEntries;
use pannier_core::request::origin::Effective;
use pannier_core::session::LogPlace;

/// The settings of commands that work on the release log only.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// Where the log is, if it is configured.
    pub place: Option<Effective<LogPlace>>,
    /// Folder for tarballs; absolute, or relative to the current folder.
    pub output: PathBuf,
    /// Folder of the store, if anyone said one; absolute, or relative to the current folder.
    pub store: Option<PathBuf>,
    /// Where a project given by its name alone lives.
    pub git_base: Option<SafeUrl>,
    /// Branch that packages are installed from, which deployments move.
    pub branch: String,
    /// For git hosts.
    pub credentials: CredentialEntries,
}

/// Reads the settings of commands that work on the release log only. They need no image.
///
/// # Errors
/// [`ConfigError`].
pub fn log_settings(inputs: &Inputs<'_>) -> Result<LogSettings, ConfigError> {
    let common = Common::new(inputs)?;
    let base = common.git_base.map(|base| base.value.group);
    let mut credentials = gather(inputs.environment, base.as_ref(), inputs.netrc.clone());
    if let Some(base) = &base {
        credentials.take_from_url(base, "git_base");
    }
    if let Some(place) = &common.releases {
        credentials.take_from_url(&place.value.repository, "the release log's URL");
    }
    Ok(LogSettings {
        place: common.releases,
        output: common.output.value,
        store: common.store.map(|store| store.value),
        git_base: base,
        branch: common.branch.value,
        credentials,
    })
}
