//! The git door against `git http-backend` on loopback.
#![allow(clippy::unwrap_used)]

#[path = "support/git_http.rs"]
mod git_http;
#[path = "support/loopback.rs"]
mod loopback;

use std::error::Error;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use git_http::{GitServer, Repo};
use loopback::{Answer, Fault};
use miette::Diagnostic;
use pannier::git::{Git, GitError, Submodules, folder_digest, snapshot_folder};
use pannier::http::{Client, Clock, Credentials, Options};
use pannier::pack::{Content, Pack};
use pannier::url::SafeUrl;
use pannier::zip;
use tempfile::TempDir;

/// A clock that never sleeps.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
    fn sleep(&self, _: Duration) {}
}

struct World {
    server: GitServer,
    folder: TempDir,
    git: Git,
}

fn world() -> World {
    let server = GitServer::start();
    let folder = TempDir::new().unwrap();
    let git = git_with(folder.path(), Credentials::default());
    World {
        server,
        folder,
        git,
    }
}

fn git_with(root: &Path, credentials: Credentials) -> Git {
    let client = Client::new(Options {
        credentials,
        clock: Arc::new(Still),
        ..Options::default()
    });
    Git::new(&root.join("mirrors"), client)
}

impl World {
    fn url(&self, repo: &Repo) -> SafeUrl {
        self.server.url(repo).parse().unwrap()
    }
    fn resolve(&self, repo: &Repo, revision: &str) -> Result<String, GitError> {
        self.git.resolve(&self.url(repo), revision)
    }
    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    fn checkout(&self, repo: &Repo, commit: &str, name: &str) -> Result<PathBuf, GitError> {
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
    fn snapshot(
        &self,
        repo: &Repo,
        commit: &str,
        submodules: Submodules,
    ) -> Result<Shot, GitError> {
        self.snapshot_of(&self.url(repo), commit, None, submodules)
    }
    fn snapshot_of(
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
    fn mirrors(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.place("mirrors")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.extension().is_some_and(|end| end == "git"))
            .collect()
    }
}

/// A container that was read back.
struct Shot {
    file: File,
    pack: Pack,
    pointers: Vec<String>,
}

fn shot(out: zip::Writer<File>, pointers: Vec<String>) -> Shot {
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
    fn lines(&self) -> Vec<String> {
        let line = |entry: pannier::pack::PackEntry<'_>| match entry.content {
            Content::File { executable, stream } => {
                let bytes = zip::read_entry(&self.file, &stream).unwrap();
                let text = String::from_utf8(bytes).unwrap();
                format!(
                    "{}{} {text:?}",
                    entry.path,
                    if executable { "*" } else { "" }
                )
            }
            Content::Symlink { target } => format!("{} -> {target}", entry.path),
            Content::Directory => format!("{}/", entry.path),
        };
        self.pack.iter().map(line).collect()
    }
}

