//! Several projects at once: together or not at all, fifty in one plan, from a lock, and what the release log tells.

use std::time::{Duration, Instant};

use pannier_core::deploy::Ending;
use pannier_core::deploy::Kind;
use pannier_core::deploy::Outcome;
use pannier_core::deploy::Rules;

use super::world::{BRANCH, World, rollback, target};
use pannier_testkit::gitlab::{Fault, Force, Project, Role};
use pannier_testkit::loopback::Answer;

/// `platform/p1` to `pN`, each with `production` one commit behind `main`; the commits of each, the older one first.
fn set(world: &World, count: usize) -> Vec<(Project, [String; 2])> {
    let make = |number| {
        let project = world.gitlab.project(&format!("platform/p{number}"));
        let old = project.commit("main", &[("n", "1")]);
        let new = project.commit("main", &[("n", "2")]);
        project.set_branch(BRANCH, &old);
        (project, [old, new])
    };
    (1..=count).map(make).collect()
}

/// Five go back; the third one's protection changes between the plan and the push.
#[test]
fn a_set_goes_back_to_where_it_was_when_one_fails() {
    let world = World::new();
    let set = set(&world, 5);
    for (project, [_, new]) in &set {
        project.set_branch(BRANCH, new);
    }
    let targets: Vec<_> = set
        .iter()
        .map(|(project, [old, _])| target(project, old))
        .collect();
    let hands = world.hands("a");
    let plan = hands.plan(&targets, &rollback());
    let kinds: Vec<_> = plan.steps.iter().map(|step| step.verdict.clone()).collect();
    assert_eq!(kinds, vec![Ok(Kind::Rollback); 5]);
    set[2].0.protect(BRANCH, Role::Maintainer, Force::Refused);
    let report = hands.apply(&plan);
    assert_eq!(report.ending(), Ending::Refused);
    let outcomes: Vec<_> = report.ends.iter().map(|end| end.outcome.word()).collect();
    assert_eq!(
        outcomes,
        ["undone", "undone", "refused", "untouched", "untouched"]
    );
    for (project, [_, new]) in &set {
        assert_eq!(project.branch(BRANCH).as_ref(), Some(new));
    }
    set[2].0.unprotect(BRANCH);
    assert_eq!(hands.apply(&plan).ending(), Ending::Done);
    for (project, [old, _]) in &set {
        assert_eq!(project.branch(BRANCH).as_ref(), Some(old));
    }
}

/// The same forwards and seen by a person: the third server says no, among them is one that had no branch yet.
#[test]
fn what_is_shown_of_a_set_that_fails() {
    let mut world = World::new();
    let set = set(&world, 5);
    for (number, (_, [old, new])) in set.iter().enumerate() {
        world.call(old, &format!("p{}old", number + 1));
        world.call(new, &format!("p{}new", number + 1));
    }
    git2::Repository::open_bare(set[1].0.folder())
        .unwrap()
        .find_reference("refs/heads/production")
        .unwrap()
        .delete()
        .unwrap();
    let fault = Fault::Answer(Answer::new(403, "You are not allowed to push code"));
    world.gitlab.fault("POST */p3.git/git-receive-pack?", fault);
    let arguments = "deploy p1@main p2@main p3@main p4@main p5@main";
    let (code, shown) = world.run(arguments);
    assert_eq!(code, 8, "{shown}");
    assert_eq!(
        set[1].0.branch(BRANCH),
        None,
        "the branch that was made is removed again"
    );
    for (number, (project, [old, _])) in set.iter().enumerate().filter(|(n, _)| *n != 1) {
        assert_eq!(
            project.branch(BRANCH).as_ref(),
            Some(old),
            "p{}",
            number + 1
        );
    }
    let (code, after) = world.run(arguments);
    assert_eq!(code, 0, "{after}");
    insta::assert_snapshot!([shown, after].join("\n"));
}

