//! What is refused, and what is told.

use std::fs;

use serde_json::Value;

use crate::overrides::world::{REQUEST, World, contains};
use pannier_testkit::loopback::{Answer, Loopback};

#[test]
fn a_slip_does_not_pass_silently() {
    let world = World::new();
    world.run(&["lock"]);
    let text = world.run(&["lock", "--override", "job-libs==1.0"]);
    contains(
        &text,
        &[
            "warning",
            "--override: no package or data project",
            "`job-libs`",
            "did you mean `job-lib`",
        ],
    );
    let (code, text) = world.fail(&["lock", "--strict-overrides", "--override", "job-libs==2.0"]);
    assert_eq!(code, 2, "{text}");
    contains(&text, &["`job-libs`", "did you mean `job-lib`"]);
    // So is one that was told before and lies in a lock that still fits.
    let (code, _) = world.fail(&["lock", "--strict-overrides", "--override", "job-libs==1.0"]);
    assert_eq!(code, 2);
    let (code, text) = world.fail(&[
        "lock",
        "--override",
        "job-lib==1",
        "--override",
        "Job.Lib==1",
    ]);
    assert_eq!(code, 2, "{text}");
    contains(&text, &["overridden twice"]);
    let secret = world.git.http.url_as("bot:s3cr3t", "/me/job-lib.git");
    let (code, text) = world.fail(&["lock", "--override", &format!("job-lib={secret}")]);
    assert_eq!(code, 2, "{text}");
    assert!(
        !text.contains("s3cr3t") && text.contains("job-lib"),
        "{text}"
    );
}

#[test]
fn what_is_not_allowed_is_not_fetched() {
    let world = World::new();
    world.run(&["lock"]);
    let other = Loopback::start(|_| Answer::new(404, ""));
    let before = world.git.http.count();
    let value = other.url("/me/job-lib.git");
    let (code, text) = world.fail(&["prepare", "--override", &format!("job-lib={value}")]);
    assert_eq!(code, 2, "{text}");
    contains(
        &text,
        &["the override of `job-lib` is not allowed", "is not below"],
    );
    world.configure("packages: [job-report]\noverrides: {deny: [job-lib]}\n");
    let (code, _) = world.fail(&[
        "prepare",
        "--override",
        &format!("job-lib={}", world.merge_request()),
    ]);
    assert_eq!(code, 2);
    assert_eq!((other.count(), world.git.http.count()), (0, before));
}

#[test]
fn a_conflict_names_the_override() {
    let world = World::new();
    world.configure("packages: [job-report]\nconstraints: constraints.txt\n");
    fs::write(world.path("constraints.txt"), "yamlish>=1\n").unwrap();
    world.run(&["lock"]);
    let before = world.read("pylock.toml");
    world.fork.commit(&[(
        "project.json",
        r#"{"name": "job-lib", "version": "2.2", "requires": ["yamlish<1"], "extras": ["html"]}"#,
    )]);
    world.fork.push(&[&format!("+{REQUEST}")]);
    let (code, text) = world.fail(&[
        "lock",
        "--override",
        &format!("job-lib={}", world.merge_request()),
    ]);
    assert_eq!(code, 1, "{text}");
    contains(
        &text,
        &[
            "the override of `job-lib` (--override: git+http",
            "is the cause",
            "yamlish<1",
        ],
    );
    // One that is gone, one that is another package, and one that does not build.
    let fork = world.git.http.url("/me/job-lib.git");
    let (code, text) = world.fail(&[
        "lock",
        "--override",
        &format!("job-lib={fork}@refs/merge-requests/6/head"),
    ]);
    assert_eq!(code, 1, "{text}");
    contains(
        &text,
        &["the override of `job-lib`", "refs/merge-requests/5/head"],
    );
    let (code, text) = world.fail(&[
        "lock",
        "--override",
        &format!("job-tools={fork}@production"),
    ]);
    assert_eq!(code, 1, "{text}");
    contains(
        &text,
        &["the override of `job-tools`", "its name is `job-lib`"],
    );
    assert_eq!(world.read("pylock.toml"), before);
    assert!(!world.path("pylock.overridden.toml").exists());
}

#[test]
fn strictness_refuses_what_else_would_move() {
    let world = World::new();
    let flag = format!("job-lib={}", world.merge_request());
    let (code, text) = world.fail(&["lock", "--strict", "--override", &flag]);
    assert_eq!(code, 3, "{text}");
    world.run(&["lock"]);
    world.run(&["lock", "--strict", "--override", &flag]);
    let kept = world.read("pylock.overridden.toml");
    world.add("base", "1.1", &[]);
    let (code, text) = world.fail(&["lock", "--strict", "--upgrade", "--override", &flag]);
    assert_eq!(code, 5, "{text}");
    contains(&text, &["raised base 1.0 -> 1.1"]);
    assert_eq!(world.read("pylock.overridden.toml"), kept);
    // What the override demands is no other movement, however deep.
    world.add("new-need", "1.1", &["base>=1.1"]);
    world.fork.commit(&[("project.json", r#"{"name": "job-lib", "version": "2.3", "requires": ["new-need>=1.1"], "extras": ["html"]}"#)]);
    world.fork.push(&[&format!("+{REQUEST}")]);
    let text = world.run(&["lock", "--strict", "--upgrade=job-lib", "--override", &flag]);
    contains(&text, &["raised base 1.0 -> 1.1"]);
}

#[test]
fn the_list_says_what_would_apply_and_why() {
    let world = World::new();
    world.configure("packages: [job-report]\ndata: [job-data]\nrequirements: [markup]\n");
    world.run(&["lock"]);
    let count = world.git.http.count();
    let variables = [
        ("job_lib_pip_url", world.merge_request()),
        ("markup_pip_url", "==1.0".to_owned()),
        (
            "job_data_pip_url",
            format!("{}@production", world.git.http.url("/me/job-data.git")),
        ),
        ("jobreport_pip_url", "==1.0".to_owned()),
    ];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let text = world.run_with(&["override", "list"], &variables);
    contains(
        &text,
        &[
            "job-lib",
            "production lock",
            "requirements",
            "data",
            "nothing",
            "job_lib_pip_url",
            "refs/merge-requests/5/head",
        ],
    );
    let json = world.run_with(&["override", "list", "--format", "json"], &variables);
    let rows: Value = serde_json::from_str(&json).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 4);
    let of = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap();
    assert_eq!(of("job-lib")["stands_for"].as_array().unwrap().len(), 1);
    assert_eq!(of("jobreport")["stands_for"], serde_json::json!([]));
    assert!(
        of("jobreport")["near"].to_string().contains("job-report"),
        "{json}"
    );
    assert_eq!(world.git.http.count(), count, "nothing is asked");
    assert_eq!(
        world.run(&["override", "list"]).trim(),
        "nothing is overridden"
    );
}
