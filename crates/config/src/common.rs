//! The values that all images share, each in the usual order, with their origins.

use std::path::PathBuf;

use crate::error::ConfigError;
use crate::file::Compression;
use crate::inputs::Inputs;
use crate::project::GitBase;
use crate::{env, index, releases};
use pannier_base::paths::AbsoluteLinks;
use pannier_base::url::SafeUrl;
use pannier_clients::git::Submodules;
use pannier_clients::uv::Indexes;
use pannier_core::request::Bytecode;
use pannier_core::request::origin::{Effective, Origin, Provenance};
use pannier_core::request::revision::check_revision;
use pannier_core::session::LogPlace;

/// What all images share.
pub(super) struct Common {
    pub git_base: Option<Effective<GitBase>>,
    pub branch: Effective<String>,
    pub index: Indexes,
    index_origins: [Origin; 2],
    pub submodules: Effective<Submodules>,
    pub absolute_links: Effective<AbsoluteLinks>,
    pub output: Effective<PathBuf>,
    pub compression: Effective<Compression>,
    pub bytecode: Effective<Bytecode>,
    pub store: Option<Effective<PathBuf>>,
    pub releases: Option<Effective<LogPlace>>,
    pub require_hashes: Effective<bool>,
}

impl Common {
    pub fn new(inputs: &Inputs<'_>) -> Result<Self, ConfigError> {
        let (flags, file) = (inputs.flags, inputs.file());
        no_tokens(inputs)?;
        let url = index::url(inputs)?;
        let extra = index::extra(inputs)?;
        let submodules = match file.submodules {
            Some(entry) => Effective::new(entry.into(), inputs.key("submodules")),
            None => Effective::new(Submodules::default(), Origin::Default),
        };
        let absolute_links = match file.absolute_links {
            Some(entry) => Effective::new(entry.into(), inputs.key("absolute_links")),
            None => Effective::new(AbsoluteLinks::default(), Origin::Default),
        };
        let git_base = git_base(inputs)?;
        let base = git_base.as_ref().map(|base| &base.value);
        Ok(Self {
            releases: releases::place(inputs, base)?,
            git_base,
            branch: branch(inputs)?,
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
            absolute_links,
            output: output(inputs),
            compression: compression(inputs),
            bytecode: bytecode(inputs),
            require_hashes: require_hashes(inputs)?,
            store: inputs.path(("--store", flags.store.as_ref()), env::STORE, ("", None)),
        })
    }

    pub fn provenance(&self, inputs: &Inputs<'_>) -> Provenance {
        let [url, extra] = self.index_origins.clone();
        let mut found = Provenance::from([
            ("branch".to_owned(), self.branch.origin.clone()),
            ("index.url".to_owned(), url),
            ("index.extra".to_owned(), extra),
            ("submodules".to_owned(), self.submodules.origin.clone()),
            (
                "absolute_links".to_owned(),
                self.absolute_links.origin.clone(),
            ),
            ("output".to_owned(), self.output.origin.clone()),
            ("compression".to_owned(), self.compression.origin.clone()),
            ("bytecode".to_owned(), self.bytecode.origin.clone()),
            ("constraints".to_owned(), Origin::Default),
            (
                "require_hashes".to_owned(),
                self.require_hashes.origin.clone(),
            ),
        ]);
        let base = self.git_base.as_ref().map(|base| base.origin.clone());
        found.insert("git_base".to_owned(), base.unwrap_or(Origin::Default));
        let store = self.store.as_ref().map(|store| store.origin.clone());
        found.insert("store".to_owned(), store.unwrap_or(Origin::Default));
        if let Some(releases) = &self.releases {
            found.insert("releases".to_owned(), releases.origin.clone());
        }
        if inputs.environment.get(env::SOURCE_DATE_EPOCH).is_some() {
            let origin = Origin::Variable(env::SOURCE_DATE_EPOCH.to_owned());
            found.insert("source_date_epoch".to_owned(), origin);
        }
        found
    }
}

