//! The same request gives the same bytes: other folder, other user's settings, warm or cold store, two at once.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::e2e::image::Image;
use crate::e2e::repos::Forge;
use crate::e2e::world::{World, said, sha256, succeed};

const OUTPUTS: [&str; 4] = [
    "pylock.toml",
    "dist/machine.tar.gz",
    "dist/machine.manifest.json",
    "dist/machine.tar.gz.sha256",
];

fn project(world: &World, forge: &Forge) {
    world.write(
        "pannier.yml",
        &format!(
            "git_base: {}/platform\npackages: [job-tools, ./tool]\nrequirements: [click, markupsafe, docutils==0.20.1]\n\
             data: [job-data, ./tables]\nimages:\n{}",
            forge.url(),
            Image::machine().yaml()
        ),
    );
    world.write("tables/a.csv", "1\n");
    world.write(
        "tool/pyproject.toml",
        "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n\
         [project]\nname = \"tool\"\nversion = \"1\"\n[tool.setuptools]\npy-modules = [\"tool\"]\n",
    );
    world.write("tool/tool.py", &"VALUE = 1\n".repeat(2000));
}

fn digests(project: &Path) -> Vec<String> {
    OUTPUTS
        .iter()
        .map(|name| format!("{name} {}", sha256(&project.join(name))))
        .collect()
}

#[test]
#[ignore = "needs a package index"]
fn folders_users_and_stores_do_not_matter() {
    let forge = Forge::new();
    let one = World::new();
    project(&one, &forge);
    one.prepare(&[]);
    let wanted = digests(&one.path("project"));

    std::fs::remove_dir_all(one.path("project/dist")).unwrap();
    one.prepare(&["--locked"]);
    assert_eq!(digests(&one.path("project")), wanted, "warm store");

    let other = World::new();
    project(&other, &forge);
    let mut command = other.pannier(["prepare", "--jobs", "1"]);
    command
        .env("TZ", "Pacific/Kiritimati")
        .env("LC_ALL", "C")
        .env("USER", "somebody")
        .env("PYTHONHASHSEED", "7");
    with_umask(&mut command, 0o077);
    succeed(command);
    assert_eq!(
        digests(&other.path("project")),
        wanted,
        "cold store, other folder, user and umask"
    );
}

#[test]
#[ignore = "needs a package index"]
fn two_at_once_share_a_store() {
    let forge = Forge::new();
    let worlds = [World::new(), World::new()];
    let runs = worlds.each_ref().map(|world| {
        project(world, &forge);
        let mut command = world.pannier(["prepare"]);
        command
            .env("PANNIER_STORE", worlds[0].path("store"))
            .env("HOME", worlds[0].path("home"));
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    });
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
    assert_eq!(
        digests(&worlds[0].path("project")),
        digests(&worlds[1].path("project"))
    );
}

/// Runs a command under another umask, by way of the shell that it is asked of.
fn with_umask(command: &mut Command, umask: u32) {
    let program = command.get_program().to_owned();
    let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("umask {umask:03o}; exec \"$0\" \"$@\"")])
        .arg(program)
        .args(arguments)
        .current_dir(command.get_current_dir().unwrap())
        .stdin(Stdio::null());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.process_group(0);
    *command = shell;
}
