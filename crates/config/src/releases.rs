//! Where the release log is, and the settings of the verbs that need nothing else: they name no images.
//!
//! Written as projects are: `name`, `group/name@branch`, a URL. Refuses folders: other jobs must see the log too.

use crate::env;
use crate::error::ConfigError;
use crate::inputs::Inputs;
use crate::project::{GitBase, ProjectSpec};
use pannier_base::secret::scrub;
use pannier_core::request::ProjectSource;
use pannier_core::request::origin::{Effective, Origin};
use pannier_core::request::revision::check_revision;
use pannier_core::session::LogPlace;

/// Branch of the release log where nothing else is said.
pub const LOG_BRANCH: &str = "pannier/releases";

/// Where the log is: `--release-log`, `PANNIER_RELEASES`, `releases` of the file.
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
        return found(&spec, LOG_BRANCH, base, origin).map(Some);
    }
    let Some(entry) = &inputs.file().releases else {
        return Ok(None);
    };
    let branch = entry.branch.as_deref().unwrap_or(LOG_BRANCH);
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
