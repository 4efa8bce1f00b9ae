//! The unpacked venv beside what `uv pip install` lays down for the same versions, file by file.

use std::path::Path;
use std::process::Command;

use crate::e2e::image::Image;
use crate::e2e::world::{World, answer, succeed, tool};
use pannier_testkit::beside_uv::differences;
use pannier_testkit::popular::POPULAR;

#[test]
#[ignore = "needs a package index and the tools of .ci/install"]
fn for_popular_packages() {
    let (world, image) = (World::new(), Image::machine());
    world.write(
        "pannier.yml",
        &format!("requirements: {POPULAR:?}\nimages:\n{}", image.yaml()),
    );
    world.prepare(&[]);
    let unpacked = image.unpack(&world.tarball(image.name));
    let pins = pins(&unpacked.site_packages());
    assert!(pins.len() >= POPULAR.len(), "{pins:?}");

    let venv = world.path("uv");
    let mut make = Command::new(tool("uv"));
    make.args(["venv", "--quiet", "--relocatable", "--python", "3.11"])
        .arg(&venv);
    succeed(make);
    let mut install = Command::new(tool("uv"));
    install.args([
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--link-mode",
        "copy",
        "--python",
    ]);
    install.arg(venv.join("bin/python")).args(&pins);
    succeed(install);

    let differences = differences(&unpacked.path().join("venv"), &venv);
    assert!(
        differences.is_empty(),
        "{}\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// `name==version` of what is installed.
fn pins(site_packages: &Path) -> Vec<String> {
    let script = "import importlib.metadata as m, sys
for d in m.distributions(path=sys.argv[1:]): print(d.metadata['Name'] + '==' + d.version)";
    answer(
        "python3.11",
        &["-c", script, site_packages.to_str().unwrap()],
    )
    .lines()
    .map(str::to_owned)
    .collect()
}
