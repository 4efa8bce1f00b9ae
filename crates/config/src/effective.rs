//! Flags override the environment, the file and the defaults: combines the values to one request, with their origins.

use std::path::PathBuf;

use crate::common::Common;
use crate::credentials::gather;
use crate::env::Environment;
use crate::error::ConfigError;
use crate::file::{Compression, ConstraintsLint, WheelLimits};
use crate::inputs::Inputs;
use crate::text::Text;
use crate::{env, images, override_sources};
use pannier_base::name::ImageName;
use pannier_base::url::SafeUrl;
use pannier_clients::child::VariableName;
use pannier_clients::http::CredentialEntries;
use pannier_core::constraints::{Loader, RuleSettings};
use pannier_core::request::origin::{Effective, Origin, Provenance};
use pannier_core::request::overrides::{OverrideError, Overrides, Policy, Prefix};
use pannier_core::request::{Bytecode, ConstraintsText, ProjectSource, Request};
use pannier_core::session::LogPlace;

/// The effective settings: the request, and what the commands need in addition.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// What a lock is made from.
    pub request: Request,
    /// The images to prepare, sorted; all of the request's unless flags narrow it.
    pub selected: Vec<ImageName>,
    /// Folder for tarballs; absolute, or relative to the current folder.
    pub output: PathBuf,
    /// How tarballs are compressed.
    pub compression: Compression,
    /// Whether tarballs hold bytecode.
    pub bytecode: Bytecode,
    /// The limits of wheels.
    pub wheel_limits: WheelLimits,
    /// The rules that constraints are checked with.
    pub constraints_lint: RuleSettings,
    /// Commands that have to succeed before a change of the constraints passes.
    pub smoke: Vec<String>,
    /// Environment variables that builds get in addition to the listed ones.
    pub build_environment: Vec<VariableName>,
    /// Folder of the store, if anyone said one; absolute, or relative to the current folder.
    pub store: Option<PathBuf>,
    /// Where a project given by its name alone lives.
    pub git_base: Option<SafeUrl>,
    /// Revision of a project given without one.
    pub branch: String,
    /// Where the release log is, if anyone said it.
    pub releases: Option<LogPlace>,
    /// `SOURCE_DATE_EPOCH` of the environment, for builds of folders.
    pub source_date_epoch: Option<i64>,
    /// For git hosts and indexes.
    pub credentials: CredentialEntries,
    /// The origins of the values, by key.
    pub provenance: Provenance,
}

/// Puts flags, environment, file and defaults together.
///
/// # Errors
/// [`ConfigError`] for the first thing that makes no sense; all lines of constraints and requirements files at once.
pub fn configure(inputs: Inputs<'_>) -> Result<Configuration, ConfigError> {
    let common = Common::new(&inputs)?;
    let require_hashes = common.require_hashes.value;
    let mut loader = Loader::new(inputs.read, &inputs.environment.0);
    let mut provenance = common.provenance(&inputs);
    let overrides = overrides(&inputs, &common, &mut provenance)?;
    let constraints = constraints(&inputs, &mut loader)?;
    let images = images::images(&inputs, &common, &mut loader, &mut provenance)?;
    let found = loader
        .finish()
        .map_err(|errors| ConfigError::Lines { errors: errors.0 })?;
    let constraints = match constraints {
        Some(Effective { value, origin }) => {
            provenance.insert("constraints".to_owned(), origin);
            Some(value)
        }
        // A requirements file may name the only constraints there are.
        None => found.constraints.first().map(|line| {
            provenance.insert("constraints".to_owned(), inputs.key("requirements"));
            line.file.clone()
        }),
    }
    .map(|path| ConstraintsText {
        path,
        lines: found.constraints,
    });
    let request = Request {
        root: inputs.root.to_owned(),
        images: images.requests,
        constraints,
        index: common.index.clone(),
        submodules: common.submodules.value,
        absolute_links: common.absolute_links.value,
        overrides,
        require_hashes,
    };
    let smoke = inputs.file().gate.as_ref();
    let smoke = smoke
        .and_then(|gate| gate.smoke.clone())
        .unwrap_or_default();
    if !smoke.is_empty() {
        provenance.insert("gate.smoke".to_owned(), inputs.key("gate.smoke"));
    }
    let build_environment = build_environment(&inputs, &mut provenance);
    let credentials = credentials(&inputs, &common, &request);
    Ok(Configuration {
        request,
        selected: images.selected,
        output: common.output.value,
        compression: common.compression.value,
        bytecode: common.bytecode.value,
        wheel_limits: inputs.file().wheel_limits.unwrap_or_default(),
        constraints_lint: inputs
            .file()
            .constraints_lint
            .as_ref()
            .map(ConstraintsLint::settings)
            .unwrap_or_default(),
        smoke,
        build_environment,
        store: common.store.map(|store| store.value),
        git_base: common.git_base.map(|base| base.value.group),
        branch: common.branch.value,
        releases: common.releases.map(|releases| releases.value),
        source_date_epoch: epoch(inputs.environment)?,
        credentials,
        provenance,
    })
}

