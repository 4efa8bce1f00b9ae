//! What the verbs that work on a request have in common: the flags that say it, and the doors that the work goes through.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::Args;

use pannier_archive::limited;
use pannier_base::secret;
use pannier_base::url::SafeUrl;
use pannier_clients::child::ChildEnvironment;
use pannier_clients::git::Git;
use pannier_clients::http::{self, Client, CredentialEntries, Credentials};
use pannier_clients::python::Pythons;
use pannier_clients::uv::{Finder, Relay, Surroundings, Uv, UvError};
use pannier_config::file::{Compression, ConfigFile};
use pannier_config::{
    ConfigError, Configuration, Environment, Flags, HereImage, Inputs, LoadedFile, configure, env,
};
use pannier_core::constraints;
use pannier_core::lock::model::Lock;
use pannier_core::request::digest::Parts;
use pannier_core::request::overrides::Unmatched;
use pannier_core::request::{Bytecode, Request};
use pannier_core::resolve::overridden::Movement;
use pannier_core::resolve::update::{LockFile, Mode, UpToDate, UpdateError};
use pannier_core::resolve::{
    Doors, ResolveError, Tools, Upgrade, Wanted, overridden, resolve, update,
};
use pannier_core::store::{INDEX_RELAY, Store};
use pannier_core::wheel_build::{Builder, Workshop};

use super::context::{Context, StoreOption, netrc};
use super::exit::Exit;
use super::report::Failure;

/// The flags that say what is wanted.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Request")]
pub(super) struct RequestOptions {
    /// Read this configuration file [env: PANNIER_CONFIG] [default: pannier.yml]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Describe the image from the interpreter of this machine
    #[arg(long)]
    here: bool,
    /// Use this interpreter for --here [default: the first python3 on PATH]
    #[arg(long, value_name = "PATH", requires = "here")]
    python: Option<PathBuf>,
    /// Set the base URL of projects that are given by name [env: PANNIER_GIT_BASE]
    #[arg(long, value_name = "URL")]
    git_base: Option<String>,
    /// Set the default revision of projects [env: PANNIER_BRANCH] [default: production]
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// Set the file with version bounds [env: PANNIER_CONSTRAINTS]
    #[arg(long, value_name = "FILE")]
    constraints: Option<PathBuf>,
    /// Require a hash for every downloaded file [env: PANNIER_REQUIRE_HASHES]
    #[arg(long)]
    require_hashes: bool,
    /// Set the index with the lowest priority [env: UV_DEFAULT_INDEX, PIP_INDEX_URL]
    #[arg(long, value_name = "URL", help_heading = "Index")]
    index_url: Option<String>,
    /// Add an index with a higher priority; repeat the flag for more [env: UV_INDEX, PIP_EXTRA_INDEX_URL]
    #[arg(long, value_name = "URL", help_heading = "Index")]
    extra_index_url: Vec<String>,
    /// Use only the store and uv's cache
    #[arg(long, help_heading = "Index")]
    offline: bool,
    #[command(flatten)]
    overrides: OverrideOptions,
    #[command(flatten)]
    store: StoreOption,
}

/// The flags that set overrides.
#[derive(Debug, Clone, Args)]
struct OverrideOptions {
    /// Take a package or data project from another source in this run [env: NAME_pip_url]
    ///
    /// VALUE is `git+https://…@REF`, the URL of a merge request, the path of a file, or `==1.2.3`.
    #[arg(id = "override", long = "override", value_name = "NAME=VALUE")]
    one: Vec<String>,
    /// Read more overrides from the map `overrides` in this file
    #[arg(long, value_name = "FILE")]
    overrides: Option<PathBuf>,
    /// Fail (instead of warning) when an override matches no package
    #[arg(long)]
    strict_overrides: bool,
}

impl RequestOptions {
    /// The same with these overrides as well, as if `--override` said them.
    pub(super) fn with_overrides(mut self, pairs: &[String]) -> Self {
        self.overrides.one.extend_from_slice(pairs);
        self
    }
}

