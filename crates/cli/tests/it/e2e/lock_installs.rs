//! The lock is a standard file: uv and pip install it without Pannier, with the same versions.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::e2e::image::Image;
use crate::e2e::repos::Forge;
use crate::e2e::world::{World, succeed, tool};

#[test]
#[ignore = "needs a package index and the tools of .ci/install"]
fn with_uv() {
    let forge = Forge::new();
    let more = format!(
        "git_base: {}/platform\npackages: [job-tools]\n",
        forge.url()
    );
    let (world, ours) = prepared(&more);
    assert!(ours.contains("job-tools 1.2.0"), "{ours:?}");
    let mut uv = Command::new(tool("uv"));
    uv.args([
        "pip",
        "install",
        "--quiet",
        "--requirements",
        "pylock.toml",
        "--python",
    ]);
    assert_eq!(installed_by(&world, "with-uv", uv), ours);
}

/// Without git packages: beside packages that have hashes pip takes none that cannot have one.
#[test]
#[ignore = "needs a package index and the tools of .ci/install"]
fn with_pip() {
    let (world, ours) = prepared("");
    let mut pip = Command::new(tool("pip"));
    pip.args([
        "--quiet",
        "--disable-pip-version-check",
        "install",
        "--requirement",
        "pylock.toml",
        "--prefix",
    ]);
    assert_eq!(installed_by(&world, "with-pip", pip), ours);
}

/// A world with a lock and what the tarball made from it holds.
fn prepared(more: &str) -> (World, BTreeSet<String>) {
    let (world, image) = (World::new(), Image::machine());
    let common = "requirements: [requests, numpy, rich]\n";
    world.write(
        "pannier.yml",
        &format!("{more}{common}images:\n{}", image.yaml()),
    );
    succeed(world.pannier(["lock"]));
    world.prepare(&["--locked"]);
    let ours = installed(&image.unpack(&world.tarball(image.name)).site_packages());
    (world, ours)
}

/// What a command installs whose last argument is an empty venv.
fn installed_by(world: &World, venv: &str, mut command: Command) -> BTreeSet<String> {
    let venv = world.path(venv);
    let mut make = Command::new("python3.11");
    make.args(["-m", "venv", "--without-pip"]).arg(&venv);
    succeed(make);
    command.arg(&venv).current_dir(world.path("project"));
    command
        .env("UV_CACHE_DIR", world.path("uv-cache"))
        .env_remove("VIRTUAL_ENV");
    succeed(command);
    installed(&venv.join("lib/python3.11/site-packages"))
}

/// `name version` of every package below a site-packages.
fn installed(site_packages: &Path) -> BTreeSet<String> {
    let script = "import importlib.metadata as m, re, sys
for d in m.distributions(path=sys.argv[1:]):
    print(re.sub('[-_.]+', '-', d.metadata['Name']).lower(), d.version)";
    crate::e2e::world::answer(
        "python3.11",
        &["-c", script, site_packages.to_str().unwrap()],
    )
    .lines()
    .map(str::to_owned)
    .collect()
}