/// Refuses URLs of the job's variables that hold a token in their query. Others that are none mean what an unset variable does.
fn no_tokens(inputs: &Inputs<'_>) -> Result<(), ConfigError> {
    for name in [
        env::CI_API_V4_URL,
        env::CI_PROJECT_URL,
        env::CI_MERGE_REQUEST_PROJECT_URL,
    ] {
        let url = inputs.environment.get(name).map(str::parse::<SafeUrl>);
        if let Some(Err(source)) = url
            && source.is_token()
        {
            let origin = Origin::Variable(name.to_owned());
            return Err(ConfigError::Url { origin, source });
        }
    }
    Ok(())
}

fn branch(inputs: &Inputs<'_>) -> Result<Effective<String>, ConfigError> {
    let found = inputs.text(
        ("--branch", inputs.flags.branch.as_deref()),
        env::BRANCH,
        ("branch", inputs.file().branch.as_deref()),
    );
    let found = found.unwrap_or_else(|| Effective::new("production".to_owned(), Origin::Default));
    match check_revision(&found.value) {
        Ok(()) => Ok(found),
        Err(_) => Err(ConfigError::Value {
            origin: found.origin,
            value: found.value,
            expected: "the name of a branch or tag (git check-ref-format), or a commit",
        }),
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

fn compression(inputs: &Inputs<'_>) -> Effective<Compression> {
    match (inputs.flags.compression, inputs.file().compression) {
        (Some(flag), _) => Effective::new(flag, Origin::Flag("--compression")),
        (None, Some(key)) => Effective::new(key, inputs.key("compression")),
        (None, None) => Effective::new(Compression::default(), Origin::Default),
    }
}

fn bytecode(inputs: &Inputs<'_>) -> Effective<Bytecode> {
    match (inputs.flags.bytecode, inputs.file().bytecode) {
        (Some(flag), _) => Effective::new(flag, Origin::Flag("--bytecode")),
        (None, Some(key)) => Effective::new(key, inputs.key("bytecode")),
        (None, None) => Effective::new(Bytecode::default(), Origin::Default),
    }
}

/// The file, the flag or the variable can each turn it on. None of them turns it off: a variable of one pipeline must not weaken the file.
fn require_hashes(inputs: &Inputs<'_>) -> Result<Effective<bool>, ConfigError> {
    let of_variable = match inputs.environment.get(env::REQUIRE_HASHES) {
        None => false,
        Some(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => true,
            "false" | "0" | "no" | "off" => false,
            _ => {
                return Err(ConfigError::Value {
                    origin: Origin::Variable(env::REQUIRE_HASHES.to_owned()),
                    value: text.to_owned(),
                    expected: "`true` or `false`",
                });
            }
        },
    };
    let origin = match (inputs.flags.require_hashes, of_variable) {
        (true, _) => Origin::Flag("--require-hashes"),
        (false, true) => Origin::Variable(env::REQUIRE_HASHES.to_owned()),
        (false, false) => match inputs.file().require_hashes {
            Some(value) => {
                return Ok(Effective::new(value, inputs.key("require_hashes")));
            }
            None => return Ok(Effective::new(false, Origin::Default)),
        },
    };
    Ok(Effective::new(true, origin))
}

/// Where tarballs go: the file's word starts from its own folder, all others from the current one.
fn output(inputs: &Inputs<'_>) -> Effective<PathBuf> {
    let found = inputs.path(
        ("--output", inputs.flags.output.as_ref()),
        env::OUTPUT,
        ("output", inputs.file().output.as_ref()),
    );
    match found {
        Some(found)
            if matches!(found.origin, Origin::File { .. }) && inputs.root != inputs.current =>
        {
            Effective::new(inputs.root.join(found.value), found.origin)
        }
        Some(found) => found,
        None => Effective::new(PathBuf::from("dist"), Origin::Default),
    }
}
