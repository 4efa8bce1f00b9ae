//! The program: exit codes, the command that it becomes, and where a token shows.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use super::setup::House;
use pannier_testkit::gitlab::{Role, Status};

fn code(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap();
    let text =
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), text)
}

#[test]
fn exit_codes() {
    let house = House::of_today();
    let first = house.deploying(Status::Running);
    let second = house.deploying(Status::Running);
    let run = |pipeline, arguments: &[&str]| code(house.guard(pipeline).args(arguments));
    assert_eq!(run(&first, &[]).0, 0);
    assert_eq!(run(&second, &["--no-wait"]).0, 7);
    assert_eq!(run(&second, &["--timeout", "0"]).0, 11);
    assert_eq!(run(&first, &["--order", "newest"]).0, 10);
    assert_eq!(run(&first, &["-c", "("]).0, 9);
    assert_eq!(run(&first, &["--project", "team/nowhere"]).0, 9);
    for wrong in [
        &["--guard", ""][..],
        &["-c", ""],
        &["-s", "success"],
        &["-w", "soon"],
        &["-w", "-1"],
        &["--scope", "planet"],
        &["--cancel", "older", "--order", "oldest"],
        &["--unknown"],
    ] {
        let (code, text) = run(&first, wrong);
        assert_eq!(code, 2, "{wrong:?}: {text}");
    }
    let (code, text) =
        code(
            house
                .guard(&second)
                .args(["--no-wait", "--", "touch", "/nowhere/at-all"]),
        );
    assert_eq!(code, 7, "{text}");
    assert!(
        text.contains("a conflicting pipeline is running: #4001 main running"),
        "{text}"
    );
}

#[test]
fn it_becomes_the_command() {
    let house = House::of_today();
    let me = house.deploying(Status::Running);
    let shell = |script: &str| {
        let mut command = house.guard(&me);
        command.args(["--quiet", "--", "sh", "-c", script]);
        command
    };
    assert_eq!(
        code(&mut shell("echo done; exit 5")),
        (5, "done\n".to_owned())
    );
    assert_eq!(
        code(house.guard(&me).args(["--", "no-such-program-here"])).0,
        127
    );
    assert_eq!(code(house.guard(&me).args(["--", "/etc/passwd"])).0, 126);
    // What is sent to the guard arrives at the command, because it is the same process.
    let mut child = shell("trap 'echo told; exit 3' TERM; echo ready; while :; do :; done")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut ready = [0; 6];
    out.read_exact(&mut ready).unwrap();
    let kill = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "told\n");
    let killed = shell("kill -KILL $$").status().unwrap();
    assert_eq!(killed.signal(), Some(9));
}

#[test]
fn called_gitlab_job_guard_it_is_that_program() {
    let house = House::of_today();
    house.deploying(Status::Running);
    let me = house.deploying(Status::Running);
    let folder = tempfile::TempDir::new().unwrap();
    let link = folder.path().join("gitlab-job-guard");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_pannier"), &link).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = house.command(link.to_str().unwrap(), &me);
        code(command.args(["--settle", "0"]).args(arguments))
    };
    assert_eq!(run(&["-x", "-c=^main$", "--guard-stat", "running"]).0, 7);
    assert_eq!(run(&["--no-wait", "--check", "^other$"]).0, 0);
    let (code, text) = run(&["--no-wait", "--silent", "--check=^other$"]);
    assert_eq!((code, text.as_str()), (0, ""));
    let (code, help) = run(&["--help"]);
    assert_eq!(code, 0);
    assert!(help.contains("Usage: gitlab-job-guard "), "{help}");
}

