//! Where an override may come from: addresses, references, versions and files.

use serde_json::Value;

use crate::overrides::world::{OVERRIDDEN, PRODUCTION, REQUEST, World, commit, contains};
use pannier_testkit::loopback::{Answer, Fault, Loopback};
use pannier_testkit::projects::Project;

#[test]
fn a_merge_request_by_its_address_and_refs_with_slashes_and_at_signs() {
    let world = World::new();
    world.lib.git(&["checkout", "-q", "-b", "feature/a@2"]);
    let commit = world.lib.commit(&[("job_lib.py", "WHO = 'branch'\n")]);
    world
        .lib
        .push(&["feature/a@2:refs/heads/feature/a@2", REQUEST]);
    let base = world.git.http.url("/platform/job-lib");
    for value in [
        format!("{base}/-/merge_requests/5/diffs"),
        format!("{base}.git@feature/a@2"),
        format!("git+{base}@refs/heads/feature/a@2"),
        format!("{base}.git@{commit}"),
    ] {
        let text = world.run(&[
            "override",
            "resolve",
            "--format",
            "json",
            "-q",
            &format!("job-lib={value}"),
        ]);
        let shown: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(shown["commit"], commit.as_str(), "{value}");
    }
    let text = world.run(&[
        "override",
        "resolve",
        &format!("job-lib={base}/-/merge_requests/5"),
    ]);
    contains(&text, &[&commit, "refs/merge-requests/5/head"]);
}

#[test]
fn versions_of_the_index_and_files_win_at_every_depth() {
    let world = World::new();
    world.run(&["lock"]);
    world.add(
        "job-tools",
        "9.0",
        &[
            "base",
            "yamlish ; extra == 'yaml'",
            "job-report ; extra == 'all'",
        ],
    );
    world.run(&["lock", "--override", "job-tools==9.0"]);
    let mut expected = PRODUCTION.map(str::to_owned);
    expected[3] = "job-tools 9.0".to_owned();
    assert_eq!(world.locked(), expected);
    // A wheel by its URL for what only others pull in, and for what is built from git.
    let base = world.add("base", "7.0", &[]);
    let tools = world.add("job-tools", "8.0", &["yamlish ; extra == 'yaml'"]);
    let flags = [format!("base={base}"), format!("job_tools={tools}")];
    let text = world.run(&["prepare", "--override", &flags[0], "--override", &flags[1]]);
    expected[0] = "base 7.0".to_owned();
    expected[3] = "job-tools 8.0".to_owned();
    assert_eq!(world.locked(), expected);
    contains(
        &text,
        &["base-7.0-py3-none-any.whl", "nothing else differs"],
    );
    let wrong = format!("base={base}#sha256={}", "0".repeat(64));
    let (code, text) = world.fail(&["lock", "--override", &wrong]);
    assert_eq!(code, 4, "{text}");
    contains(&text, &["the override of `base` (--override) is not valid"]);
}

#[test]
fn without_a_production_lock_names_are_found_out() {
    let world = World::new();
    // job-lib is only required by job-report, base only by packages of the index and of git.
    let base = world.add("base", "7.0", &[]);
    let flags = [
        format!("base={base}"),
        format!("job_lib={}", world.merge_request()),
    ];
    let text = world.run(&["lock", "--override", &flags[0], "--override", &flags[1]]);
    contains(
        &text,
        &["there is no production lock to compare with", "instead of"],
    );
    let mut expected = OVERRIDDEN.map(str::to_owned);
    expected[0] = "base 7.0".to_owned();
    assert_eq!(world.locked(), expected);
    assert!(!world.path("pylock.toml").exists());
    // A source whose name nothing tells but its own metadata.
    let odd = world.git.repository("platform/odd");
    odd.git(&["checkout", "-q", "-b", "production"]);
    commit(
        &odd,
        Project {
            name: "job-odd",
            version: "1.0",
            requires: &[],
            extras: &[],
            module: "",
        },
    );
    let new = world.git.repository("me/odd");
    commit(
        &new,
        Project {
            name: "job-odd",
            version: "1.1",
            requires: &[],
            extras: &[],
            module: "",
        },
    );
    world.configure("packages: [odd]\n");
    world.run(&[
        "lock",
        "--override",
        &format!("job-odd={}", world.git.http.url("/me/odd.git")),
    ]);
    assert_eq!(world.locked(), ["job-odd 1.1"]);
}

#[test]
fn a_repository_that_sends_elsewhere_is_not_followed() {
    let world = World::new();
    let other = Loopback::start(|_| Answer::new(404, ""));
    let away = Answer::new(302, "").with(
        "location",
        other.url("/evil.git/info/refs?service=git-upload-pack"),
    );
    world
        .git
        .http
        .fault("/me/job-lib.git/info/refs", Fault::Answer(away));
    let (code, text) = world.fail(&[
        "lock",
        "--override",
        &format!("job-lib={}", world.merge_request()),
    ]);
    assert_eq!(code, 1, "{text}");
    contains(
        &text,
        &[
            "the override of `job-lib` (--override) is not valid",
            "another server",
        ],
    );
    assert_eq!(other.count(), 0);
}
