//! Links of data projects: what `prepare` writes, `unpack` accepts. The program itself, on folders and a git server.
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::symlink;

use crate::release::desk::Desk;

fn desk(more: &str) -> Desk {
    let desk = Desk::new();
    let book = desk.server.http.url("");
    desk.write(
        "pannier.yml",
        &format!(
            "git_base: {book}\n{more}\nimages:\n  builder:\n    python: \"3.13\"\n    platform: x86_64-manylinux_2_41\n    interpreter: /usr/bin/python3.13\n"
        ),
    );
    desk
}

fn run(desk: &Desk, arguments: &str) -> (i32, String) {
    let mut command = desk.command(arguments);
    command
        .env("PANNIER_UV", pannier_testkit::uv::uv().program)
        .env("PATH", std::env::var("PATH").unwrap());
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    let folder = desk.path().display().to_string();
    (
        output.status.code().unwrap(),
        desk.plain(&text).replace(&folder, "<folder>"),
    )
}

#[test]
fn an_absolute_link_is_kept_and_unpacked_only_where_both_sides_ask_for_it() {
    let desk = desk("data: [./tables]");
    desk.write("tables/a", "1");
    symlink("/etc/hostname", desk.path().join("tables/host")).unwrap();
    let (code, text) = run(&desk, "prepare -q");
    insta::assert_snapshot!(text);
    assert_eq!(code, 4);
    assert!(!desk.path().join("dist/builder.tar.gz").exists());

    let config = desk.read("pannier.yml");
    desk.write("pannier.yml", &format!("absolute_links: keep\n{config}"));
    let (code, text) = run(&desk, "prepare -q");
    assert_eq!(code, 0, "{text}");
    let (code, text) = run(&desk, "unpack dist/builder.tar.gz --to tree");
    insta::assert_snapshot!(text);
    assert_eq!(code, 4);
    assert!(!desk.path().join("tree").exists());
    let (code, text) = run(
        &desk,
        "unpack dist/builder.tar.gz --to tree --allow-absolute-links",
    );
    assert_eq!(code, 0, "{text}");
    let target = std::fs::read_link(desk.path().join("tree/data/tables/host")).unwrap();
    assert_eq!(target.to_str(), Some("/etc/hostname"));
}

#[test]
fn a_link_out_of_the_tree_is_refused_with_project_commit_path_and_target() {
    let desk = desk("absolute_links: keep\ndata: [maps@main]");
    let repo = desk.server.repository("maps");
    symlink("..", repo.work().join("up")).unwrap();
    std::fs::create_dir(repo.work().join("deep")).unwrap();
    symlink("../up/../../outside", repo.work().join("deep/link")).unwrap();
    let commit = repo.commit(&[("a", "1")]);
    repo.push(&[]);
    let (code, text) = run(&desk, "prepare -q");
    insta::assert_snapshot!(text.replace(&commit, "<commit>"));
    assert_eq!(code, 4);
}

#[test]
fn a_name_that_is_too_long_is_refused_by_name() {
    let desk = desk("data: [./tables]");
    let deep = format!("tables/{}x", "deep/".repeat(210));
    desk.write(&deep, "1");
    let (code, text) = run(&desk, "prepare -q");
    assert!(
        text.contains("1,024 bytes") && text.contains("deep/deep/x"),
        "{text}"
    );
    assert_eq!(code, 4);
}
