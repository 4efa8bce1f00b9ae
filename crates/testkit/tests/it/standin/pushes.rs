//! Pushes with the real `git`: rights, protection, leases, and what follows from a push.

use super::client::Clone;
use pannier_testkit::gitlab::{Force, Gitlab, Project, Role, Status};

struct World {
    gitlab: Gitlab,
    tools: Project,
    token: String,
}

/// A project with a `production` branch two commits behind, and a token of this role in it.
fn world(role: Role) -> World {
    let gitlab = Gitlab::start();
    let tools = gitlab.project("platform/tools");
    let first = tools.commit("main", &[("a", "1")]);
    tools.commit("main", &[("a", "2")]);
    tools.commit("main", &[("a", "3")]);
    tools.set_branch("production", &first);
    let bot = gitlab.user("bot");
    tools.member(&bot, role);
    let token = gitlab.token(&bot, &["write_repository"]);
    World {
        gitlab,
        tools,
        token,
    }
}

impl World {
    fn clone(&self) -> Clone {
        Clone::of(&self.tools, "oauth2", &self.token)
    }
}

#[test]
fn a_push_moves_a_branch_and_its_merge_requests() {
    let world = world(Role::Developer);
    world.tools.commit("feature", &[("b", "1")]);
    let merge_request = world.tools.merge_request("feature", "main");
    let clone = world.clone();
    let new = clone.commit("origin/feature");
    clone
        .git(&["push", "-q", "origin", "HEAD:feature"])
        .unwrap();
    assert_eq!(world.tools.branch("feature").as_ref(), Some(&new));
    assert_eq!(merge_request.sha(), new);
    let head = clone
        .git(&["ls-remote", "origin", "refs/merge-requests/1/head"])
        .unwrap();
    assert!(head.starts_with(&new), "{head}");
    clone.git(&["push", "-q", "origin", ":feature"]).unwrap();
    assert_eq!(merge_request.state(), "closed");
}

#[test]
fn the_head_of_a_merge_request_from_a_fork_can_be_fetched_from_the_target() {
    let world = world(Role::Developer);
    let eve = world.gitlab.user("eve");
    let fork = world.tools.fork(&eve);
    let first = fork.commit("feature", &[("evil", "1")]);
    let merge_request = fork.merge_request_to(&world.tools, "feature", "main");
    let clone = world.clone();
    assert_eq!(world.tools.branch("feature"), None);
    clone
        .git(&["fetch", "-q", "origin", "refs/merge-requests/1/head"])
        .unwrap();
    assert_eq!(
        clone.git(&["rev-parse", "FETCH_HEAD"]).unwrap().trim(),
        first
    );

    let eves = Clone::of(
        &fork,
        "eve",
        &world.gitlab.token(&eve, &["write_repository"]),
    );
    let second = eves.commit("origin/feature");
    eves.git(&["push", "-q", "origin", "HEAD:feature"]).unwrap();
    assert_eq!(merge_request.sha(), second);
    clone
        .git(&["fetch", "-q", "origin", "refs/merge-requests/1/head"])
        .unwrap();
    assert_eq!(
        clone.git(&["rev-parse", "FETCH_HEAD"]).unwrap().trim(),
        second
    );
}

#[test]
fn a_merge_by_push_merges_the_merge_request() {
    let world = world(Role::Maintainer);
    world.tools.commit("feature", &[("b", "1")]);
    let merge_request = world.tools.merge_request("feature", "main");
    let clone = world.clone();
    clone
        .git(&["push", "-q", "origin", "origin/feature:main"])
        .unwrap();
    assert_eq!(merge_request.state(), "merged");
}

#[test]
fn references_of_merge_requests_are_not_pushed_to() {
    let world = world(Role::Maintainer);
    let said = world
        .clone()
        .git(&["push", "origin", "origin/main:refs/merge-requests/7/head"])
        .unwrap_err();
    assert!(said.contains("hidden ref"), "{said}");
}

#[test]
fn a_protected_branch_is_moved_forward_by_maintainers_only() {
    let developer = world(Role::Developer);
    developer
        .tools
        .protect("production", Role::Maintainer, Force::Refused);
    let said = developer
        .clone()
        .git(&["push", "origin", "origin/main:production"])
        .unwrap_err();
    assert!(said.contains("remote: GitLab: You are not allowed to push code to protected branches on this project."), "{said}");
    assert!(
        said.contains("! [remote rejected] origin/main -> production (pre-receive hook declined)"),
        "{said}"
    );

    let maintainer = world(Role::Maintainer);
    maintainer
        .tools
        .protect("prod*", Role::Maintainer, Force::Refused);
    maintainer
        .clone()
        .git(&["push", "-q", "origin", "origin/main:production"])
        .unwrap();
    assert_eq!(
        maintainer.tools.branch("production"),
        maintainer.tools.branch("main")
    );
}

#[test]
fn force_is_refused_on_a_protected_branch_unless_it_is_allowed() {
    let world = world(Role::Maintainer);
    world
        .tools
        .protect("production", Role::Maintainer, Force::Refused);
    let clone = world.clone();
    clone
        .git(&["push", "-q", "origin", "origin/main:production"])
        .unwrap();
    let back = ["push", "origin", "+origin/main~2:production"];
    let said = clone.git(&back).unwrap_err();
    assert!(
        said.contains(
            "You are not allowed to force push code to a protected branch on this project."
        ),
        "{said}"
    );
    // Sidewise, with objects that the server has only in quarantine while it judges.
    let sidewise = clone.commit("origin/main~1");
    let said = clone
        .git(&["push", "origin", "+HEAD:production"])
        .unwrap_err();
    assert!(said.contains("not allowed to force push"), "{said}");
    assert_eq!(world.tools.branch("production"), world.tools.branch("main"));

    world
        .tools
        .protect("production", Role::Maintainer, Force::Allowed);
    clone
        .git(&["push", "-q", "origin", &format!("+{sidewise}:production")])
        .unwrap();
    assert_eq!(world.tools.branch("production"), Some(sidewise));
    clone.git(&back).unwrap();
}

