//! A branch as a shared folder of files, against `git http-backend` on loopback.
#![allow(clippy::unwrap_used)]

use pannier_base::url::SafeUrl;
use pannier_clients::git::Git;
use pannier_clients::git::GitError;
use pannier_clients::git::NewCommit;
use pannier_clients::git::Written;
use pannier_clients::http::Client;
use pannier_clients::http::Options;
use pannier_testkit::git_http::{GitServer, Repo};
use tempfile::TempDir;

const BRANCH: &str = "pannier/releases";

struct World {
    server: GitServer,
    repo: Repo,
    folder: TempDir,
}

impl World {
    /// A repository that has a `main` and takes pushes from everybody.
    fn new() -> Self {
        let server = GitServer::start();
        let repo = server.repository("book");
        repo.commit(&[("README.md", "code")]);
        repo.push(&[]);
        pannier_testkit::git_http::git(&repo.bare, &["config", "http.receivepack", "true"]);
        Self {
            server,
            repo,
            folder: TempDir::new().unwrap(),
        }
    }

    fn git(&self, name: &str) -> Git {
        Git::new(
            &self.folder.path().join(name),
            Client::new(Options::default()),
        )
    }

    fn url(&self) -> SafeUrl {
        self.server.url(&self.repo).parse().unwrap()
    }

    fn write(
        &self,
        parent: Option<&str>,
        path: &str,
        text: Option<&str>,
    ) -> Result<Written, GitError> {
        let changes = [(path.to_owned(), text.map(|it| it.as_bytes().to_vec()))];
        let commit = NewCommit {
            changes: &changes,
            message: "a message",
            author: ("Ann", "ann@example.org"),
            time: 1_700_000_000,
        };
        self.git("a")
            .write_commit(&self.url(), BRANCH, parent, &commit)
    }

    fn files(&self) -> Vec<(String, String)> {
        let there = self.git("b").branch_files(&self.url(), BRANCH).unwrap();
        let files = there.map(|it| it.files).unwrap_or_default();
        let text = |(path, bytes)| (path, String::from_utf8(bytes).unwrap());
        files.into_iter().map(text).collect()
    }
}

fn moved(written: Written) -> String {
    match written {
        Written::Moved(commit) => commit,
        Written::Stale { found } => panic!("stale: {found:?}"),
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
    pairs.iter().map(own).collect()
}

#[test]
fn commits_follow_one_another_and_keep_what_they_do_not_name() {
    let world = World::new();
    assert_eq!(world.files(), []);
    let first = moved(world.write(None, "a/one", Some("1")).unwrap());
    let second = moved(world.write(Some(&first), "a/two", Some("2")).unwrap());
    assert_eq!(world.files(), pairs(&[("a/one", "1"), ("a/two", "2")]));
    let third = moved(world.write(Some(&second), "a/one", None).unwrap());
    assert_eq!(world.files(), pairs(&[("a/two", "2")]));
    let log =
        pannier_testkit::git_http::git(&world.repo.bare, &["log", "--format=%H %an %s", BRANCH]);
    let line = |commit: &str| format!("{commit} Ann a message");
    assert_eq!(log, [third, second, first].map(|it| line(&it)).join("\n"));
    pannier_testkit::git_http::git(&world.repo.bare, &["fsck", "--full", "--strict"]);
    let unfinished = std::fs::read_dir(world.folder.path().join("a")).unwrap();
    let names = unfinished.map(|it| it.unwrap().file_name().into_string().unwrap());
    assert!(
        names
            .collect::<Vec<_>>()
            .iter()
            .all(|it| it.ends_with(".lock"))
    );
}

#[test]
fn whoever_has_not_seen_the_newest_commit_is_told() {
    let world = World::new();
    let first = moved(world.write(None, "one", Some("1")).unwrap());
    let second = moved(world.write(Some(&first), "two", Some("2")).unwrap());
    let stale = Written::Stale {
        found: Some(second),
    };
    assert_eq!(world.write(None, "three", Some("3")).unwrap(), stale);
    assert_eq!(
        world.write(Some(&first), "three", Some("3")).unwrap(),
        stale
    );
    assert_eq!(world.files(), pairs(&[("one", "1"), ("two", "2")]));
    world
        .repo
        .git(&["push", "-q", "origin", &format!(":{BRANCH}")]);
    let gone = Written::Stale { found: None };
    assert_eq!(world.write(Some(&first), "three", Some("3")).unwrap(), gone);
}

#[test]
fn a_server_that_refuses_is_quoted() {
    let world = World::new();
    let hook = world.repo.bare.join("hooks/update");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\nexit 1\n").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&hook, mode).unwrap();
    let error = world.write(None, "one", Some("1")).unwrap_err();
    assert!(
        matches!(&error, GitError::Rejected { reason, .. } if reason.contains("hook")),
        "{error}"
    );
    assert_eq!(world.files(), []);
}

#[test]
fn two_writers_at_once_lose_nothing() {
    let world = World::new();
    moved(world.write(None, "log", Some("")).unwrap());
    std::thread::scope(|scope| {
        for writer in ["x", "y"] {
            let world = &world;
            scope.spawn(move || {
                let (git, url) = (world.git(writer), world.url());
                let mut done = 0;
                while done < 5 {
                    let there = git.branch_files(&url, BRANCH).unwrap().unwrap();
                    let mut log = there.files["log"].clone();
                    log.extend(format!("{writer}{done}\n").bytes());
                    let commit = NewCommit {
                        changes: &[("log".to_owned(), Some(log))],
                        message: "line",
                        author: ("Ann", "ann@example.org"),
                        time: 0,
                    };
                    let written = git.write_commit(&url, BRANCH, Some(&there.commit), &commit);
                    done += usize::from(matches!(written.unwrap(), Written::Moved(_)));
                }
            });
        }
    });
    let files = world.files();
    let mut lines: Vec<&str> = files[0].1.lines().collect();
    lines.sort_unstable();
    let wanted = ["x0", "x1", "x2", "x3", "x4", "y0", "y1", "y2", "y3", "y4"];
    assert_eq!(lines, wanted);
}
