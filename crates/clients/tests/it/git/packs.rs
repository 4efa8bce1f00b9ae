//! Packs that a server sends, whole and damaged: what reaches a mirror is what git packed, or nothing.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use pannier_clients::git::GitError;
use pannier_clients::git::Submodules;

use crate::git::world::{World, told, world};
use pannier_testkit::git_http::{self, Repo, sealed};
use pannier_testkit::loopback::{Answer, Fault};

/// Everything of a repository in one pack.
fn pack(repo: &Repo) -> Vec<u8> {
    let mut child = sealed(repo.work())
        .args(["pack-objects", "-q", "--all", "--stdout"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take();
    child.wait_with_output().unwrap().stdout
}

/// What a server answers that sends this pack in packets, with or without the packet that ends them.
fn answer(pack: &[u8], is_whole: bool) -> Fault {
    let mut body = b"0008NAK\n".to_vec();
    for piece in pack.chunks(100) {
        write!(body, "{:04x}\x01", 5 + piece.len()).unwrap();
        body.extend(piece);
    }
    if is_whole {
        body.extend(b"0000");
    }
    let answer = Answer::new(200, body);
    Fault::Answer(answer.with("content-type", "application/x-git-upload-pack-result"))
}

/// A repository with a file in two versions.
fn repository(world: &World) -> (Repo, String) {
    let repo = world.server.repository("lib");
    let text: String = (0..400).map(|number| format!("line {number}\n")).collect();
    repo.commit(&[("a", &text)]);
    let commit = repo.commit(&[("a", &text.replace("line 7\n", "another\n"))]);
    repo.push(&[]);
    (repo, commit)
}

/// Fetches while the server answers like this, as often as it is asked, and checks that nothing of it is kept.
fn refused(answer: &Fault) -> GitError {
    let world = world();
    let (repo, commit) = repository(&world);
    for _ in 0..9 {
        world.server.http.fault("git-upload-pack?", answer.clone());
    }
    let error = world.checkout(&repo, &commit, "tree").unwrap_err();
    assert!(told(&error).contains("/lib.git"), "{}", told(&error));
    for mirror in world.mirrors() {
        let packs = fs::read_dir(mirror.join("objects/pack"));
        assert_eq!(packs.into_iter().flatten().count(), 0);
    }
    error
}

#[test]
fn damaged_packs_are_refused_and_not_kept() {
    let world = world();
    let whole = pack(&repository(&world).0);
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 4;
    let mut longer = whole.clone();
    longer.push(0);
    let damaged: [&[u8]; 6] = [
        &changed,
        &longer,
        &whole[..whole.len() - 1],
        &whole[..whole.len() / 2],
        b"PACK",
        b"<html>not found</html>",
    ];
    for pack in damaged {
        let error = refused(&answer(pack, true));
        assert!(
            matches!(error, GitError::Library { .. }),
            "{}",
            told(&error)
        );
    }
}

#[test]
fn a_pack_that_was_damaged_on_the_way_is_fetched_again() {
    let world = world();
    let (repo, commit) = repository(&world);
    let mut changed = pack(&repo);
    let middle = changed.len() / 2;
    changed[middle] ^= 4;
    let http = &world.server.http;
    http.fault("git-upload-pack?", answer(&changed, true));
    world.checkout(&repo, &commit, "tree").unwrap();
    assert_eq!(http.pending(), 0);
}

#[test]
fn an_answer_that_ends_inside_of_a_pack_is_requested_again() {
    let world = world();
    let (repo, commit) = repository(&world);
    let pack = pack(&repo);
    let http = &world.server.http;
    for length in [50, 300] {
        http.fault("git-upload-pack?", answer(&pack[..length], false));
    }
    world.checkout(&repo, &commit, "tree").unwrap();
    assert_eq!(http.pending(), 0);
    assert!(matches!(
        refused(&answer(&pack[..300], false)),
        GitError::Http { .. }
    ));
}

#[test]
fn a_pack_of_too_many_objects_is_refused_by_its_header() {
    let header = [b"PACK\0\0\0\x02".as_slice(), &50_000_001_u32.to_be_bytes()].concat();
    let error = refused(&answer(&header, false));
    assert!(matches!(error, GitError::Excess { .. }));
    assert!(told(&error).contains("more than 50000000 objects"));
}

#[test]
fn differences_to_files_of_the_mirror_are_received() {
    let world = world();
    let repo = world.server.repository("lib");
    let mut draw = fastrand::Rng::with_seed(1);
    let lines: Vec<_> = (0..300).map(|_| format!("{:x}\n", draw.u128(..))).collect();
    let text = |line: &str, more: &str| format!("{}{more}", line.repeat(9));
    let commit = |more: &str| {
        let names = (100..).map(|number| number.to_string());
        let files: Vec<_> = names
            .zip(lines.iter().map(|line| text(line, more)))
            .collect();
        let files = files
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()));
        repo.commit(&files.collect::<Vec<_>>())
    };
    let first = commit("");
    repo.push(&[]);
    world.checkout(&repo, &first, "first").unwrap();
    let second = commit("more\n");
    repo.push(&[]);
    let shot = world.snapshot(&repo, &second, Submodules::Refuse).unwrap();
    let mirror = world.mirrors().pop().unwrap();
    // What the second pack left out is in it now, so git finds each pack whole.
    git_http::git(&mirror, &["fsck", "--strict", "--full"]);
    let expected = (100..).zip(&lines);
    let expected: Vec<_> = expected
        .map(|(name, line)| format!("{name} {:?}", text(line, "more\n")))
        .collect();
    assert_eq!(shot.lines(), expected);
}
