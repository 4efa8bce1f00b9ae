//! Flags beat environment beats file beats default: from three values to one request, and who said what.

use std::path::{Path, PathBuf};

use crate::config::credentials::CredentialEntries;
use crate::config::env::{self, Environment};
use crate::config::error::ConfigError;
use crate::config::file::ConfigFile;
use crate::config::flags::Flags;
use crate::config::project::GitBase;
use crate::config::provenance::{Effective, Origin, Provenance};
use crate::config::request::{ConstraintsText, ProjectSource, Request};
use crate::config::{images, index};
use crate::constraints::{Loader, Reader};
use crate::git::Submodules;
use crate::name::ImageName;
use crate::url::SafeUrl;
use crate::uv::Indexes;

/// Everything that a configuration is made from.
pub struct Inputs<'a> {
    /// The configuration file, parsed, if there is one.
    pub file: Option<LoadedFile>,
    /// Absolute path of the folder that relative paths start from: that of the file, else the current one.
    pub root: &'a Path,
    /// The environment.
    pub environment: &'a Environment,
    /// The command line.
    pub flags: &'a Flags,
    /// Reads text files, by a path that is absolute or relative to `root`.
    pub read: &'a Reader<'a>,
    /// Text of the netrc file, if there is one.
    pub netrc: Option<String>,
}

/// A configuration file that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedFile {
    /// Its path, as named, for messages.
    pub path: PathBuf,
    /// What it says.
    pub content: ConfigFile,
}

/// What holds: the request, and what the commands need beside it.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// What a lock is made from.
    pub request: Request,
    /// The images to prepare, sorted; all of the request's unless flags narrow it.
    pub selected: Vec<ImageName>,
    /// Folder for tarballs, as written (relative to the current folder, from the file to that of the file).
    pub output: PathBuf,
    /// Folder of the store, if anyone said one.
    pub store: Option<PathBuf>,
    /// Where a project given by its name alone lives.
    pub git_base: Option<SafeUrl>,
    /// Revision of a project given without one.
    pub branch: String,
    /// `SOURCE_DATE_EPOCH` of the environment, for builds of folders.
    pub source_date_epoch: Option<i64>,
    /// For git hosts and indexes.
    pub credentials: CredentialEntries,
    /// Who said what, by key.
    pub provenance: Provenance,
}

/// Puts flags, environment, file and defaults together.
///
/// # Errors
/// [`ConfigError`] for the first thing that makes no sense; all lines of constraints and requirements files at once.
pub fn configure(inputs: Inputs<'_>) -> Result<Configuration, ConfigError> {
    let common = Common::new(&inputs)?;
    let mut loader = Loader::new(inputs.read, &inputs.environment.0);
    let mut provenance = common.provenance(&inputs);
    let constraints = constraints(&inputs, &mut loader)?;
    let images = images::images(&inputs, &common, &mut loader, &mut provenance)?;
    let found = loader
        .finish()
        .map_err(|errors| ConfigError::Lines { errors })?;
    let constraints = match constraints {
        Some(Effective { value, origin }) => {
            provenance.insert("constraints".to_owned(), origin);
            Some(value)
        }
        // A requirements file may name the only constraints there are.
        None => found.constraints.first().map(|line| line.file.clone()),
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
    };
    let credentials = credentials(&inputs, &common, &request);
    let index = with_known_credentials(request.index.clone(), &credentials);
    Ok(Configuration {
        request: Request { index, ..request },
        selected: images.selected,
        output: common.output.value,
        store: common.store.map(|store| store.value),
        git_base: common.git_base.map(|base| base.value.group),
        branch: common.branch.value,
        source_date_epoch: epoch(inputs.environment)?,
        credentials,
        provenance,
    })
}