/// Everything that a person would be shown, and what a log might hold.
fn told(error: &GitError) -> String {
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
fn large_files_of_a_checkout_are_as_git_writes_them() {
    let world = world();
    let repo = world.server.repository("lib");
    let mut draw = fastrand::Rng::with_seed(3);
    let mut lines = |count: usize| -> String {
        let line = |_| format!("{:x}\n", draw.u128(..));
        (0..count).map(line).collect()
    };
    let (one, windows, marked) = (lines(100_000), lines(9_000), lines(9_000));
    let marked = format!("$Id$\n{marked}");
    let attributes = "*.txt text eol=crlf\nsub/marked ident\n";
    fs::write(repo.work().join("run"), &one).unwrap();
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(repo.work().join("run"), mode).unwrap();
    repo.commit(&[(".gitattributes", attributes), ("only/large", &windows)]);
    // Sent as a difference to the other.
    let changed = one.replacen("0", "1", 3);
    let commit = repo.commit(&[
        ("deep/er/data", &changed),
        ("sub/windows.txt", &windows),
        ("sub/marked", &marked),
        ("sub/small", "1\n"),
    ]);
    repo.git(&["tag", "v1"]);
    repo.push(&[]);
    let into = world.checkout(&repo, &commit, "tree").unwrap();
    assert_eq!(git_http::git(&into, &["status", "--porcelain"]), "");
    // What git knows of the files without reading them is what is there.
    assert_eq!(git_http::git(&into, &["diff-files"]), "");
    assert_eq!(
        git_http::git(&into, &["describe", "--dirty", "--tags"]),
        "v1"
    );
    let theirs = world.place("theirs");
    let (from, to) = (repo.bare.to_string_lossy(), theirs.to_string_lossy());
    git_http::git(world.folder.path(), &["clone", "-q", &from, &to]);
    for file in [
        "run",
        "only/large",
        "deep/er/data",
        "sub/windows.txt",
        "sub/marked",
        "sub/small",
    ] {
        let read = |tree: &Path| fs::read(tree.join(file)).unwrap();
        let mode = |tree: &Path| tree.join(file).metadata().unwrap().permissions().mode();
        assert!(read(&into) == read(&theirs), "{file}");
        assert_eq!(mode(&into), mode(&theirs), "{file}");
    }
}

#[test]
fn git_describe_works_in_a_checkout() {
    let world = world();
    let repo = world.server.repository("lib");
    repo.commit(&[
        ("a", "1"),
        ("win.txt", "x\n"),
        (".gitattributes", "win.txt text eol=crlf\n"),
    ]);
    repo.git(&["tag", "-a", "v1.2", "-m", "one"]);
    let commit = repo.commit(&[("a", "2"), ("dir/b", "1")]);
    repo.push(&[]);
    let into = world.checkout(&repo, &commit, "tree with space").unwrap();
    let described = git_http::git(&into, &["describe", "--dirty", "--tags", "--long"]);
    assert_eq!(described, format!("v1.2-1-g{}", &commit[..7]));
    assert_eq!(git_http::git(&into, &["status", "--porcelain"]), "");
    assert_eq!(git_http::git(&into, &["rev-parse", "HEAD"]), commit);
    assert_eq!(git_http::git(&into, &["rev-parse", "origin/main"]), commit);
    assert_eq!(git_http::git(&into, &["fsck", "--strict"]), "");
    let packed = fs::read_to_string(into.join(".git/packed-refs")).unwrap();
    let names: Vec<_> = packed.lines().skip(1).map(|line| &line[41..]).collect();
    assert_eq!(names, ["refs/remotes/origin/main", "refs/tags/v1.2"]);
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
fn a_snapshot_holds_what_git_archive_holds() {
    let world = world();
    let repo = world.server.repository("data");
    let attributes = "docs/ export-ignore\n/only-top export-ignore\n*.log export-ignore\nkeep.log -export-ignore\n\
                      .gitattributes export-ignore\nmany/** export-ignore\ncrlf.txt text eol=crlf\n";
    symlink("a b.txt", repo.work().join("link")).unwrap();
    fs::write(repo.work().join("run"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(repo.work().join("run"), fs::Permissions::from_mode(0o755)).unwrap();
    let commit = repo.commit(&[
        (".gitattributes", attributes),
        ("a b.txt", "text"),
        ("a/z", "z"),
        ("a-b", "dash"),
        ("crlf.txt", "one\ntwo\n"),
        ("docs/deep/x", "x"),
        ("sub/docs/x", "x"),
        ("sub/.gitattributes", "hidden export-ignore\n"),
        ("sub/hidden", "x"),
        ("sub/only-top", "x"),
        ("only-top", "x"),
        ("x.log", "x"),
        ("keep.log", "x"),
        ("many/x/y", "x"),
        ("docs.txt", "x"),
        ("ü/ß", "x"),
    ]);
    repo.push(&[]);
    let shot = world.snapshot(&repo, &commit, Submodules::Refuse).unwrap();
    let archive = world.place("archive.tar");
    git_http::git(
        repo.work(),
        &["archive", "-o", &archive.to_string_lossy(), &commit],
    );
    let listing = Command::new("tar")
        .arg("--quoting-style=literal")
        .arg("-tf")
        .arg(&archive)
        .output()
        .unwrap();
    let listing = String::from_utf8(listing.stdout).unwrap();
    let mut expected: Vec<_> = listing
        .lines()
        .filter(|line| !line.ends_with('/'))
        .collect();
    expected.sort_unstable();
    let found: Vec<_> = shot.pack.iter().map(|entry| entry.path).collect();
    assert_eq!(found, expected);
    let lines = shot.lines();
    for line in [
        "link -> a b.txt",
        "run* \"#!/bin/sh\\n\"",
        "crlf.txt \"one\\ntwo\\n\"",
    ] {
        assert!(
            lines.iter().any(|found| found == line),
            "{line} not in {lines:?}"
        );
    }
    assert_eq!(shot.pointers, Vec::<String>::new());

    let part = world
        .snapshot_of(&world.url(&repo), &commit, Some("sub/"), Submodules::Refuse)
        .unwrap();
    assert_eq!(part.lines(), ["only-top \"x\""]);
    let error = world.snapshot_of(&world.url(&repo), &commit, Some("none"), Submodules::Refuse);
    assert!(matches!(error.map(|_| ()), Err(GitError::NoFolder { .. })));
}

#[test]
fn names_that_would_leave_the_folder_are_refused() {
    let world = world();
    let repo = world.server.repository("evil");
    repo.commit(&[("a", "1")]);
    let blob = git_http::write_object(repo.work(), "blob", b"evil");
    let raw: Vec<u8> = (0..40)
        .step_by(2)
        .map(|at| u8::from_str_radix(&blob[at..at + 2], 16).unwrap())
        .collect();
    for name in ["..", ".", ".git", ".GIT", "../up", "not-\u{fffd}"] {
        let name = name.replace('\u{fffd}', "X").into_bytes();
        let name: Vec<u8> = name
            .iter()
            .map(|&byte| if byte == b'X' { 0xff } else { byte })
            .collect();
        let tree = [b"100644 ", name.as_slice(), b"\0", &raw].concat();
        let tree = git_http::write_object(repo.work(), "tree", &tree);
        let commit = repo.git(&["commit-tree", "-m", "evil", &tree]);
        repo.git(&["update-ref", "refs/heads/evil", &commit]);
        repo.push(&[]);
        let shown = String::from_utf8_lossy(&name);
        let error = world
            .snapshot(&repo, &commit, Submodules::Refuse)
            .map(|_| ())
            .unwrap_err();
        assert!(
            matches!(error, GitError::Unshippable { .. }),
            "{shown}: {}",
            told(&error)
        );
        // A working tree may hold a name that is not UTF-8, and nothing outside of it is ever written.
        let taken = world.checkout(&repo, &commit, "outer/tree").is_ok();
        assert_eq!(taken, name.contains(&0xff), "{shown}");
        assert!(!world.place("outer/up").exists());
    }
}

#[test]
fn lfs_pointers_are_named() {
    let world = world();
    let repo = world.server.repository("data");
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    let commit = repo.commit(&[("big/a.bin", pointer), ("b.txt", "x")]);
    repo.push(&[]);
    let shot = world.snapshot(&repo, &commit, Submodules::Refuse).unwrap();
    assert_eq!(shot.pointers, ["big/a.bin"]);
}

#[test]
fn submodules_are_refused_or_followed() {
    let world = world();
    let inner = world.server.repository("inner");
    let inner_commit = inner.commit(&[("i", "inner")]);
    inner.push(&[]);
    let middle = world.server.repository("middle");
    middle.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{inner_commit},deps/inner"),
    ]);
    fs::create_dir_all(middle.work().join("deps/inner")).unwrap();
    let modules = "[submodule \"inner\"]\n\tpath = deps/inner\n\turl = ../inner.git\n";
    fs::write(middle.work().join(".gitmodules"), modules).unwrap();
    fs::write(middle.work().join("m"), "middle").unwrap();
    middle.git(&["add", ".gitmodules", "m"]);
    middle.git(&["commit", "-q", "-m", "middle"]);
    let middle_commit = middle.git(&["rev-parse", "HEAD"]);
    middle.push(&[]);
    let outer = world.server.repository("outer");
    outer.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{middle_commit},lib"),
    ]);
    fs::create_dir_all(outer.work().join("lib")).unwrap();
    let url = world.server.url(&middle);
    fs::write(
        outer.work().join(".gitmodules"),
        format!("[submodule \"l\"]\npath = lib\nurl = {url}\n"),
    )
    .unwrap();
    fs::write(outer.work().join("o"), "outer").unwrap();
    outer.git(&["add", ".gitmodules", "o"]);
    outer.git(&["commit", "-q", "-m", "outer"]);
    let commit = outer.git(&["rev-parse", "HEAD"]);
    outer.push(&[]);

    for error in [
        world
            .checkout(&outer, &commit, "refused")
            .map(|_| ())
            .unwrap_err(),
        world
            .snapshot(&outer, &commit, Submodules::Refuse)
            .map(|_| ())
            .unwrap_err(),
    ] {
        assert!(
            matches!(&error, GitError::Submodules { paths, .. } if paths == &["lib"]),
            "{}",
            told(&error)
        );
        assert!(told(&error).contains("submodules: follow"));
    }
    let into = world.place("followed");
    world
        .git
        .checkout(&world.url(&outer), &commit, Submodules::Follow, &into)
        .unwrap();
    assert_eq!(
        fs::read_to_string(into.join("lib/deps/inner/i")).unwrap(),
        "inner"
    );
    assert_eq!(git_http::git(&into, &["status", "--porcelain"]), "");
    let shot = world.snapshot(&outer, &commit, Submodules::Follow).unwrap();
    let paths: Vec<_> = shot.pack.iter().map(|entry| entry.path).collect();
    assert_eq!(
        paths,
        [
            ".gitmodules",
            "lib/.gitmodules",
            "lib/deps/inner/i",
            "lib/m",
            "o"
        ]
    );
}

