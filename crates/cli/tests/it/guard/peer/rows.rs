//! The states on which both programs run, and how each has to end: statuses, expressions, spellings, variables, errors.

use super::super::setup::House;
use super::{Row, Why};
use pannier_testkit::gitlab::{Pipeline, Status, TooMany};

/// A pipeline on `reference` before or after this one.
fn other(house: &House, reference: &str, status: Status) -> Pipeline {
    let sha = house.project.branch("main").unwrap();
    house.project.pipeline_of(reference, &sha, "push", status)
}

fn me(house: &House) -> Pipeline {
    house.project.pipeline("main", Status::Running)
}

/// An older running pipeline on main, and this one.
fn held(house: &House) -> Pipeline {
    other(house, "main", Status::Running);
    me(house)
}

/// All states.
pub fn all() -> Vec<Row> {
    let mut rows = statuses();
    rows.extend(references());
    rows.extend(spellings());
    rows.extend(variables());
    rows.extend(usage());
    rows.extend(errors());
    rows.extend(what_is_seen());
    rows.extend(waiting());
    rows
}

fn statuses() -> Vec<Row> {
    let mut rows = Vec::new();
    for status in Status::ALL {
        let blocked = matches!(status, Status::Manual | Status::Scheduled);
        let alive = !status.is_done() && !blocked;
        let word = status.word();
        let asks = matches!(status, Status::Running | Status::Pending);
        let table = [
            (None, status == Status::Running, alive, Why::AliveByDefault),
            (Some(".+"), true, !status.is_done(), Why::Over),
            (Some("running|pending"), asks, alive, Why::AboutToRun),
        ];
        for (expression, theirs, ours, why) in table {
            let arguments: Vec<&str> = expression.iter().flat_map(|it| ["-s", it]).collect();
            let older = Row::new(format!("older {word}, {expression:?}"), move |house| {
                other(house, "main", status);
                me(house)
            });
            rows.push(
                older
                    .with(&["-x", "-c", ".+"])
                    .with(&arguments)
                    .ends(theirs, ours, why),
            );
            if asks {
                let newer = Row::new(format!("newer {word}, {expression:?}"), move |house| {
                    let me = me(house);
                    other(house, "main", status);
                    me
                });
                rows.push(newer.with(&["-x", "-c", ".+"]).with(&arguments).ends(
                    theirs,
                    false,
                    Why::Winner,
                ));
            }
        }
    }
    rows.push(Row::new("nobody", me).with(&["-x", "-c", ".+"]).same(0));
    rows.push(
        Row::new("from the start", held)
            .with(&["-x", "-c", ".+", "-s", "run"])
            .same(7),
    );
    rows.push(
        Row::new("not inside", held)
            .with(&["-x", "-c", ".+", "-s", "unning"])
            .differs(0, 2, Why::MatchesNothing),
    );
    rows.push(
        Row::new("over alone", held)
            .with(&["-x", "-c", ".+", "-s", "success"])
            .differs(0, 2, Why::MatchesNothing),
    );
    rows
}

fn references() -> Vec<Row> {
    let table = [
        ("^main$", "main", true),
        ("^main$", "main-2", false),
        ("main", "feature/main-page", true),
        ("^[0-9]", "12-fix", true),
        ("^[0-9]\\-", "12-fix", false),
        ("^(feature|release|hotfix)/", "hotfix/a", true),
        ("^v?[\\d.]+$", "v1.2.3", true),
        ("(?i)MAIN", "main", true),
        ("^(?!main)", "main", false),
        ("(?P<x>a)(?P=x)", "baab", true),
        ("x{,2}y", "y", true),
        ("[\\[a]b", "ab", true),
        ("ain\\Z", "main", true),
    ];
    let mut rows: Vec<Row> = table
        .into_iter()
        .map(|(expression, reference, found)| {
            let row = Row::new(format!("{expression} on {reference}"), move |house| {
                other(house, reference, Status::Running);
                me(house)
            });
            row.with(&["-x", "-c", expression])
                .same(if found { 7 } else { 0 })
        })
        .collect();
    let numbered = Row::new("a numbered ref by default", |house| {
        other(house, "12-fix", Status::Running);
        me(house)
    });
    rows.push(numbered.with(&["-x"]).same(7));
    rows.push(
        Row::new("main by default", held)
            .with(&["-x"])
            .differs(0, 7, Why::EveryRef),
    );
    rows.push(
        Row::new("an empty expression", held)
            .with(&["-x", "-c", ""])
            .differs(7, 2, Why::MatchesNothing),
    );
    rows
}