/// One that moved cannot be moved back, as someone else has gone on from there: that stays, and is told.
#[test]
fn what_cannot_be_taken_back_is_told() {
    let world = World::new();
    let set = set(&world, 2);
    let targets: Vec<_> = set
        .iter()
        .map(|(project, [_, new])| target(project, new))
        .collect();
    let hands = world.hands("a");
    // It may move forwards only, so it goes last; the other one fails, and nothing has to be taken back.
    set[0].0.protect(BRANCH, Role::Maintainer, Force::Refused);
    let plan = hands.plan(&targets, &Rules::default());
    set[1].0.protect(BRANCH, Role::None, Force::Refused);
    let report = hands.apply(&plan);
    let outcomes: Vec<_> = report.ends.iter().map(|end| end.outcome.word()).collect();
    assert_eq!(outcomes, ["untouched", "refused"]);
    // Now the one that may move forwards only is the first, because nobody knew.
    set[0].0.unprotect(BRANCH);
    set[1].0.unprotect(BRANCH);
    let plan = hands.plan(&targets, &Rules::default());
    set[0].0.protect(BRANCH, Role::Maintainer, Force::Refused);
    set[1].0.protect(BRANCH, Role::None, Force::Refused);
    let report = hands.apply(&plan);
    assert!(matches!(report.ends[0].outcome, Outcome::Stuck { .. }));
    assert_eq!(report.ending(), Ending::Failed);
    assert_eq!(set[0].0.branch(BRANCH).as_ref(), Some(&set[0].1[1]));
    insta::assert_snapshot!(report.ends[0].words());
}

/// One refusal among several: nothing is pushed at all.
#[test]
fn one_refusal_stops_all() {
    let world = World::new();
    let set = set(&world, 2);
    let (code, shown) = world.run(&format!("deploy p1@main p2@{}", "0123456789".repeat(4)));
    assert_eq!(code, 8, "{shown}");
    assert_eq!(set[0].0.branch(BRANCH).as_ref(), Some(&set[0].1[0]));
    assert_eq!(world.gitlab.count("git-receive-pack?"), 0);
}

/// Fifty projects with a tenth of a second of latency; the time is printed, the requests are counted.
#[test]
fn fifty_projects_in_one_plan() {
    let world = World::new();
    let set = set(&world, 50);
    let targets: Vec<_> = set
        .iter()
        .map(|(project, [_, new])| target(project, new))
        .collect();
    world.gitlab.latency(Duration::from_millis(100));
    let hands = world.hands("a");
    let plan_once = |what: &str| {
        let (before, start) = (world.gitlab.count(""), Instant::now());
        let plan = hands.plan(&targets, &Rules::default());
        let (requests, time) = (world.gitlab.count("") - before, start.elapsed());
        assert_eq!(plan.refusals().count(), 0);
        assert_eq!(plan.steps.len(), 50);
        println!(
            "50 projects, {what}: {requests} requests, {:.2} s",
            time.as_secs_f64()
        );
        requests
    };
    assert!(plan_once("nothing mirrored") <= 50 * 6);
    assert!(plan_once("mirrored") <= 50 * 4);
    world.gitlab.latency(Duration::ZERO);
    assert_eq!(
        hands
            .apply(&hands.plan(&targets, &Rules::default()))
            .ending(),
        Ending::Done
    );
    world.gitlab.latency(Duration::from_millis(100));
    assert_eq!(plan_once("nothing to do"), 50);
}

