//! `kill -9` at random moments of writing a file: the old content or the new one, and nothing else in the folder.
#![allow(clippy::unwrap_used)]

use std::env;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pannier_archive::atomic;

/// Set for the process that is killed: the folder to write to.
const WRITER: &str = "PANNIER_TEST_WRITER";

/// Two contents long enough that writing them takes several calls to the disk.
fn contents() -> [Vec<u8>; 2] {
    [b"one\n", b"two\n"].map(|line| line.repeat(30_000))
}

/// What the killed process does: writes the same file again and again.
#[test]
#[ignore = "run by the test below"]
fn writer() {
    let folder = PathBuf::from(env::var_os(WRITER).unwrap());
    let staging = folder.join("staging");
    let path = folder.join("project/pylock.toml");
    println!("begun");
    for content in contents().iter().cycle() {
        atomic::write(&path, content, Some(&staging)).unwrap();
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[test]
fn a_killed_writer_leaves_nothing_beside_its_file() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["project", "staging"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let project = folder.path().join("project");
    for round in 0..40 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["atomic::writer", "--exact", "--ignored", "--nocapture"])
            .env(WRITER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = Vec::new();
        let mut stdout = child.stdout.take().unwrap();
        while !said.ends_with(b"begun\n") {
            let mut byte = [0];
            assert_eq!(stdout.read(&mut byte).unwrap(), 1, "the writer has begun");
            said.push(byte[0]);
        }
        // The moment is what is tested, and no answer is waited for.
        std::thread::sleep(Duration::from_micros(fastrand::u64(..4000)));
        child.kill().unwrap();
        child.wait().unwrap();
        match names(&project).as_slice() {
            [] => {}
            [only] => {
                assert_eq!(only, "pylock.toml", "round {round}");
                let found = fs::read(project.join(only)).unwrap();
                assert!(contents().contains(&found), "round {round}");
            }
            more => panic!("round {round}: {more:?}"),
        }
    }
    assert_eq!(names(&project), ["pylock.toml"], "no round got as far");
}
