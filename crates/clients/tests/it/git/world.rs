//! A server, and a git door with mirrors of its own.

use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use miette::Diagnostic;
use pannier_archive::entries::Content;
use pannier_archive::entries::Pack;
use pannier_archive::zip;
use pannier_base::url::SafeUrl;
use pannier_clients::git::Git;
use pannier_clients::git::GitError;
use pannier_clients::git::LfsPointers;
use pannier_clients::git::Submodules;
use pannier_clients::http::Client;
use pannier_clients::http::Clock;
use pannier_clients::http::Credentials;
use pannier_clients::http::Options;
use tempfile::TempDir;

use pannier_testkit::git_http::{self, GitServer, Repo};

/// A clock that never sleeps.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
    fn sleep(&self, _: Duration) {}
}

pub struct World {
    pub server: GitServer,
    pub folder: TempDir,
    pub git: Git,
}

pub fn world() -> World {
    let server = GitServer::start();
    let folder = TempDir::new().unwrap();
    let git = git_with(folder.path(), Credentials::default());
    World {
        server,
        folder,
        git,
    }
}

pub fn git_with(root: &Path, credentials: Credentials) -> Git {
    let client = Client::new(Options {
        credentials,
        clock: Arc::new(Still),
        ..Options::default()
    });
    Git::new(&root.join("mirrors"), client)
}

impl World {
    pub fn url(&self, repo: &Repo) -> SafeUrl {
        self.server.url(repo).parse().unwrap()
    }
    pub fn resolve(&self, repo: &Repo, revision: &str) -> Result<String, GitError> {
        self.git.resolve(&self.url(repo), revision)
    }
    pub fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    pub fn checkout(&self, repo: &Repo, commit: &str, name: &str) -> Result<PathBuf, GitError> {
        let into = self.place(name);
        let done = self
            .git
            .checkout(&self.url(repo), commit, Submodules::Refuse, &into)?;
        assert_eq!(done.time, 1_700_000_000);
        assert_eq!(
            done.tree,
            git_http::git(&into, &["rev-parse", "HEAD^{tree}"])
        );
        Ok(into)
    }
    pub fn snapshot(
        &self,
        repo: &Repo,
        commit: &str,
        submodules: Submodules,
    ) -> Result<Shot, GitError> {
        self.snapshot_of(&self.url(repo), commit, None, submodules)
    }
    pub fn snapshot_of(
        &self,
        url: &SafeUrl,
        commit: &str,
        folder: Option<&str>,
        submodules: Submodules,
    ) -> Result<Shot, GitError> {
        let mut out = zip::Writer::new(tempfile::tempfile().unwrap());
        let pointers = self
            .git
            .snapshot(url, commit, folder, submodules, &mut out)?;
        Ok(shot(out, pointers))
    }
    /// The folders of all mirrors.
    pub fn mirrors(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.place("mirrors")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.extension().is_some_and(|end| end == "git"))
            .collect()
    }
}

/// A container that was read back.
pub struct Shot {
    pub file: File,
    pub pack: Pack,
    pub pointers: LfsPointers,
}

pub fn shot(out: zip::Writer<File>, pointers: LfsPointers) -> Shot {
    let file = out.finish().unwrap();
    let rules = zip::Rules {
        symlinks: true,
        ..zip::Rules::default()
    };
    let pack = zip::verify(&file, &rules).unwrap();
    Shot {
        file,
        pack,
        pointers,
    }
}

impl Shot {
    /// One line per entry: path and what stands there.
    pub fn lines(&self) -> Vec<String> {
        let line = |entry: &pannier_archive::entries::PackEntry| match &entry.content {
            Content::File { executable, stream } => {
                let bytes = zip::read_entry(&self.file, stream).unwrap();
                let text = String::from_utf8(bytes).unwrap();
                format!(
                    "{}{} {text:?}",
                    entry.path,
                    if *executable { "*" } else { "" }
                )
            }
            Content::Symlink { target } => format!("{} -> {target}", entry.path),
            Content::Directory => format!("{}/", entry.path),
        };
        self.pack.iter().map(line).collect()
    }
}

/// Everything that a person would be shown, and what a log might hold.
pub fn told(error: &GitError) -> String {
    let mut text = format!("{error:?}\n{error}");
    let mut next: Option<&dyn Error> = error.source();
    while let Some(cause) = next {
        text.push_str(&format!("\n{cause}"));
        next = cause.source();
    }
    let hint = error
        .diagnostic_source()
        .and_then(Diagnostic::help)
        .map(|help| help.to_string());
    text + &error
        .help()
        .map(|help| help.to_string())
        .or(hint)
        .unwrap_or_default()
}

/// The bytes of a tree with one entry.
pub fn tree_entry(mode: &str, name: &str, oid: &str) -> Vec<u8> {
    let oid: Vec<u8> = (0..40)
        .step_by(2)
        .map(|at| u8::from_str_radix(&oid[at..at + 2], 16).unwrap())
        .collect();
    [format!("{mode} {name}\0").into_bytes(), oid].concat()
}