#[test]
fn a_token_shows_nowhere() {
    let house = House::of_today();
    let first = house.deploying(Status::Running);
    let me = house.deploying(Status::Running);
    let (_, help) = code(house.guard(&me).args(["--help"]));
    assert!(
        help.contains("PRIVATE_TOKEN") && !help.contains(&house.token),
        "{help}"
    );
    let looks = house.gitlab.count("updated_after");
    let mut command = house.guard(&me);
    let shown = "tr '\\0' ' ' </proc/$$/cmdline; echo; env | grep -c PANNIER_GUARD_TOKEN";
    let spelled = format!("--api-token={}", house.token);
    command
        .env_remove("PRIVATE_TOKEN")
        .args([&spelled, "-v", "--", "sh", "-c", shown]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It has looked a second time, so it has started anew without the token, and has said what it waits for.
    while house.gitlab.count("updated_after") < looks + 4 {
        std::thread::yield_now();
    }
    let line = std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap();
    let line = String::from_utf8(line).unwrap();
    assert!(
        line.contains("--api-token=[hidden]") && !line.contains(&house.token),
        "{line}"
    );
    first.job("deploy").set(Status::Success);
    let output = child.wait_with_output().unwrap();
    let text =
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("waits for 1 conflicting pipeline"), "{text}");
    assert!(
        text.ends_with('\n') && text.contains("\n0\n")
            || text.contains("$$ 0")
            || text.contains("0\n"),
        "{text}"
    );
    assert!(!text.contains(&house.token), "{text}");
    house.gitlab.revoke(&house.token);
    let (refused, text) = code(
        house
            .guard(&me)
            .env("PRIVATE_TOKEN", "glpat-wrong")
            .arg("-v"),
    );
    assert_eq!(refused, 9);
    assert!(
        !text.contains("glpat-wrong") && text.contains("PRIVATE_TOKEN"),
        "{text}"
    );
}

#[test]
fn variables_beat_arguments() {
    let house = House::of_today();
    house.deploying(Status::Running);
    let me = house.deploying(Status::Running);
    let run = |variable: (&str, &str), arguments: &[&str]| {
        code(
            house
                .guard(&me)
                .env(variable.0, variable.1)
                .arg("-x")
                .args(arguments),
        )
        .0
    };
    assert_eq!(run(("GUARD_REF_REGEX", "^other$"), &["-c", "^main$"]), 0);
    assert_eq!(run(("GUARD_REF_REGEX", ""), &["-c", "^main$"]), 7);
    assert_eq!(
        run(("GUARD_STATUS_REGEX", "pending"), &["-s", "running"]),
        0
    );
    assert_eq!(run(("CI_PIPELINE_ID", "4001"), &["-i", "4002"]), 0);
    assert_eq!(run(("GUARD_TIMEOUT", "no"), &["-w", "5"]), 2);
}

#[test]
fn resource_groups() {
    let house = House::of_today();
    let dev = house.gitlab.user("dev");
    house.project.member(&dev, Role::Developer);
    let token = house.gitlab.token(&dev, &["api"]);
    let spec = pannier_testkit::gitlab::JobSpec {
        name: "deploy".to_owned(),
        stage: "deploy".to_owned(),
        resource_group: Some("production/eu".to_owned()),
        ..pannier_testkit::gitlab::JobSpec::default()
    };
    let first = house.project.pipeline("main", Status::Running);
    first.add(spec.clone(), Status::Running);
    let second = house.project.pipeline("main", Status::Running);
    second.add(spec, Status::Pending);
    let run = |arguments: &[&str]| {
        let mut command = house.command(env!("CARGO_BIN_EXE_pannier"), &second);
        command.env("PRIVATE_TOKEN", &token);
        code(command.args(["guard", "resource-group"]).args(arguments))
    };
    let (done, text) = run(&["production/eu", "--mode", "oldest_first", "--list"]);
    assert_eq!(done, 0, "{text}");
    assert!(
        text.starts_with("production/eu: oldest_first\n  job deploy #"),
        "{text}"
    );
    let (done, text) = run(&["production/eu", "--format", "json"]);
    assert_eq!(done, 0, "{text}");
    assert!(
        text.contains("\"process_mode\": \"oldest_first\""),
        "{text}"
    );
    let (done, text) = run(&["staging", "--mode", "unordered"]);
    assert_eq!(done, 1, "{text}");
    assert!(text.contains("no resource group `staging`"), "{text}");
    assert_eq!(run(&["staging", "--mode", "sideways"]).0, 2);
}
