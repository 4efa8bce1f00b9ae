//! Projects of several repositories, in working trees and in containers.

use std::fs;

use pannier_clients::git::GitError;
use pannier_clients::git::Submodules;

use crate::git::world::{told, tree_entry, world};
use pannier_testkit::git_http;

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
    // git sorts them behind the submodule, and their paths are sorted before what is in it.
    for name in ["o", "lib-", "lib.d"] {
        fs::write(outer.work().join(name), "outer").unwrap();
    }
    outer.git(&["add", ".gitmodules", "o", "lib-", "lib.d"]);
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
    let paths: Vec<_> = shot.pack.iter().map(|entry| &*entry.path).collect();
    assert_eq!(
        paths,
        [
            ".gitmodules",
            "lib-",
            "lib.d",
            "lib/.gitmodules",
            "lib/deps/inner/i",
            "lib/m",
            "o"
        ]
    );
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