fn spellings() -> Vec<Row> {
    let mut rows = Vec::new();
    for option in [
        "-c",
        "--check",
        "--guard",
        "--guard-ref-regex",
        "--guard-r",
        "--che",
    ] {
        rows.push(
            Row::new(option, held)
                .with(&["-x", option, "^main$"])
                .same(7),
        );
        rows.push(
            Row::new(option, held)
                .with(&["-x", &format!("{option}=^other$")])
                .same(0),
        );
    }
    for option in ["-s", "--status-regex", "--guard-status-regex", "--stat"] {
        rows.push(
            Row::new(option, held)
                .with(&["-x", "-c", ".", option, "running"])
                .same(7),
        );
    }
    for option in ["-x", "--no-wait", "--exit", "-qx"] {
        rows.push(Row::new(option, held).with(&["-c", ".", option]).same(7));
    }
    for option in ["-q", "--silent", "--quiet"] {
        rows.push(
            Row::new(option, held)
                .with(&["-x", "-c", ".", option])
                .same(7),
        );
    }
    for option in ["-i", "--pipeline-id", "--ci-pipeline-id"] {
        let row = Row::new(option, held).without("CI_PIPELINE_ID");
        rows.push(row.with(&["-x", "-c", ".", option, "4002"]).same(7));
    }
    for option in ["-p", "--project-id", "--ci-project-id"] {
        let row = Row::new(option, held).without("CI_PROJECT_ID");
        rows.push(row.with(&["-x", "-c", ".", option, "PROJECT"]).same(7));
    }
    for option in ["-u", "--api-url", "--ci-api-v4-url"] {
        let row = Row::new(option, held).without("CI_API_V4_URL");
        rows.push(row.with(&["-x", "-c", ".", option, "API"]).same(7));
    }
    for option in ["-t", "--access-token", "--api-token", "--private-token"] {
        let row = Row::new(option, held).without("PRIVATE_TOKEN");
        rows.push(row.with(&["-x", "-c", ".", option, "TOKEN"]).same(7));
    }
    for option in ["-w", "--timeout", "--guard-timeout"] {
        rows.push(
            Row::new(option, held)
                .with(&["-c", ".", option, "1"])
                .same(11),
        );
    }
    rows.push(
        Row::new("the last one counts", held)
            .with(&["-x", "-c", "^other$", "-c", "^main$"])
            .same(7),
    );
    rows
}

fn variables() -> Vec<Row> {
    let row = |name: &str| Row::new(name.to_owned(), held).with(&["-x"]);
    vec![
        row("ref by variable")
            .variable("GUARD_REF_REGEX", "^main$")
            .same(7),
        row("variable beats -c")
            .variable("GUARD_REF_REGEX", "^other$")
            .with(&["-c", "^main$"])
            .same(0),
        row("empty is not set")
            .variable("GUARD_REF_REGEX", "")
            .with(&["-c", "^main$"])
            .same(7),
        row("variable beats -s")
            .variable("GUARD_STATUS_REGEX", "pending")
            .with(&["-c", ".", "-s", "running"])
            .same(0),
        row("variable beats -i")
            .variable("CI_PIPELINE_ID", "4001")
            .with(&["-c", "^12", "-i", "4002"])
            .same(0),
        row("variable beats -p")
            .with(&["-c", ".", "-p", "99999"])
            .same(7),
        row("variable beats -u")
            .with(&["-c", ".", "-u", "http://127.0.0.1:9"])
            .same(7),
        row("variable beats -t")
            .with(&["-c", ".", "-t", "glpat-of-nobody"])
            .same(7),
        Row::new("variable beats -w", held)
            .variable("GUARD_TIMEOUT", "1")
            .with(&["-c", ".", "-w", "600"])
            .same(11),
        row("the ref's own variables")
            .variable("CI_COMMIT_REF_NAME", "main")
            .with(&["-c", "^main$"])
            .same(7),
    ]
}

