//! Rolling back a set of projects: all of them or none, and the book says what stands.

use std::process::Stdio;

use pannier_testkit::gitlab::{Fault, Force, Project, Role};

use super::desk::{at_commit, lock_of};
use super::platform::Platform;

/// Four packages and a data project, each with its commits, the oldest first.
struct Set {
    platform: Platform,
    projects: Vec<Project>,
    commits: Vec<Vec<String>>,
    /// The releases, the oldest first; the last one is in production, on the branches too.
    releases: Vec<String>,
}

const NAMES: [&str; 5] = ["tool-a", "tool-b", "tool-c", "tool-d", "tables"];

impl Set {
    fn new(releases: usize) -> Self {
        let platform = Platform::new();
        let project = |name: &&str| platform.gitlab.project(&format!("platform/{name}"));
        let projects: Vec<Project> = NAMES.iter().map(project).collect();
        let commits = projects.iter().map(|project| {
            let commit = |number: usize| {
                let text = number.to_string();
                project.commit("main", &[("a", text.as_str())])
            };
            (1..=releases).map(commit).collect()
        });
        let mut set = Self {
            commits: commits.collect(),
            projects,
            platform,
            releases: Vec::new(),
        };
        for number in 0..releases {
            set.write_lock(number);
            set.move_branches(number);
            set.platform
                .run("release record --channel production --reason 'the next one'");
        }
        set.releases = set.platform.ids();
        set
    }

    fn write_lock(&self, number: usize) {
        let at = |place: usize| {
            let url = self.projects[place].url();
            at_commit(NAMES[place], &url, &self.commits[place][number])
        };
        let data = self.projects[4].url();
        let text = lock_of(
            &format!("{}.0", number + 1),
            (0..4).map(at).collect(),
            (NAMES[4], &data, &self.commits[4][number]),
        );
        self.platform.write("pylock.toml", &text);
    }

    fn move_branches(&self, number: usize) {
        for (project, commits) in self.projects.iter().zip(&self.commits) {
            project.set_branch("production", &commits[number]);
        }
    }

    /// Which of its commits each production branch is at.
    fn stands(&self) -> Vec<usize> {
        let branches = self.projects.iter().zip(&self.commits);
        let place = |(project, commits): (&Project, &Vec<String>)| {
            let now = project.branch("production").unwrap();
            commits.iter().position(|commit| *commit == now).unwrap()
        };
        branches.map(place).collect()
    }

    /// The release on the channel, as the book has it.
    fn channel(&self) -> serde_json::Value {
        let held = self.platform.file("channels/production.json").unwrap();
        let held: serde_json::Value = serde_json::from_str(&held).unwrap();
        let path = format!("releases/{}.json", held["release"].as_str().unwrap());
        serde_json::from_str(&self.platform.file(&path).unwrap()).unwrap()
    }

    fn code(&self, arguments: &str) -> (i32, String) {
        let output = self.platform.command(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), said)
    }

    fn plain(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for commits in &self.commits {
            for (number, commit) in commits.iter().enumerate() {
                text = text.replace(commit, &format!("<commit {number}>"));
                text = text.replace(&commit[..10], &format!("commit-{number}:10"));
                text = text.replace(&commit[..8], &format!("commit-{number}"));
            }
        }
        // A lock names the server's port, so its digest differs from run to run.
        let digest = fancy_regex::Regex::new(r"\b[0-9a-f]{64}\b").unwrap();
        let text = digest.replace_all(&text, "<digest>").into_owned();
        self.platform.plain(&text)
    }

    fn screen(&self, arguments: &str) -> String {
        let output = self.platform.command(arguments).output().unwrap();
        let text = format!(
            "$ pannier {arguments}\n{}{}[exit {}]\n",
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
            output.status.code().unwrap()
        );
        self.plain(&text)
    }
}

#[test]
fn a_set_goes_back_and_the_book_says_so() {
    let set = Set::new(3);
    let mut screens = vec![set.screen("rollback --dry-run")];
    assert_eq!(set.stands(), [2; 5]);
    assert_eq!(set.platform.ids().len(), 3);
    screens.push(set.screen("rollback --reason 'it loses rows'"));
    assert_eq!(set.stands(), [1; 5]);
    let held = set.channel();
    assert_eq!(held["back-to"]["release"], set.releases[1]);
    assert_eq!(held["reason"], "it loses rows");
    screens.push(set.screen("release show"));
    screens.push(set.screen("release list"));
    // Once more goes further back, and then there is nothing left.
    set.platform.run("rollback");
    assert_eq!(set.stands(), [0; 5]);
    screens.push(set.screen("rollback"));
    // The way forward again is a deployment of the newest lock, or a rollback by name.
    set.platform
        .run(&format!("rollback --to {}", set.releases[2]));
    assert_eq!(set.stands(), [2; 5]);
    insta::assert_snapshot!(screens.join("\n"));
    let shown: serde_json::Value =
        serde_json::from_str(&set.platform.run("rollback --to production --format json")).unwrap();
    assert_eq!(shown["release"]["recorded"], false);
    assert_eq!(shown["projects"].as_array().unwrap().len(), 5);
}

