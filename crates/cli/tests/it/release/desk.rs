//! A project with a release log on a git server, and the program that is run in it.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use pannier_base::digest::Digest;
use pannier_core::lock::model::Artifact;
use pannier_core::lock::model::Lock;
use pannier_core::lock::model::LockedData;
use pannier_core::lock::model::LockedPackage;
use pannier_core::lock::model::LockedSource;
use pannier_core::lock::model::PannierTable;
use pannier_core::lock::pylock;
use tempfile::TempDir;

use pannier_testkit::git_http::{self, GitServer, Repo};

/// The branch of the book.
pub const BRANCH: &str = "pannier/releases";

/// A project, its book, and a server that has both.
pub struct Desk {
    pub server: GitServer,
    pub repo: Repo,
    folder: TempDir,
}

impl Desk {
    pub fn new() -> Self {
        let server = GitServer::start();
        let repo = server.repository("book");
        repo.commit(&[("README.md", "code")]);
        repo.push(&[]);
        git_http::git(&repo.bare, &["config", "http.receivepack", "true"]);
        let desk = Self {
            server,
            repo,
            folder: TempDir::new().unwrap(),
        };
        let config = format!(
            "git_base: {}\nreleases: {{repository: book}}\n",
            desk.server.http.url("")
        );
        desk.write("pannier.yml", &config);
        desk
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// Writes a lock that holds `lib` at this version, and a package and a data project at a commit of this digit.
    pub fn lock(&self, version: &str, digit: char) {
        self.write("pylock.toml", &lock(version, digit));
    }

    /// Writes what `pannier prepare` would leave for an image: a file, its digest, a manifest that names the lock.
    pub fn tarball(&self, image: &str, bytes: &str) {
        let lock = Digest::of(self.read("pylock.toml").as_bytes());
        let manifest = serde_json::json!({
            "format": 1, "pannier": "0.1.0", "lock": lock, "image": {"name": image},
            "target": {"python": "3.13", "platform": "x86_64-manylinux_2_41", "interpreter": "/usr/bin/python3"},
            "packages": [], "data": [],
        });
        let sha256 = Digest::of(bytes.as_bytes());
        self.write(&format!("dist/{image}.tar.gz"), bytes);
        self.write(
            &format!("dist/{image}.tar.gz.sha256"),
            &format!("{sha256}  {image}.tar.gz\n"),
        );
        self.write(
            &format!("dist/{image}.manifest.json"),
            &manifest.to_string(),
        );
    }

    /// The program with an environment of its own. Arguments are separated by blanks; those in `'…'` keep theirs.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::from_std(self.process(arguments));
        command.timeout(std::time::Duration::from_secs(120));
        command
    }

    pub fn process(&self, arguments: &str) -> std::process::Command {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("pannier"));
        command
            .env_clear()
            .env("HOME", self.path())
            .env("USER", "ann")
            .env("PANNIER_STORE", "store")
            .current_dir(self.path())
            .args(words(arguments));
        command
    }

    pub fn run(&self, arguments: &str) -> Output {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments}: {output:?}");
        output
    }

    /// The screen of a run, with everything that differs from run to run replaced.
    pub fn screen(&self, arguments: &str) -> String {
        self.screen_of(arguments, &mut self.command(arguments))
    }

    pub fn screen_of(&self, arguments: &str, command: &mut Command) -> String {
        let output = command.output().unwrap();
        let text = format!(
            "$ pannier {arguments}\n{}{}[exit {}]\n",
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
            output.status.code().unwrap()
        );
        self.plain(&text)
    }

    /// The text without what differs from run to run.
    pub fn plain(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let real = self.path().canonicalize().unwrap();
        for folder in [real.as_path(), self.path()] {
            text = text.replace(&folder.display().to_string(), "<folder>");
        }
        text = text.replace(&self.server.http.url(""), "https://git.example.org");
        text = steady_ids(&text, &self.ids(), |id| id[16..22].to_owned());
        let time = fancy_regex::Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").unwrap();
        let text = time.replace_all(&text, "0000-00-00T00:00:00Z");
        // A column as wide as what stands in it.
        let age = fancy_regex::Regex::new(r" +(?:\d+ (?:s|min)|age)  (by|ann)").unwrap();
        age.replace_all(&text, "  age  $1").into_owned()
    }

    /// The names of all releases, the oldest first.
    pub fn ids(&self) -> Vec<String> {
        if self.files().is_empty() {
            return Vec::new();
        }
        let history = self.file("history.jsonl");
        let entries = history
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let recorded = entries.filter(|entry: &serde_json::Value| entry["action"] == "record");
        let id = |entry: serde_json::Value| entry["release"].as_str().unwrap().to_owned();
        recorded.map(id).collect()
    }

    pub fn files(&self) -> Vec<String> {
        if git_http::git(&self.repo.bare, &["branch", "--list", BRANCH]).is_empty() {
            return Vec::new();
        }
        let all = git_http::git(&self.repo.bare, &["ls-tree", "-r", "--name-only", BRANCH]);
        all.lines().map(str::to_owned).collect()
    }

    pub fn file(&self, path: &str) -> String {
        git_http::git(&self.repo.bare, &["show", &format!("{BRANCH}:{path}")]) + "\n"
    }

    pub fn tip(&self) -> String {
        git_http::git(&self.repo.bare, &["rev-parse", BRANCH])
    }

    pub fn set_tip(&self, commit: &str) {
        let name = format!("refs/heads/{BRANCH}");
        git_http::git(&self.repo.bare, &["update-ref", &name, commit]);
    }

    pub fn log(&self, format: &str) -> String {
        git_http::git(
            &self.repo.bare,
            &["log", &format!("--format={format}"), BRANCH],
        )
    }

    /// Someone edits a file of the book by hand.
    pub fn edit(&self, path: &str, text: &str) {
        self.repo.git(&["fetch", "-q", "origin", BRANCH]);
        self.repo
            .git(&["checkout", "-q", "-B", "book", "FETCH_HEAD"]);
        self.repo.commit(&[(path, text)]);
        self.repo
            .git(&["push", "-q", "origin", &format!("HEAD:{BRANCH}")]);
    }
}