#[test]
fn force_needs_the_right_to_push_as_well() {
    let world = world(Role::Developer);
    world
        .tools
        .protect("production", Role::Maintainer, Force::Allowed);
    let said = world
        .clone()
        .git(&["push", "origin", "+origin/main~1:production"])
        .unwrap_err();
    assert!(
        said.contains("not allowed to push code to protected branches"),
        "{said}"
    );
    world
        .tools
        .protect("production", Role::None, Force::Allowed);
    let bot = world.gitlab.user("bot");
    world.tools.member(&bot, Role::Owner);
    assert!(
        world
            .clone()
            .git(&["push", "origin", "origin/main:production"])
            .is_err()
    );
}

#[test]
fn protected_and_default_branches_are_not_deleted_by_push() {
    let world = world(Role::Maintainer);
    world
        .tools
        .protect("production", Role::Maintainer, Force::Allowed);
    let clone = world.clone();
    let said = clone.git(&["push", "origin", ":production"]).unwrap_err();
    assert!(
        said.contains("You can only delete protected branches using the web interface."),
        "{said}"
    );
    let said = clone.git(&["push", "origin", ":main"]).unwrap_err();
    assert!(
        said.contains("The default branch of a project cannot be deleted."),
        "{said}"
    );
}

#[test]
fn a_stale_lease_is_refused_and_a_fresh_one_goes_through() {
    let world = world(Role::Developer);
    let clone = world.clone();
    let seen = world.tools.branch("production").unwrap();
    world
        .tools
        .set_branch("production", &world.tools.branch("main").unwrap());
    let new = clone.commit(&seen);
    let lease = |expected: &str| format!("--force-with-lease=production:{expected}");
    let said = clone
        .git(&[
            "push",
            "origin",
            &lease(&seen),
            &format!("{new}:production"),
        ])
        .unwrap_err();
    assert!(said.contains("stale info"), "{said}");
    let now = world.tools.branch("production").unwrap();
    clone
        .git(&[
            "push",
            "-q",
            "origin",
            &lease(&now),
            &format!("{new}:production"),
        ])
        .unwrap();
    assert_eq!(world.tools.branch("production"), Some(new));
}

#[test]
fn roles_and_scopes_decide_who_reads_and_writes() {
    let world = world(Role::Reporter);
    let said = world
        .clone()
        .git(&["push", "origin", "origin/main:refs/heads/x"])
        .unwrap_err();
    assert!(
        said.contains("You are not allowed to push code to this project."),
        "{said}"
    );
    assert!(said.contains("403"), "{said}");

    let bot = world.gitlab.user("bot");
    world.tools.member(&bot, Role::Maintainer);
    let reader = Clone::of(
        &world.tools,
        "any",
        &world.gitlab.token(&bot, &["read_repository"]),
    );
    let said = reader
        .git(&["push", "origin", "origin/main:refs/heads/x"])
        .unwrap_err();
    assert!(
        said.contains("You are not allowed to upload code."),
        "{said}"
    );

    let deploy = world.tools.deploy_token(&["read_repository"]);
    let deploying = Clone::of(&world.tools, "deployer", &deploy);
    assert!(
        deploying
            .git(&["push", "origin", "origin/main:refs/heads/x"])
            .is_err()
    );
}

#[test]
fn strangers_learn_nothing_of_a_private_project() {
    let world = world(Role::Developer);
    let clone = world.clone();
    let said = clone.git(&["ls-remote", &world.tools.url()]).unwrap_err();
    assert!(said.contains("could not read Username"), "{said}");
    let stranger = world.gitlab.token(&world.gitlab.user("stranger"), &["api"]);
    for name in ["platform/tools.git", "platform/nothing.git"] {
        let url = world.gitlab.url(&format!("/{name}")).replacen(
            "//",
            &format!("//oauth2:{stranger}@"),
            1,
        );
        let said = clone.git(&["ls-remote", &url]).unwrap_err();
        assert!(
            said.contains("The project you were looking for could not be found"),
            "{said}"
        );
    }
    world.gitlab.revoke(&world.token);
    let said = clone.git(&["fetch", "origin"]).unwrap_err();
    assert!(said.contains("HTTP Basic: Access denied"), "{said}");
}

#[test]
fn a_job_pushes_only_where_the_project_lets_it_and_only_while_it_runs() {
    let world = world(Role::Developer);
    let bot = world.gitlab.user("bot");
    let pipeline = world
        .tools
        .pipeline("main", Status::Running)
        .with_job("deploy", "deploy", Status::Running)
        .by(&bot);
    let job = pipeline.job("deploy");
    let clone = Clone::of(&world.tools, "gitlab-ci-token", &job.token());
    let said = clone
        .git(&["push", "origin", "origin/main:refs/heads/x"])
        .unwrap_err();
    assert!(
        said.contains("You are not allowed to upload code."),
        "{said}"
    );
    world
        .tools
        .settings(|settings| settings.job_token_push = true);
    clone
        .git(&["push", "-q", "origin", "origin/main:refs/heads/x"])
        .unwrap();
    // The rights are those of the job's user.
    assert!(
        clone
            .git(&["push", "origin", "origin/main~1:main"])
            .is_err()
    );
    job.set(Status::Success);
    let said = clone.git(&["fetch", "origin"]).unwrap_err();
    assert!(
        said.contains("could not be found or you don't have permission"),
        "{said}"
    );
}
