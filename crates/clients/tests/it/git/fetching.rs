//! Revisions, mirrors, and what is asked for over the network.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use pannier_base::url::SafeUrl;
use pannier_clients::git::GitError;
use pannier_clients::git::Submodules;
use pannier_clients::http::Credentials;

use crate::git::world::{git_with, told, world};
use pannier_testkit::git_http;
use pannier_testkit::loopback::{Answer, Fault};

#[test]
fn every_kind_of_revision() {
    let world = world();
    let repo = world.server.repository("lib");
    let first = repo.commit(&[("a", "1")]);
    repo.git(&["tag", "-a", "v1", "-m", "one"]);
    repo.git(&["tag", "light"]);
    let second = repo.commit(&[("a", "2")]);
    repo.git(&["branch", "feature/x"]);
    repo.git(&["checkout", "-q", "-b", "request"]);
    let third = repo.commit(&[("a", "3")]);
    repo.push(&[
        "main",
        "feature/x",
        "v1",
        "light",
        "request:refs/merge-requests/5/head",
    ]);
    for (revision, expected) in [
        ("v1", &first),
        ("refs/tags/v1", &first),
        ("light", &first),
        ("main", &second),
        ("HEAD", &second),
        ("feature/x", &second),
        ("refs/heads/feature/x", &second),
        ("refs/merge-requests/5/head", &third),
        (&second[..9], &second),
        (&third.to_uppercase(), &third),
    ] {
        assert_eq!(
            &world.resolve(&repo, revision).unwrap(),
            expected,
            "{revision}"
        );
    }
    let error = world.resolve(&repo, "featur/x").unwrap_err();
    assert!(
        told(&error).contains("did you mean `feature/x`"),
        "{}",
        told(&error)
    );
    assert!(matches!(
        world.resolve(&repo, "0000000"),
        Err(GitError::NoRevision { .. })
    ));
    // On no branch and no tag, but advertised.
    let into = world.checkout(&repo, &third, "third").unwrap();
    assert_eq!(fs::read_to_string(into.join("a")).unwrap(), "3");
}

#[test]
fn a_commit_that_is_not_advertised() {
    let world = world();
    let repo = world.server.repository("lib");
    repo.commit(&[("a", "1")]);
    repo.push(&[]);
    let lost = repo.commit(&[("a", "2")]);
    repo.push(&[]);
    repo.git(&["reset", "-q", "--hard", "HEAD~1"]);
    repo.push(&[]);
    let error = world.checkout(&repo, &lost, "refused").unwrap_err();
    assert!(
        matches!(error, GitError::NoCommit { .. }),
        "{}",
        told(&error)
    );
    git_http::git(
        &repo.bare,
        &["config", "uploadpack.allowAnySHA1InWant", "true"],
    );
    let into = world.checkout(&repo, &lost, "allowed").unwrap();
    assert_eq!(fs::read_to_string(into.join("a")).unwrap(), "2");
    let never = "0123456789012345678901234567890123456789";
    let error = world.checkout(&repo, never, "never").unwrap_err();
    assert!(
        matches!(error, GitError::NoCommit { .. }),
        "{}",
        told(&error)
    );
}

#[test]
fn missing_and_private_repositories() {
    let world = world();
    let repo = world.server.repository("private");
    let commit = repo.commit(&[("a", "1")]);
    repo.push(&[]);
    world.server.protect(&repo, "ci:hush");
    let error = world.resolve(&repo, "main").unwrap_err();
    assert!(
        told(&error).contains("401") && told(&error).contains("netrc"),
        "{}",
        told(&error)
    );
    let wrong: SafeUrl = world
        .server
        .http
        .url_as("ci:hushhush", "/private.git")
        .parse()
        .unwrap();
    let error = world.git.resolve(&wrong, "main").unwrap_err();
    assert!(
        told(&error).contains("credentials from the URL were refused"),
        "{}",
        told(&error)
    );
    assert!(!told(&error).contains("hush"), "{}", told(&error));
    let missing: SafeUrl = world.server.http.url("/missing.git").parse().unwrap();
    let error = world.git.resolve(&missing, "main").unwrap_err();
    assert!(told(&error).contains("404"), "{}", told(&error));

    let netrc = Credentials::default().with_netrc("machine 127.0.0.1 login ci password hush");
    let git = git_with(world.folder.path(), netrc);
    assert_eq!(git.resolve(&world.url(&repo), "main").unwrap(), commit);
    let right: SafeUrl = world
        .server
        .http
        .url_as("ci:hush", "/private.git")
        .parse()
        .unwrap();
    assert_eq!(world.git.resolve(&right, "main").unwrap(), commit);
    let into = world.place("tree");
    world
        .git
        .checkout(&right, &commit, Submodules::Refuse, &into)
        .unwrap();
    assert_eq!(
        git_http::git(&into, &["remote", "get-url", "origin"]),
        world.server.url(&repo)
    );
    let stored = Command::new("grep")
        .args(["-r", "hush"])
        .arg(world.folder.path())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&stored.stdout), "");
}

