//! Branches that are moved while others move them too and connections break, against `git http-backend` on loopback.
#![allow(clippy::unwrap_used)]

use std::sync::Barrier;
use std::time::Duration;

use pannier_base::url::SafeUrl;
use pannier_clients::git::BranchMove;
use pannier_clients::git::Comparison;
use pannier_clients::git::Ends;
use pannier_clients::git::Git;
use pannier_clients::git::GitError;
use pannier_clients::git::Moved;
use pannier_clients::git::RefusalKind;
use pannier_clients::http::Client;
use pannier_clients::http::Options;
use pannier_clients::http::RetryPolicy;
use pannier_testkit::git_http::{GitServer, Repo};
use pannier_testkit::loopback::{Answer, Fault};
use tempfile::TempDir;

const BRANCH: &str = "production";

/// A repository with the commits `c[0]` to `c[3]` on `main`, one beside them, and `production` at `c[1]`.
struct World {
    server: GitServer,
    repo: Repo,
    c: Vec<String>,
    beside: String,
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let server = GitServer::start();
        let repo = server.repository("tool");
        let c: Vec<String> = (0..4)
            .map(|n| repo.commit(&[("n", &format!("{n}"))]))
            .collect();
        repo.git(&["checkout", "-q", "-b", "beside", &c[1]]);
        let beside = repo.commit(&[("m", "beside")]);
        repo.git(&["branch", BRANCH, &c[1]]);
        repo.push(&[]);
        pannier_testkit::git_http::git(&repo.bare, &["config", "http.receivepack", "true"]);
        Self {
            server,
            repo,
            c,
            beside,
            folder: TempDir::new().unwrap(),
        }
    }

    fn git(&self, name: &str) -> Git {
        let options = Options {
            retry: RetryPolicy {
                attempts: 3,
                first_pause: Duration::ZERO,
                longest_pause: Duration::ZERO,
            },
            ..Options::default()
        };
        Git::new(&self.folder.path().join(name), Client::new(options))
    }

    fn url(&self) -> SafeUrl {
        self.server.url(&self.repo).parse().unwrap()
    }

    fn compare(&self, from: &str, to: &str) -> Result<Comparison, GitError> {
        let (git, url) = (self.git("a"), self.url());
        let heads = git.heads(&url)?;
        let default = heads.branch("main");
        let ends = Ends {
            from: Some(from),
            to,
            default: default.as_deref(),
        };
        git.compare(&url, &heads, ends)
    }

    /// Moves `production`, as whoever has the mirrors `name`.
    fn go(&self, name: &str, from: Option<&str>, to: Option<&str>) -> Result<Moved, GitError> {
        let (git, url) = (self.git(name), self.url());
        let heads = git.heads(&url)?;
        let step = BranchMove {
            branch: BRANCH,
            from,
            to,
        };
        git.move_branch(&url, &heads, step)
    }

    fn now(&self) -> Option<String> {
        self.git("look").heads(&self.url()).unwrap().branch(BRANCH)
    }

    fn hook(&self, name: &str, script: &str) {
        let hook = self.repo.bare.join("hooks").join(name);
        std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
        std::fs::write(&hook, format!("#!/bin/sh\n{script}\n")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&hook, mode).unwrap();
    }
}

#[test]
fn commits_are_compared_by_what_they_have() {
    let world = World::new();
    let c = &world.c;
    let ahead = world.compare(&c[1], &c[3]).unwrap();
    assert_eq!(ahead.ahead, [c[3].clone(), c[2].clone()]);
    assert!(ahead.behind.is_empty() && ahead.on_default);
    let behind = world.compare(&c[1], &c[0]).unwrap();
    assert_eq!((behind.ahead.len(), behind.behind), (0, vec![c[1].clone()]));
    let sidewise = world.compare(&c[3], &world.beside).unwrap();
    assert_eq!((sidewise.ahead.len(), sidewise.behind.len()), (1, 2));
    assert!(!sidewise.on_default);
    assert_eq!(sidewise.since, 1_700_000_000);
    let gone = "0123456789012345678901234567890123456789";
    let error = world.compare(&c[1], gone).unwrap_err();
    assert!(matches!(error, GitError::NoCommit { .. }), "{error}");
}

/// The branch `beside` is not fetched to compare two commits of `main`.
#[test]
fn only_the_histories_that_are_compared_are_fetched() {
    let world = World::new();
    world.compare(&world.c[1], &world.c[2]).unwrap();
    let mirror = std::fs::read_dir(world.folder.path().join("a")).unwrap();
    let mirror = mirror
        .map(|it| it.unwrap().path())
        .find(|it| it.is_dir())
        .unwrap();
    let commits = pannier_testkit::git_http::git(
        &mirror,
        &["cat-file", "--batch-all-objects", "--batch-check"],
    );
    assert!(commits.contains(&world.c[3]) && !commits.contains(&world.beside));
    let requests = world.server.http.count();
    world.compare(&world.c[1], &world.c[3]).unwrap();
    assert_eq!(world.server.http.count(), requests + 1, "one listing");
}

#[test]
fn what_is_shown_of_a_repository() {
    let world = World::new();
    let head = &world.beside;
    world
        .repo
        .push(&[&format!("{head}:refs/merge-requests/7/head")]);
    let heads = world.git("a").heads(&world.url()).unwrap();
    assert_eq!(heads.default_branch(), Some("main"));
    assert_eq!(heads.branch("main").as_ref(), world.c.last());
    assert_eq!(heads.branch("no"), None);
    assert_eq!(heads.merge_requests_at(head), [7]);
    assert_eq!(heads.find("beside").as_ref(), Some(head));
    let (git, url) = (world.git("a"), world.url());
    let short = git.resolve_among(&heads, &url, &world.c[0][..9]).unwrap();
    assert_eq!(short, world.c[0]);
    assert_eq!(git.refuses_pushes(&url).unwrap(), None);
    pannier_testkit::git_http::git(&world.repo.bare, &["config", "http.receivepack", "false"]);
    assert_eq!(git.refuses_pushes(&url).unwrap(), Some(403));
}