/// Where the lock of a request without its overrides is.
pub(super) fn production_lock(request: &Request) -> PathBuf {
    request.root.join("pylock.toml")
}

/// The flags of a command in addition to those of the request.
#[derive(Debug, Clone, Default)]
pub(super) struct Beside {
    /// `--image`
    pub(super) images: Vec<String>,
    /// `--output`
    pub(super) output: Option<PathBuf>,
    /// `--compression`
    pub(super) compression: Option<Compression>,
    /// `--bytecode`
    pub(super) bytecode: Option<Bytecode>,
    /// `--release-log`
    pub(super) book: Option<String>,
}

/// The parsed flags of any command.
#[derive(Debug, Default)]
pub(super) struct Typed {
    /// `--config`
    pub(super) config: Option<PathBuf>,
    /// The flags that describe the request.
    pub(super) flags: Flags,
}

/// Puts flags, environment and file together.
pub(super) fn configuration(
    options: &RequestOptions,
    beside: Beside,
    context: &Context,
) -> Result<Configuration, Failure> {
    let here = options
        .here
        .then(|| context.describe_here(options.python.as_deref()))
        .transpose()?;
    let flags = Flags {
        git_base: options.git_base.clone(),
        branch: options.branch.clone(),
        constraints: options.constraints.clone(),
        require_hashes: options.require_hashes,
        index_url: options.index_url.clone(),
        extra_index_urls: options.extra_index_url.clone(),
        output: beside.output,
        compression: beside.compression,
        bytecode: beside.bytecode,
        store: options.store.store.clone(),
        book: beside.book,
        images: beside.images,
        overrides: options.overrides.one.clone(),
        overrides_file: options.overrides.overrides.clone(),
        unmatched_overrides: match options.overrides.strict_overrides {
            true => Unmatched::Refuse,
            false => Unmatched::Warn,
        },
        here: here.map(|described| HereImage {
            target: described.target,
            interpreter: described.interpreter,
            image: context.variable("CI_JOB_IMAGE").map(str::to_owned),
        }),
    };
    let config = options.config.clone();
    with_inputs(Typed { config, flags }, context, configure)
}

/// Reads the configuration file and hands it to `work`, with the environment and what was typed.
pub(super) fn with_inputs<T>(
    typed: Typed,
    context: &Context,
    work: impl FnOnce(Inputs<'_>) -> Result<T, ConfigError>,
) -> Result<T, Failure> {
    let (file, root) = load(typed.config, context)?;
    let environment = Environment(context.variables.clone());
    let inputs = Inputs {
        file,
        root: &root,
        current: &context.folder,
        environment: &environment,
        flags: &typed.flags,
        read: &|path| read_text(&root, path),
        netrc: netrc(&environment),
    };
    work(inputs).map_err(|error| Failure::new(Exit::Usage, error))
}

fn load(
    named: Option<PathBuf>,
    context: &Context,
) -> Result<(Option<LoadedFile>, PathBuf), Failure> {
    let named = named.or_else(|| context.variable(env::CONFIG).map(PathBuf::from));
    let standard = PathBuf::from("pannier.yml");
    let path = match named {
        Some(path) => path,
        None if context.folder.join(&standard).is_file() => standard,
        None => return Ok((None, context.folder.clone())),
    };
    let full = context.folder.join(&path);
    let text = limited::read_text(&full, limited::CONFIGURATION).map_err(|source| {
        let path = path.clone();
        Failure::new(Exit::Usage, NoConfig { path, source })
    })?;
    // First: an error may repeat what it cannot read.
    secret::learn_words(&text);
    let content =
        ConfigFile::parse(&text, &path).map_err(|error| Failure::new(Exit::Usage, error))?;
    let root = full
        .parent()
        .map_or_else(|| context.folder.clone(), Path::to_owned);
    // `a/../b` and links would show in locks and messages.
    let root = root.canonicalize().unwrap_or(root);
    Ok((Some(LoadedFile { path, content }), root))
}

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot read the configuration {path}")]
#[diagnostic(help("set the file with --config or PANNIER_CONFIG"))]
struct NoConfig {
    path: PathBuf,
    source: io::Error,
}

/// Reads a text file, by a path that is absolute or relative to `root`.
pub(super) fn read_text(root: &Path, path: &Path) -> io::Result<String> {
    let text = limited::read_text(&root.join(path), limited::LIST)?;
    secret::learn_text(&text);
    Ok(text)
}

/// The doors that the work on one request goes through.
pub(super) struct Session<'c> {
    pub(super) configuration: Configuration,
    pub(super) store: Store,
    pub(super) client: Client,
    pub(super) git: Git,
    pub(super) pythons: Pythons,
    pub(super) around: Surroundings,
    context: &'c Context,
    search: Vec<PathBuf>,
    uv: OnceLock<Uv>,
}

