//! A GitLab with a release log, and the program that is run in a folder of someone who has a token for it.
#![allow(dead_code)]

use std::path::Path;

use assert_cmd::Command;
use pannier_base::digest::Digest;
use tempfile::TempDir;

use pannier_testkit::gitlab::{Gitlab, Project, Role};

use super::desk::{lock, steady_ids, words};

pub struct Platform {
    pub gitlab: Gitlab,
    pub book: Project,
    pub token: String,
    folder: TempDir,
}

impl Platform {
    pub fn new() -> Self {
        let gitlab = Gitlab::start();
        let book = gitlab.project("platform/book");
        let bot = gitlab.user("bot");
        gitlab.group("platform").member(&bot, Role::Maintainer);
        let token = gitlab.token(&bot, &["api", "write_repository"]);
        let platform = Self {
            gitlab,
            book,
            token,
            folder: TempDir::new().unwrap(),
        };
        platform.write("pannier.yml", "releases: {repository: book}\n");
        platform
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

    pub fn lock(&self, version: &str, digit: char) {
        self.write("pylock.toml", &lock(version, digit));
    }

    /// What `pannier prepare` would leave for an image: a file, its digest, a manifest that names the lock.
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

    pub fn process(&self, arguments: &str) -> std::process::Command {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("pannier"));
        command
            .env_clear()
            .env("HOME", self.path())
            .env("USER", "ann")
            .env("PANNIER_STORE", "store")
            .env("PANNIER_GIT_BASE", self.gitlab.url("/platform"))
            .current_dir(self.path())
            .args(words(arguments));
        command
    }

    /// The program, run by someone with the bot's token.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::from_std(self.process(arguments));
        command.env("PANNIER_TOKEN", &self.token);
        command
    }

    pub fn run(&self, arguments: &str) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
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
        assert!(!text.contains(&self.token), "{text}");
        let mut text = text.to_owned();
        let real = self.path().canonicalize().unwrap();
        for folder in [real.as_path(), self.path()] {
            text = text.replace(&folder.display().to_string(), "<folder>");
        }
        text = text.replace(&self.gitlab.url(""), "https://gitlab.example.org");
        text = steady_ids(&text, &self.ids(), |_| "aaaaaa".to_owned());
        for (pattern, by) in [
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "0000-00-00T00:00:00Z"),
            (" +(?:\\d+ (?:s|min)|age)  (by|ann)", "  age  $1"),
            (r"\b[0-9a-f]{40}\b", "<commit>"),
        ] {
            let pattern = fancy_regex::Regex::new(pattern).unwrap();
            text = pattern.replace_all(&text, by).into_owned();
        }
        text
    }

    /// The names of all releases, the oldest first.
    pub fn ids(&self) -> Vec<String> {
        let history = self.file("history.jsonl").unwrap_or_default();
        let entries = history
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let recorded = entries.filter(|entry: &serde_json::Value| entry["action"] == "record");
        let id = |entry: serde_json::Value| entry["release"].as_str().unwrap().to_owned();
        recorded.map(id).collect()
    }

    /// A file of the book.
    pub fn file(&self, path: &str) -> Option<String> {
        let output = std::process::Command::new("git")
            .current_dir(self.book.folder())
            .args(["show", &format!("pannier/releases:{path}")])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        output.status.success().then_some(text)
    }
}