#[test]
fn something_else_than_git() {
    let world = world();
    let page = Answer::new(200, "<html>Sign in</html>").with("content-type", "text/html");
    world.server.http.fault("/page", Fault::Answer(page));
    let url: SafeUrl = world.server.http.url("/page").parse().unwrap();
    let error = world.git.resolve(&url, "main").unwrap_err();
    assert!(
        matches!(&error, GitError::NotGit { media_type, .. } if media_type == "text/html"),
        "{}",
        told(&error)
    );
}

#[test]
fn a_repository_that_has_moved() {
    let world = world();
    let repo = world.server.repository("lib");
    let commit = repo.commit(&[("a", "1")]);
    repo.push(&[]);
    let target = world
        .server
        .http
        .url("/lib.git/info/refs?service=git-upload-pack");
    let moved = Answer::new(301, "").with("location", target);
    world
        .server
        .http
        .fault("/old/info/refs", Fault::Answer(moved));
    let old: SafeUrl = world.server.http.url("/old").parse().unwrap();
    let into = world.place("tree");
    world
        .git
        .checkout(&old, &commit, Submodules::Refuse, &into)
        .unwrap();
    assert_eq!(fs::read_to_string(into.join("a")).unwrap(), "1");
}

#[test]
fn a_fetch_survives_a_bad_network() {
    let world = world();
    let repo = world.server.repository("lib");
    let long: String = (0..20_000).map(|n| format!("{n}\n")).collect();
    let commit = repo.commit(&[("a", &long)]);
    repo.push(&[]);
    let http = &world.server.http;
    http.fault("info/refs", Fault::Answer(Answer::new(503, "")));
    http.fault("info/refs", Fault::Truncate(30));
    http.fault("lib.git/git-upload-pack?", Fault::Truncate(5_000));
    http.fault("lib.git/git-upload-pack?", Fault::Drop);
    let into = world.checkout(&repo, &commit, "tree").unwrap();
    assert_eq!(fs::read_to_string(into.join("a")).unwrap(), long);
}

#[test]
fn what_the_mirror_has_is_not_asked_for() {
    let world = world();
    let repo = world.server.repository("lib");
    let commit = repo.commit(&[("a", "1")]);
    repo.push(&[]);
    world.checkout(&repo, &commit, "one").unwrap();
    let before = world.server.http.count();
    world.checkout(&repo, &commit, "two").unwrap();
    world.snapshot(&repo, &commit, Submodules::Refuse).unwrap();
    assert_eq!(world.resolve(&repo, &commit).unwrap(), commit);
    assert_eq!(world.server.http.count(), before);
}

#[test]
fn many_at_once() {
    let world = world();
    let repo = world.server.repository("lib");
    let commit = repo.commit(&[("a", "1")]);
    repo.push(&[]);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (world, repo, commit) = (&world, &repo, &commit);
            scope.spawn(move || {
                assert_eq!(&world.resolve(repo, "main").unwrap(), commit);
                world
                    .checkout(repo, commit, &format!("tree-{number}"))
                    .unwrap();
            });
        }
    });
    let fetches = world
        .server
        .http
        .seen()
        .iter()
        .filter(|r| r.method == "POST")
        .count();
    assert_eq!((fetches, world.mirrors().len()), (1, 1));
}

