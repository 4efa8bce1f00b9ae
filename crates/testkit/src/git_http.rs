//! A git server on loopback: `git http-backend` behind [`Loopback`], with a token per repository where wanted, and
//! repositories that are made with the `git` program, sealed from the user's configuration.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::loopback::{Answer, Loopback, Request};

/// `user:password` by first component of the path.
type Tokens = Arc<Mutex<HashMap<String, String>>>;

/// The server and the folder of its bare repositories.
pub struct GitServer {
    pub http: Loopback,
    root: Arc<TempDir>,
    tokens: Tokens,
}

/// A repository that is served, with a working tree to change it from.
pub struct Repo {
    pub name: String,
    pub bare: PathBuf,
    work: PathBuf,
}

impl GitServer {
    pub fn start() -> Self {
        let root = Arc::new(TempDir::new().expect("a folder"));
        let tokens = Tokens::default();
        let (folder, wanted) = (Arc::clone(&root), Arc::clone(&tokens));
        let http = Loopback::start(move |request| {
            let name = request.path.split('/').nth(1).unwrap_or_default();
            let token = wanted.lock().expect("no panic").get(name).cloned();
            if token.is_some() && request.login() != token {
                return Answer::new(401, "who?").with("www-authenticate", "Basic realm=\"git\"");
            }
            let who = request.login().unwrap_or_default();
            backend(
                &folder.path().join("served"),
                request,
                &request.path,
                &[("REMOTE_USER", &who)],
            )
        });
        Self { http, root, tokens }
    }

    /// Makes an empty repository `name.git` whose first branch is `main`.
    pub fn repository(&self, name: &str) -> Repo {
        let bare = self.root.path().join("served").join(format!("{name}.git"));
        let work = self.root.path().join("work").join(name);
        for folder in [&bare, &work] {
            fs::create_dir_all(folder).expect("a folder");
        }
        git(&bare, &["init", "-q", "--bare", "-b", "main"]);
        git(&work, &["init", "-q", "-b", "main"]);
        git(&work, &["remote", "add", "origin", &bare.to_string_lossy()]);
        Repo {
            name: name.to_owned(),
            bare,
            work,
        }
    }

    /// From now on the repository asks for this `user:password`.
    pub fn protect(&self, repository: &Repo, login: &str) {
        let mut tokens = self.tokens.lock().expect("no panic");
        tokens.insert(format!("{}.git", repository.name), login.to_owned());
    }

    pub fn url(&self, repository: &Repo) -> String {
        self.http.url(&format!("/{}.git", repository.name))
    }
}

impl Repo {
    /// Runs git in the working tree; gives what it prints.
    pub fn git(&self, arguments: &[&str]) -> String {
        git(&self.work, arguments)
    }

    /// Where the working tree is, for links and modes.
    pub fn work(&self) -> &Path {
        &self.work
    }

    /// Writes files, commits everything in the working tree and gives the commit.
    pub fn commit(&self, files: &[(&str, &str)]) -> String {
        for (path, text) in files {
            let path = self.work.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "change"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Pushes refspecs, or all branches and tags when there are none.
    pub fn push(&self, specs: &[&str]) {
        let all = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];
        let specs = if specs.is_empty() { &all[..] } else { specs };
        self.git(&[&["push", "-q", "origin"], specs].concat());
    }
}

/// Stores `bytes` as an object of any kind, however wrong, and gives its id.
pub fn write_object(folder: &Path, kind: &str, bytes: &[u8]) -> String {
    let mut command = sealed(folder);
    command.args(["hash-object", "-w", "--literally", "--stdin", "-t", kind]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("git runs");
    let written = child.stdin.take().expect("it is piped").write_all(bytes);
    written.expect("git reads");
    let output = child.wait_with_output().expect("git runs");
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

/// Runs git sealed from the user's and the machine's configuration, with a fixed author and time.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = sealed(folder).args(arguments).output().expect("git runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {errors}");
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

/// A git command that sees no configuration but the repository's.
pub fn sealed(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ALLOW_PROTOCOL", "file:http")
        .envs([
            ("GIT_AUTHOR_NAME", "A"),
            ("GIT_AUTHOR_EMAIL", "a@example.org"),
        ])
        .envs([
            ("GIT_COMMITTER_NAME", "C"),
            ("GIT_COMMITTER_EMAIL", "c@example.org"),
        ])
        .envs([
            ("GIT_AUTHOR_DATE", "1700000000 +0000"),
            ("GIT_COMMITTER_DATE", "1700000000 +0000"),
        ]);
    command
}

/// One request through `git http-backend` (CGI, RFC 3875) for the repository at `path` below `root`; hooks see `surroundings`.
pub fn backend(
    root: &Path,
    request: &Request,
    path: &str,
    surroundings: &[(&str, &str)],
) -> Answer {
    let mut command = sealed(root);
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", &request.method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", &request.query)
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env(
            "CONTENT_TYPE",
            request.header("content-type").unwrap_or_default(),
        )
        .env(
            "HTTP_CONTENT_ENCODING",
            request.header("content-encoding").unwrap_or_default(),
        )
        .envs(surroundings.iter().copied())
        .env("REMOTE_ADDR", "127.0.0.1");
    if let Some(version) = request.header("git-protocol") {
        command.env("GIT_PROTOCOL", version);
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().expect("git http-backend");
    let mut input = child.stdin.take().expect("it is piped");
    let body = request.body.clone();
    let writer = std::thread::spawn(move || drop(input.write_all(&body)));
    let output = child.wait_with_output().expect("git http-backend").stdout;
    let _ = writer.join();
    let Some(end) = output.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Answer::new(500, "git http-backend said nothing");
    };
    let mut answer = Answer::new(200, &output[end + 4..]);
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        match line.split_once(": ") {
            Some(("Status", status)) => answer.status = status[..3].parse().expect("a status"),
            Some((name, value)) => answer = answer.with(name, value),
            None => {}
        }
    }
    answer
}
