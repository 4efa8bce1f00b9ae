//! Containers made of commits and of folders.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

use pannier_archive::zip;
use pannier_clients::git::GitError;
use pannier_clients::git::LfsPointers;
use pannier_clients::git::Submodules;
use pannier_clients::git::folder_digest;
use pannier_clients::git::snapshot_folder;
use tempfile::TempDir;

use crate::git::world::{shot, told, tree_entry, world};
use pannier_testkit::git_http;

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
    let found: Vec<_> = shot.pack.iter().map(|entry| &*entry.path).collect();
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
    assert_eq!(shot.pointers, LfsPointers::default());

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
fn a_link_longer_than_any_path_is_refused_unread() {
    let world = world();
    let repo = world.server.repository("evil");
    repo.commit(&[("a", "1")]);
    for (length, expected) in [(4094, true), (4096, false)] {
        let target = "./".repeat(length / 2);
        let blob = git_http::write_object(repo.work(), "blob", target.as_bytes());
        repo.git(&[
            "update-index",
            "--add",
            "--cacheinfo",
            &format!("120000,{blob},link"),
        ]);
        repo.git(&["commit", "-m", "link"]);
        let commit = repo.git(&["rev-parse", "HEAD"]);
        repo.push(&[]);
        let shot = world.snapshot(&repo, &commit, Submodules::Refuse);
        assert_eq!(shot.is_ok(), expected);
        if let Err(error) = shot {
            assert!(told(&error).contains("`link`"), "{}", told(&error));
        }
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
    assert_eq!(shot.pointers.first.as_deref(), Some("big/a.bin"));
    assert_eq!(shot.pointers.count, 1);
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
    assert!(
        told(&error).contains("more than a million entries"),
        "{}",
        told(&error)
    );
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
    assert_eq!(shot.pointers.first.as_deref(), Some("a"));
    assert_eq!(shot.pointers.count, 1);

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
fn folders_may_be_deeper_than_the_stack() {
    let world = world();
    let repo = world.server.repository("deep");
    let path = ["a"; 2_000].join("/");
    let mut git = Command::new("git");
    git.args(["fast-import", "--quiet"])
        .current_dir(repo.work())
        .stdin(Stdio::piped());
    let mut git = git.spawn().unwrap();
    let script = format!(
        "commit refs/heads/deep\ncommitter A <a@example.org> 1700000000 +0000\ndata 0\n\n\
         M 100644 inline {path}/f\ndata 1\nx\nM 100644 inline .gitattributes\ndata 1\n\n\n"
    );
    let mut input = git.stdin.take().unwrap();
    input.write_all(script.as_bytes()).unwrap();
    drop(input);
    assert!(git.wait().unwrap().success());
    let commit = repo.git(&["rev-parse", "deep"]);
    repo.push(&[]);
    let error = world.snapshot(&repo, &commit, Submodules::Refuse);
    let error = error.map(|_| ()).unwrap_err();
    assert!(told(&error).contains("too long"), "{}", told(&error));

    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join(&path)).unwrap();
    let mut out = zip::Writer::new(tempfile::tempfile().unwrap());
    let error = snapshot_folder(folder.path(), &mut out).unwrap_err();
    assert!(
        told(&error).contains("more than 1,024 bytes"),
        "{}",
        told(&error)
    );
}

#[test]
fn a_tree_is_written_in_the_order_of_paths_however_it_is_sorted() {
    let world = world();
    let repo = world.server.repository("unsorted");
    repo.commit(&[("a", "1")]);
    let blob = git_http::write_object(repo.work(), "blob", b"x");
    let inner = git_http::write_object(repo.work(), "tree", &tree_entry("100644", "i", &blob));
    let tree = [
        tree_entry("100644", "z", &blob),
        tree_entry("40000", "a", &inner),
        tree_entry("100644", "a.b", &blob),
    ];
    let tree = git_http::write_object(repo.work(), "tree", &tree.concat());
    let commit = repo.git(&["commit-tree", "-m", "unsorted", &tree]);
    repo.git(&["update-ref", "refs/heads/unsorted", &commit]);
    repo.push(&[]);
    let shot = world.snapshot(&repo, &commit, Submodules::Refuse).unwrap();
    assert_eq!(shot.lines(), ["a.b \"x\"", "a/i \"x\"", "z \"x\""]);
}
