//! Pushes that the release log does not know of: who is warned, who records them, and what is said of them afterwards.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::world::{BRANCH, World};
use pannier_testkit::gitlab::{Clock, Fault, Project, Role};

/// `platform/tools` as in [`World`], with a release log in which it was deployed to `c[1]`.
struct Scene {
    world: World,
    book: Project,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        world.gitlab.clock(Clock::Wall);
        let book = world.gitlab.project("platform/book");
        world.tools.set_branch(BRANCH, &world.c[0]);
        let scene = Self { world, book };
        scene.write_lock();
        let deployed = scene.deploy(1, "");
        assert_eq!(deployed.0, 0, "{}", deployed.1);
        scene
    }

    fn write_lock(&self) {
        let text = format!(
            "lock-version = \"1.0\"\ncreated-by = \"pannier\"\n\n[[packages]]\nname = \"tools\"\nversion = \"1.0\"\n\
             vcs = {{ type = \"git\", url = \"{}\", commit-id = \"{}\" }}\n\n[tool.pannier]\nformat = 1\nrequest = \"{}\"\n",
            self.world.tools.url(),
            self.world.c[1],
            "0".repeat(64)
        );
        std::fs::write(self.world.folder.path().join("pylock.toml"), text).unwrap();
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = self.world.by_hand(&self.world.token, arguments);
        command.env("PANNIER_RELEASES", "book");
        command
    }

    fn show(&self, arguments: &str) -> (i32, String) {
        self.world.show(arguments, &mut self.command(arguments))
    }

    fn deploy(&self, commit: usize, flags: &str) -> (i32, String) {
        self.show(&format!("deploy tools@{} {flags}", self.world.c[commit]))
    }

    /// A deployment of this commit is killed when its push has been taken in.
    fn deploy_killed(&self, commit: usize) {
        let world = &self.world;
        world
            .gitlab
            .fault("POST */tools.git/git-receive-pack?", Fault::Hold);
        let mut child = self
            .command(&format!("deploy tools@{}", world.c[commit]))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while !world.gitlab.keeps(Duration::from_millis(20)) {
            assert_eq!(child.try_wait().unwrap(), None, "it was not held");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(world.now().as_ref(), Some(&world.c[commit]));
    }

    /// Someone pushes with git.
    fn push(&self, commit: usize) {
        let eve = self.world.gitlab.user("eve");
        self.world
            .tools
            .push_as(&eve, BRANCH, &self.world.c[commit]);
    }

    /// The lines of the log about branches, in words.
    fn lines(&self) -> String {
        let repository = git2::Repository::open_bare(self.book.folder()).unwrap();
        let history = repository.revparse_single("pannier/releases:history.jsonl");
        let text = history.unwrap().as_blob().unwrap().content().to_vec();
        let line = |text: &str| {
            let line: serde_json::Value = serde_json::from_str(text).unwrap();
            let keys = ["action", "direction", "from", "to", "by", "pushed-by"];
            let words = keys.map(|key| line[key].as_str().unwrap_or("-").to_owned());
            line["project"].is_string().then(|| words.join(" "))
        };
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<String> = text.lines().filter_map(line).collect();
        self.world.plain(&lines.join("\n"))
    }

    fn screen(&self, arguments: &str) -> String {
        let mut text = self.show(arguments).1;
        for (pattern, by) in [
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
            (r"\b\d{8}-\d{6}-[0-9a-f]{6}(-\d)?\b", "<release>"),
            (r"\b[0-9a-f]{64}\b", "<digest>"),
            // A column is as wide as what is in it.
            (r" +(\d+ (s|min)|age) +", " age "),
            (r"release +age", "release age"),
        ] {
            let pattern = fancy_regex::Regex::new(pattern).unwrap();
            text = pattern.replace_all(&text, by).into_owned();
        }
        text
    }
}

/// A killed deployment, and someone who went on from there: all of it is recorded before the next one goes on, and nothing
/// of it is said never to have been in production.
#[test]
fn what_was_pushed_without_an_entry_is_recorded_first() {
    let scene = Scene::new();
    scene.deploy_killed(2);
    scene.push(3);
    // The killed one's job is run again: what someone else has put there since is not taken away by that.
    let c2 = scene.world.c[2].clone();
    let again = scene.screen(&format!("deploy tools@{c2}"));
    assert_eq!(scene.world.now().as_ref(), Some(&scene.world.c[3]));
    let lines = scene.lines();
    // Said openly it goes back.
    let (code, back) = scene.deploy(2, "--rollback");
    assert_eq!((code, scene.world.now()), (0, Some(c2)), "{back}");
    // What was pushed by hand, and stayed, is known to have been there.
    let (code, forward) = scene.deploy(3, "");
    assert_eq!(code, 0, "{forward}");
    insta::assert_snapshot!([again, lines].join("\n"));
}

