//! No credential is in the environment, the arguments or the files of a build.

use std::fs;

use crate::world::{GIT, READER, TOKENS, World, said, succeed};

/// No secret is in what any backend saw, and each of `projects` was built.
#[track_caller]
fn saw_no_secret(world: &World, projects: &[&str]) {
    let dumps = world.dumps();
    for project in projects {
        assert!(dumps.iter().any(|(name, _)| name == project), "{project}");
    }
    let tokens = TOKENS.map(|name| format!("secret-of-{name}"));
    let secrets = tokens.iter().map(String::as_str);
    for secret in secrets.chain([GIT.1]) {
        for (project, dump) in &dumps {
            let at = dump.find(secret);
            let around = at.map(|at| &dump[at.saturating_sub(60)..at]);
            assert_eq!(around, None, "{project} saw {secret}");
        }
    }
}

#[test]
fn a_build_sees_no_token_and_no_password_of_git_or_index() {
    let world = World::new();
    world.configure(&format!(
        "packages: [\"{}\"]\nindex: {{url: \"{}\"}}\n",
        world.job_lib(),
        world.index_url()
    ));
    succeed(world.command(&["prepare"]));
    saw_no_secret(&world, &["job-lib", "packed"]);
}

#[test]
fn nor_does_it_see_those_of_variables() {
    let world = World::new();
    world.configure(&format!("packages: [\"{}\"]\n", world.job_lib()));
    let mut command = world.command(&["prepare"]);
    command
        .env("UV_DEFAULT_INDEX", format!("team={}", world.index.url()))
        .env("UV_INDEX_TEAM_USERNAME", READER.0)
        .env("UV_INDEX_TEAM_PASSWORD", READER.1)
        .env("GIT_ASKPASS", format!("/bin/echo {}", GIT.1))
        .env("GIT_CONFIG_VALUE_0", format!("header {}", GIT.1));
    succeed(command);
    saw_no_secret(&world, &["job-lib", "packed"]);
}

#[test]
fn a_variable_that_is_named_reaches_the_build_and_decides_it() {
    let world = World::new();
    let index = world.index_url();
    fs::create_dir(world.path("tool")).unwrap();
    for (path, text) in world.project("tool", &[], false) {
        fs::write(world.path("tool").join(path), text).unwrap();
    }
    world.configure(&format!(
        "packages: [./tool]\nindex: {{url: \"{index}\"}}\nbuild: {{environment: [FLAVOR]}}\n"
    ));
    let mut built = Vec::new();
    for flavor in ["vanilla", "vanilla", "mint"] {
        let mut command = world.command(&["prepare"]);
        command.env("FLAVOR", flavor).env("TASTE", "sour");
        succeed(command);
        let dumps = world.dumps();
        assert!(
            dumps
                .iter()
                .all(|(_, dump)| dump.contains(flavor) && !dump.contains("TASTE"))
        );
        built.push(!dumps.is_empty());
    }
    assert_eq!(built, [true, false, true]);
}

#[test]
fn a_token_cannot_be_named() {
    let world = World::new();
    world.configure("build:\n  environment: [FLAVOR, CI_JOB_TOKEN]\n");
    let output = world.command(&["lock"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = said(&output);
    assert!(
        said.contains("pannier.yml:2:25") && said.contains("`CI_JOB_TOKEN` holds a credential"),
        "{said}"
    );
}