impl Inputs<'_> {
    /// The file's content, empty where there is no file.
    pub(super) fn file(&self) -> &ConfigFile {
        static EMPTY: std::sync::LazyLock<ConfigFile> =
            std::sync::LazyLock::new(ConfigFile::default);
        self.file.as_ref().map_or(&EMPTY, |file| &file.content)
    }

    /// The file's name for messages.
    pub(super) fn file_name(&self) -> String {
        self.file.as_ref().map_or("pannier.yml".to_owned(), |file| {
            file.path.display().to_string()
        })
    }

    /// The origin of a key of the file.
    pub(super) fn key(&self, key: &str) -> Origin {
        Origin::File {
            file: self.file_name(),
            key: key.to_owned(),
        }
    }

    /// One text by the usual order.
    fn text(
        &self,
        flag: (&'static str, Option<&str>),
        variable: &'static str,
        file: (&str, Option<&str>),
    ) -> Option<Effective<String>> {
        let effective = |text: &str, origin| Effective::new(text.to_owned(), origin);
        if let (name, Some(text)) = flag {
            return Some(effective(text, Origin::Flag(name)));
        }
        if let Some(text) = self.environment.get(variable) {
            return Some(effective(text, Origin::Variable(variable.to_owned())));
        }
        let (key, text) = file;
        text.map(|text| effective(text, self.key(key)))
    }

    /// One path by the usual order.
    fn path(
        &self,
        flag: (&'static str, Option<&PathBuf>),
        variable: &'static str,
        file: (&str, Option<&PathBuf>),
    ) -> Option<Effective<PathBuf>> {
        let effective = |path: &PathBuf, origin| Effective::new(path.clone(), origin);
        if let (name, Some(path)) = flag {
            return Some(effective(path, Origin::Flag(name)));
        }
        if let Some(path) = self.environment.get(variable) {
            let origin = Origin::Variable(variable.to_owned());
            return Some(effective(&PathBuf::from(path), origin));
        }
        let (key, path) = file;
        path.map(|path| effective(path, self.key(key)))
    }
}

/// What all images share.
pub(super) struct Common {
    pub git_base: Option<Effective<GitBase>>,
    pub branch: Effective<String>,
    pub index: Indexes,
    index_origins: [Origin; 2],
    submodules: Effective<Submodules>,
    output: Effective<PathBuf>,
    store: Option<Effective<PathBuf>>,
}

impl Common {
    fn new(inputs: &Inputs<'_>) -> Result<Self, ConfigError> {
        let (flags, file) = (inputs.flags, inputs.file());
        let branch = inputs.text(
            ("--branch", flags.branch.as_deref()),
            env::BRANCH,
            ("branch", file.branch.as_deref()),
        );
        let url = index::url(inputs)?;
        let extra = index::extra(inputs)?;
        let submodules = match file.submodules {
            Some(entry) => Effective::new(entry.into(), inputs.key("submodules")),
            None => Effective::new(Submodules::default(), Origin::Default),
        };
        let output = inputs.path(
            ("--output", flags.output.as_ref()),
            env::OUTPUT,
            ("output", file.output.as_ref()),
        );
        Ok(Self {
            git_base: git_base(inputs)?,
            branch: branch
                .unwrap_or_else(|| Effective::new("production".to_owned(), Origin::Default)),
            index_origins: [
                url.as_ref()
                    .map_or(Origin::Default, |url| url.origin.clone()),
                extra.origin,
            ],
            index: Indexes {
                url: url.map(|url| url.value),
                extra: extra.value,
            },
            submodules,
            output: output
                .unwrap_or_else(|| Effective::new(PathBuf::from("dist"), Origin::Default)),
            store: inputs.path(("--store", flags.store.as_ref()), env::STORE, ("", None)),
        })
    }

    fn provenance(&self, inputs: &Inputs<'_>) -> Provenance {
        let [url, extra] = self.index_origins.clone();
        let mut found = Provenance::from([
            ("branch".to_owned(), self.branch.origin.clone()),
            ("index.url".to_owned(), url),
            ("index.extra".to_owned(), extra),
            ("submodules".to_owned(), self.submodules.origin.clone()),
            ("output".to_owned(), self.output.origin.clone()),
            ("constraints".to_owned(), Origin::Default),
        ]);
        let base = self.git_base.as_ref().map(|base| base.origin.clone());
        found.insert("git_base".to_owned(), base.unwrap_or(Origin::Default));
        let store = self.store.as_ref().map(|store| store.origin.clone());
        found.insert("store".to_owned(), store.unwrap_or(Origin::Default));
        if inputs.environment.get(env::SOURCE_DATE_EPOCH).is_some() {
            let origin = Origin::Variable(env::SOURCE_DATE_EPOCH.to_owned());
            found.insert("source_date_epoch".to_owned(), origin);
        }
        found
    }
}

/// `--git-base`, `PANNIER_GIT_BASE`, `git_base`, else the group of the pipeline's project on its server.
fn git_base(inputs: &Inputs<'_>) -> Result<Option<Effective<GitBase>>, ConfigError> {
    let url = |text: &str, origin: &Origin| {
        text.parse::<SafeUrl>().map_err(|source| ConfigError::Url {
            origin: origin.clone(),
            source,
        })
    };
    let server_of = Origin::Variable(env::CI_SERVER_URL.to_owned());
    let server = match inputs.environment.get(env::CI_SERVER_URL) {
        Some(text) => Some(url(text.trim_end_matches('/'), &server_of)?),
        None => None,
    };
    let said = inputs.text(
        ("--git-base", inputs.flags.git_base.as_deref()),
        env::GIT_BASE,
        ("", None),
    );
    if let Some(Effective { value, origin }) = said {
        let group = url(&value, &origin)?;
        return Ok(Some(Effective::new(
            GitBase::new(group, server.as_ref()),
            origin,
        )));
    }
    if let Some(group) = &inputs.file().git_base {
        let base = GitBase::new(group.0.clone(), server.as_ref());
        return Ok(Some(Effective::new(base, inputs.key("git_base"))));
    }
    let namespace = inputs.environment.get(env::CI_PROJECT_NAMESPACE);
    let (Some(server), Some(namespace)) = (server, namespace) else {
        return Ok(None);
    };
    let text = inputs.environment.get(env::CI_SERVER_URL).unwrap_or("");
    let group = url(
        &format!("{}/{namespace}", text.trim_end_matches('/')),
        &server_of,
    )?;
    let origin = Origin::Variable(format!(
        "{} and {}",
        env::CI_SERVER_URL,
        env::CI_PROJECT_NAMESPACE
    ));
    Ok(Some(Effective::new(
        GitBase::new(group, Some(&server)),
        origin,
    )))
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
    if let Some(Effective { value, origin }) = &found {
        loader
            .constraints(value)
            .map_err(|source| ConfigError::Constraints {
                origin: origin.clone(),
                path: value.clone(),
                source,
            })?;
    }
    Ok(found)
}

fn credentials(inputs: &Inputs<'_>, common: &Common, request: &Request) -> CredentialEntries {
    let base = common.git_base.as_ref().map(|base| &base.value.group);
    let mut found = CredentialEntries::gather(inputs.environment, base, inputs.netrc.clone());
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
    for url in request.index.url.iter().chain(&request.index.extra) {
        found.take_from_url(url, "an index URL");
    }
    found
}

/// uv is told credentials in URLs only, so those of tokens and variables go there.
fn with_known_credentials(mut index: Indexes, credentials: &CredentialEntries) -> Indexes {
    for url in index.url.iter_mut().chain(&mut index.extra) {
        if url.credentials().is_none()
            && let Some(known) = credentials.find(url)
        {
            *url = url.with_credentials(&known.user, &known.password);
        }
    }
    index
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
