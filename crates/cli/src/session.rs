//! The flags of commands that work on a request, and the session that they open.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use pannier_archive::limited;
use pannier_base::secret;
use pannier_clients::child::ChildEnvironment;
use pannier_config::file::{Compression, ConfigFile};
use pannier_config::{
    ConfigError, Configuration, Environment, Flags, HereImage, Inputs, LoadedFile, configure, env,
};
use pannier_core::request::Bytecode;
use pannier_core::request::overrides::Unmatched;
use pannier_core::session::{Session, Setup};

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

/// Opens a session for the work on the configured request; no connection is made yet and no program started.
pub(super) fn open<'c>(
    options: &RequestOptions,
    configuration: &Configuration,
    context: &'c Context,
) -> Result<Session<'c>, Failure> {
    let request = &configuration.request;
    let setup = Setup {
        store: context.store_folder(&StoreOption {
            store: configuration.store.clone(),
        }),
        rules: configuration.wheel_limits.rules(),
        logins: configuration.credentials.clone(),
        index: request.index.clone(),
        confined: request.overrides.confined(),
        offline: options.offline,
        environment: ChildEnvironment::new(&context.variables, &configuration.build_environment),
        path: context.search_path(),
        uv: context.variable(env::UV).map(PathBuf::from),
        gitlab: None,
        release_log: configuration.releases.clone(),
    };
    Ok(Session::open(setup, context.run())?)
}
