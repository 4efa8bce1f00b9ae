//! Credentials work from URLs, netrc and the environment, and are in nothing that is shown or kept.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::e2e::image::Image;
use crate::e2e::repos::{Forge, TOKEN, USER};
use crate::e2e::world::{World, fail, files, said, succeed};

#[test]
#[ignore = "needs a package index"]
fn in_the_url() {
    let (world, forge) = (World::new(), Forge::new());
    let with_token = forge.url_with_token();
    world.write(
        "pannier.yml",
        &format!(
            "packages: [\"git+{with_token}/job-lib.git@production\"]\nimages:\n{}",
            Image::machine().yaml()
        ),
    );
    let output = world.prepare(&["-v"]);
    is_nowhere(&world, &output, &["pannier.yml"]);
}

#[test]
#[ignore = "needs a package index"]
fn in_the_environment() {
    let (world, forge) = (World::new(), Forge::new());
    let with_token = forge.url_with_token();
    world.write(
        "pannier.yml",
        &format!(
            "packages: [job-tools]\nimages:\n{}",
            Image::machine().yaml()
        ),
    );
    let mut command = world.pannier(["prepare", "-v"]);
    command.env(
        "GITLAB_COM_PACKAGES",
        "platform/job-tools job-lib@production",
    );
    command.env("PANNIER_GIT_BASE", with_token);
    let output = succeed(command);
    is_nowhere(&world, &output, &[]);
}

#[test]
#[ignore = "needs a package index"]
fn in_netrc() {
    let (world, forge) = (World::new(), Forge::new());
    fs::write(world.path("home/.netrc"), forge.netrc()).unwrap();
    world.write(
        "pannier.yml",
        &format!(
            "packages: [\"git+{}/job-lib.git@production\"]\nimages:\n{}",
            forge.url(),
            Image::machine().yaml()
        ),
    );
    let output = world.prepare(&["-v"]);
    is_nowhere(&world, &output, &[".netrc"]);
    let shown = succeed(world.pannier(["config", "show"]));
    assert!(!said(&shown).contains(TOKEN));
}

#[test]
#[ignore = "needs a package index"]
fn when_they_are_wrong() {
    let (world, forge) = (World::new(), Forge::new());
    let wrong = "glpat-wrong-9876543210";
    let with_token = forge
        .url()
        .replace("http://", &format!("http://{USER}:{wrong}@"));
    world.write(
        "pannier.yml",
        &format!(
            "packages: [\"git+{with_token}/job-lib.git@production\"]\nimages:\n{}",
            Image::machine().yaml()
        ),
    );
    let (_, said) = fail(world.pannier(["prepare", "-v"]));
    assert!(said.contains("job-lib"), "{said}");
    assert!(!said.contains(wrong), "{said}");
}

/// The token is in no line that was printed and in no file of the world but those where the test put it.
#[track_caller]
fn is_nowhere(world: &World, output: &Output, put_there: &[&str]) {
    assert!(!said(output).contains(TOKEN), "{}", said(output));
    for path in files(&world.path("")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(
            put_there.contains(&name) || !holds(&path, TOKEN),
            "{}",
            path.display()
        );
    }
    let image = Image::machine();
    let unpacked = image.unpack(&world.tarball("machine"));
    for path in files(&unpacked.path()) {
        assert!(!holds(&path, TOKEN), "{}", path.display());
    }
}

fn holds(path: &Path, needle: &str) -> bool {
    let bytes = fs::read(path).unwrap();
    bytes
        .windows(needle.len())
        .any(|window| window == needle.as_bytes())
}
