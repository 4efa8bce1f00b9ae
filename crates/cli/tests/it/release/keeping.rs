//! Tarballs in the package registry: uploaded once, fetched whole or not at all.

use pannier_testkit::gitlab::{Fault, Force, Role, Status};

use super::platform::Platform;

const UPLOADS: &str = "PUT /api/v4/projects";

/// A release with two tarballs.
fn recorded() -> Platform {
    let platform = Platform::new();
    platform.lock("1.0", 'a');
    platform.tarball("builder", "bytes of the first tarball");
    platform.tarball("tester", "bytes of the second");
    platform.run("release record --tarballs dist --channel production");
    platform
}

fn files(platform: &Platform) -> Vec<String> {
    platform.gitlab.read(|state| {
        let files = state.packages.values().flat_map(|it| &it.files);
        files.map(|file| file.name.clone()).collect()
    })
}

/// What lies in a folder, sorted.
fn listing(platform: &Platform, folder: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(platform.path().join(folder)) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn identical_digests_are_uploaded_once() {
    let platform = recorded();
    let mut screens = vec![platform.screen("release publish")];
    assert_eq!(platform.gitlab.count(UPLOADS), 2);
    screens.push(platform.screen("release publish production"));
    // Another pipeline records the same: its tarballs are there.
    platform.run("release record --tarballs dist");
    screens.push(platform.screen("release publish latest --format json"));
    assert_eq!(platform.gitlab.count(UPLOADS), 2);
    assert_eq!(files(&platform).len(), 2);
    // One of them is another one now.
    platform.tarball("tester", "other bytes");
    screens.push(platform.screen("release publish production"));
    screens.push(platform.screen("release publish"));
    platform.run("release record --tarballs dist");
    screens.push(platform.screen("release publish"));
    assert_eq!(platform.gitlab.count(UPLOADS), 3);
    insta::assert_snapshot!(screens.join("\n"));
}

#[test]
fn what_is_fetched_is_what_was_recorded() {
    let platform = recorded();
    let unpublished = platform.screen("release fetch -o out");
    platform.run("release publish");
    let mut screens = vec![unpublished, platform.screen("release fetch -o out")];
    assert_eq!(
        platform.read("out/builder.tar.gz"),
        "bytes of the first tarball"
    );
    let downloads = platform.gitlab.count("/packages/generic/");
    screens.push(platform.screen("release fetch -o out --image tester"));
    assert_eq!(platform.gitlab.count("/packages/generic/"), downloads);
    assert_eq!(
        platform.read("out/tester.tar.gz.sha256"),
        platform.read("dist/tester.tar.gz.sha256")
    );
    screens.push(platform.screen("release fetch -o out --image other"));
    platform.lock("2.0", 'b');
    platform.run("release record");
    screens.push(platform.screen("release fetch latest -o out"));
    insta::assert_snapshot!(screens.join("\n"));
}

#[test]
fn a_server_that_lies_is_refused_and_nothing_of_it_is_seen() {
    let platform = recorded();
    platform.run("release publish");
    platform.gitlab.change(|state| {
        for package in state.packages.values_mut() {
            for file in &mut package.files {
                // The digest that it states is still the right one.
                file.bytes[0] ^= 1;
            }
        }
    });
    platform.write("out/builder.tar.gz", "what was there before");
    let screen = platform.screen("release fetch -o out --image builder");
    insta::assert_snapshot!(screen);
    assert_eq!(platform.read("out/builder.tar.gz"), "what was there before");
    assert_eq!(listing(&platform, "out"), ["builder.tar.gz"]);
    // A file that never ends is not read to its end.
    platform.gitlab.change(|state| {
        for package in state.packages.values_mut() {
            for file in &mut package.files {
                file.bytes = vec![b'x'; 1 << 20];
            }
        }
    });
    let output = platform
        .command("release fetch -o out --image builder")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert_eq!(listing(&platform, "out"), ["builder.tar.gz"]);
}

#[test]
fn an_upload_whose_answer_is_lost_is_looked_for_before_it_is_sent_again() {
    let platform = recorded();
    platform.gitlab.fault("/packages/generic/", Fault::Lose);
    platform.run("release publish");
    assert_eq!(files(&platform).len(), 2);
    assert_eq!(platform.gitlab.count(UPLOADS), 2);
    let platform = recorded();
    platform.gitlab.fault("/packages/generic/", Fault::Drop);
    platform.gitlab.server_error("/packages/generic/", 502);
    platform.run("release publish");
    assert_eq!(files(&platform).len(), 2);
    assert_eq!(platform.gitlab.count(UPLOADS), 4);
}

#[test]
fn a_download_that_breaks_off_is_begun_again() {
    let platform = recorded();
    platform.run("release publish");
    platform
        .gitlab
        .fault("/packages/generic/", Fault::Truncate(5));
    platform.run("release fetch -o out --image builder");
    assert_eq!(
        platform.read("out/builder.tar.gz"),
        "bytes of the first tarball"
    );
    assert_eq!(
        listing(&platform, "out"),
        ["builder.tar.gz", "builder.tar.gz.sha256"]
    );
}

#[test]
fn the_token_of_a_job_suffices() {
    let platform = recorded();
    let ann = platform.gitlab.user("ann");
    platform.book.member(&ann, Role::Developer);
    let pipeline = platform
        .book
        .pipeline("main", Status::Running)
        .by(&ann)
        .with_job("keep", "deploy", Status::Running);
    let job = pipeline.job("keep");
    for arguments in ["release publish", "release fetch -o out"] {
        let mut command = platform.process(arguments);
        command.envs(job.variables());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(files(&platform).len(), 2);
}

#[test]
fn a_token_that_is_too_weak_is_told_what_is_needed() {
    let platform = recorded();
    let eve = platform.gitlab.user("eve");
    platform.book.member(&eve, Role::Developer);
    let token = platform
        .gitlab
        .token(&eve, &["read_api", "read_repository"]);
    let mut command = platform.command("release publish");
    command.env("PANNIER_TOKEN", token);
    insta::assert_snapshot!(platform.screen_of("release publish", &mut command));
    assert!(files(&platform).is_empty());
}

/// Who may not write the release log publishes all the same, and is warned of what the log does not tell.
#[test]
fn a_log_with_a_gap_that_cannot_be_written_does_not_stop_a_publisher() {
    let platform = recorded();
    let tool = platform.gitlab.project("platform/tool");
    let (old, new) = (
        tool.commit("main", &[("n", "1")]),
        tool.commit("main", &[("n", "2")]),
    );
    tool.set_branch("production", &new);
    let line = serde_json::json!({
        "entry": "1-0", "at": "2026-03-01T03:12:44Z", "by": "ann", "action": "deploy", "project": "tool",
        "repository": tool.url(), "branch": "production", "to": old, "direction": "first",
    });
    let history = platform.file("history.jsonl").unwrap() + &format!("{line}\n");
    platform
        .book
        .commit("pannier/releases", &[("history.jsonl", &history)]);
    platform
        .book
        .protect("pannier/releases", Role::None, Force::Refused);
    let output = platform.command("release publish").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("cannot update the release log"),
        "{said}"
    );
    assert!(said.contains("`production` of tool is at "), "{said}");
    assert_eq!(platform.file("history.jsonl").unwrap(), history);
}
