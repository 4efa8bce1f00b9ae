//! `pannier.yml` as it is written. The comments of the keys here become the JSON schema and the reference page.
//!
//! Refuses unknown keys; knows nothing of flags or the environment.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use pep508_rs::{Requirement, VerbatimUrl};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use crate::error::FileError;
use crate::project::ProjectSpec;
use crate::text::Text;
use pannier_archive::venv::PythonLink;
use pannier_archive::zip::Rules;
use pannier_base::name::{ImageName, PackageName};
use pannier_base::paths::AbsoluteLinks;
use pannier_base::platform::{Platform, PythonVersion};
use pannier_base::url::SafeUrl;
use pannier_clients::child::VariableName;
use pannier_clients::git;
use pannier_core::constraints::{
    RequirementError, Rule, RuleSettings, Severity, parse_strict, shown, url_hash,
};
use pannier_core::request::Bytecode;
use pannier_core::request::overrides::{OverrideName, Prefix, RefPattern};

/// What Pannier packs, and for which images. Every key is optional, because the environment or flags can set its value.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a map with keys such as `packages` and `images`"
)]
#[schemars(title = "pannier.yml")]
pub struct ConfigFile {
    /// The base URL of projects that are given by name: `job-tools` is `git_base/job-tools.git`. A path such as `other/lib` starts at the root of the same host.
    pub git_base: Option<Text<SafeUrl>>,
    /// The default revision of projects; `production` unless set.
    pub branch: Option<String>,
    /// Python projects that are built from git or from a folder: `name`, `group/name@revision`, `name[extra] @ git+https://host/group/name.git@revision#subdirectory=folder`, `./folder`.
    pub packages: Option<Vec<Text<ProjectSpec>>>,
    /// Packages from the index (PEP 508), or `-r requirements.in` for those in a file.
    pub requirements: Option<Vec<Text<RequirementEntry>>>,
    /// Projects that are shipped as files below `data/<name>/`, in the forms of `packages`.
    pub data: Option<Vec<Text<ProjectSpec>>>,
    /// The file with version bounds, for packages and for build requirements. It never adds a package.
    pub constraints: Option<PathBuf>,
    /// Whether every downloaded file needs a `--hash` in the constraints or requirements files; `false` unless set. Existing hashes are always checked.
    pub require_hashes: Option<bool>,
    /// The severity of each rule of `pannier constraints lint`.
    pub constraints_lint: Option<ConstraintsLint>,
    /// Where packages from the index come from.
    pub index: Option<IndexEntry>,
    /// The container images that jobs run in, by name. Each gets a tarball.
    #[serde(default, deserialize_with = "unique_images")]
    #[schemars(with = "BTreeMap<String, ImageEntry>")]
    pub images: BTreeMap<ImageName, ImageEntry>,
    /// What happens to submodules of git projects; `refuse` unless set.
    pub submodules: Option<SubmodulesEntry>,
    /// What happens to links of data projects to absolute paths; `refuse` unless set.
    pub absolute_links: Option<AbsoluteLinksEntry>,
    /// The folder for the tarballs; `dist` unless set.
    pub output: Option<PathBuf>,
    /// How the tarballs are compressed; `gzip` unless set.
    pub compression: Option<Compression>,
    /// Whether tarballs contain bytecode; `none` unless set.
    pub bytecode: Option<Bytecode>,
    /// The environment of builds.
    pub build: Option<BuildEntry>,
    /// Where releases are recorded.
    pub releases: Option<ReleasesEntry>,
    /// Which overrides are allowed: other sources of packages and data projects for one run.
    pub overrides: Option<OverridesEntry>,
    /// The limits of wheels; a wheel that exceeds one is refused.
    pub wheel_limits: Option<WheelLimits>,
    /// What a change of the constraints must pass in addition to the built-in checks of `pannier gate`.
    pub gate: Option<GateEntry>,
}

/// The environment of builds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with the key `environment`")]
pub struct BuildEntry {
    /// Names of environment variables that builds get in addition to those that every build gets, such as `SETUPTOOLS_SCM_PRETEND_VERSION`. A wheel is rebuilt if one of their values changes. Names of credentials are refused.
    pub environment: Option<Vec<Text<VariableName>>>,
}

