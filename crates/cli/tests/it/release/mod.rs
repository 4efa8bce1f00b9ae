//! `pannier release` as a user runs it: the real program, the book on a git server on loopback.
//!
//! What people see is compared with snapshots; ages, names of releases and addresses are replaced before.
#![allow(clippy::unwrap_used)]

pub mod desk;
pub mod writers;

use desk::Desk;

#[test]
fn a_release_is_recorded_listed_shown_compared_and_promoted() {
    let desk = Desk::new();
    let mut screens = Vec::new();
    let mut see = |arguments: &str| screens.push(desk.screen(arguments));
    see("release list");
    desk.lock("1.0", 'a');
    see("release record --channel production");
    desk.lock("2.0", 'b');
    see("release diff production pylock.toml");
    see("release record --reason 'a new parser'");
    see("release list");
    see("release diff production latest");
    see("release promote latest");
    see("release promote latest");
    see("release diff");
    see("release show");
    see("release list --limit 1 --format json");
    see("release promote previous --channel staging");
    see("release list");
    insta::assert_snapshot!(screens.join("\n"));
    // The lock that comes out is the one that went in.
    let shown = desk.run("release show production --lock");
    assert_eq!(shown.stdout, desk.read("pylock.toml").into_bytes());
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    let desk = Desk::new();
    let mut screens = vec![
        desk.screen("release show 2026"),
        desk.screen("release record"),
    ];
    desk.lock("1.0", 'a');
    desk.screen("release record");
    screens.push(desk.screen("release show nightly"));
    screens.push(desk.screen("release diff"));
    screens.push(desk.screen("release promote latest --channel ../x"));
    desk.write("pannier.yml", "branch: main\n");
    screens.push(desk.screen("release list"));
    screens.push(desk.screen("release list --release-log ./folder"));
    let earlier = desk.screen("release list --book ./folder");
    assert_eq!(
        screens
            .last()
            .map(|it| it.replace("--release-log ./", "--book ./")),
        Some(earlier),
        "`--book` is an alias"
    );
    desk.write("pannier.yml", "releases: {branch: x}\n");
    screens.push(desk.screen("release list"));
    insta::assert_snapshot!(screens.join("\n"));
}

#[test]
fn a_job_that_runs_again_records_nothing_twice_and_says_who_and_why() {
    let desk = Desk::new();
    desk.lock("1.0", 'a');
    let record = || {
        let mut command = desk.command("release record --channel production --format json");
        command
            .env("GITLAB_USER_LOGIN", "ann")
            .env("GITLAB_USER_EMAIL", "ann@example.org")
            .env(
                "CI_PIPELINE_URL",
                "https://gitlab.example.org/p/-/pipelines/7",
            )
            .env("CI_COMMIT_TITLE", "Raise lib");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let (first, again) = (record(), record());
    assert_eq!(first["recorded"], true);
    assert_eq!(again["recorded"], false);
    assert_eq!(first["release"], again["release"]);
    let shown: serde_json::Value =
        serde_json::from_slice(&desk.run("release show --format json").stdout).unwrap();
    assert_eq!(shown["by"], "ann");
    assert_eq!(shown["reason"], "Raise lib");
    assert_eq!(
        shown["pipeline"],
        "https://gitlab.example.org/p/-/pipelines/7"
    );
    assert_eq!(shown["history"].as_array().unwrap().len(), 2);
    let log = desk.log("%an <%ae> %s");
    assert_eq!(log.lines().count(), 1);
    assert!(log.starts_with("ann <ann@example.org> Record "), "{log}");
}

#[test]
fn the_branch_is_readable_in_a_browser() {
    let desk = Desk::new();
    desk.lock("1.0", 'a');
    desk.run("release record --channel production");
    let id = desk.ids().remove(0);
    let wanted = [
        "README.md".to_owned(),
        "channels/production.json".to_owned(),
        "history.jsonl".to_owned(),
        format!("releases/{id}.json"),
        format!("releases/{id}.pylock.toml"),
    ];
    assert_eq!(desk.files(), wanted);
    let release = desk.file(&format!("releases/{id}.json"));
    let value: serde_json::Value = serde_json::from_str(&release).unwrap();
    // Indented, so that a difference of two commits reads line by line.
    assert!(release.lines().count() > 20, "{release}");
    assert_eq!(value["packages"][1]["commit"], "a".repeat(40));
    insta::assert_snapshot!(desk.file("README.md"));
}

#[test]
fn what_was_damaged_on_the_branch_is_named_and_nothing_is_written() {
    let desk = Desk::new();
    desk.lock("1.0", 'a');
    desk.run("release record --channel production");
    let id = desk.ids().remove(0);
    let mut screens = Vec::new();
    for (path, text) in [
        (format!("releases/{id}.json"), "{\"format\": 1,".to_owned()),
        (format!("releases/{id}.json"), "{\"format\": 99}".to_owned()),
        (
            format!("releases/{id}.pylock.toml"),
            desk.read("pylock.toml") + "# edited\n",
        ),
        ("history.jsonl".to_owned(), "nothing\n".to_owned()),
        ("channels/production.json".to_owned(), "[]".to_owned()),
    ] {
        let before = desk.tip();
        desk.edit(&path, &text);
        let edited = desk.tip();
        screens.push(desk.screen("release show production"));
        let channel = path.starts_with("channels/").then_some("production");
        let promote = format!(
            "release promote latest --channel {}",
            channel.unwrap_or("other")
        );
        screens.push(desk.screen(&promote));
        assert_eq!(desk.tip(), edited);
        desk.set_tip(&before);
    }
    insta::assert_snapshot!(screens.join("\n"));
}

#[test]
fn tarballs_are_recorded_with_their_lock() {
    let desk = Desk::new();
    desk.lock("1.0", 'a');
    desk.tarball("builder", "bytes of the tarball");
    let recorded = desk.screen("release record --tarballs dist --channel production");
    let shown = desk.screen("release show");
    desk.lock("2.0", 'a');
    let foreign = desk.screen("release record --tarballs dist");
    let none = desk.screen("release record --tarballs .");
    insta::assert_snapshot!([recorded, shown, foreign, none].join("\n"));
}