/// The bytes of a tree with one entry.
fn tree_entry(mode: &str, name: &str, oid: &str) -> Vec<u8> {
    let oid: Vec<u8> = (0..40)
        .step_by(2)
        .map(|at| u8::from_str_radix(&oid[at..at + 2], 16).unwrap())
        .collect();
    [format!("{mode} {name}\0").into_bytes(), oid].concat()
}

#[test]
fn submodules_stay_in_the_working_tree() {
    let world = world();
    let inner = world.server.repository("inner");
    let inner_commit = inner.commit(&[("i", "inner")]);
    inner.push(&[]);
    let url = world.server.url(&inner);
    let victim = world.place("victim");
    fs::create_dir_all(victim.join("b")).unwrap();
    fs::write(victim.join("b/kept"), "kept").unwrap();
    let repo = world.server.repository("evil");
    repo.commit(&[("a", "1")]);
    let write = |kind, bytes: &[u8]| git_http::write_object(repo.work(), kind, bytes);
    let link = write("blob", victim.to_str().unwrap().as_bytes());
    let folder = write("tree", &tree_entry("160000", "b", &inner_commit));
    let trees = [
        ("..", tree_entry("160000", "..", &inner_commit)),
        (".git", tree_entry("160000", ".git", &inner_commit)),
        (
            "a/b",
            [
                tree_entry("120000", "a", &link),
                tree_entry("40000", "a", &folder),
            ]
            .concat(),
        ),
    ];
    for (number, (path, tree)) in trees.iter().enumerate() {
        let modules = format!("[submodule \"x\"]\n\tpath = {path}\n\turl = {url}\n");
        let modules = write("blob", modules.as_bytes());
        // In the order of trees: `..` and `.git` come before `.gitmodules`, `a` behind it.
        let modules = tree_entry("100644", ".gitmodules", &modules);
        let tree = match path.starts_with('.') {
            true => [tree.as_slice(), &modules].concat(),
            false => [&modules, tree.as_slice()].concat(),
        };
        let tree = write("tree", &tree);
        let commit = repo.git(&["commit-tree", "-m", "evil", &tree]);
        repo.git(&["update-ref", "refs/heads/evil", &commit]);
        repo.push(&[]);
        let place = world.place(&format!("outer{number}"));
        fs::create_dir(&place).unwrap();
        fs::write(place.join("kept"), "kept").unwrap();
        let done = world.git.checkout(
            &world.url(&repo),
            &commit,
            Submodules::Follow,
            &place.join("tree"),
        );
        assert!(done.is_err(), "{path}");
        assert!(place.join("kept").exists(), "{path}");
        assert!(victim.join("b/kept").exists(), "{path}");
    }
}