/// Where releases are recorded: a branch of a repository that contains nothing else.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a map with the keys `repository` and `branch`"
)]
pub struct ReleasesEntry {
    /// The repository of the release log, in the forms of `packages`.
    pub repository: Text<ProjectSpec>,
    /// Its branch; `pannier/releases` unless set.
    pub branch: Option<String>,
}

/// Where packages from the index come from.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a map with the keys `url` and `extra`"
)]
pub struct IndexEntry {
    /// The URL of the index (PEP 503) with the lowest priority.
    pub url: Option<Text<SafeUrl>>,
    /// The URLs of indexes with a higher priority, highest first.
    pub extra: Option<Vec<Text<SafeUrl>>>,
}

/// One container image.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a map with the keys of an image, such as `python`"
)]
pub struct ImageEntry {
    /// The name of the container image in jobs; Pannier only shows it and records it in the manifest.
    pub image: Option<String>,
    /// The version of its CPython: `3.13`, `3.13.2`, or `3.13t` (free-threaded).
    pub python: Option<Text<PythonVersion>>,
    /// Its architecture and C library, such as `x86_64-manylinux_2_41` (glibc 2.41) or `aarch64-musllinux_1_2`.
    pub platform: Option<Text<Platform>>,
    /// The absolute path of the Python interpreter inside the image.
    pub interpreter: Option<PathBuf>,
    /// The link from the venv to the interpreter: `absolute` (the default), or `none`: `venv/bin/pannier-link` creates the link after unpacking, for tools that refuse absolute links.
    pub python_link: Option<PythonLinkEntry>,
    /// Replaces the common `packages` for this image.
    pub packages: Option<Vec<Text<ProjectSpec>>>,
    /// Replaces the common `requirements` for this image.
    pub requirements: Option<Vec<Text<RequirementEntry>>>,
    /// Replaces the common `data` for this image.
    pub data: Option<Vec<Text<ProjectSpec>>>,
}

/// What the venv has at `bin/python`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PythonLinkEntry {
    /// A link to the interpreter.
    Absolute,
    /// No link: `venv/bin/pannier-link` creates it after unpacking, for tools that refuse absolute links.
    None,
}

impl From<PythonLinkEntry> for PythonLink {
    fn from(entry: PythonLinkEntry) -> Self {
        match entry {
            PythonLinkEntry::Absolute => Self::Absolute,
            PythonLinkEntry::None => Self::None,
        }
    }
}

/// Which overrides are allowed.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a map with the keys `allow`, `refs` and `deny`"
)]
pub struct OverridesEntry {
    /// URLs that an override may be below, compared by whole components of the path: `https://gitlab.example.com/group`. Unless set, the host of `git_base` and those of the index. Versions of the index are always allowed.
    pub allow: Option<Vec<Text<Prefix>>>,
    /// Patterns of revisions that an override may name: `production`, `feature/*` (one component), `refs/merge-requests/*/head`, `**` (any). All unless set.
    pub refs: Option<Vec<Text<RefPattern>>>,
    /// Names of packages and data projects that cannot be overridden.
    pub deny: Option<Vec<Text<OverrideName>>>,
}

/// The severity of each rule of `pannier constraints lint`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a map from rules, such as `unpinned`, to `off`, `warning` or `error`"
)]
pub struct ConstraintsLint {
    /// A line allows more than one version; `warning` unless set.
    pub unpinned: Option<LintLevel>,
    /// No package in the lock has this name; `warning` unless set.
    pub unused: Option<LintLevel>,
    /// No line constrains a package in the lock; `warning` unless set.
    #[serde(alias = "unheld")]
    pub unconstrained: Option<LintLevel>,
    /// The pinned version is yanked; `error` unless set.
    pub yanked: Option<LintLevel>,
    /// The index no longer has a file of the pinned version; `error` unless set.
    #[serde(rename = "missing-from-index", alias = "gone")]
    pub missing_from_index: Option<LintLevel>,
    /// The pinned version does not support an image's Python; `error` unless set.
    pub python: Option<LintLevel>,
    /// Accepted and ignored: earlier versions had a rule of this name.
    #[schemars(skip)]
    unusable: Option<IgnoredAny>,
    /// Packages that are exempt from a rule.
    pub except: Option<LintExceptions>,
}

