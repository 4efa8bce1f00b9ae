//! Files that the user, a repository or a variable names are read with a limit: a device or pipe that never ends is an error
//! that names the file and the limit. The program itself.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

const CONFIG: &str = "images: {b: {python: '3.13', platform: x86_64-manylinux_2_41, interpreter: /usr/bin/python3}}\n";

fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("pannier.yml"), CONFIG).unwrap();
    folder
}

fn pannier(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pannier"));
    command.current_dir(folder).env_clear().args(arguments);
    command.env("PANNIER_STORE", "store").env("HOME", folder);
    command.stdin(Stdio::null());
    command
}

fn run(mut command: Command) -> (i32, String) {
    let output = command.output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), text)
}

#[test]
fn devices_and_folders_are_no_files() {
    let folder = project();
    let place = |name: &str| folder.path().join(name);
    std::fs::write(place("x.tar.gz"), "").unwrap();
    symlink("/dev/zero", place("x.tar.gz.sha256")).unwrap();
    symlink("/dev/zero", place("pylock.toml")).unwrap();
    symlink("/dev/zero", place("zero.in")).unwrap();
    std::fs::write(place("old.in"), "numpy==1\n").unwrap();
    let release = "git_base: https://git.example.org\nreleases: {repository: book}\n";
    std::fs::write(place("release.yml"), release).unwrap();
    let requirements = format!("requirements: [-r /dev/zero]\n{CONFIG}");
    std::fs::write(place("requirements.yml"), requirements).unwrap();
    for (arguments, limit) in [
        (&["config", "show", "--config", "/dev/zero"][..], "4 MiB"),
        (&["config", "show", "--constraints", "/dev/zero"], "16 MiB"),
        (&["config", "show", "--constraints", "zero.in"], "16 MiB"),
        (
            &["config", "show", "--config", "requirements.yml"],
            "16 MiB",
        ),
        (&["config", "show", "--overrides", "/dev/zero"], "16 MiB"),
        (
            &["constraints", "convert", "/dev/zero", "-o", "-"],
            "16 MiB",
        ),
        (
            &["constraints", "diff", "old.in", "--constraints", "zero.in"],
            "16 MiB",
        ),
        (&["renovate", "config", "--check", "/dev/zero"], "4 MiB"),
        (&["unpack", "x.tar.gz"], "1 MiB"),
        (&["lock", "--check"], "256 MiB"),
        (&["release", "record", "--config", "release.yml"], "256 MiB"),
    ] {
        let (code, text) = run(pannier(folder.path(), arguments));
        assert!(code != 0 && text.contains(limit), "{arguments:?}: {text}");
        assert!(
            text.contains("zero") || text.contains("x.tar.gz.sha256") || text.contains("pylock"),
            "{text}"
        );
    }
    let (code, text) = run(pannier(
        folder.path(),
        &["config", "show", "--constraints", "/dev"],
    ));
    assert!(code != 0 && text.contains("directory"), "{text}");
}

#[test]
fn devices_in_variables_are_errors_or_count_as_nothing() {
    let folder = project();
    let mut command = pannier(folder.path(), &["config", "show"]);
    command.env("SSL_CERT_FILE", "/dev/zero");
    let (code, text) = run(command);
    assert!(
        code == 2 && text.contains("SSL_CERT_FILE is `/dev/zero`"),
        "{text}"
    );
    let mut command = pannier(folder.path(), &["config", "show"]);
    command.env("NETRC", "/dev/zero");
    assert_eq!(run(command).0, 0);
}

#[test]
fn pipes_are_read_and_endless_ones_given_up() {
    let folder = project();
    for (endless, expected) in [(false, 0), (true, 2)] {
        let mut command = pannier(
            folder.path(),
            &["config", "show", "--constraints", "/dev/stdin"],
        );
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        while pipe.write_all(b"numpy>=1\n").is_ok() && endless {}
        drop(pipe);
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(expected), "{text}");
        assert_eq!(text.contains("longer than 16 MiB"), endless, "{text}");
    }
}