impl<'c> Session<'c> {
    /// Opens the doors; no connection is made yet and no program started.
    pub(super) fn open(
        options: &RequestOptions,
        configuration: Configuration,
        context: &'c Context,
    ) -> Result<Self, Failure> {
        let store = context.open_store(&StoreOption {
            store: configuration.store.clone(),
        })?;
        let store = store.with_rules(configuration.wheel_limits.rules());
        let client = Client::new(http::Options {
            credentials: credentials(
                &configuration.credentials,
                configuration.request.index.iter(),
            ),
            offline: options.offline,
            confined: configuration.request.overrides.confined(),
            ..http::Options::default()
        });
        let search = context.search_path();
        let environment =
            ChildEnvironment::new(&context.variables, &configuration.build_environment);
        Ok(Self {
            git: Git::new(&store.git_root(), client.clone()),
            pythons: Pythons::new(search.clone(), environment.clone()),
            around: Surroundings {
                variables: environment,
                cache: store.uv_cache(),
                index: configuration.request.index.clone(),
                offline: options.offline,
                relay: Some(Relay::new(client.clone(), store.root().join(INDEX_RELAY))),
            },
            configuration,
            store,
            client,
            context,
            search,
            uv: OnceLock::new(),
        })
    }

    /// uv, looked for at the first call.
    pub(super) fn uv(&self) -> Result<Uv, UvError> {
        if let Some(uv) = self.uv.get() {
            return Ok(uv.clone());
        }
        let named = self.context.variable(env::UV).map(PathBuf::from);
        let finder = Finder {
            named: named.as_deref(),
            path: &self.search,
            store: self.store.root(),
            client: &self.client,
            around: &self.around,
            reporter: self.context.reporter(),
        };
        let uv = finder.find()?;
        Ok(self.uv.get_or_init(|| uv).clone())
    }

