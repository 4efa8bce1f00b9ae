//! Every refusal: what is shown, exit 8, and that nothing moved.

use super::world::{BRANCH, World};
use pannier_testkit::gitlab::{Force, Role};

/// Runs the program as the maintainer and expects a refusal.
fn refused(world: &World, arguments: &str) -> String {
    let before = world.now();
    let (code, shown) = world.run(arguments);
    assert_eq!(code, 8, "{shown}");
    assert_eq!(world.now(), before, "{shown}");
    shown
}

fn refused_with(world: &World, token: &str, arguments: &str) -> String {
    let before = world.now();
    let mut command = world.by_hand(token, arguments);
    let (code, shown) = world.show(arguments, &mut command);
    assert_eq!(code, 8, "{shown}");
    assert_eq!(world.now(), before, "{shown}");
    assert!(!shown.contains(token), "{shown}");
    shown
}

#[test]
fn outdated() {
    let world = World::new();
    let arguments = format!("deploy tools@{}", world.c[0]);
    let first = refused(&world, &arguments);
    // Said openly, it goes; and from then on it is known.
    assert_eq!(world.run(&format!("{arguments} --rollback")).0, 0);
    assert_eq!(world.now().as_ref(), Some(&world.c[0]));
    // Nobody can be asked: that counts against going back.
    world.tools.set_branch(BRANCH, &world.c[1]);
    world.gitlab.server_error("GET */deployments?", 500);
    for _ in 0..5 {
        world.gitlab.server_error("/deployments?", 501);
    }
    let unknown = refused(&world, &arguments);
    insta::assert_snapshot!([first, unknown].join("\n"));
}

#[test]
fn overtaken_before_the_plan() {
    let world = World::new();
    world.tools.deployed(BRANCH, &world.c[1]);
    let arguments = format!("deploy tools@{} --expect {}", world.c[3], &world.c[0][..12]);
    let shown = refused(&world, &arguments);
    let expected = format!("deploy tools@{} --expect {}", world.c[3], world.c[1]);
    assert_eq!(world.run(&expected).0, 0);
    // Run again, it is content although what was expected is no longer there.
    assert_eq!(world.run(&expected).0, 0);
    insta::assert_snapshot!(shown);
}

#[test]
fn diverged() {
    let mut world = World::new();
    let beside = world.tools.loose_commit(&world.c[0], &[("b", "1")]);
    world.call(&beside, "b1");
    world.tools.set_branch(BRANCH, &beside);
    let shown = refused(&world, "deploy tools@main");
    let (code, allowed) = world.run("deploy tools@main --allow diverged");
    assert_eq!(code, 0, "{allowed}");
    assert_eq!(world.now().as_ref(), Some(&world.c[3]));
    insta::assert_snapshot!([shown, allowed].join("\n"));
    let (code, text) = world.run("deploy tools@main --allow sidewise");
    assert_eq!(
        code, 0,
        "the earlier name of `diverged` is an alias: {text}"
    );
}

#[test]
fn commits_from_nowhere() {
    let mut world = World::new();
    world.tools.set_branch(BRANCH, &world.c[3]);
    let branch = world.tools.commit("feature", &[("f", "1")]);
    world.call(&branch, "f1");
    let nowhere = refused(&world, "deploy tools@feature");
    let merge_request = world.tools.merge_request("feature", "main");
    merge_request.close();
    let closed = refused(&world, "deploy tools@feature");
    let blind = {
        let mut command = world.by_hand(&world.token, "deploy tools@feature");
        command.env_remove("PANNIER_TOKEN");
        std::fs::write(
            world.folder.path().join(".netrc"),
            format!("machine 127.0.0.1 login oauth2 password {}\n", world.token),
        )
        .unwrap();
        world.show("deploy tools@feature", &mut command)
    };
    assert_eq!(blind.0, 8, "{}", blind.1);
    let (code, any) = world.run("deploy tools@feature --any-commit");
    assert_eq!((code, world.now()), (0, Some(branch)), "{any}");
    insta::assert_snapshot!([nowhere, closed, blind.1].join("\n"));
}

#[test]
fn vanished() {
    let world = World::new();
    let gone = "0123456789".repeat(4);
    insta::assert_snapshot!(refused(&world, &format!("deploy tools@{gone}")));
}

#[test]
fn the_default_branch_is_not_deployed_to() {
    let world = World::new();
    let arguments = format!("deploy tools@{} --branch main --rollback", world.c[0]);
    insta::assert_snapshot!(refused(&world, &arguments));
    assert_eq!(world.tools.branch("main").as_ref(), Some(&world.c[3]));
}

#[test]
fn tokens_that_are_too_weak() {
    let world = World::new();
    let bot = world.gitlab.user("bot");
    let reader = world.gitlab.user("reader");
    world.tools.member(&reader, Role::Reporter);
    let tokens = [
        world.gitlab.token(&bot, &["read_api", "read_repository"]),
        world.gitlab.token(&reader, &["api", "write_repository"]),
        world.tools.deploy_token(&["read_repository"]),
    ];
    let shown = tokens.map(|token| refused_with(&world, &token, "deploy tools@main"));
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_branch_that_is_protected() {
    let world = World::new();
    let developer = world.gitlab.user("dev");
    world.tools.member(&developer, Role::Developer);
    let developer = world.gitlab.token(&developer, &["api", "write_repository"]);
    let back = format!("deploy tools@{} --rollback", world.c[0]);

    world
        .tools
        .protect(BRANCH, Role::Maintainer, Force::Refused);
    let not_you = refused_with(&world, &developer, "deploy tools@main");
    let no_force = refused(&world, &back);
    assert_eq!(
        world.run("deploy tools@main").0,
        0,
        "forward needs no force"
    );
    world.tools.set_branch(BRANCH, &world.c[1]);

    // A developer is not told whether force is allowed: the server says so when it is tried.
    world.tools.protect(BRANCH, Role::Developer, Force::Refused);
    let tried = refused_with(&world, &developer, &back);
    insta::assert_snapshot!([not_you, no_force, tried].join("\n"));

    world
        .tools
        .protect(BRANCH, Role::Maintainer, Force::Allowed);
    let (code, shown) = world.run(&back);
    assert_eq!(code, 0, "{shown}");
    assert_eq!(world.now().as_ref(), Some(&world.c[0]));
}

#[test]
fn what_was_typed_wrongly() {
    let world = World::new();
    let shown = [
        "deploy",
        "deploy tools",
        "deploy tools other --commit main",
        "deploy tools@main --commit main",
        "deploy ./tools",
        "deploy tools@main --expect HEAD",
        "deploy tools@main --allow everything",
        "deploy --from-lock nothing.toml",
    ]
    .map(|arguments| world.run(arguments).1);
    insta::assert_snapshot!(shown.join("\n"));
}