/// A lock's git packages and data projects move to their commits; the book knows it, also when a run was killed before it
/// wrote, and what it knows makes a rollback of what else would be outdated.
#[test]
fn from_a_lock_with_a_book() {
    let mut world = World::new();
    let set = set(&world, 2);
    for (number, (_, [old, new])) in set.iter().enumerate() {
        world.call(old, &format!("p{}old", number + 1));
        world.call(new, &format!("p{}new", number + 1));
    }
    let book = world.gitlab.project("platform/book");
    let lock = |which: usize| {
        let [a, b] = [&set[0], &set[1]].map(|(project, commits)| (project.url(), &commits[which]));
        let zeros = "0".repeat(64);
        let text = format!(
            "lock-version = \"1.0\"\ncreated-by = \"pannier\"\n\n[[packages]]\nname = \"p1\"\nversion = \"1.0\"\n\
             vcs = {{ type = \"git\", url = \"{}\", commit-id = \"{}\" }}\n\n[tool.pannier]\nformat = 1\nrequest = \"{zeros}\"\n\n\
             [tool.pannier.data.p2]\nurl = \"{}\"\nrequested-revision = \"main\"\ncommit-id = \"{}\"\n",
            a.0, a.1, b.0, b.1
        );
        std::fs::write(world.folder.path().join("pylock.toml"), text).unwrap();
    };
    let run = |arguments: &str| {
        let mut command = world.by_hand(&world.token, arguments);
        command.env("PANNIER_RELEASES", "book");
        world.show(arguments, &mut command)
    };
    let history = || {
        let repository = git2::Repository::open_bare(book.folder()).unwrap();
        let tree = repository.revparse_single("pannier/releases:history.jsonl");
        let text = String::from_utf8(tree.unwrap().as_blob().unwrap().content().to_vec()).unwrap();
        let lines: Vec<String> = text
            .lines()
            .map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                let word = |key: &str| line[key].as_str().unwrap_or("-").to_owned();
                let words = [
                    "action",
                    "by",
                    "project",
                    "direction",
                    "from",
                    "to",
                    "reason",
                ]
                .map(word);
                words.join(" ")
            })
            .collect();
        world.plain(&lines.join("\n"))
    };
    lock(1);
    let (code, first) = run("deploy --from-lock pylock.toml --reason together");
    assert_eq!(code, 0, "{first}");
    // Someone, or a run that was killed, moved one; the next deployment writes that down.
    set[0].0.set_branch(BRANCH, &set[0].1[0]);
    lock(0);
    let (code, back) = run("deploy --from-lock pylock.toml");
    assert_eq!(code, 0, "both were in production before: {back}");
    for (project, [old, _]) in &set {
        assert_eq!(project.branch(BRANCH).as_ref(), Some(old));
    }
    let (code, only) = run("deploy --from-lock pylock.toml p2");
    assert_eq!(code, 0, "{only}");
    let (code, missing) = run("deploy --from-lock pylock.toml p3");
    assert_eq!(code, 2, "{missing}");
    let path = world.folder.path().join("pylock.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let overridden = "\n[[tool.pannier.overrides]]\nname = \"p1\"\nkind = \"package\"\nsaid-by = \"P1_PIP_URL\"\n";
    std::fs::write(&path, text + overridden).unwrap();
    let (code, tried) = run("deploy --from-lock pylock.toml");
    assert_eq!(code, 8, "{tried}");
    let missing = [missing, tried].join("\n");
    insta::assert_snapshot!([first, back, only, missing, history()].join("\n"));
}

/// The book cannot be written: the branches stay as they are, exit 1, and the next run makes up for it.
#[test]
fn a_book_that_cannot_be_written() {
    let world = World::new();
    let book = world.gitlab.project("platform/book");
    let run = || {
        let mut command = world.by_hand(&world.token, "deploy tools@main");
        command.env("PANNIER_RELEASES", "book");
        world.show("deploy tools@main", &mut command)
    };
    book.protect("pannier/releases", Role::None, Force::Refused);
    let (code, shown) = run();
    assert_eq!(code, 1, "{shown}");
    assert_eq!(world.now().as_ref(), Some(&world.c[3]));
    book.unprotect("pannier/releases");
    let (code, again) = run();
    assert_eq!(code, 0, "{again}");
    assert!(book.branch("pannier/releases").is_some());
    insta::assert_snapshot!(shown);
}

/// No entry about this project could be written, neither now nor by whoever comes next.
#[test]
fn a_plan_that_would_store_a_secret_ends_before_the_push() {
    let world = World::new();
    world.gitlab.project("platform/book");
    let before = world.now();
    let mut command = world.by_hand(&world.token, "deploy tools@main");
    command.env("PANNIER_RELEASES", "book");
    command.env("TEAM_PASSWORD", "platform/tools");
    let (code, shown) = world.show("deploy tools@main", &mut command);
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("would contain a secret"), "{shown}");
    assert_eq!(world.now(), before, "{shown}");
}
