//! The stand-in GitLab against python-gitlab, a client that nobody here wrote: `gitlab_conformance.py` drives it and judges.
//! Here the world is seeded that the script cannot make by API: users, tokens, and what a runner would have done.

use std::process::Command;

use crate::e2e::world::{succeed, tool};
use pannier_testkit::gitlab::{Force, Gitlab, JobSpec, Role, Status};

#[test]
#[ignore = "needs python-gitlab from the tools of .ci/install"]
fn a_foreign_client_gets_along() {
    let gitlab = Gitlab::start();
    let tools = gitlab.project("platform/tools");
    let [maintainer, developer, reporter] = ["mia", "dev", "rep"].map(|name| gitlab.user(name));
    gitlab.group("platform").member(&maintainer, Role::Owner);
    tools.member(&developer, Role::Developer);
    tools.member(&reporter, Role::Reporter);
    tools.commit(
        "main",
        &[(
            ".gitlab-ci.yml",
            "build: {stage: build, script: make}\nship: {stage: deploy, script: ship, when: manual}\n",
        )],
    );
    tools.set_branch("work", &tools.branch("main").unwrap());
    tools.protect("production", Role::Maintainer, Force::Refused);
    let running = tools
        .pipeline("main", Status::Running)
        .with_job("compile", "build", Status::Success)
        .by(&developer);
    let deploying = running.add(
        JobSpec {
            name: "deploy".to_owned(),
            stage: "deploy".to_owned(),
            environment: Some("staging".to_owned()),
            resource_group: Some("staging".to_owned()),
            ..JobSpec::default()
        },
        Status::Running,
    );
    running.child("downstream", Status::Running);
    let moved = gitlab.project("platform/old");
    moved.move_to("platform/new");

    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/it/e2e/gitlab_conformance.py"
    );
    let mut python = Command::new(tool("../../gitlab-client/bin/python"));
    python
        .arg(script)
        .env("NO_PROXY", "127.0.0.1")
        .env("GITLAB", gitlab.url(""))
        .env("MAINTAINER", gitlab.token(&maintainer, &["api"]))
        .env("DEVELOPER", gitlab.token(&developer, &["api"]))
        .env("REPORTER", gitlab.token(&reporter, &["api"]))
        .env("READER", gitlab.token(&maintainer, &["read_api"]))
        .env("STRANGER", gitlab.token(&gitlab.user("eve"), &["api"]))
        .env("JOB", deploying.token())
        .env("RUNNING", running.id.to_string());
    let output = succeed(python);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // It ran its tests, and did not skip them.
    assert!(said.contains("\nOK\n"), "{said}");
    assert!(gitlab.requests().len() > 100, "{said}");
}
