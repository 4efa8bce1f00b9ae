//! A tarball for another architecture, made here: the right wheels by their tags, and a run under qemu-user.

use std::fs;

use crate::e2e::image::Image;
use crate::e2e::world::World;

fn project(world: &World, block: &str) {
    world.write(
        "pannier.yml",
        &format!("requirements: [numpy, PyYAML, lxml, cryptography, rich]\nimages:\n{block}"),
    );
}

#[test]
#[ignore = "needs a package index"]
fn wheels_are_of_the_image() {
    let world = World::new();
    project(
        &world,
        "  board:\n    python: \"3.13\"\n    platform: linux/arm64-manylinux_2_36\n    interpreter: /usr/bin/python3.13\n",
    );
    world.prepare(&[]);
    // Not run here, only looked at; any image can unpack it.
    let machine = Image::machine();
    let unpacked = machine.unpack(&world.tarball("board"));
    let mut compiled = 0;
    for path in crate::e2e::world::files(&unpacked.site_packages()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if name == "WHEEL" {
            let text = fs::read_to_string(&path).unwrap();
            let tags: Vec<_> = text
                .lines()
                .filter_map(|line| line.strip_prefix("Tag: "))
                .collect();
            let fits = |tag: &&str| tag.ends_with("-any") || tag.ends_with("_aarch64");
            assert!(tags.iter().any(fits), "{}: {tags:?}", path.display());
        }
        if name.ends_with(".so") {
            // ELF header: 183 is EM_AARCH64.
            let header = fs::read(&path).unwrap();
            assert_eq!(header[18..20], [183, 0], "{}", path.display());
            compiled += 1;
        }
    }
    assert!(compiled > 10, "{compiled} extension modules");
}

#[test]
#[ignore = "needs root, qemu-user and the root file systems of .ci/roots"]
fn runs_under_qemu() {
    let (world, image) = (World::new(), Image::root("bookworm"));
    project(&world, &image.yaml());
    world.prepare(&[]);
    let mut unpacked = image.unpack(&world.tarball(image.name));
    unpacked.check();
    unpacked.moved();
    unpacked.run("bash", ". \"$0/activate\"; python check.py --imports-only");
}