pub fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in text.split('\'').enumerate() {
        match number % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

/// A package of a lock at a commit.
pub fn at_commit(name: &str, repository: &str, commit: &str) -> LockedPackage {
    LockedPackage {
        name: name.parse().unwrap(),
        version: Some("2.0".parse().unwrap()),
        marker: None,
        requires_python: None,
        index: None,
        source: LockedSource::Git {
            repository: repository.parse().unwrap(),
            requested_revision: Some("production".to_owned()),
            commit: commit.to_owned(),
            subdirectory: None,
        },
    }
}

/// The text of a lock that holds `lib` at this version, packages, and a data project.
pub fn lock_of(
    version: &str,
    mut packages: Vec<LockedPackage>,
    data: (&str, &str, &str),
) -> String {
    let wheel = Artifact {
        name: format!("lib-{version}-py3-none-any.whl"),
        url: "https://index.example.org/lib.whl".parse().unwrap(),
        size: None,
        upload_time: None,
        sha256: Digest::of(version.as_bytes()),
    };
    let lib = LockedPackage {
        version: Some(version.parse().unwrap()),
        source: LockedSource::Index {
            sdist: None,
            wheels: vec![wheel],
        },
        ..at_commit("lib", "https://unused.example.org", "")
    };
    packages.insert(0, lib);
    let (name, repository, commit) = data;
    let data = LockedData::Git {
        url: repository.parse().unwrap(),
        requested_revision: "production".to_owned(),
        commit_id: commit.to_owned(),
        subdirectory: None,
    };
    pylock::write(&Lock {
        requires_python: None,
        environments: Vec::new(),
        packages,
        pannier: PannierTable {
            format: 1,
            request: Digest::of(b"request"),
            constraints: Some(Digest::of(b"constraints")),
            parts: BTreeMap::new(),
            images: BTreeMap::new(),
            data: [(name.parse().unwrap(), data)].into(),
            forks: Vec::new(),
            overrides: Vec::new(),
        },
    })
}

/// The text of a small lock.
pub fn lock(version: &str, digit: char) -> String {
    let commit = digit.to_string().repeat(40);
    let tool = at_commit("tool", "https://git.example.org/tool.git", &commit);
    lock_of(
        version,
        vec![tool],
        ("tables", "https://git.example.org/tables.git", &commit),
    )
}

/// The text with names of releases that do not tell the time. A second release of one lock in one second has a longer name, so
/// what tables are padded with is no longer what it was.
pub fn steady_ids(text: &str, ids: &[String], lock: impl Fn(&str) -> String) -> String {
    let mut known: Vec<(usize, &String)> = ids.iter().enumerate().collect();
    known.sort_by_key(|(_, id)| std::cmp::Reverse(id.len()));
    let mut text = text.to_owned();
    for (number, id) in known {
        text = text.replace(id, &format!("20260301-09150{number}-{}", lock(id)));
    }
    for (pattern, by) in [(r"(?m)^ {20,}", "    "), (r"(?m)(?<=\S) {2,}", "  ")] {
        let pattern = fancy_regex::Regex::new(pattern).unwrap();
        text = pattern.replace_all(&text, by).into_owned();
    }
    text
}
