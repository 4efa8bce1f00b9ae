//! The ways that go through: from main, from a merge request, first, back, again; and what is shown of them.

use super::world::{BRANCH, World};
use pannier_testkit::gitlab::{Role, Status};

#[test]
fn from_main() {
    let world = World::new();
    let pipeline = world.tools.pipeline("main", Status::Running);
    let job = world.job(&pipeline);
    let dry = world.show(
        "deploy --dry-run",
        &mut world.in_job(&job, "deploy --dry-run"),
    );
    assert_eq!(world.now().as_ref(), Some(&world.c[1]));
    let (code, done) = world.show("deploy", &mut world.in_job(&job, "deploy"));
    assert_eq!((dry.0, code), (0, 0), "{done}");
    assert_eq!(world.now().as_ref(), Some(&world.c[3]));
    let (_, again) = world.show("deploy", &mut world.in_job(&job, "deploy"));
    insta::assert_snapshot!([dry.1, done, again].join("\n"));
}

/// With a job's token alone, where the project lets those push.
#[test]
fn from_main_by_the_jobs_own_token() {
    let world = World::new();
    world
        .tools
        .member(&world.gitlab.user("ann"), Role::Maintainer);
    let pipeline = world.tools.pipeline("main", Status::Running);
    let job = world.job(&pipeline);
    let run = || {
        let mut command = world.in_job(&job, "deploy");
        world.show("deploy", command.env_remove("PANNIER_TOKEN"))
    };
    let (code, refused) = run();
    assert_eq!(code, 8, "{refused}");
    world.tools.settings(|it| it.job_token_push = true);
    let (code, done) = run();
    assert_eq!(code, 0, "{done}");
    assert_eq!(world.now().as_ref(), Some(&world.c[3]));
    insta::assert_snapshot!(refused);
}

#[test]
fn from_a_merge_request_and_from_main_after_it_was_merged() {
    let mut world = World::new();
    world.tools.set_branch(BRANCH, &world.c[3]);
    let head = world.tools.commit("feature", &[("f", "1")]);
    world.call(&head, "f1");
    let merge_request = world.tools.merge_request("feature", "main");
    let job = world.job(&merge_request.pipeline(Status::Running));
    let (code, shown) = world.show("deploy", &mut world.in_job(&job, "deploy"));
    assert_eq!((code, world.now()), (0, Some(head.clone())), "{shown}");
    world.tools.set_branch("main", &head);
    let next = world.tools.commit("main", &[("n", "5")]);
    world.call(&next, "c5");
    let job = world.job(&world.tools.pipeline("main", Status::Running));
    let (code, after) = world.show("deploy", &mut world.in_job(&job, "deploy"));
    assert_eq!((code, world.now()), (0, Some(next)), "{after}");
    insta::assert_snapshot!([shown, after].join("\n"));
}

/// What is there was squashed into main: main has it in another form, so nothing gets lost, and it goes forward.
#[test]
fn from_main_after_what_is_there_was_squashed() {
    let mut world = World::new();
    world.tools.set_branch(BRANCH, &world.c[3]);
    let head = world.tools.commit("feature", &[("f", "1")]);
    world.call(&head, "f1");
    let merge_request = world.tools.merge_request("feature", "main");
    let (code, shown) = world.run("deploy tools@feature");
    assert_eq!((code, world.now()), (0, Some(head)), "{shown}");
    let squashed = world.tools.commit("main", &[("f", "1")]);
    world.call(&squashed, "s1");
    let (code, shown) = world.run("deploy tools@main");
    assert_eq!(code, 8, "as long as nobody says that it was: {shown}");
    world.gitlab.change(|state| {
        let found = state.merge_requests.get_mut(&merge_request.id).unwrap();
        found.state = "merged";
        found.merge_commit_sha = Some(squashed.clone());
    });
    let (code, shown) = world.run("deploy tools@main");
    assert_eq!((code, world.now()), (0, Some(squashed)), "{shown}");
    insta::assert_snapshot!(shown);
}