/// Packages that are exempt from a rule.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a map from rules, such as `unused`, to lists of packages"
)]
pub struct LintExceptions {
    /// Packages that may have ranges.
    pub unpinned: Option<Vec<Text<PackageName>>>,
    /// Packages that only builds need.
    pub unused: Option<Vec<Text<PackageName>>>,
    /// Packages that no line has to constrain.
    #[serde(alias = "unheld")]
    pub unconstrained: Option<Vec<Text<PackageName>>>,
    /// Packages whose pins may be yanked.
    pub yanked: Option<Vec<Text<PackageName>>>,
    /// Packages that the index may lack.
    #[serde(rename = "missing-from-index", alias = "gone")]
    pub missing_from_index: Option<Vec<Text<PackageName>>>,
    /// Packages that may not support an image's Python.
    pub python: Option<Vec<Text<PackageName>>>,
    /// Accepted and ignored: earlier versions had a rule of this name.
    #[schemars(skip)]
    unusable: Option<IgnoredAny>,
}

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LintLevel {
    /// The rule is not checked.
    Off,
    /// A finding is reported.
    Warning,
    /// A finding is reported, and the command fails.
    Error,
}

impl ConstraintsLint {
    /// The effective rules.
    #[must_use]
    pub fn settings(&self) -> RuleSettings {
        let mut settings = RuleSettings::default();
        for rule in Rule::ALL {
            let level = match rule {
                Rule::Unpinned => self.unpinned,
                Rule::Unused => self.unused,
                Rule::Unconstrained => self.unconstrained,
                Rule::Yanked => self.yanked,
                Rule::MissingFromIndex => self.missing_from_index,
                Rule::Python => self.python,
            };
            match level {
                Some(LintLevel::Off) => settings.set(rule, Severity::Off),
                Some(LintLevel::Warning) => settings.set(rule, Severity::Warning),
                Some(LintLevel::Error) => settings.set(rule, Severity::Error),
                None => {}
            }
            let packages = self.except.as_ref().and_then(|except| match rule {
                Rule::Unpinned => except.unpinned.as_ref(),
                Rule::Unused => except.unused.as_ref(),
                Rule::Unconstrained => except.unconstrained.as_ref(),
                Rule::Yanked => except.yanked.as_ref(),
                Rule::MissingFromIndex => except.missing_from_index.as_ref(),
                Rule::Python => except.python.as_ref(),
            });
            let packages = packages.into_iter().flatten();
            settings.except(rule, packages.map(|Text(name)| name.clone()));
        }
        settings
    }
}

/// What a change of the constraints must pass.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a map with the key `smoke`")]
pub struct GateEntry {
    /// Shell commands that must succeed in the unpacked tarball of every affected image, with its venv activated. They start in the folder of the file, with an environment of their own.
    pub smoke: Option<Vec<String>>,
}

/// The limits of wheels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a map with the keys `ratio`, `total_mib` and `entries`"
)]
pub struct WheelLimits {
    /// The largest inflated size as a multiple of the wheel's size, for wheels of more than 64 MiB inflated; `50` unless set.
    pub ratio: Option<NonZeroU64>,
    /// The largest inflated size, in MiB; `32768` unless set.
    pub total_mib: Option<NonZeroU64>,
    /// The largest number of files; `200000` unless set.
    pub entries: Option<NonZeroU64>,
}

impl WheelLimits {
    /// The rules that wheels are verified by.
    #[must_use]
    pub fn rules(self) -> Rules {
        let rules = Rules::default();
        Rules {
            ratio: self.ratio.map_or(rules.ratio, NonZeroU64::get),
            total: self
                .total_mib
                .map_or(rules.total, |mib| mib.get().saturating_mul(1 << 20)),
            entries: self.entries.map_or(rules.entries, NonZeroU64::get),
            ..rules
        }
    }
}

