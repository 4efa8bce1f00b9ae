//! The program is killed between every two steps of a deployment, of one that is taken back, and of a rollback. Afterwards
//! the release log has no gap, and the same command, run again, ends where it should.
//!
//! A server that keeps silent holds the program at the request, so nothing depends on time.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::world::{BRANCH, World};
use pannier_testkit::gitlab::{Clock, Fault, Project, Seen};
use pannier_testkit::loopback::Answer;

const NAMES: [&str; 2] = ["p1", "p2"];

/// Two projects with a past, their release log, and the command that is killed.
struct Scene {
    world: World,
    projects: Vec<Project>,
    /// Of each project, the older one first.
    commits: Vec<[String; 2]>,
    /// Where each branch begins: events before that are not the log's.
    begun: Vec<usize>,
    arguments: &'static str,
    /// Which of its two commits each project has in the end.
    ends_at: usize,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        // The times of pushes are compared with those of log lines.
        world.gitlab.clock(Clock::Wall);
        world.gitlab.project("platform/book");
        let project = |name: &&str| world.gitlab.project(&format!("platform/{name}"));
        let projects: Vec<Project> = NAMES.iter().map(project).collect();
        let commits = projects.iter().map(|project| {
            let old = project.commit("main", &[("n", "1")]);
            let new = project.commit("main", &[("n", "2")]);
            project.set_branch(BRANCH, &old);
            [old, new]
        });
        let mut scene = Self {
            commits: commits.collect(),
            begun: Vec::new(),
            arguments: "deploy p1@main p2@main",
            ends_at: 1,
            projects,
            world,
        };
        scene.write_lock(0);
        scene.begin();
        scene
    }

    /// A set of which the last project is refused by its server, once.
    fn undone() -> Self {
        let scene = Self::new();
        let fault = Fault::Answer(Answer::new(403, "You are not allowed to push code"));
        scene
            .world
            .gitlab
            .fault("POST */p2.git/git-receive-pack?", fault);
        scene
    }

    /// Two releases are recorded, and the newer one is in production.
    fn rollback() -> Self {
        let mut scene = Self::new();
        scene.run("release record --channel production");
        for (project, [_, new]) in scene.projects.iter().zip(&scene.commits) {
            project.set_branch(BRANCH, new);
        }
        scene.begin();
        scene.write_lock(1);
        scene.run("release record --channel production");
        scene.arguments = "rollback";
        scene.ends_at = 0;
        scene
    }

    fn begin(&mut self) {
        self.begun = (0..NAMES.len())
            .map(|at| self.pushed(at).len() - 1)
            .collect();
    }

    fn write_lock(&self, number: usize) {
        let mut text = "lock-version = \"1.0\"\ncreated-by = \"pannier\"\n".to_owned();
        for (at, name) in NAMES.iter().enumerate() {
            let (url, commit) = (self.projects[at].url(), &self.commits[at][number]);
            text += &format!(
                "\n[[packages]]\nname = \"{name}\"\nversion = \"1.0\"\nvcs = {{ type = \"git\", url = \"{url}\", commit-id = \"{commit}\" }}\n"
            );
        }
        text += &format!(
            "\n[tool.pannier]\nformat = 1\nrequest = \"{}\"\n",
            "0".repeat(64)
        );
        std::fs::write(self.world.folder.path().join("pylock.toml"), text).unwrap();
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = self.world.by_hand(&self.world.token, arguments);
        command.env("PANNIER_RELEASES", "book").env(
            "CI_PIPELINE_URL",
            "https://gitlab.example.org/p/-/pipelines/7",
        );
        command
    }

    fn show(&self, arguments: &str) -> (i32, String) {
        self.world.show(arguments, &mut self.command(arguments))
    }

    fn run(&self, arguments: &str) -> String {
        let (code, shown) = self.show(arguments);
        assert_eq!(code, 0, "{shown}");
        shown
    }

    /// Runs the command and gives its requests.
    fn requests(&self) -> Vec<String> {
        let before = self.world.gitlab.requests().len();
        self.show(self.arguments);
        let all = self.world.gitlab.requests();
        let line = |it: &Seen| format!("{} {}", it.method, it.path);
        all[before..].iter().map(line).collect()
    }

    /// Runs the command until the request with this number, and kills it there; gives that request.
    fn kill_at(&self, number: usize, fault: Fault) -> String {
        let before = self.world.gitlab.requests().len();
        self.world.gitlab.fault_at(number, fault);
        let mut child = self
            .command(self.arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It is held or comes to its end, whatever is first.
        while !self.world.gitlab.keeps(Duration::from_millis(20)) {
            assert_eq!(child.try_wait().unwrap(), None, "{number}: it was not held");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        self.world.gitlab.heal();
        let request = &self.world.gitlab.requests()[before + number];
        format!("{} {}", request.method, request.path)
    }

    /// What a production branch has held since it began, as the server remembers it.
    fn pushed(&self, at: usize) -> Vec<Option<String>> {
        let project = self.projects[at].id;
        self.world.gitlab.read(|state| {
            let pushes = state.pushes.iter();
            let ours = pushes.filter(|push| {
                push.project == project && push.update.name == format!("refs/heads/{BRANCH}")
            });
            ours.map(|push| push.update.new.map(|id| id.to_string()))
                .collect()
        })
    }

    fn history(&self) -> Vec<serde_json::Value> {
        let book = self.world.gitlab.project("platform/book");
        let repository = git2::Repository::open_bare(book.folder()).unwrap();
        let Ok(history) = repository.revparse_single("pannier/releases:history.jsonl") else {
            return Vec::new();
        };
        let text = String::from_utf8(history.as_blob().unwrap().content().to_vec()).unwrap();
        let lines = text.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The lines of the log about a project.
    fn lines(&self, at: usize) -> Vec<serde_json::Value> {
        let mut lines = self.history();
        lines.retain(|line| line["project"] == NAMES[at]);
        lines
    }

    /// What a production branch has held by the log; `None`: the log has nothing about it.
    fn logged(&self, at: usize) -> Option<Vec<Option<String>>> {
        let lines = self.lines(at);
        let commit = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let mut held = vec![commit(&lines.first()?["from"])];
        let moves = lines.iter().filter(|line| line["action"] == "deploy");
        held.extend(moves.map(|line| commit(&line["to"])));
        Some(held)
    }

    /// Each commit that was in production is in the log, once and in order, with nothing between.
    fn assert_no_gap(&self, when: &str) {
        for (at, name) in NAMES.iter().enumerate() {
            let pushed = self.pushed(at)[self.begun[at]..].to_vec();
            let Some(logged) = self.logged(at) else {
                assert_eq!(pushed.len(), 1, "{when}: nothing is logged of {name}");
                continue;
            };
            let lines = self.lines(at);
            assert_eq!(logged, pushed, "{when}: {name}: {lines:#?}");
        }
    }

    /// What the log tells wrongly is warned of, and nothing is written by looking at it.
    fn assert_warned(&self, when: &str) {
        let book = self.world.gitlab.project("platform/book");
        let before = book.branch("pannier/releases");
        let shown = self.run("release list");
        for (at, name) in NAMES.iter().enumerate() {
            let Some(logged) = self.logged(at) else {
                continue;
            };
            let warned = shown.contains(&format!("`production` of {name} "));
            let pushed = &self.pushed(at)[self.begun[at]..];
            assert_eq!(warned, logged != *pushed, "{when}: {name}: {shown}");
        }
        assert_eq!(book.branch("pannier/releases"), before, "{when}");
    }

    /// What the server has after a kill: what branches have held, and what the log says of them.
    fn state(&self) -> String {
        let lines = |at| {
            self.lines(at).into_iter().map(move |line| {
                let keys = ["action", "from", "to", "direction"];
                keys.map(|key| self.name(at, &line[key]))
            })
        };
        let state = (0..NAMES.len()).map(|at| {
            let held = self.pushed(at).len();
            (held, lines(at).collect::<Vec<_>>())
        });
        let all = self.history().len();
        format!("{all} {:?}", state.collect::<Vec<_>>())
    }

    fn name(&self, at: usize, value: &serde_json::Value) -> String {
        let [old, new] = &self.commits[at];
        let text = value.as_str().unwrap_or("-");
        text.replace(old, "old").replace(new, "new")
    }

    /// Everything that has to be so after the command was killed. What only depends on the server is checked where it has a
    /// new state.
    fn assert_survived(&self, when: &str, checked: &Mutex<BTreeSet<String>>) {
        if checked.lock().unwrap().insert(self.state()) {
            self.assert_warned(when);
            let recorded = self.run("release record");
            self.assert_no_gap(&format!("{when}, then a release was recorded: {recorded}"));
        }
        let again = self.run(self.arguments);
        for (project, commits) in self.projects.iter().zip(&self.commits) {
            let wanted = Some(commits[self.ends_at].clone());
            assert_eq!(project.branch(BRANCH), wanted, "{when}: {again}");
        }
        self.assert_no_gap(&format!("{when}, then run again: {again}"));
    }
}

/// At which requests the command is killed.
#[derive(Clone, Copy, PartialEq)]
enum Steps {
    /// At all of them.
    All,
    /// At those that change something: what is read between two of them leads to the same state.
    Pushes,
}

/// Kills the command at its requests, before the server has done what was asked for; at pushes also after that. `states`: how
/// many different ones the server is left in.
fn killed_at_each_step(name: &str, scene: fn() -> Scene, steps: Steps, states: usize) {
    let is_push = |request: &str| request.ends_with("/git-receive-pack");
    let mut kills: Vec<(usize, Fault)> = Vec::new();
    for (number, request) in scene().requests().iter().enumerate() {
        if steps == Steps::All || is_push(request) {
            kills.push((number, Fault::Stall));
        }
        if is_push(request) {
            kills.push((number, Fault::Hold));
        }
    }
    let (next, checked) = (AtomicUsize::new(0), Mutex::default());
    let work = || {
        while let Some((number, fault)) = kills.get(next.fetch_add(1, Ordering::Relaxed)) {
            let scene = scene();
            let request = scene.kill_at(*number, fault.clone());
            let when = format!("{name} was killed at {number} ({fault:?}): {request}");
            scene.assert_survived(&when, &checked);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let checked = checked.into_inner().unwrap();
    assert_eq!(checked.len(), states, "{name}: {checked:#?}");
}

#[test]
fn a_deployment_is_killed_at_each_step() {
    killed_at_each_step("a deployment", Scene::new, Steps::All, 5);
}

#[test]
fn a_deployment_that_is_taken_back_is_killed_at_each_step() {
    killed_at_each_step("an undo", Scene::undone, Steps::Pushes, 6);
}

#[test]
fn a_push_on_its_way_finishes_when_the_deployment_is_cancelled_and_is_recorded() {
    let scene = Scene::new();
    // The signal comes when the branch is moved and the program does not know it yet.
    let (tell, pid) = std::sync::mpsc::channel::<u32>();
    scene
        .world
        .gitlab
        .after("POST */p1.git/git-receive-pack?", move || {
            let pid = pid.recv().unwrap().to_string();
            assert!(Command::new("kill").arg(&pid).status().unwrap().success());
        });
    let child = scene
        .command(scene.arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    tell.send(child.id()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.signal(), Some(15), "{said}");
    assert!(said.ends_with("error: cancelled by SIGTERM\n"), "{said}");
    let first = scene.projects[0].branch(BRANCH);
    assert_eq!(first.as_ref(), Some(&scene.commits[0][1]), "{said}");
    scene.assert_no_gap("the deployment was cancelled");
    scene.assert_survived("the deployment was cancelled", &Mutex::default());
}

#[test]
fn a_rollback_is_killed_at_each_step() {
    killed_at_each_step("a rollback", Scene::rollback, Steps::Pushes, 6);
}
