//! Commands that open a store, on a folder that is none.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn pannier(project: &Path, store: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pannier"))
        .args(arguments)
        .current_dir(project)
        .env_clear()
        .env("HOME", project.join("home"))
        .env("PANNIER_STORE", store)
        .output()
        .unwrap()
}

fn tree(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort();
    found
}

const CONFIG: &str = "requirements: [lib]\nconstraints: constraints.txt\n\
    git_base: http://127.0.0.1:9\nreleases: {repository: book}\nimages:\n  builder:\n    python: \"3.13\"\n    \
    platform: x86_64-manylinux_2_41\n    interpreter: /usr/bin/python3.13\n";

#[test]
fn no_command_touches_a_folder_that_is_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let (project, home) = (folder.path().join("project"), folder.path().join("home"));
    for path in [
        "tmp/mine/file",
        "data/2024/january/table.csv",
        "wheels/mine/x",
    ] {
        let path = home.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "mine").unwrap();
    }
    fs::create_dir(&project).unwrap();
    fs::write(project.join("pannier.yml"), CONFIG).unwrap();
    fs::write(project.join("constraints.txt"), "lib<2\n").unwrap();
    let before = (tree(&home), tree(&project));
    for arguments in [
        &["store", "info"][..],
        &["store", "verify"],
        &["store", "prune", "--all"],
        &["lock"],
        &["lock", "--check"],
        &["prepare"],
        &["prepare", "--locked"],
        &["release", "list"],
    ] {
        let output = pannier(&project, &home, arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(
            said.contains("is not a store of Pannier"),
            "{arguments:?}: {said}"
        );
        assert_eq!((tree(&home), tree(&project)), before, "{arguments:?}");
    }
}

#[test]
fn looking_after_a_store_that_is_not_there_yet_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    for arguments in [
        &["store", "info"][..],
        &["store", "verify"],
        &["store", "prune", "--all"],
    ] {
        let output = pannier(folder.path(), &store, arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!store.exists());
    }
}
