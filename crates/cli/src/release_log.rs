//! What the commands around the release log share: their flags, and the session that they open.

use std::path::PathBuf;

use clap::Args;

use pannier_base::url::SafeUrl;
use pannier_clients::child::ChildEnvironment;
use pannier_clients::uv::Indexes;
use pannier_config::{Environment, Flags, Inputs, api, log_settings, tokens};
use pannier_core::release::{BadName, ChannelName};
use pannier_core::session::{GitlabPlace, Session, Setup};

use super::context::{Context, StoreOption};
use super::report::Failure;
use super::session::{self, Typed};

/// The flags that give the place of the release log.
#[derive(Debug, Clone, Args)]
pub(super) struct LogOptions {
    /// Read this configuration file [env: PANNIER_CONFIG] [default: pannier.yml]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set the repository of the release log, `project[@branch]` [env: PANNIER_RELEASES]
    #[arg(long = "release-log", alias = "book", value_name = "PROJECT")]
    book: Option<String>,
    /// Set the base URL of projects that are given by name [env: PANNIER_GIT_BASE]
    #[arg(long, value_name = "URL")]
    git_base: Option<String>,
    #[command(flatten)]
    store: StoreOption,
}

/// The flag that gives a reason.
#[derive(Debug, Clone, Args)]
pub(super) struct ReasonOption {
    /// Record this reason [default: the title of the job's commit]
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl ReasonOption {
    /// The reason: the flag, else the title of the job's commit.
    pub(super) fn text(&self, context: &Context) -> Option<String> {
        self.reason.clone().or_else(|| job_reason(context))
    }
}

/// The title of the job's commit.
pub(super) fn job_reason(context: &Context) -> Option<String> {
    context.variable("CI_COMMIT_TITLE").map(str::to_owned)
}

/// A session for the release log, and what the commands need of the configuration beyond it.
pub(super) struct Opened<'c> {
    pub(super) session: Session<'c>,
    /// Folder of the configuration file, else the current one.
    pub(super) root: PathBuf,
    /// Where a project given by its name alone lives.
    pub(super) git_base: Option<SafeUrl>,
}

/// Opens a session. No connection is made yet.
pub(super) fn open<'c>(options: &LogOptions, context: &'c Context) -> Result<Opened<'c>, Failure> {
    let typed = Typed {
        config: options.config.clone(),
        flags: Flags {
            book: options.book.clone(),
            git_base: options.git_base.clone(),
            store: options.store.store.clone(),
            ..Flags::default()
        },
    };
    let work = |inputs: Inputs<'_>| Ok((log_settings(&inputs)?, inputs.root.to_owned()));
    let (settings, root) = session::with_inputs(typed, context, work)?;
    let store = StoreOption {
        store: settings.store,
    };
    let release_log = settings.place.map(|place| place.value);
    // A team whose projects are named by their URLs has no git base, but the log is on the same server.
    let base = settings.git_base.as_ref();
    let base = base.or_else(|| release_log.as_ref().map(|place| &place.repository));
    let environment = Environment(context.variables.clone());
    let gitlab = api(&environment, base).map(|api| GitlabPlace {
        tokens: tokens(&environment, &api),
        api,
    });
    let setup = Setup {
        store: context.store_folder(&store),
        rules: Default::default(),
        logins: settings.credentials,
        index: Indexes::default(),
        confined: Vec::new(),
        offline: false,
        environment: ChildEnvironment::new(&context.variables, &[]),
        path: context.search_path(),
        uv: None,
        gitlab,
        release_log,
    };
    Ok(Opened {
        session: Session::open(setup, context.run())?,
        root,
        git_base: settings.git_base,
    })
}

/// Reads the name of a channel, for clap.
pub(super) fn channel(text: &str) -> Result<ChannelName, String> {
    text.parse().map_err(|error: BadName| error.to_string())
}