    /// What makes wheels of sources; asks `uv` for uv when it has to.
    pub(super) fn builder<'s>(
        &'s self,
        uv: &'s (dyn Fn() -> Result<Uv, UvError> + Sync),
    ) -> Builder<'s> {
        let request = &self.configuration.request;
        let lines = request.constraints.iter().flat_map(|text| &text.lines);
        let lines = constraints::build_constraints(lines);
        let workshop = Workshop {
            uv,
            around: self.around.clone(),
            pythons: &self.pythons,
            constraints: lines.iter().map(|line| format!("{line}\n")).collect(),
            require_hashes: request.require_hashes,
            submodules: request.submodules,
        };
        Builder::new(
            &self.store,
            &self.git,
            &self.client,
            workshop,
            self.context.reporter(),
        )
    }

    /// Where the lock of this request is: with overrides it is not that of production.
    pub(super) fn lock_path(&self) -> PathBuf {
        match self.is_overridden() {
            true => overridden::path(&self.production_lock()),
            false => self.production_lock(),
        }
    }

    /// Where the lock of the request without its overrides is.
    fn production_lock(&self) -> PathBuf {
        production_lock(&self.configuration.request)
    }

    fn is_overridden(&self) -> bool {
        !self.configuration.request.overrides.list.is_empty()
    }

    /// The digests of the request's parts.
    pub(super) fn parts(&self) -> Result<Parts, Failure> {
        let request = &self.configuration.request;
        let read: &constraints::Reader<'_> = &|path| read_text(&request.root, path);
        request
            .parts(read)
            .map_err(|error| Failure::new(Exit::Usage, error))
    }

    /// The index that uv asks last where none is configured; `None` when uv cannot be asked.
    pub(super) fn default_index(&self) -> Option<SafeUrl> {
        let uv = self.uv().ok()?;
        let folder = tempfile::tempdir().ok()?;
        uv.default_index(folder.path(), &self.around).ok()?
    }

    /// Who is told what happens.
    pub(super) fn reporter(&self) -> &dyn pannier_base::event::Reporter {
        self.context.reporter()
    }

    /// Resolves a request that is not quite the session's, and writes nothing. `previous` is an earlier lock and what of it is
    /// given up.
    pub(super) fn resolve(
        &self,
        request: &Request,
        builder: &Builder<'_>,
        (previous, upgrade): (Option<&Lock>, &Upgrade),
    ) -> Result<Lock, Failure> {
        let parts = self.parts()?;
        let uv = self
            .uv()
            .map_err(|error| failure(ResolveError::from(error).into()))?;
        let tools = Tools {
            sources: &Doors {
                git: &self.git,
                builder,
            },
            uv: &uv,
            around: &self.around,
            reporter: self.context.reporter(),
        };
        let wanted = Wanted {
            request,
            parts: &parts,
            previous,
            upgrade,
        };
        resolve(&wanted, tools).map_err(|error| failure(error.into()))
    }

    /// A lock that fits the request, as `mode` allows; `movement` says what overrides may move.
    pub(super) fn lock(
        &self,
        builder: &Builder<'_>,
        mode: &Mode,
        movement: Movement,
    ) -> Result<UpToDate, Failure> {
        let parts = self.parts()?;
        self.update(builder, &parts, (mode, movement))
            .map_err(failure)
    }

    /// The same with the request's parts at hand and the error as it is.
    pub(super) fn update(
        &self,
        builder: &Builder<'_>,
        parts: &Parts,
        (mode, movement): (&Mode, Movement),
    ) -> Result<UpToDate, UpdateError> {
        let doors = Doors {
            git: &self.git,
            builder,
        };
        let uv = OnceLock::new();
        let tools = || -> Result<Tools<'_>, ResolveError> {
            let found = self.uv()?;
            Ok(Tools {
                sources: &doors,
                uv: uv.get_or_init(|| found),
                around: &self.around,
                reporter: self.context.reporter(),
            })
        };
        let (path, reporter) = (self.production_lock(), self.context.reporter());
        let file = LockFile {
            path: &path,
            staging: self.store.scratch(),
        };
        let wanted = (&self.configuration.request, parts);
        if self.is_overridden() {
            let terms = (mode, movement);
            overridden::bring_up_to_date(&file, wanted, terms, reporter, tools)
        } else {
            update::bring_up_to_date(&file, wanted, mode, reporter, tools)
        }
    }
}

/// The exit code of an error about a lock.
pub(super) fn failure(error: UpdateError) -> Failure {
    let exit = match &error {
        error if error.is_stale() => Exit::Stale,
        UpdateError::Resolve(error) if error.is_refusal() => Exit::Refused,
        UpdateError::Hashes { source, .. } if source.is_refusal() => Exit::Refused,
        UpdateError::Resolve(error) if error.is_usage() => Exit::Usage,
        UpdateError::Moved { .. } => Exit::Drift,
        _ => Exit::Failed,
    };
    Failure::new(exit, error)
}

/// The credentials as the client takes them, with those of the indexes.
pub(super) fn credentials<'a>(
    known: &CredentialEntries,
    indexes: impl Iterator<Item = &'a SafeUrl>,
) -> Credentials {
    let CredentialEntries { entries, netrc } = known;
    let mut credentials = Credentials::default();
    if let Some(text) = netrc {
        credentials = credentials.with_netrc(text);
    }
    // The list has the strongest first; here the last one wins.
    for entry in entries.iter().rev() {
        credentials = credentials.with_entry(&entry.origin, &entry.user, &entry.password);
    }
    for index in indexes {
        credentials = credentials.with_index(index);
    }
    credentials
}