/// How the tarballs are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// `<image>.tar.gz`: the streams of the wheels, copied; every tar reads it.
    #[default]
    Gzip,
    /// `<image>.tar.zst`: frames that are compressed once per wheel and cached in the store; smaller, and faster to unpack if tar
    /// supports zstd.
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// What happens to submodules of git projects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SubmodulesEntry {
    /// A project with submodules is an error.
    Refuse,
    /// Submodules are fetched at the commits that the project names.
    Follow,
}

impl From<SubmodulesEntry> for git::Submodules {
    fn from(entry: SubmodulesEntry) -> Self {
        match entry {
            SubmodulesEntry::Refuse => Self::Refuse,
            SubmodulesEntry::Follow => Self::Follow,
        }
    }
}

/// What happens to links of data projects to absolute paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AbsoluteLinksEntry {
    /// A project with such a link is an error.
    Refuse,
    /// They are kept; `pannier unpack` accepts the tarball only with `--allow-absolute-links`.
    Keep,
}

impl From<AbsoluteLinksEntry> for AbsoluteLinks {
    fn from(entry: AbsoluteLinksEntry) -> Self {
        match entry {
            AbsoluteLinksEntry::Refuse => Self::Refuse,
            AbsoluteLinksEntry::Keep => Self::Keep,
        }
    }
}

/// An entry of `requirements`.
#[derive(Clone, PartialEq, Eq)]
pub enum RequirementEntry {
    /// A requirement (PEP 508).
    Requirement(Box<Requirement<VerbatimUrl>>),
    /// `-r file`
    File(PathBuf),
}

impl fmt::Debug for RequirementEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requirement(requirement) => f.write_str(&shown(requirement)),
            Self::File(path) => write!(f, "-r {}", path.display()),
        }
    }
}

impl FromStr for RequirementEntry {
    type Err = RequirementError;

    fn from_str(text: &str) -> Result<Self, RequirementError> {
        let text = text.trim();
        let fail = |reason: &str| RequirementError {
            text: pannier_base::secret::scrub(text),
            reason: reason.to_owned(),
            offset: 0,
        };
        let file = ["-r", "--requirement"]
            .iter()
            .find_map(|option| text.strip_prefix(option))
            .filter(|rest| rest.starts_with([' ', '=', '\t']));
        if let Some(file) = file {
            let file = file.trim_start_matches('=').trim();
            if file.is_empty() || file.contains("://") {
                return Err(fail("`-r` needs the path of a file of this project"));
            }
            return Ok(Self::File(PathBuf::from(file)));
        }
        if text.starts_with('-') {
            return Err(fail("`-r file` is the only option that is allowed here"));
        }
        let requirement = parse_strict(text)?;
        if let Some(pep508_rs::VersionOrUrl::Url(url)) = &requirement.version_or_url
            && url.scheme().starts_with("git+")
        {
            return Err(fail(
                "list a git project under `packages`, in the same form",
            ));
        }
        url_hash(&requirement).map_err(|why| fail(&why))?;
        Ok(Self::Requirement(Box::new(requirement)))
    }
}

impl ConfigFile {
    /// Reads the text of the file; `path` is for messages.
    ///
    /// # Errors
    /// [`FileError`] with line and column: unknown keys (with the nearest known one), wrong types, values that do not parse.
    pub fn parse(text: &str, path: &Path) -> Result<Self, FileError> {
        // A file of comments only is no YAML document at all.
        let blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
        if text.trim_start_matches('\u{feff}').lines().all(blank) {
            return Ok(Self::default());
        }
        serde_yaml::from_str(text).map_err(|error| FileError::new(path, &error))
    }
}

/// A map of images that refuses a name that appears twice.
fn unique_images<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<ImageName, ImageEntry>, D::Error> {
    struct Images;

    impl<'de> Visitor<'de> for Images {
        type Value = BTreeMap<ImageName, ImageEntry>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map from image names to images")
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(BTreeMap::new())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut images = BTreeMap::new();
            while let Some(Text(name)) = map.next_key::<Text<ImageName>>()? {
                let image = map.next_value()?;
                if images.contains_key(&name) {
                    return Err(A::Error::custom(format!("image `{name}` appears twice")));
                }
                images.insert(name, image);
            }
            Ok(images)
        }
    }

    deserializer.deserialize_map(Images)
}
