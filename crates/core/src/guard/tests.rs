//! Tables (expressions, work, ranks), and a search through everything that guards can do (`model`).

mod model;

use jiff::Timestamp;
use serde_json::json;

use super::expression::{ExpressionError, Refs, Statuses};
use super::job_state::{Scope, Work};
use super::pattern::Pattern;
use super::queue::{Entry, Since};
use super::turn::{Family, Member};
use pannier_clients::gitlab::{Job, Pipeline, RunStatus};

#[test]
fn expressions_as_python_reads_them() {
    // Expression, text, whether `re.search` and `re.match` of Python 3.11 find it.
    let table = [
        ("^[0-9]", "12-fix", true, true),
        ("ain$", "main", true, false),
        ("ain\\Z", "main", true, false),
        ("running|pending", "pending", true, true),
        ("un", "running", true, false),
        ("a{2}", "aa", true, true),
        ("a{,2}b", "xb", true, false),
        ("a{x}", "a{x}", true, true),
        ("v{1.2}", "v{1.2}", true, true),
        ("[]x]", "]", true, true),
        ("[^]x]+$", "a]", false, false),
        ("[\\b]", "b", false, false),
        ("\\/\\-\\!", "/-!", true, true),
        ("(?P<n>a)(?P=n)", "aa", true, true),
        ("(?i)MAIN", "main", true, true),
        ("(?i:M)AIN", "mAIN", true, true),
        ("(?u)ä", "ä", true, true),
        ("(?!main)", "main", true, false),
        ("(?<!x)main", "xmain", false, false),
        ("(a)?(?(1)b|c)", "c", true, true),
        ("(?#why [ \\z)main", "main", true, true),
        ("[\\[a&]b", "[b", true, true),
        ("\\d", "٣", true, true),
        ("a}", "a}", true, true),
        ("]", "]", true, true),
        ("a++b", "aab", true, true),
        ("[-a]", "-", true, true),
    ];
    for (expression, text, search, start) in table {
        let pattern = Pattern::python(expression).unwrap_or_else(|e| panic!("{expression}: {e}"));
        assert_eq!(pattern.searches(text), Ok(search), "{expression} in {text}");
        assert_eq!(
            pattern.matches_start(text),
            Ok(start),
            "{expression} at the start of {text}"
        );
    }
}

#[test]
fn invalid_expressions_and_differences_to_python_are_refused() {
    let table = [
        ("(", "Opening"),
        ("[a", "Invalid character class"),
        ("a\\", "Backslash without following character"),
        ("*", "Target of repeat operator is invalid"),
        ("\\z", "bad escape \\z"),
        ("\\h", "bad escape \\h"),
        ("\\p{L}", "bad escape \\p"),
        ("[\\A]", "bad escape \\A"),
        ("[\\1]", "bad escape \\1"),
        ("\\061", "octal escapes are not supported"),
        ("\\N{DIGIT ONE}", "\\N{…} is not supported"),
        ("\\<", "write < without the backslash"),
        (
            "[[a]b",
            "write [ in a character class with a backslash: \\[",
        ),
        (
            "[a&&b]",
            "write & in a character class with a backslash: \\&",
        ),
        (
            "[^]+--]",
            "write - in a character class with a backslash: \\-",
        ),
        ("(?a)\\w", "the flag a is not supported"),
        ("(?ix) a", "the flag x is not supported"),
        ("(?#", "Opening"),
    ];
    for (expression, problem) in table {
        let error = Pattern::python(expression).map(|_| ()).unwrap_err();
        let shown = error.to_string();
        assert!(shown.contains(problem), "{expression}: {shown}");
    }
    assert!(matches!(
        Refs::parse(Some("")),
        Err(ExpressionError::Empty { .. })
    ));
}