/// The variables that the file hands to builds, sorted.
fn build_environment(inputs: &Inputs<'_>, provenance: &mut Provenance) -> Vec<VariableName> {
    let list = inputs.file().build.as_ref();
    let list = list.and_then(|build| build.environment.as_ref());
    let mut names: Vec<_> = list
        .into_iter()
        .flatten()
        .map(|one| one.0.clone())
        .collect();
    names.sort();
    names.dedup();
    if !names.is_empty() {
        let key = "build.environment";
        provenance.insert(key.to_owned(), inputs.key(key));
    }
    names
}

/// The overrides of this run, all of them allowed.
fn overrides(
    inputs: &Inputs<'_>,
    common: &Common,
    provenance: &mut Provenance,
) -> Result<Overrides, ConfigError> {
    let list = override_sources::gather(inputs)?;
    let policy = policy(inputs, common);
    for one in &list {
        policy
            .check(&one.name, &one.value)
            .map_err(|source| OverrideError::Refused {
                origin: one.origin.clone(),
                name: one.name.clone(),
                source,
            })?;
        provenance.insert(format!("overrides.{}", one.name), one.origin.clone());
    }
    Ok(Overrides {
        list,
        unmatched: inputs.flags.unmatched_overrides,
    })
}

/// What the file allows; where it does not say, the servers that packages come from anyway.
fn policy(inputs: &Inputs<'_>, common: &Common) -> Policy {
    let entry = inputs.file().overrides.clone().unwrap_or_default();
    let plain = |list: Vec<Text<Prefix>>| list.into_iter().map(|one| one.0).collect();
    let standard = || {
        let base = common.git_base.iter().map(|base| &base.value.group);
        let index = common.index.url.iter().chain(&common.index.extra);
        base.chain(index).filter_map(Prefix::server).collect()
    };
    Policy {
        allow: entry.allow.map_or_else(standard, plain),
        refs: entry
            .refs
            .map(|list| list.into_iter().map(|one| one.0).collect()),
        deny: entry.deny.into_iter().flatten().map(|one| one.0).collect(),
    }
}

fn constraints(
    inputs: &Inputs<'_>,
    loader: &mut Loader<'_>,
) -> Result<Option<Effective<PathBuf>>, ConfigError> {
    let found = inputs.path(
        ("--constraints", inputs.flags.constraints.as_ref()),
        env::CONSTRAINTS,
        ("constraints", inputs.file().constraints.as_ref()),
    );
    let found = found.map(|found| match found.origin {
        Origin::File { .. } => found,
        _ => Effective::new(inputs.seen_from_root(&found.value), found.origin),
    });
    let text = || {
        let text = inputs.environment.0.get(env::CONSTRAINTS_TEXT);
        text.filter(|text| !text.trim().is_empty())
    };
    if let Some(Effective { value, origin }) = &found {
        match loader.constraints(value) {
            Ok(()) => return Ok(found),
            // Jobs without a checkout of the file have it as a variable. What a flag names has to be there.
            Err(why)
                if why.kind() == std::io::ErrorKind::NotFound
                    && !matches!(origin, Origin::Flag(_))
                    && text().is_some() => {}
            Err(source) => {
                return Err(ConfigError::Constraints {
                    origin: origin.clone(),
                    path: value.clone(),
                    source,
                });
            }
        }
    }
    Ok(text().map(|text| {
        let name = PathBuf::from(env::CONSTRAINTS_TEXT);
        loader.constraints_text(text, &name);
        Effective::new(name, Origin::Variable(env::CONSTRAINTS_TEXT.to_owned()))
    }))
}

fn credentials(inputs: &Inputs<'_>, common: &Common, request: &Request) -> CredentialEntries {
    let base = common.git_base.as_ref().map(|base| &base.value.group);
    let mut found = gather(inputs.environment, base, inputs.netrc.clone());
    if let Some(base) = base {
        found.take_from_url(base, "git_base");
    }
    for image in &request.images {
        let packages = image.packages.iter().map(|package| &package.source);
        for source in packages.chain(image.data.iter().map(|data| &data.source)) {
            if let ProjectSource::Git { repository, .. } = source {
                found.take_from_url(repository, "a project's URL");
            }
        }
    }
    if let Some(place) = &common.releases {
        found.take_from_url(&place.value.repository, "the release log's URL");
    }
    for url in request.index.url.iter().chain(&request.index.extra) {
        found.take_from_url(url, "an index URL");
    }
    found
}

fn epoch(environment: &Environment) -> Result<Option<i64>, ConfigError> {
    let Some(text) = environment.get(env::SOURCE_DATE_EPOCH) else {
        return Ok(None);
    };
    match text.parse() {
        Ok(seconds) if seconds >= 0 => Ok(Some(seconds)),
        _ => Err(ConfigError::Value {
            origin: Origin::Variable(env::SOURCE_DATE_EPOCH.to_owned()),
            value: text.to_owned(),
            expected: "a number of seconds since 1970",
        }),
    }
}