#[test]
fn a_tree_that_unfolds_without_end_is_refused() {
    let world = world();
    let repo = world.server.repository("bomb");
    repo.commit(&[("a", "1")]);
    let mut oid = git_http::write_object(repo.work(), "tree", b"");
    for _ in 0..7 {
        let names = "0123456789".chars();
        let tree: Vec<u8> = names
            .flat_map(|name| tree_entry("40000", &name.to_string(), &oid))
            .collect();
        oid = git_http::write_object(repo.work(), "tree", &tree);
    }
    let commit = repo.git(&["commit-tree", "-m", "bomb", &oid]);
    repo.git(&["update-ref", "refs/heads/bomb", &commit]);
    repo.push(&[]);
    let error = world.snapshot(&repo, &commit, Submodules::Refuse);
    let error = error.map(|_| ()).unwrap_err();
    assert!(told(&error).contains("more entries"), "{}", told(&error));
}

#[test]
fn names_that_no_container_takes_are_told_as_such() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("dev-x\\x2dy.mount"), "").unwrap();
    let mut out = zip::Writer::new(tempfile::tempfile().unwrap());
    let error = snapshot_folder(folder.path(), &mut out).unwrap_err();
    assert!(matches!(error, GitError::Unshippable { .. }));
    assert!(told(&error).contains("backslash"), "{}", told(&error));
}