/// Of a fork's merge request the head is in the project, and so it can be deployed.
#[test]
fn from_a_forks_merge_request() {
    let world = World::new();
    world.tools.set_branch(BRANCH, &world.c[3]);
    let eve = world.gitlab.user("eve");
    let fork = world.tools.fork(&eve);
    let head = fork.commit("feature", &[("f", "1")]);
    fork.merge_request_to(&world.tools, "feature", "main");
    let (code, shown) = world.run(&format!("deploy tools@{head}"));
    assert_eq!((code, world.now()), (0, Some(head)), "{shown}");
}

#[test]
fn the_first_one_and_what_is_expected_of_it() {
    let world = World::new();
    let fresh = world.gitlab.project("platform/fresh");
    let commit = fresh.branch("main").unwrap();
    let arguments = format!("deploy fresh@{commit} --expect none");
    let (code, shown) = world.run(&arguments);
    assert_eq!((code, fresh.branch(BRANCH)), (0, Some(commit)), "{shown}");
    let (code, shown) = world.run("deploy tools --commit main --expect none");
    assert_eq!(code, 8, "{shown}");
    assert_eq!(world.now().as_ref(), Some(&world.c[1]));
}

/// The button runs the old pipeline's job again; a pipeline that finishes late looks the same, but for the past.
#[test]
fn the_rollback_button_is_told_from_a_late_job() {
    let world = World::new();
    let pipelines: Vec<_> = world.c[1..]
        .iter()
        .map(|commit| {
            let pipeline = world
                .tools
                .pipeline_of("main", commit, "push", Status::Running);
            let job = world.job(&pipeline);
            (pipeline, job)
        })
        .collect();
    let deploy = |number: usize| {
        let (pipeline, job) = &pipelines[number];
        let (code, shown) = world.show("deploy", &mut world.in_job(job, "deploy"));
        job.set(if code == 0 {
            Status::Success
        } else {
            Status::Failed
        });
        let _ = pipeline;
        (code, shown)
    };
    // `c[1]` is there, `c[3]` comes, then the late `c[2]`.
    assert_eq!(deploy(0).0, 0);
    assert_eq!(deploy(2).0, 0);
    let (code, late) = deploy(1);
    assert_eq!(code, 8, "{late}");
    assert_eq!(world.now().as_ref(), Some(&world.c[3]));
    let again = world.job(&pipelines[0].0);
    let (code, button) = world.show("deploy", &mut world.in_job(&again, "deploy"));
    assert_eq!(code, 0, "{button}");
    assert_eq!(world.now().as_ref(), Some(&world.c[1]));
    insta::assert_snapshot!([late, button].join("\n"));
}

#[test]
fn a_project_that_has_moved_is_deployed_by_its_old_address() {
    let world = World::new();
    world.tools.move_to("platform/instruments");
    let (code, shown) = world.run("deploy tools@main");
    assert_eq!(code, 0, "{shown}");
    assert_eq!(world.now().as_ref(), Some(&world.c[3]));
}

#[test]
fn machines_read_json() {
    let world = World::new();
    let arguments = "deploy tools@main --format json --reason because";
    let (code, shown) = world.run(arguments);
    assert_eq!(code, 0, "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn the_audit_trail_holds_no_secret() {
    let world = World::new();
    let reason = format!("because of {} and https://u:pw@h", world.token);
    let mut command = world.by_hand(
        &world.token,
        "deploy tools@main --audit audit.jsonl --format json",
    );
    let output = command
        .args(["--reason", &reason])
        .env("USER", &world.token)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    world.screen("deploy", &output);
    serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap();
    let text = std::fs::read_to_string(world.folder.path().join("audit.jsonl")).unwrap();
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["reason"], "because of **** and https://****@h");
    assert_eq!(line["actor"], "****");
}

#[test]
fn the_audit_file_has_a_line_for_each_push() {
    let world = World::new();
    assert_eq!(world.run("deploy tools@main --audit audit.jsonl").0, 0);
    assert_eq!(world.run("deploy tools@main --audit audit.jsonl").0, 0);
    let back = format!("deploy tools@{} --rollback --audit audit.jsonl", world.c[0]);
    assert_eq!(world.run(&back).0, 0);
    let text = std::fs::read_to_string(world.folder.path().join("audit.jsonl")).unwrap();
    insta::assert_snapshot!(world.plain(&text));
    let (code, shown) = world.run("deploy tools@main --audit no/such/folder");
    assert_eq!(code, 1, "{shown}");
    assert_eq!(world.now().as_ref(), Some(&world.c[0]));
}
