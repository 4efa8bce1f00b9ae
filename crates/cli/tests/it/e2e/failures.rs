//! Failures lose nothing: each has its message, leaves the outputs of before in place, and the next run succeeds.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::e2e::image::Image;
use crate::e2e::repos::Forge;
use crate::e2e::world::{World, fail, files, sha256, succeed};

/// A project whose first `prepare` succeeded.
fn prepared(forge: &Forge) -> (World, String) {
    let world = World::new();
    configure(&world, &forge.url(), "production", "");
    world.prepare(&[]);
    let before = sha256(&world.tarball("machine"));
    (world, before)
}

fn configure(world: &World, forge: &str, revision: &str, more: &str) {
    world.write(
        "pannier.yml",
        &format!(
            "git_base: {forge}/platform\npackages: [job-tools@{revision}]\nrequirements: [click]\n{more}images:\n{}",
            Image::machine().yaml()
        ),
    );
}

/// `prepare` fails, says every one of the words, and the tarball is as before.
#[track_caller]
fn refused(world: &World, before: &str, words: &[&str]) {
    let mut command = world.pannier(["prepare"]);
    World::without_index(&mut command);
    let (_, said) = fail(command);
    for word in words {
        assert!(said.contains(word), "`{word}` in:\n{said}");
    }
    assert_eq!(sha256(&world.tarball("machine")), before);
    assert!(leftovers(world).is_empty(), "{:?}", leftovers(world));
}

/// Files of the output folder that are no outputs.
fn leftovers(world: &World) -> Vec<std::path::PathBuf> {
    let known = [
        "machine.tar.gz",
        "machine.tar.gz.sha256",
        "machine.manifest.json",
    ];
    files(&world.path("project/dist"))
        .into_iter()
        .filter(|path| !known.contains(&path.file_name().unwrap().to_str().unwrap()))
        .collect()
}

#[test]
#[ignore = "needs a package index"]
fn a_revision_that_does_not_exist() {
    let forge = Forge::new();
    let (world, before) = prepared(&forge);
    configure(&world, &forge.url(), "no-such-branch", "");
    refused(&world, &before, &["no-such-branch", "job-tools"]);
}

#[test]
#[ignore = "needs a package index"]
fn a_git_remote_that_is_gone() {
    let forge = Forge::new();
    let (world, before) = prepared(&forge);
    configure(&world, &closed_port(), "production", "");
    refused(&world, &before, &["job-tools", "127.0.0.1"]);
}

#[test]
#[ignore = "needs a package index"]
fn an_index_that_is_gone() {
    let forge = Forge::new();
    let (world, before) = prepared(&forge);
    let more = format!("index: {{url: \"{}/simple\"}}\n", closed_port());
    configure(&world, &forge.url(), "production", &more);
    refused(&world, &before, &["127.0.0.1"]);
}

#[test]
#[ignore = "needs a package index"]
fn a_constraint_that_collides() {
    let forge = Forge::new();
    let (world, before) = prepared(&forge);
    world.write("constraints.txt", "PyYAML<3\n");
    configure(
        &world,
        &forge.url(),
        "production",
        "constraints: constraints.txt\n",
    );
    world.write("extra.in", "PyYAML>=6\n");
    let text = std::fs::read_to_string(world.path("project/pannier.yml")).unwrap();
    world.write(
        "pannier.yml",
        &text.replace("[click]", "[click, \"-r extra.in\"]"),
    );
    refused(&world, &before, &["pyyaml"]);
}

#[test]
fn an_interpreter_that_is_missing() {
    let world = World::new();
    let (_, said) = fail(world.pannier(["image", "describe", "--python", "/nowhere/bin/python3"]));
    assert!(said.contains("/nowhere/bin/python3"), "{said}");
}

#[test]
#[ignore = "needs a package index"]
fn killed_at_any_moment() {
    let forge = Forge::new();
    let world = World::new();
    configure(&world, &forge.url(), "production", "");
    // Killed when it says its first line, then its third, fifth, …: a different moment each time, until it gets through.
    for lines in (1..).step_by(2) {
        let mut run = world
            .pannier(["prepare", "-v"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(run.stderr.take().unwrap())
            .lines()
            .take(lines)
            .count();
        if said < lines {
            assert!(run.wait().unwrap().success(), "after {} kills", lines / 2);
            break;
        }
        run.kill().unwrap();
        run.wait().unwrap();
    }
    world.prepare(&[]);
    assert!(leftovers(&world).is_empty(), "{:?}", leftovers(&world));
    succeed(world.pannier(["store", "verify"]));
    Image::machine().unpack(&world.tarball("machine")).check();
    let fresh = World::new();
    configure(&fresh, &forge.url(), "production", "");
    fresh.prepare(&[]);
    assert_eq!(
        sha256(&world.tarball("machine")),
        sha256(&fresh.tarball("machine"))
    );
}

#[test]
#[ignore = "needs root, to mount a small file system"]
fn a_disk_that_is_full() {
    let forge = Forge::new();
    let (world, before) = prepared(&forge);
    // First the store is full, then, with the store elsewhere, the folder of the outputs.
    for (place, variable) in [
        ("small-store", Some("PANNIER_STORE")),
        ("small-output", None),
    ] {
        let mount = Mount::small(&world.path(place));
        let mut command = world.pannier(["prepare"]);
        match variable {
            Some(variable) => command.env(variable, &mount.0),
            None => command.arg("--output").arg(&mount.0),
        };
        let (_, said) = fail(command);
        assert!(said.contains("No space left"), "{said}");
        assert_eq!(sha256(&world.tarball("machine")), before);
    }
    world.prepare(&[]);
    assert_eq!(sha256(&world.tarball("machine")), before);
}

/// A mounted tmpfs of 64 KiB; unmounted when dropped.
struct Mount(std::path::PathBuf);

impl Mount {
    fn small(path: &std::path::Path) -> Self {
        std::fs::create_dir(path).unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=64k", "none"])
            .arg(path);
        succeed(mount);
        Self(path.to_owned())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}

/// A URL on loopback where nobody listens.
fn closed_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