#[test]
fn a_local_folder_has_the_same_rules() {
    let folder = TempDir::new().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("b/x", "x");
    write("a", "version https://git-lfs.github.com/spec/v1\n");
    write(".git/config", "hidden");
    write("b/.git", "gitdir: elsewhere");
    fs::create_dir_all(folder.path().join("empty")).unwrap();
    symlink("../outside", folder.path().join("b/link")).unwrap();
    fs::set_permissions(folder.path().join("b/x"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut out = zip::Writer::new(tempfile::tempfile().unwrap());
    let pointers = snapshot_folder(folder.path(), &mut out).unwrap();
    let shot = shot(out, pointers);
    let lines = shot.lines();
    assert_eq!(lines[1..], ["b/link -> ../outside", "b/x* \"x\"", "empty/"]);
    assert_eq!(shot.pointers, ["a"]);

    let before = folder_digest(folder.path()).unwrap();
    assert_eq!(folder_digest(folder.path()).unwrap(), before);
    let changes: [&dyn Fn(); 3] = [
        &|| {
            fs::set_permissions(folder.path().join("b/x"), fs::Permissions::from_mode(0o644))
                .unwrap()
        },
        &|| fs::remove_dir(folder.path().join("empty")).unwrap(),
        &|| write("b/x", "y"),
    ];
    let mut seen = vec![before];
    for change in changes {
        change();
        let now = folder_digest(folder.path()).unwrap();
        assert!(!seen.contains(&now));
        seen.push(now);
    }
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    let error = folder_digest(folder.path()).unwrap_err();
    assert!(told(&error).contains("socket"), "{}", told(&error));
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