#[test]
fn a_later_tag_reaches_the_mirror() {
    let world = world();
    let repo = world.server.repository("lib");
    let commit = repo.commit(&[("a", "1")]);
    repo.push(&[]);
    world.checkout(&repo, &commit, "before").unwrap();
    repo.git(&["tag", "-a", "v1.3", "-m", "three"]);
    repo.push(&[]);
    assert_eq!(world.resolve(&repo, "v1.3").unwrap(), commit);
    let into = world.checkout(&repo, &commit, "after").unwrap();
    assert_eq!(git_http::git(&into, &["describe", "--dirty"]), "v1.3");
    // Nothing is new, so one listing is all.
    let before = world.server.http.count();
    assert_eq!(world.resolve(&repo, "main").unwrap(), commit);
    assert_eq!(world.server.http.count(), before + 1);
}

#[test]
fn a_damaged_mirror_is_made_anew() {
    let world = world();
    let repo = world.server.repository("lib");
    let commit = repo.commit(&[("a", "1"), ("b/c", "2")]);
    repo.push(&[]);
    type Damage = (&'static str, fn(&Path));
    let damages: [Damage; 4] = [
        ("no HEAD", |mirror| {
            fs::remove_file(mirror.join("HEAD")).unwrap()
        }),
        ("no objects", |mirror| {
            fs::remove_dir_all(mirror.join("objects")).unwrap()
        }),
        ("half a pack", |mirror| {
            for entry in fs::read_dir(mirror.join("objects/pack")).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|end| end == "pack") {
                    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
                    let file = File::options().write(true).open(&path).unwrap();
                    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
                }
            }
        }),
        ("broken references", |mirror| {
            fs::write(mirror.join("packed-refs"), "rubbish\n").unwrap()
        }),
    ];
    for (name, damage) in damages {
        world.checkout(&repo, &commit, "before").unwrap();
        let mirror = world.mirrors().pop().unwrap();
        let name_of_mirror = mirror.file_name().unwrap().to_string_lossy().into_owned();
        let half = mirror.with_file_name(format!(".half-{name_of_mirror}-left"));
        fs::create_dir(&half).unwrap();
        damage(&mirror);
        let into = world
            .checkout(&repo, &commit, "after")
            .unwrap_or_else(|error| panic!("{name}: {}", told(&error)));
        assert_eq!(fs::read_to_string(into.join("b/c")).unwrap(), "2", "{name}");
        assert!(!half.exists(), "{name}");
        let shot = world.snapshot(&repo, &commit, Submodules::Refuse).unwrap();
        assert_eq!(shot.lines(), ["a \"1\"", "b/c \"2\""], "{name}");
    }
}

#[test]
fn a_branch_may_become_a_folder_of_branches() {
    let world = world();
    let repo = world.server.repository("lib");
    let first = repo.commit(&[("a", "1")]);
    repo.git(&["branch", "x"]);
    repo.push(&[]);
    world.checkout(&repo, &first, "one").unwrap();
    repo.git(&["branch", "-D", "x"]);
    repo.git(&["branch", "x/y"]);
    repo.git(&["push", "-q", "origin", ":refs/heads/x"]);
    let second = repo.commit(&[("a", "2")]);
    repo.push(&[]);
    let into = world.checkout(&repo, &second, "two").unwrap();
    let branches = git_http::git(&into, &["for-each-ref", "--format=%(refname)"]);
    assert_eq!(
        branches,
        "refs/remotes/origin/main\nrefs/remotes/origin/x/y"
    );
}

#[test]
fn a_repository_on_this_machine() {
    let world = world();
    let repo = world.server.repository("lib");
    let commit = repo.commit(&[("a", "1")]);
    repo.push(&[]);
    let url: SafeUrl = format!("file://{}", repo.bare.display()).parse().unwrap();
    assert_eq!(world.git.resolve(&url, "main").unwrap(), commit);
    let into = world.place("tree");
    world
        .git
        .checkout(&url, &commit, Submodules::Refuse, &into)
        .unwrap();
    assert_eq!(fs::read_to_string(into.join("a")).unwrap(), "1");
    assert_eq!(world.server.http.count(), 0);
}