/// Without push events the plan is what tells of the killed deployment.
#[test]
fn what_nobody_can_know_is_not_denied() {
    let scene = Scene::new();
    scene.deploy_killed(2);
    scene.push(3);
    let netrc = format!(
        "machine 127.0.0.1 login oauth2 password {}\n",
        scene.world.token
    );
    std::fs::write(scene.world.folder.path().join(".netrc"), netrc).unwrap();
    let arguments = format!("deploy tools@{}", scene.world.c[2]);
    let mut command = scene.command(&arguments);
    let (code, shown) = scene
        .world
        .show(&arguments, command.env_remove("PANNIER_TOKEN"));
    assert_eq!(code, 8, "{shown}");
    assert!(shown.contains("ann was deploying it on "), "{shown}");
    assert!(shown.contains("how that ended is not recorded"), "{shown}");
    assert!(!shown.contains("never"), "{shown}");
    insta::assert_snapshot!(scene.lines());
}

/// Commands that only read warn, change nothing, and end as they would otherwise.
#[test]
fn who_only_reads_is_warned() {
    let scene = Scene::new();
    for channel in ["", " --channel production"] {
        let (code, shown) = scene.show(&format!("release record{channel}"));
        assert_eq!(code, 0, "{shown}");
    }
    scene.push(3);
    let before = scene.book.branch("pannier/releases");
    let dry = format!("deploy tools@{} --dry-run", scene.world.c[3]);
    let screens = [
        scene.screen("release list"),
        scene.screen("release list --format json"),
        scene.screen("release diff production latest --format json"),
        scene.screen(&dry),
        scene.screen("rollback --to production --dry-run --format json"),
    ];
    let shown = scene.screen("release show --format json");
    assert!(shown.contains("\"log_gaps\""), "{shown}");
    assert_eq!(scene.book.branch("pannier/releases"), before);
    // Who may not see the project is told so, once.
    let reader = scene.world.gitlab.user("reader");
    scene.book.member(&reader, Role::Reporter);
    let token = scene
        .world
        .gitlab
        .token(&reader, &["read_api", "read_repository"]);
    let mut command = scene.command("release list");
    let (code, blind) = scene
        .world
        .show("release list", command.env("PANNIER_TOKEN", token));
    assert_eq!(code, 0, "{blind}");
    assert_eq!(blind.matches("warning:").count(), 1, "{blind}");
    assert!(
        blind.contains("the release log cannot be compared with the branches of tools: "),
        "{blind}"
    );
    insta::assert_snapshot!(screens.join("\n"));
    // Whoever writes records it, whatever else is written.
    let (code, promoted) = scene.show("release promote latest --format json");
    assert_eq!(code, 0, "{promoted}");
    assert!(
        promoted.contains("\"log_gaps_recorded\": true"),
        "{promoted}"
    );
    assert!(!scene.screen("release list").contains("warning"));
}

/// Several who find the same gap at once record it once.
#[test]
fn a_gap_that_several_find_is_recorded_once() {
    let scene = Scene::new();
    scene.push(2);
    scene.push(3);
    let start = |number: u32| {
        let mut command = scene.command("release record");
        command
            .env(
                "PANNIER_STORE",
                scene.world.folder.path().join(format!("store-{number}")),
            )
            .env(
                "CI_PIPELINE_URL",
                format!("https://gitlab.example.org/p/-/pipelines/{number}"),
            )
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let running: Vec<_> = (0..6).map(start).collect();
    for run in running {
        let output = run.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    insta::assert_snapshot!(scene.lines());
}

/// A log whose lines only a newer Pannier can read: nothing is written into it; a deployment says so and goes on.
#[test]
fn a_log_of_a_newer_pannier_is_left_alone() {
    let scene = Scene::new();
    scene.book.commit(
        "pannier/releases",
        &[("history.jsonl", "{\"action\":\"deploy\",\"format\":2}\n")],
    );
    let before = scene.book.branch("pannier/releases");
    let recorded = scene.screen("release record");
    let (code, deployed) = scene.deploy(3, "");
    assert_eq!(code, 1, "{deployed}");
    assert!(deployed.contains("moved"), "{deployed}");
    assert_eq!(scene.book.branch("pannier/releases"), before);
    insta::assert_snapshot!(recorded);
}