#[test]
fn statuses() {
    let words = |expression: Option<&str>| {
        let asked = Statuses::parse(expression).and_then(|it| it.asked());
        asked.map(|all| {
            all.iter()
                .map(|it| it.word().to_owned())
                .collect::<Vec<_>>()
                .join(" ")
        })
    };
    let alive =
        "created waiting_for_resource preparing waiting_for_callback pending running canceling";
    assert_eq!(words(None).unwrap(), alive);
    assert_eq!(words(Some("running|pending")).unwrap(), "pending running");
    assert_eq!(
        words(Some("waiting")).unwrap(),
        "waiting_for_resource waiting_for_callback"
    );
    assert_eq!(
        words(Some(".+")).unwrap(),
        format!("{alive} manual scheduled")
    );
    assert_eq!(words(Some("cancel")).unwrap(), "canceling");
    for none in ["success", "ending", "runing", "Running", "failed|skipped"] {
        assert!(
            matches!(words(Some(none)), Err(ExpressionError::NoStatus { .. })),
            "{none}"
        );
    }
    let odd = RunStatus::from("frobnicating".to_owned());
    assert!(Statuses::parse(None).unwrap().contains(&odd).unwrap());
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// `id name status created queued started finished`, with `-` for what is not there; times in seconds.
fn job(text: &str) -> Job {
    let parts: Vec<&str> = text.split(' ').collect();
    let time = |at: usize| {
        parts[at]
            .parse()
            .ok()
            .map(|second| self::at(second).to_string())
    };
    let waited = parts[5]
        .parse::<f64>()
        .ok()
        .zip(parts[4].parse::<f64>().ok());
    serde_json::from_value(json!({
        "id": parts[0].parse::<u64>().unwrap(), "name": parts[1].replace('_', " "), "stage": "deploy", "status": parts[2],
        "created_at": time(3), "started_at": time(5), "finished_at": time(6),
        "queued_duration": waited.map(|(started, queued)| started - queued),
    }))
    .unwrap()
}

fn jobs(texts: &[&str]) -> Vec<Job> {
    texts.iter().map(|text| job(text)).collect()
}

fn pipeline(created: i64, started: Option<i64>, finished: Option<i64>) -> Pipeline {
    serde_json::from_value(json!({
        "id": 1, "status": "running", "created_at": at(created).to_string(), "updated_at": at(created).to_string(),
        "started_at": started.map(|it| at(it).to_string()), "finished_at": finished.map(|it| at(it).to_string()),
    }))
    .unwrap()
}

#[test]
fn what_others_are_called_stays_in_its_line() {
    let mut evil = pipeline(0, None, None);
    evil.reference = "main\nguard: go\u{202e}\u{1b}[2J".to_owned();
    assert_eq!(
        super::say::me(&evil, None),
        "pipeline #1 of main\\nguard: go\\u{202e}\\u{1b}[2J"
    );
}

#[test]
fn since_when_a_pipeline_is_alive() {
    let since = |pipeline: &Pipeline, texts: &[&str], entry| {
        let alone = Family::new(vec![Member::alone(pipeline, &jobs(texts))]);
        alone.since(&Scope::Pipeline, entry, at(5000))
    };
    let ordinary = pipeline(1000, Some(1010), None);
    let steps = [
        "1 build success 1000 1002 1010 1100",
        "2 deploy running 1000 1105 1110 -",
    ];
    assert_eq!(
        since(&ordinary, &steps, Entry::Created),
        Since::Known(at(1000))
    );
    assert_eq!(
        since(&ordinary, &steps, Entry::Started),
        Since::Known(at(1010))
    );
    // Its deployment was played at 2000.
    let played = [
        "1 build success 1000 1002 1010 1100",
        "2 deploy running 1000 2000 2005 -",
    ];
    assert_eq!(
        since(&ordinary, &played, Entry::Created),
        Since::Known(at(2000))
    );
    // A trigger job has kept it alive meanwhile.
    let covered = [played[0], played[1], "3 child success 1000 1101 1101 1990"];
    assert_eq!(
        since(&ordinary, &covered, Entry::Created),
        Since::Known(at(1000))
    );
    // It was over and was retried within seconds.
    let over = pipeline(1000, Some(1010), Some(1100));
    let retried = [
        "1 build failed 1000 1002 1010 1100",
        "2 build running 1105 1105 1108 -",
    ];
    assert_eq!(
        since(&over, &retried, Entry::Created),
        Since::Known(at(1105))
    );
    // Just now someone played a job that no runner has taken.
    let waking = [
        "1 build success 1000 1002 1010 1100",
        "2 deploy pending 1000 - - -",
    ];
    assert_eq!(since(&ordinary, &waking, Entry::Created), Since::Waking);
    // It has not even started.
    let fresh = pipeline(4990, None, None);
    let none = ["1 build pending 4990 - - -"];
    assert_eq!(since(&fresh, &none, Entry::Created), Since::Known(at(4990)));
    assert_eq!(since(&fresh, &none, Entry::Started), Since::NotYet);
}

#[test]
fn a_retried_job_draws_a_new_rank() {
    let deploy = Scope::Stage("deploy".to_owned());
    let since = |texts: &[&str]| {
        let alone = Family::new(vec![Member::alone(
            &pipeline(1000, None, None),
            &jobs(texts),
        )]);
        alone.since(&deploy, Entry::Created, at(1205))
    };
    let waited = Since::Known(at(1000));
    assert_eq!(since(&["1 deploy running 1000 1000 1001 -"]), waited);
    let retried = [
        "1 deploy failed 1000 1000 1001 1100",
        "5 deploy running 1200 1200 1201 -",
    ];
    assert_eq!(since(&retried), Since::Known(at(1200)));
    // Another job of the stage was still at work: the stage was never over.
    let beside = [retried[0], retried[1], "2 check running 1000 1000 1001 -"];
    assert_eq!(since(&beside), waited);
    let after = [
        retried[0],
        retried[1],
        "2 check success 1000 1000 1001 1150",
    ];
    assert_eq!(since(&after), Since::Known(at(1200)));
    // One that was passed over may come as long as its pipeline is alive, and others wait for it.
    let deploy = Scope::Job("deploy".to_owned());
    let passed_over = [
        "1 deploy_1/2 failed 1000 1000 1001 1100",
        "2 deploy_2/2 skipped 1000 - - -",
        "3 report running 1000 1000 1001 -",
        "5 deploy_1/2 running 1200 1200 1201 -",
    ];
    let alone = Family::new(vec![Member::alone(
        &pipeline(1000, None, None),
        &jobs(&passed_over),
    )]);
    assert_eq!(alone.since(&deploy, Entry::Created, at(1205)), waited);
}

#[test]
fn how_far_others_are() {
    let deploy = Scope::Job("deploy".to_owned());
    let stage = Scope::Stage("deploy".to_owned());
    let table: &[(&Scope, &[&str], Work)] = &[
        (&deploy, &[], Work::Over),
        (&deploy, &["1 build running 1 1 1 -"], Work::Over),
        (&deploy, &["1 deploy created 1 - - -"], Work::Ahead),
        (&deploy, &["1 deploy pending 1 - - -"], Work::Ahead),
        (&deploy, &["1 deploy manual 1 - - -"], Work::Ahead),
        (&deploy, &["1 deploy skipped 1 - - -"], Work::Ahead),
        (&deploy, &["1 deploy running 1 1 1 -"], Work::Begun),
        (&deploy, &["1 deploy canceling 1 1 1 -"], Work::Begun),
        (&deploy, &["1 deploy success 1 1 1 2"], Work::Over),
        (
            &deploy,
            &["1 deploy failed 1 1 1 2", "2 deploy pending 3 - - -"],
            Work::Ahead,
        ),
        (
            &deploy,
            &[
                "1 deploy_1/2 success 1 1 1 2",
                "2 deploy_2/2 running 1 1 1 -",
            ],
            Work::Begun,
        ),
        (&deploy, &["1 deploy:_[eu] created 1 - - -"], Work::Ahead),
        (&deploy, &["1 deploy-docs running 1 1 1 -"], Work::Over),
        (
            &stage,
            &["1 a success 1 1 1 2", "2 b created 1 - - -"],
            Work::Begun,
        ),
        (
            &stage,
            &["1 a created 1 - - -", "2 b created 1 - - -"],
            Work::Ahead,
        ),
        (
            &stage,
            &["1 a success 1 1 1 2", "2 b canceled 1 - - -"],
            Work::Over,
        ),
        (&Scope::Pipeline, &["1 build running 1 1 1 -"], Work::Begun),
        (
            &Scope::Pipeline,
            &["1 build running 1 1 1 -", "2 deploy created 1 - - -"],
            Work::Ahead,
        ),
        (&Scope::Pipeline, &["1 deploy success 1 1 1 2"], Work::Begun),
    ];
    for (scope, texts, expected) in table {
        let found = scope.work(&jobs(texts), &[], Some("deploy"));
        assert_eq!(found, *expected, "{scope:?} {texts:?}");
    }
    let mut nowhere = jobs(&["1 a running 1 1 1 -"]);
    nowhere[0].stage = String::new();
    assert_eq!(stage.work(&nowhere, &[], None), Work::Begun);
    let pending = jobs(&["9 trigger created 1 - - -"]);
    assert_eq!(deploy.work(&[], &pending, None), Work::Ahead);
    assert_eq!(
        Scope::Pipeline.work(&jobs(&["1 a created 1 - - -"]), &[], None),
        Work::Begun
    );
}
