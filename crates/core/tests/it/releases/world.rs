//! A GitLab with a project and a release log, and the session of a maintainer.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use jiff::Timestamp;
use pannier_base::cancel::Cancel;
use pannier_base::digest::Digest;
use pannier_base::event::{Event, Reporter};
use pannier_clients::child::ChildEnvironment;
use pannier_clients::gitlab::{Kind, Token, Tokens};
use pannier_clients::http::CredentialEntries;
use pannier_clients::uv::Indexes;
use pannier_core::audit::{Record, Sink, SinkError};
use pannier_core::deploy::{DeployTarget, Expect, Rules};
use pannier_core::lock::model::{Lock, LockedPackage, LockedSource, PannierTable};
use pannier_core::lock::pylock;
use pannier_core::session::{
    Actor, DeployOptions, DeployReport, GitlabPlace, LogPlace, PushOptions, RecordOptions, Run,
    Session, Setup, WriteReport,
};
use pannier_testkit::gitlab::{Gitlab, Project, Role};
use tempfile::TempDir;

pub const BRANCH: &str = "production";

/// A GitLab with `platform/tools`: `c[0]` to `c[2]` on `main`, `production` at `c[1]`; and `platform/log`.
pub struct World {
    pub gitlab: Gitlab,
    pub tools: Project,
    pub c: Vec<String>,
    log: Project,
    token: String,
    folder: TempDir,
    seen: Seen,
}

/// Collects what a run tells.
#[derive(Default)]
struct Seen {
    records: Mutex<Vec<Record>>,
    events: Mutex<Vec<Event>>,
}

impl Sink for Seen {
    fn write(&self, record: &Record) -> Result<(), SinkError> {
        self.records.lock().unwrap().push(record.clone());
        Ok(())
    }
}

impl Reporter for Seen {
    fn report(&self, event: Event) {
        self.events.lock().unwrap().push(event);
    }
}

impl World {
    pub fn new() -> Self {
        let gitlab = Gitlab::start();
        let bot = gitlab.user("bot");
        gitlab.group("platform").member(&bot, Role::Maintainer);
        let token = gitlab.token(&bot, &["api", "write_repository"]);
        let tools = gitlab.project("platform/tools");
        let commit = |n: usize| tools.commit("main", &[("n", n.to_string().as_str())]);
        let c: Vec<String> = (0..3).map(commit).collect();
        tools.set_branch(BRANCH, &c[1]);
        Self {
            log: gitlab.project("platform/log"),
            folder: TempDir::new().unwrap(),
            seen: Seen::default(),
            gitlab,
            tools,
            c,
            token,
        }
    }

    pub fn now(&self) -> Option<String> {
        self.tools.branch(BRANCH)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn session(&self) -> Session<'_> {
        let server = self.gitlab.url("").parse().unwrap();
        let mut logins = CredentialEntries::default();
        logins.push(&server, "oauth2", &self.token, "the test");
        let setup = Setup {
            store: self.path("store"),
            rules: Default::default(),
            logins,
            index: Indexes::default(),
            confined: Vec::new(),
            offline: false,
            environment: ChildEnvironment::new(&BTreeMap::new(), &[]),
            path: Vec::new(),
            uv: None,
            gitlab: Some(GitlabPlace {
                api: self.gitlab.api().parse().unwrap(),
                tokens: Tokens::new([Token::new(Kind::Access, &self.token, "the test")]),
            }),
            release_log: Some(LogPlace {
                repository: self.log.url().parse().unwrap(),
                branch: "pannier/releases".to_owned(),
            }),
        };
        let run = Run {
            reporter: &self.seen,
            cancel: Cancel::default(),
            now: || "2026-03-01T09:15:00Z".parse::<Timestamp>().unwrap(),
            clock: Instant::now,
            actor: Actor {
                name: "ann".to_owned(),
                mail: "ann@example.org".to_owned(),
                pipeline: None,
            },
        };
        Session::open(setup, run).unwrap().with_audit(&self.seen)
    }

    /// The audit records so far, as lines with names for what differs from run to run.
    pub fn audit(&self) -> String {
        let records = self.seen.records.lock().unwrap();
        let lines: Vec<String> = records.iter().map(pannier_core::audit::line).collect();
        self.steady(&lines.join("\n"))
    }

    /// The audit lines that the run's log has.
    pub fn logged(&self) -> String {
        let events = self.seen.events.lock().unwrap();
        let lines = events.iter().filter_map(|event| match event {
            Event::Audit { line } => Some(line.clone()),
            _ => None,
        });
        self.steady(&lines.collect::<Vec<_>>().join("\n"))
    }

    pub fn warnings(&self) -> Vec<String> {
        let events = self.seen.events.lock().unwrap();
        let warnings = events.iter().filter_map(|event| match event {
            Event::Warning { message, .. } => Some(self.steady(message)),
            _ => None,
        });
        warnings.collect()
    }

    pub fn json(&self, report: &impl serde::Serialize) -> String {
        self.steady(&serde_json::to_string_pretty(report).unwrap())
    }

    fn steady(&self, text: &str) -> String {
        let mut text = text.replace(&self.gitlab.url(""), "http://gitlab");
        for (number, commit) in self.c.iter().enumerate() {
            text = text.replace(commit, &format!("<c{number}>"));
            text = text.replace(&commit[..8], &format!("<c{number}>"));
        }
        text
    }

    /// Deploys a commit of `tools`; `on_plan` sees the plan.
    pub fn deploy(
        &self,
        to: &str,
        on_plan: &dyn Fn(&DeployReport) -> ControlFlow<()>,
    ) -> DeployReport {
        let target = DeployTarget {
            name: "tools".to_owned(),
            repository: self.tools.url().parse().unwrap(),
            to: to.to_owned(),
            expect: Expect::Seen,
        };
        let options = DeployOptions {
            targets: vec![target],
            rules: Rules::default(),
            run: PushOptions {
                audit_file: Some(self.path("audit.jsonl")),
                ..run(on_plan)
            },
        };
        self.session().deploy(&options).unwrap()
    }

    /// Records a release with `tools` at a commit, and sets production to it.
    pub fn record(&self, commit: &str) -> WriteReport {
        let path = self.path("pylock.toml");
        std::fs::write(&path, lock(self.tools.url().as_str(), commit)).unwrap();
        let options = RecordOptions {
            lock: path,
            tarballs: None,
            channel: Some(BRANCH.parse().unwrap()),
            reason: None,
        };
        self.session().release_record(&options).unwrap()
    }
}

/// A run for this reason that writes no file.
pub fn run(on_plan: &dyn Fn(&DeployReport) -> ControlFlow<()>) -> PushOptions<'_> {
    PushOptions {
        dry_run: false,
        reason: Some("it is time".to_owned()),
        audit_file: None,
        on_plan,
    }
}

fn lock(repository: &str, commit: &str) -> String {
    let tools = LockedPackage {
        name: "tools".parse().unwrap(),
        version: Some("1.0".parse().unwrap()),
        marker: None,
        requires_python: None,
        index: None,
        source: LockedSource::Git {
            repository: repository.parse().unwrap(),
            requested_revision: None,
            commit: commit.to_owned(),
            subdirectory: None,
        },
    };
    pylock::write(&Lock {
        requires_python: None,
        environments: Vec::new(),
        packages: vec![tools],
        pannier: PannierTable {
            format: 1,
            request: Digest::of(b"request"),
            constraints: None,
            parts: BTreeMap::new(),
            images: BTreeMap::new(),
            data: BTreeMap::new(),
            forks: Vec::new(),
            overrides: Vec::new(),
        },
    })
}
