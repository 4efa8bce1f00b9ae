//! A project with one image, an index, and a release log on a git server.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use jiff::Timestamp;
use pannier_archive::tarball::{Mtime, Packing};
use pannier_archive::wheel::{StubMetadata, stub};
use pannier_archive::zip::Rules;
use pannier_base::cancel::Cancel;
use pannier_base::digest::Digest;
use pannier_base::event::{Event, Reporter};
use pannier_clients::child::ChildEnvironment;
use pannier_clients::http::CredentialEntries;
use pannier_core::release::{self, GitStorage};
use pannier_core::request::{Bytecode, ImageRequest, Request};
use pannier_core::session::{Actor, LogPlace, PrepareOptions, Run, Session, Setup};
use pannier_testkit::git_http::{self, GitServer};
use pannier_testkit::index::{Index, IndexFile};
use tempfile::TempDir;

use crate::resolve::world::{image, request};

/// Keeps the events.
#[derive(Default)]
pub struct Events(Mutex<Vec<Event>>);

impl Reporter for Events {
    fn report(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Events {
    /// Failures, summaries of locks and warnings since the last call.
    pub fn take(&self) -> Vec<String> {
        let events = std::mem::take(&mut *self.0.lock().unwrap());
        let texts = events.into_iter().filter_map(|event| match event {
            Event::Failed { problem } => Some(format!("failed: {}", problem.message)),
            Event::Locked { summary } => Some(format!("locked: {}", summary.lines().count())),
            Event::Warning { message, .. } => Some(format!("warning: {message}")),
            _ => None,
        });
        texts.collect()
    }
}

/// The project and its servers.
pub struct World {
    pub events: Events,
    pub index: Index,
    server: GitServer,
    log: LogPlace,
    folder: TempDir,
}

impl World {
    pub fn new() -> Self {
        let server = GitServer::start();
        let repo = server.repository("log");
        repo.commit(&[("README.md", "code")]);
        repo.push(&[]);
        git_http::git(&repo.bare, &["config", "http.receivepack", "true"]);
        let log = LogPlace {
            repository: server.url(&repo).parse().unwrap(),
            branch: "pannier/releases".to_owned(),
        };
        Self {
            events: Events::default(),
            index: Index::start(),
            server,
            log,
            folder: TempDir::new().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Number of requests that the git server got.
    pub fn git_requests(&self) -> usize {
        self.server.http.count()
    }

    fn file(name: &str, version: &str) -> IndexFile {
        let meta = StubMetadata {
            name: name.parse().unwrap(),
            version: version.parse().unwrap(),
            requires_dist: Vec::new(),
            requires_python: None,
            extras: Vec::new(),
        };
        let mut file = IndexFile::new(
            name,
            &format!("{name}-{version}-py3-none-any.whl"),
            stub(&meta),
        );
        let text = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
        file.metadata = Some(text.into_bytes());
        file
    }

    pub fn upload(&self, name: &str, version: &str) {
        self.index.add(Self::file(name, version));
    }

    /// A wheel with one wrong byte; the index states the digest of what it serves.
    pub fn upload_broken(&self, name: &str, version: &str) {
        let mut file = Self::file(name, version);
        let middle = file.bytes.len() / 4;
        file.bytes[middle] ^= 0x20;
        file.sha256 = Digest::of(&file.bytes).to_string();
        self.index.add(file);
    }

    /// A session of a new process.
    pub fn session(&self) -> Session<'_> {
        let variables = std::env::vars().collect();
        let path = std::env::var_os("PATH").unwrap();
        let setup = Setup {
            store: self.path("store"),
            rules: Rules::default(),
            logins: CredentialEntries::default(),
            index: self.request(&[]).index,
            confined: Vec::new(),
            offline: false,
            environment: ChildEnvironment::new(&variables, &[]),
            path: std::env::split_paths(&path).collect(),
            uv: Some(pannier_testkit::uv::uv().program),
            gitlab: None,
            release_log: Some(self.log.clone()),
        };
        let run = Run {
            reporter: &self.events,
            cancel: Cancel::default(),
            now: || Timestamp::UNIX_EPOCH,
            clock: Instant::now,
            actor: Actor {
                name: "ann".to_owned(),
                mail: "ann@example.org".to_owned(),
                pipeline: None,
            },
        };
        Session::open(setup, run).unwrap()
    }

    /// One image with these requirements.
    pub fn request(&self, requirements: &[&str]) -> Request {
        let mut request = request(vec![ImageRequest {
            requirements: requirements.iter().map(|it| it.parse().unwrap()).collect(),
            ..image("builder", "3.13", "x86_64-manylinux_2_41")
        }]);
        request.root = self.folder.path().to_owned();
        request.index.url = Some(self.index.url().parse().unwrap());
        request
    }

    pub fn options<'a>(&self, request: &'a Request) -> PrepareOptions<'a> {
        PrepareOptions {
            request,
            locked: false,
            images: Vec::new(),
            output: self.path("dist"),
            jobs: 2,
            mtime: Mtime::default(),
            packing: Packing::Spliced,
            bytecode: Bytecode::None,
            fallback: Some("production".parse().unwrap()),
        }
    }

    /// Records the lock as the release of `production`, and removes the file, as in a project without a committed lock.
    pub fn release(&self) {
        let session = self.session();
        let storage = GitStorage {
            git: &session.git,
            repository: &self.log.repository,
            branch: &self.log.branch,
        };
        let text = std::fs::read_to_string(self.path("pylock.toml")).unwrap();
        let stamp = session.run.stamp(None);
        let channel = "production".parse().unwrap();
        release::write(&storage, &stamp, |log| {
            release::record(log, &text, &[], Some(&channel), &stamp)
        })
        .unwrap();
        std::fs::remove_file(self.path("pylock.toml")).unwrap();
    }
}