fn usage() -> Vec<Row> {
    let row = |name: &str| Row::new(name.to_owned(), held).with(&["-x", "-c", "."]);
    let mut rows: Vec<Row> = [
        "CI_API_V4_URL",
        "CI_PROJECT_ID",
        "CI_PIPELINE_ID",
        "PRIVATE_TOKEN",
    ]
    .into_iter()
    .map(|missing| row(missing).without(missing).same(2))
    .collect();
    rows.push(row("unknown option").with(&["--planet"]).same(2));
    rows.push(row("more words").with(&["main"]).same(2));
    rows.push(row("no number").with(&["-w", "soon"]).same(2));
    rows.push(row("no value").with(&["-c"]).same(2));
    rows.push(row("ambiguous").with(&["--ci-p", "1"]).same(2));
    rows.push(row("help").with(&["--help"]).same(0));
    rows.push(
        row("own ref")
            .with(&["--ci-build-ref-name", "main"])
            .differs(2, 7, Why::Documented),
    );
    rows
}

fn errors() -> Vec<Row> {
    let row = |name: &str| Row::new(name.to_owned(), held).with(&["-c", "."]);
    vec![
        row("a token of nobody")
            .variable("PRIVATE_TOKEN", "glpat-nobody")
            .with(&["-w", "1"])
            .differs(11, 9, Why::AtOnce),
        row("the same without waiting")
            .variable("PRIVATE_TOKEN", "glpat-nobody")
            .with(&["-x", "-w", "1"])
            .differs(11, 9, Why::AtOnce),
        row("a token without scope")
            .variable("PRIVATE_TOKEN", "SCOPELESS")
            .with(&["-w", "1"])
            .differs(11, 9, Why::AtOnce),
        row("no such project")
            .variable("CI_PROJECT_ID", "99999")
            .with(&["-w", "1"])
            .differs(11, 9, Why::AtOnce),
        row("a project's path")
            .variable("CI_PROJECT_ID", "team/app")
            .with(&["-x", "-w", "1"])
            .differs(11, 7, Why::ProjectPath),
        row("a bad ref expression")
            .with(&["-c", "(", "-w", "1"])
            .differs(11, 9, Why::BadExpression),
        row("a bad status expression")
            .with(&["-s", "[", "-w", "1"])
            .differs(11, 9, Why::BadExpression),
        row("an odd number")
            .variable("CI_PIPELINE_ID", "one")
            .with(&["-w", "1"])
            .differs(11, 2, Why::OddNumber),
        row("trouble once")
            .fault(|house| house.gitlab.server_error("/pipelines?", 502))
            .with(&["-x", "-w", "60"])
            .same(7),
        row("too many once")
            .fault(|house| house.gitlab.too_many("/pipelines?", TooMany::Text))
            .with(&["-x", "-w", "60"])
            .same(7),
    ]
}

fn what_is_seen() -> Vec<Row> {
    let parent = Row::new("the parent", |house| {
        let parent = me(house);
        parent.child("part", Status::Running)
    });
    let child = Row::new("a child", |house| {
        let parent = me(house);
        parent.child("part", Status::Running);
        parent.set(Status::Success);
        me(house)
    });
    let merge_request = Row::new("a merge request", |house| {
        house.project.commit("feature", &[("a.txt", "a\n")]);
        house
            .project
            .merge_request("feature", "main")
            .pipeline(Status::Running);
        me(house)
    });
    let by_ref = Row::new("a merge request by its ref", |house| {
        house.project.commit("feature", &[("a.txt", "a\n")]);
        house
            .project
            .merge_request("feature", "main")
            .pipeline(Status::Running);
        me(house)
    });
    let pages = Row::new("the second page", |house| {
        other(house, "old", Status::Running);
        for _ in 0..25 {
            other(house, "main", Status::Success);
        }
        me(house)
    });
    vec![
        parent.with(&["-x", "-c", "."]).differs(7, 0, Why::Family),
        child.with(&["-x", "-c", "."]).differs(0, 7, Why::Children),
        merge_request
            .with(&["-x", "-c", "^feature$"])
            .differs(0, 7, Why::SourceBranch),
        by_ref.with(&["-x", "-c", "merge-requests/1/"]).same(7),
        pages.with(&["-x", "-c", "^old$"]).differs(0, 7, Why::Pages),
    ]
}

fn waiting() -> Vec<Row> {
    vec![
        Row::new("a timeout", held)
            .with(&["-c", ".", "-w", "1"])
            .same(11),
        Row::new("nothing to wait for", held)
            .with(&["-c", "^other$", "-w", "1"])
            .same(0),
        Row::new("no time", held)
            .variable("GUARD_TIMEOUT", "0")
            .with(&["-c", "."])
            .differs(124, 11, Why::NoTime),
    ]
}
