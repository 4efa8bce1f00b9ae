//! The prepare job inside its image: no file, only variables and `--here`.

use crate::e2e::image::Image;
use crate::e2e::repos::{Forge, TOKEN};
use crate::e2e::world::{World, fail, said, succeed};

#[test]
#[ignore = "needs a package index and the tools of .ci/install"]
fn variables_are_enough() {
    let (world, forge) = (World::new(), Forge::new());
    let mut command = world.pannier(["prepare", "--here"]);
    command
        .env("GITLAB_COM_PACKAGES", "job-tools")
        .env("DATA_PROJECTS", "job-data")
        .env(
            "PANNIER_GIT_BASE",
            format!("{}/platform", forge.url_with_token()),
        );
    succeed(command);
    let machine = Image::machine();
    let mut unpacked = machine.unpack(&world.tarball("here"));
    unpacked.check();
    unpacked.run(
        "bash",
        ". \"$0/activate\"; test -d \"$PANNIER_DATA/job-data\"",
    );
    unpacked.moved();
    unpacked.check();
}

#[test]
#[ignore = "needs a package index"]
fn the_ci_variables_say_where_projects_live() {
    let (world, forge) = (World::new(), Forge::new());
    let mut command = world.pannier(["config", "show", "--here"]);
    command
        .env("GITLAB_COM_PACKAGES", "job-tools")
        .env("CI_SERVER_URL", forge.url())
        .env("CI_PROJECT_NAMESPACE", "platform")
        .env("CI_JOB_TOKEN", TOKEN);
    let shown = said(&succeed(command));
    let expected = format!("{}/platform/job-tools.git@production", forge.url());
    assert!(shown.contains(&expected), "{shown}");
    assert!(!shown.contains(TOKEN), "{shown}");
}

#[test]
#[ignore = "needs a package index"]
fn without_anything_to_pack_the_way_out_is_named() {
    let world = World::new();
    let (code, said) = fail(world.pannier(["prepare"]));
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("--here"), "{said}");
}
