//! The program is killed at each step of a deployment of three projects; run again, it ends where it should.
//!
//! A server that keeps silent holds it at the step, so nothing depends on time.

use std::process::Stdio;

use super::world::{BRANCH, World};
use crate::gitlab::{Fault, Project};

/// Requests at which it is held, and how many of the three have been moved by then.
const STEPS: [(&str, usize); 10] = [
    ("GET */p1.git/info/refs?*upload-pack", 0),
    ("POST */p2.git/git-upload-pack?", 0),
    ("GET */p3.git/info/refs?*receive-pack", 0),
    ("GET */repository/branches?", 0),
    ("POST */p1.git/git-receive-pack?", 0),
    ("POST */p2.git/git-receive-pack?", 1),
    ("POST */p3.git/git-receive-pack?", 2),
    ("GET */book.git/info/refs?*upload-pack", 0),
    ("GET */book.git/info/refs?*receive-pack", 3),
    ("POST */book.git/git-receive-pack?", 3),
];

#[test]
fn killed_at_each_step_and_run_again() {
    for (step, moved) in STEPS {
        let world = World::new();
        world.gitlab.project("platform/book");
        let set: Vec<(Project, String)> = (1..=3)
            .map(|number| {
                let project = world.gitlab.project(&format!("platform/p{number}"));
                let old = project.commit("main", &[("n", "1")]);
                let new = project.commit("main", &[("n", "2")]);
                project.set_branch(BRANCH, &old);
                (project, new)
            })
            .collect();
        let arguments = "deploy p1@main p2@main p3@main";
        let command = || {
            let mut command = world.by_hand(&world.token, arguments);
            command.env("PANNIER_RELEASES", "book");
            command
        };
        world.gitlab.fault(step, Fault::Stall);
        let mut child = command()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while world.gitlab.pending() > 0 {
            assert_eq!(child.try_wait().unwrap(), None, "{step}: it was not held");
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let there = set
            .iter()
            .filter(|(project, new)| project.branch(BRANCH).as_ref() == Some(new));
        assert_eq!(there.count(), moved, "{step}");

        let (code, shown) = world.show(arguments, &mut command());
        assert_eq!(code, 0, "{step}: {shown}");
        for (project, new) in &set {
            assert_eq!(project.branch(BRANCH).as_ref(), Some(new), "{step}");
        }
        let book = world.gitlab.project("platform/book");
        let repository = git2::Repository::open_bare(book.folder()).unwrap();
        let history = repository.revparse_single("pannier/releases:history.jsonl");
        let history = history.unwrap().as_blob().unwrap().content().to_vec();
        let history = String::from_utf8(history).unwrap();
        for (_, new) in &set {
            assert_eq!(
                history.matches(&format!("\"to\":\"{new}\"")).count(),
                1,
                "{step}"
            );
        }
    }
}
