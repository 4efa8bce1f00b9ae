//! Working trees of commits.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::git::world::world;
use pannier_testkit::git_http;

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