#[test]
fn a_branch_moves_in_every_direction() {
    let world = World::new();
    let c = &world.c;
    let steps = [
        (Some(&c[1]), Some(&c[3])),
        (Some(&c[3]), Some(&c[0])),
        (Some(&c[0]), Some(&world.beside)),
        (Some(&world.beside), None),
        (None, Some(&c[2])),
    ];
    for (from, to) in steps {
        let (from, to) = (from.map(String::as_str), to.map(String::as_str));
        assert_eq!(world.go("a", from, to).unwrap(), Moved::Done);
        assert_eq!(world.now().as_deref(), to);
    }
    pannier_testkit::git_http::git(&world.repo.bare, &["fsck", "--full", "--strict"]);
}

#[test]
fn nothing_is_overwritten_that_was_not_seen() {
    let world = World::new();
    let c = &world.c;
    for from in [Some(c[0].as_str()), None] {
        let stale = Moved::Stale {
            found: Some(c[1].clone()),
        };
        assert_eq!(world.go("a", from, Some(&c[3])).unwrap(), stale);
        assert_eq!(world.go("a", from, None).unwrap_or(stale.clone()), stale);
    }
    assert_eq!(world.now().as_ref(), Some(&c[1]));
    world
        .repo
        .git(&["push", "-q", "origin", &format!(":{BRANCH}")]);
    let gone = Moved::Stale { found: None };
    assert_eq!(world.go("a", Some(&c[1]), Some(&c[3])).unwrap(), gone);
}

#[test]
fn refusals_have_a_kind_and_the_servers_words() {
    let world = World::new();
    let c = &world.c;
    let refused = |from: &str, to: &str| match world.go("a", Some(from), Some(to)).unwrap() {
        Moved::Refused(refusal) => (refusal.kind, refusal.said),
        other => panic!("{other:?}"),
    };
    pannier_testkit::git_http::git(
        &world.repo.bare,
        &["config", "receive.denyNonFastForwards", "true"],
    );
    assert_eq!(refused(&c[1], &c[0]).0, RefusalKind::NoForce);
    assert_eq!(
        world.go("a", Some(&c[1]), Some(&c[2])).unwrap(),
        Moved::Done
    );
    let words = "GitLab: You are not allowed to push code to protected branches on this project.";
    world.hook("pre-receive", &format!("echo '{words}' >&2; exit 1"));
    assert_eq!(
        refused(&c[2], &c[3]),
        (RefusalKind::Protected, words.to_owned())
    );
    pannier_testkit::git_http::git(&world.repo.bare, &["config", "http.receivepack", "false"]);
    assert_eq!(refused(&c[2], &c[3]).0, RefusalKind::NoRight);
    assert_eq!(world.now().as_ref(), Some(&c[2]));
}

#[test]
fn what_the_server_has_decides_when_a_connection_breaks() {
    let world = World::new();
    let c = &world.c;
    // It did arrive, its answer did not.
    world
        .server
        .http
        .fault("/git-receive-pack", Fault::Truncate(3));
    let moved = world.go("a", Some(&c[1]), Some(&c[2])).unwrap();
    assert_eq!(moved, Moved::Done);
    // It did not arrive, and is sent again.
    world.server.http.fault("/git-receive-pack", Fault::Drop);
    let moved = world.go("a", Some(&c[2]), Some(&c[3])).unwrap();
    assert_eq!(moved, Moved::Done);
    assert_eq!(world.now().as_ref(), Some(&c[3]));
    // It never arrives.
    for _ in 0..3 {
        world.server.http.fault("/git-receive-pack", Fault::Drop);
    }
    let error = world.go("a", Some(&c[3]), Some(&c[2])).unwrap_err();
    assert!(matches!(error, GitError::Http { .. }), "{error}");
    assert_eq!(world.now().as_ref(), Some(&c[3]));
    // A gateway that gives up.
    let gateway = Fault::Answer(Answer::new(502, "<html>"));
    world.server.http.fault("/git-receive-pack", gateway);
    let moved = world.go("a", Some(&c[3]), Some(&c[2])).unwrap();
    assert_eq!(moved, Moved::Done);
}

#[test]
fn of_two_who_move_at_once_exactly_one_wins() {
    let world = World::new();
    let c = &world.c;
    let mut at = c[1].clone();
    for round in 0..25 {
        let goals = [&c[round % 2], &c[2 + round % 2]];
        let barrier = Barrier::new(2);
        let ends: Vec<Moved> = std::thread::scope(|scope| {
            let run = |(name, goal)| {
                let (world, barrier, at) = (&world, &barrier, at.as_str());
                scope.spawn(move || {
                    barrier.wait();
                    world.go(name, Some(at), Some(goal)).unwrap()
                })
            };
            let [a, b] = [("a", goals[0].as_str()), ("b", goals[1].as_str())].map(run);
            [a, b].map(|it| it.join().unwrap()).into()
        });
        let now = world.now().unwrap();
        let (place, _) = goals
            .iter()
            .enumerate()
            .find(|(_, it)| ***it == now)
            .unwrap();
        assert_eq!(ends[place], Moved::Done, "round {round}");
        let lost = Moved::Stale {
            found: Some(now.clone()),
        };
        assert_eq!(ends[1 - place], lost, "round {round}");
        at = now;
    }
}
