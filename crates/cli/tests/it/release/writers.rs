//! Many writers at once, and writers that are killed.

use std::process::Stdio;

use pannier_testkit::loopback::Fault;

use super::desk::Desk;

#[test]
fn twenty_writers_at_once_lose_nothing() {
    let desk = Desk::new();
    desk.lock("1.0", 'a');
    let start = |number: u32| {
        let channel = format!("channel-{number}");
        let mut command = desk.process("release record --channel");
        command
            .arg(channel)
            // Each has a store of its own, as jobs on many machines have.
            .env("PANNIER_STORE", format!("store-{number}"))
            .env(
                "CI_PIPELINE_URL",
                format!("https://gitlab.example.org/p/-/pipelines/{number}"),
            )
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let running: Vec<_> = (0..20).map(start).collect();
    for run in running {
        let output = run.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(desk.ids().len(), 20);
    let channels = desk.files();
    let channels = channels.iter().filter(|path| path.starts_with("channels/"));
    assert_eq!(channels.count(), 20);
    assert_eq!(desk.file("history.jsonl").lines().count(), 40);
    assert_eq!(desk.log("%H").lines().count(), 20);
}

#[test]
fn a_writer_that_is_killed_while_it_pushes_has_written_nothing_or_all() {
    let desk = Desk::new();
    desk.lock("1.0", 'a');
    desk.run("release record --channel production");
    let before = desk.tip();
    desk.lock("2.0", 'b');
    let pushes = || {
        let seen = desk.server.http.seen();
        let push = |it: &&pannier_testkit::loopback::Request| {
            it.method == "POST" && it.path.ends_with("git-receive-pack")
        };
        seen.iter().filter(push).count()
    };
    let already = pushes();
    desk.server
        .http
        .fault("book.git/git-receive-pack?", Fault::Stall);
    let mut run = desk
        .process("release record --channel production")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The server has the push in its hands and keeps it.
    while pushes() == already {
        std::thread::yield_now();
    }
    run.kill().unwrap();
    run.wait().unwrap();
    assert_eq!(desk.tip(), before);
    // Nothing is left in the way of the next run, on the machine or in the book.
    desk.run("release record --channel production");
    assert_eq!(desk.ids().len(), 2);
    assert_eq!(desk.file("history.jsonl").lines().count(), 4);
    let unfinished: Vec<_> = std::fs::read_dir(desk.path().join("store/git"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(".half"))
        .collect();
    assert_eq!(unfinished, Vec::<String>::new());
}

#[test]
fn a_push_whose_answer_is_lost_is_not_repeated() {
    let desk = Desk::new();
    desk.lock("1.0", 'a');
    desk.server
        .http
        .fault("book.git/git-receive-pack?", Fault::Truncate(0));
    desk.run("release record --channel production");
    assert_eq!(desk.ids().len(), 1);
    assert_eq!(desk.file("history.jsonl").lines().count(), 2);
    assert_eq!(desk.log("%H").lines().count(), 1);
}