#[test]
fn some_projects_alone_go_back() {
    let set = Set::new(2);
    let unknown = set.screen("rollback --only tool-x");
    set.platform.run("rollback --only tool-b --only tables");
    assert_eq!(set.stands(), [1, 0, 1, 1, 0]);
    let held = set.channel();
    assert_eq!(
        held["back-to"],
        serde_json::json!({"release": set.releases[0], "only": ["tables", "tool-b"]})
    );
    // Its lock is what stands on the branches, with the versions of the index as they were.
    let commit = |name: &str| {
        let all = held["packages"].as_array().unwrap().iter();
        let mut all = all.chain(held["data"].as_array().unwrap());
        all.find(|it| it["name"] == name).unwrap()["commit"].clone()
    };
    for (place, number) in [(0, 1), (1, 0), (2, 1), (3, 1), (4, 0)] {
        assert_eq!(commit(NAMES[place]), set.commits[place][number]);
    }
    let lib = &held["packages"].as_array().unwrap()[0];
    assert_eq!(lib["version"], "2.0");
    // What is before it is what was before what it changed.
    set.platform.run("rollback");
    assert_eq!(set.stands(), [0; 5]);
    insta::assert_snapshot!(unknown);
}

#[test]
fn when_the_third_of_five_fails_all_are_where_they_were() {
    let set = Set::new(2);
    // A developer cannot read the protection, so that only the push finds it out.
    let dev = set.platform.gitlab.user("dev");
    for project in set.projects.iter().chain([&set.platform.book]) {
        project.member(&dev, Role::Developer);
    }
    set.projects[2].protect("production", Role::Developer, Force::Refused);
    let token = set
        .platform
        .gitlab
        .token(&dev, &["api", "write_repository"]);
    let mut command = set.platform.command("rollback");
    command.env("PANNIER_TOKEN", &token);
    let output = command.output().unwrap();
    let said = format!(
        "{}{}[exit {}]",
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
        output.status.code().unwrap()
    );
    assert_eq!(output.status.code(), Some(8), "{said}");
    assert_eq!(set.stands(), [1; 5], "{said}");
    assert_eq!(set.channel()["id"], set.releases[1]);
    assert_eq!(set.platform.ids().len(), 2);
    insta::assert_snapshot!(set.plain(&said));
    // When the protection is gone the same command comes through.
    set.projects[2].unprotect("production");
    let mut command = set.platform.command("rollback");
    let output = command.env("PANNIER_TOKEN", &token).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(set.stands(), [0; 5]);
    assert_eq!(set.channel()["back-to"]["release"], set.releases[0]);
}

#[test]
fn killed_in_the_middle_it_is_run_again() {
    let set = Set::new(3);
    set.platform
        .gitlab
        .fault("POST */tool-c.git/git-receive-pack?", Fault::Stall);
    let mut run = set
        .platform
        .process("rollback")
        .env("PANNIER_TOKEN", &set.platform.token)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pushes = || set.platform.gitlab.count("/tool-c.git/git-receive-pack?");
    while pushes() == 0 {
        std::thread::yield_now();
    }
    run.kill().unwrap();
    run.wait().unwrap();
    assert_eq!(set.stands(), [1, 1, 2, 2, 2]);
    assert_eq!(set.channel()["id"], set.releases[2]);
    set.platform.run("rollback");
    assert_eq!(set.stands(), [1; 5]);
    assert_eq!(set.channel()["back-to"]["release"], set.releases[1]);
}

#[test]
fn a_job_that_is_run_again_goes_back_once() {
    let set = Set::new(3);
    for recorded in [true, false] {
        let mut command = set.platform.command("rollback --format json");
        command.env(
            "CI_PIPELINE_URL",
            "https://gitlab.example.org/p/-/pipelines/7",
        );
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(shown["release"]["recorded"], recorded);
        assert_eq!(set.stands(), [1; 5]);
    }
    assert_eq!(set.platform.ids().len(), 4);
}

#[test]
fn a_book_that_cannot_be_written_is_told_and_mended_by_the_next_run() {
    let set = Set::new(2);
    for _ in 0..8 {
        let fault = Fault::Answer(pannier_testkit::loopback::Answer::new(403, "no"));
        set.platform
            .gitlab
            .fault("POST */book.git/git-receive-pack?", fault);
    }
    let (code, said) = set.code("rollback");
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("the release log could not be updated"),
        "{said}"
    );
    assert_eq!(set.stands(), [0; 5]);
    assert_eq!(set.channel()["id"], set.releases[1]);
    set.platform.gitlab.heal();
    set.platform.run("rollback");
    assert_eq!(set.stands(), [0; 5]);
    assert_eq!(set.channel()["back-to"]["release"], set.releases[0]);
}
