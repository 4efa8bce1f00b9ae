//! One run of Pannier: the clients that it uses, and one method for each use case.
//!
//! The only place that constructs the store and the clients of HTTP, git, GitLab and uv. Everything comes in as values ([`Setup`],
//! [`Run`]), so that the command line and a server do the same.

mod constraints;
mod constraints_error;
mod deploy;
mod deploy_report;
mod error;
mod fallback;
mod gate;
mod lock;
mod log;
mod overrides;
mod prepare;
mod releases;
mod rollback;
mod run;
mod setup;

use std::sync::OnceLock;

use pannier_base::event::Reporter;
use pannier_clients::git::Git;
use pannier_clients::gitlab::Gitlab;
use pannier_clients::http::{self, Client};
use pannier_clients::python::Pythons;
use pannier_clients::uv::{Finder, Relay, Surroundings, Uv, UvError};

use crate::audit::{AuditLog, Sink};
use crate::constraints::build_constraints;
use crate::request::Request;
use crate::store::{INDEX_RELAY, Store, StoreError};
use crate::wheel_build::{Builder, Workshop};

pub use constraints::{LintOptions, LintReport, RaiseOptions, RaiseReport};
pub use constraints_error::ConstraintsError;
pub use deploy::{DeployOptions, PushOptions};
pub use deploy_report::{DeployReport, DeployedProject, ProjectResult, RefusedProject};
pub use error::RequestError;
pub use fallback::Instead;
pub use gate::GateOptions;
pub use lock::{LockOptions, LockReport, production_lock};
pub use log::{Checked, LogCheck, ReleaseLog, UnreadBranch};
pub use overrides::ResolvedOverride;
pub use prepare::{PrepareOptions, PrepareReport};
pub use releases::{
    DiffOptions, DiffReport, DiffSide, FetchOptions, ListOptions, ListReport, PromoteOptions,
    PublishOptions, RecordOptions, ShowOptions, ShowReport, TransferReport, WriteReport,
};
pub use rollback::RollbackOptions;
pub use run::{Actor, Run};
pub use setup::{GitlabPlace, LogPlace, Setup};

/// The clients of one run. Opening it makes no connection and starts no program.
pub struct Session<'r> {
    /// Who is told, and when to stop.
    pub run: Run<'r>,
    /// Verified wheels and snapshots; held against pruning while the session lives.
    pub store: Store,
    /// HTTP.
    pub client: Client,
    /// Repositories.
    pub git: Git,
    /// Interpreters.
    pub pythons: Pythons,
    /// What uv sees of the machine.
    pub around: Surroundings,
    audit: AuditLog<'r>,
    gitlab: Option<Gitlab>,
    setup: Setup,
    uv: OnceLock<Uv>,
}

impl<'r> Session<'r> {
    /// Opens the store and prepares the clients.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be opened.
    pub fn open(setup: Setup, run: Run<'r>) -> Result<Self, StoreError> {
        let store = Store::open(&setup.store)?.with_rules(setup.rules.clone());
        let options = http::Options {
            credentials: setup.logins.for_client(setup.index.iter()),
            offline: setup.offline,
            confined: setup.confined.clone(),
            ..http::Options::default()
        }
        .cancelled_by(&run.cancel);
        let environment = setup.environment.clone().cancelled_by(&run.cancel);
        let gitlab = setup.gitlab.as_ref().map(|place| {
            let client = Client::new(options.clone());
            Gitlab::new(client, &place.api, place.tokens.clone())
        });
        let client = Client::new(options);
        Ok(Self {
            git: Git::new(&store.git_root(), client.clone()),
            pythons: Pythons::new(setup.path.clone(), environment.clone()),
            around: Surroundings {
                variables: environment,
                cache: store.uv_cache(),
                index: setup.index.clone(),
                offline: setup.offline,
                relay: Some(Relay::new(client.clone(), store.root().join(INDEX_RELAY))),
            },
            audit: AuditLog::new(run.reporter),
            gitlab,
            store,
            client,
            run,
            setup,
            uv: OnceLock::new(),
        })
    }

    /// Writes the audit log to `sink` as well. The run's own log has it anyway.
    #[must_use]
    pub fn with_audit(mut self, sink: &'r dyn Sink) -> Self {
        self.audit = self.audit.with(Some(sink));
        self
    }

    /// Who is told what happens.
    #[must_use]
    pub fn reporter(&self) -> &'r dyn Reporter {
        self.run.reporter
    }

    /// GitLab's API where there is a token for it. Without one it tells little, and what it would have told is unknown.
    #[must_use]
    pub fn gitlab(&self) -> Option<&Gitlab> {
        let gitlab = self.gitlab.as_ref()?;
        let tokens = gitlab.tokens();
        (tokens.access().is_some() || tokens.job().is_some()).then_some(gitlab)
    }

    /// The configured release log.
    #[must_use]
    pub const fn log_place(&self) -> Option<&LogPlace> {
        self.setup.release_log.as_ref()
    }

    /// uv, searched at the first call.
    ///
    /// # Errors
    /// [`UvError`] when there is none and none can be downloaded.
    pub fn uv(&self) -> Result<Uv, UvError> {
        if let Some(uv) = self.uv.get() {
            return Ok(uv.clone());
        }
        let finder = Finder {
            named: self.setup.uv.as_deref(),
            path: &self.setup.path,
            store: self.store.root(),
            client: &self.client,
            around: &self.around,
            reporter: self.reporter(),
        };
        let uv = finder.find()?;
        Ok(self.uv.get_or_init(|| uv).clone())
    }

    /// Builds wheels for `request`; calls `uv` only when it has to build.
    pub(super) fn builder<'s>(
        &'s self,
        request: &Request,
        uv: &'s (dyn Fn() -> Result<Uv, UvError> + Sync),
    ) -> Builder<'s> {
        let lines = request.constraints.iter().flat_map(|text| &text.lines);
        let lines = build_constraints(lines);
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
            self.reporter(),
        )
    }
}
