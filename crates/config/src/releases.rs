//! Where the release log is, and the settings of the verbs that need nothing else: they name no images.
//!
//! Written as projects are: `name`, `group/name@branch`, a URL. Refuses folders: other jobs must see the book too.

use std::path::PathBuf;

use crate::common::Common;
use crate::credentials::gather;
use crate::env;
use crate::error::ConfigError;
use crate::inputs::Inputs;
use crate::project::{GitBase, ProjectSpec};
use pannier_base::secret::scrub;
use pannier_base::url::SafeUrl;
use pannier_clients::http::CredentialEntries;
use pannier_core::request::ProjectSource;
use pannier_core::request::origin::{Effective, Origin};
use pannier_core::request::revision::check_revision;
use pannier_core::session::LogPlace;

/// Branch of the release log where nothing else is said.
pub const BOOK_BRANCH: &str = "pannier/releases";

/// What holds for verbs that work on the book alone.
#[derive(Debug, Clone)]
pub struct BookSettings {
    /// Where the book is, if anyone said it.
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

/// The settings of the verbs that work on the book alone: no image has to be there.
///
/// # Errors
/// [`ConfigError`].
pub fn book_settings(inputs: &Inputs<'_>) -> Result<BookSettings, ConfigError> {
    let common = Common::new(inputs)?;
    let base = common.git_base.map(|base| base.value.group);
    let mut credentials = gather(inputs.environment, base.as_ref(), inputs.netrc.clone());
    if let Some(base) = &base {
        credentials.take_from_url(base, "git_base");
    }
    if let Some(place) = &common.releases {
        credentials.take_from_url(&place.value.repository, "the release log's URL");
    }
    Ok(BookSettings {
        place: common.releases,
        output: common.output.value,
        store: common.store.map(|store| store.value),
        git_base: base,
        branch: common.branch.value,
        credentials,
    })
}

/// Where the book is: `--release-log`, `PANNIER_RELEASES`, `releases` of the file.
pub(super) fn place(
    inputs: &Inputs<'_>,
    base: Option<&GitBase>,
) -> Result<Option<Effective<LogPlace>>, ConfigError> {
    let typed = inputs.text(
        ("--release-log", inputs.flags.book.as_deref()),
        env::RELEASES,
        ("", None),
    );
    if let Some(Effective { value, origin }) = typed {
        let spec: ProjectSpec = value.parse().map_err(|source| ConfigError::Project {
            origin: origin.clone(),
            text: scrub(&value),
            source,
        })?;
        return found(&spec, BOOK_BRANCH, base, origin).map(Some);
    }
    let Some(entry) = &inputs.file().releases else {
        return Ok(None);
    };
    let branch = entry.branch.as_deref().unwrap_or(BOOK_BRANCH);
    let origin = inputs.key("releases");
    found(&entry.repository.0, branch, base, origin).map(Some)
}

fn found(
    spec: &ProjectSpec,
    branch: &str,
    base: Option<&GitBase>,
    origin: Origin,
) -> Result<Effective<LogPlace>, ConfigError> {
    let unfit = |origin: &Origin, value: &str, expected| ConfigError::Value {
        origin: origin.clone(),
        value: value.to_owned(),
        expected,
    };
    let source = spec
        .source(base, branch)
        .map_err(|source| ConfigError::NoBase {
            origin: origin.clone(),
            text: spec.text.clone(),
            source,
        })?;
    let ProjectSource::Git {
        repository,
        revision,
        subdirectory: None,
    } = source
    else {
        let expected = "a repository, such as `group/name@branch`";
        return Err(unfit(&origin, &spec.text, expected));
    };
    if !spec.extras.is_empty() {
        return Err(unfit(&origin, &spec.text, "a repository without extras"));
    }
    // A full reference would become `refs/heads/refs/…`.
    if check_revision(&revision).is_err() || revision.starts_with("refs/") {
        return Err(unfit(&origin, &revision, "the name of a branch"));
    }
    let place = LogPlace {
        repository,
        branch: revision,
    };
    Ok(Effective::new(place, origin))
}
