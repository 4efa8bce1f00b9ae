//! The door to GitLab against a server that misbehaves: what is repeated and what is not, pages, redirects, secrets.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use miette::Diagnostic;
use pannier_base::url::SafeUrl;
use pannier_clients::gitlab::ApiRequest;
use pannier_clients::gitlab::Gitlab;
use pannier_clients::gitlab::GitlabError;
use pannier_clients::gitlab::Kind;
use pannier_clients::gitlab::Needs;
use pannier_clients::gitlab::ProjectRef;
use pannier_clients::gitlab::Token;
use pannier_clients::gitlab::Tokens;
use pannier_clients::http::Client;
use pannier_clients::http::Clock;
use pannier_clients::http::Method;
use pannier_clients::http::Options;
use pannier_clients::http::RetryPolicy;
use pannier_testkit::loopback::{Answer, Fault, Loopback};
use serde_json::{Value, json};

/// A clock that stands still and remembers for how long it was asked to sleep.
#[derive(Debug, Default)]
struct Still(Mutex<Vec<Duration>>);

impl Clock for Still {
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
    fn sleep(&self, pause: Duration) {
        self.0.lock().unwrap().push(pause);
    }
}

struct Setup {
    server: Loopback,
    clock: Arc<Still>,
    gitlab: Gitlab,
}

fn setup(
    handler: impl Fn(&pannier_testkit::loopback::Request) -> Answer + Send + Sync + 'static,
) -> Setup {
    let server = Loopback::start(handler);
    let clock = Arc::new(Still::default());
    let client = Client::new(Options {
        retry: RetryPolicy {
            attempts: 3,
            ..RetryPolicy::default()
        },
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        ..Options::default()
    });
    let api: SafeUrl = server.url("/sub/api/v4/").parse().unwrap();
    let tokens = Tokens::new([Token::new(Kind::Access, "hush-hush", "PANNIER_TOKEN")]);
    Setup {
        gitlab: Gitlab::new(client, &api, tokens),
        server,
        clock,
    }
}

fn json_answer(status: u16, value: &Value) -> Answer {
    Answer::new(status, value.to_string()).with("content-type", "application/json")
}

fn post() -> ApiRequest {
    ApiRequest {
        method: Method::POST,
        json: Some(json!({"ref": "main"})),
        ..ApiRequest::get("projects/1/pipeline")
    }
}

#[test]
fn reading_is_repeated_and_a_post_is_not() {
    let it = setup(|request| match request.method.as_str() {
        "GET" => json_answer(200, &json!({"id": 1})),
        _ => json_answer(201, &json!({"id": 2})),
    });
    it.server
        .fault("/pipeline", Fault::Answer(Answer::new(502, "<html>")));
    let found: Value = it
        .gitlab
        .ask(&ApiRequest::get("projects/1/pipeline"), &Needs::READ)
        .unwrap();
    assert_eq!(found["id"], 1);
    assert_eq!(it.clock.0.lock().unwrap().len(), 1);

    it.server.fault("/pipeline", Fault::Drop);
    let lost = it.gitlab.ask::<Value>(&post(), &Needs::WRITE).unwrap_err();
    assert!(
        matches!(
            lost,
            GitlabError::Uncertain {
                source: Some(_),
                ..
            }
        ),
        "{lost}"
    );
    it.server
        .fault("/pipeline", Fault::Answer(Answer::new(500, "")));
    let lost = it.gitlab.ask::<Value>(&post(), &Needs::WRITE).unwrap_err();
    assert!(
        matches!(lost, GitlabError::Uncertain { source: None, .. }),
        "{lost}"
    );
    let posts = it
        .server
        .seen()
        .iter()
        .filter(|it| it.method == "POST")
        .count();
    assert_eq!(posts, 2);
}

#[test]
fn a_limit_without_headers_is_obeyed_for_a_minute() {
    let it = setup(|_| json_answer(200, &json!({})));
    let limited = json!({"message": {"error": "This endpoint has been requested too many times."}});
    it.server
        .fault("/user", Fault::Answer(json_answer(429, &limited)));
    it.server.fault(
        "/user",
        Fault::Answer(Answer::new(429, "Retry later").with("retry-after", "7")),
    );
    it.gitlab
        .tell(&ApiRequest::get("user"), &Needs::READ)
        .unwrap();
    let pauses = it.clock.0.lock().unwrap().clone();
    assert_eq!(pauses, [Duration::from_secs(60), Duration::from_secs(7)]);
}

#[test]
fn a_refusal_says_what_gitlab_says_and_which_token_it_takes() {
    let it = setup(|_| {
        json_answer(403, &json!({"message": "403 Forbidden"})).with("x-request-id", "r-17")
    });
    let error = it.gitlab.ask::<Value>(&post(), &Needs::WRITE).unwrap_err();
    assert_eq!(
        error.to_string(),
        "GitLab answered 403 to POST projects/1/pipeline: 403 Forbidden (request r-17)"
    );
    assert_eq!(
        error.help().unwrap().to_string(),
        "the token from PANNIER_TOKEN may not do this; this needs an access token with scope `api` and role Developer or higher in the project"
    );
    assert!(error.is_denied() && !error.may_pass());
}

#[test]
fn pages_are_followed_and_an_object_counts_once() {
    let it = setup(|request| {
        let page = |ids: [u64; 2]| json_answer(200, &json!([{"id": ids[0]}, {"id": ids[1]}]));
        match request.query.as_str() {
            "status=running&per_page=100" => page([5, 4]).with("x-next-page", "2"),
            "status=running&per_page=100&page=2" => page([4, 3]).with("x-next-page", ""),
            other => Answer::new(400, other),
        }
    });
    let endpoint = ApiRequest::get("projects/1/pipelines").with("status", "running");
    let all: Vec<Value> = it.gitlab.list(&endpoint, &Needs::READ).unwrap();
    let ids: Vec<_> = all.iter().map(|it| it["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [5, 4, 3]);
}

/// A file may be kept elsewhere: it is read without the token, and a refusal there is not GitLab's.
#[test]
fn a_file_may_come_from_another_host() {
    let other = Loopback::start(|request| match request.path.as_str() {
        "/bucket/a.tar.gz" => Answer::new(200, "bytes"),
        _ => Answer::new(404, "no"),
    });
    let bucket = other.url("/bucket/");
    let it = setup(move |request| {
        let name = request.path.rsplit('/').next().unwrap();
        Answer::new(302, "").with("location", format!("{bucket}{name}"))
    });
    let package = pannier_clients::gitlab::PackageRef {
        project: ProjectRef::Id(1),
        name: "p".to_owned(),
        version: "1".to_owned(),
    };
    let mut bytes = String::new();
    let mut found = it
        .gitlab
        .download_package_file(&package, "a.tar.gz")
        .unwrap();
    std::io::Read::read_to_string(&mut found, &mut bytes).unwrap();
    assert_eq!(bytes, "bytes");
    let error = it
        .gitlab
        .download_package_file(&package, "b.tar.gz")
        .unwrap_err();
    assert!(!error.is_missing(), "{error}");
    let mut seen = other.seen().into_iter();
    assert!(seen.all(|it| it.header("private-token").is_none()));
}

/// What a page is cut down to: its headers, and the ids in it.
type Cut = fn(&str) -> (Vec<(&'static str, &'static str)>, Vec<u64>);

#[test]
fn a_part_of_a_list_is_not_the_whole() {
    let tables: [(&str, Cut); 4] = [
        ("fewer rows than announced", |_| {
            (vec![("x-total", "3"), ("x-next-page", "")], vec![2, 1])
        }),
        ("fewer pages than announced", |_| {
            (
                vec![("x-total-pages", "2"), ("link", "<x>; rel=\"first\"")],
                vec![2, 1],
            )
        }),
        ("a page that is missing", |query| {
            match query.contains("&page=2") {
                false => (vec![("x-total", "3"), ("x-next-page", "2")], vec![3]),
                true => (vec![("x-next-page", "")], vec![]),
            }
        }),
        (
            "one row that another one displaced each time",
            |query| match query.contains("&page=2") {
                false => (vec![("x-total", "4"), ("x-next-page", "2")], vec![4, 3]),
                true => (vec![("x-total", "3"), ("x-next-page", "")], vec![1]),
            },
        ),
    ];
    for (name, cut) in tables {
        let it = setup(move |request| {
            let (headers, ids) = cut(&request.query);
            let jobs: Vec<_> = ids.iter().map(|id| job(*id)).collect();
            let answer = json_answer(200, &json!(jobs));
            let headers = headers.into_iter();
            headers.fold(answer, |answer, (name, value)| answer.with(name, value))
        });
        let listed = it.gitlab.jobs(&ProjectRef::Id(1), 1);
        assert!(
            matches!(listed, Err(GitlabError::Incomplete { .. })),
            "{name}: {listed:?}"
        );
    }
}

fn job(id: u64) -> Value {
    json!({ "id": id, "name": "a", "stage": "test", "status": "running", "created_at": "2026-01-05T08:00:00Z" })
}

/// A row that moved to the page before while the list was read comes when it is read again.
#[test]
fn a_list_that_shifts_is_read_again() {
    let passes = std::sync::atomic::AtomicUsize::new(0);
    let it = setup(move |request| {
        let second = request.query.contains("&page=2");
        let pass = match second {
            false => passes.fetch_add(1, std::sync::atomic::Ordering::SeqCst),
            true => 0,
        };
        let (total, next, ids) = match (pass, second) {
            (0, false) => ("4", "2", vec![4, 3]),
            (_, false) => ("3", "2", vec![3, 2]),
            (_, true) => ("3", "", vec![1]),
        };
        let jobs: Vec<_> = ids.into_iter().map(job).collect();
        json_answer(200, &json!(jobs))
            .with("x-total", total)
            .with("x-next-page", next)
    });
    let listed = it.gitlab.jobs(&ProjectRef::Id(1), 1).unwrap();
    let ids: Vec<u64> = listed.iter().map(|job| job.id).collect();
    assert_eq!(ids, [4, 3, 1, 2]);
}

#[test]
fn a_full_page_without_any_header_is_not_taken_for_the_last() {
    let it = setup(|request| {
        let ids = match request.query.contains("page=2") {
            false => 101..201,
            true => 100..101,
        };
        json_answer(200, &json!(ids.map(job).collect::<Vec<_>>()))
    });
    assert_eq!(it.gitlab.jobs(&ProjectRef::Id(1), 1).unwrap().len(), 101);
}

#[test]
fn not_changed_is_no_answer_to_who_knows_nothing() {
    let it = setup(|_| Answer::new(304, ""));
    let filter = pannier_clients::gitlab::PipelineFilter::default();
    let listed = it.gitlab.pipelines(&ProjectRef::Id(1), &filter, None);
    assert!(listed.is_err(), "{listed:?}");
    let listed = it
        .gitlab
        .pipelines(&ProjectRef::Id(1), &filter, Some("W/1"));
    assert!(listed.unwrap().objects.is_none());
}

#[test]
fn a_next_page_elsewhere_gets_no_token() {
    let other = Loopback::start(|_| Answer::new(200, "[]"));
    let link = format!("<{}>; rel=\"next\"", other.url("/api/v4/x"));
    let it = setup(move |_| json_answer(200, &json!([])).with("link", &link));
    let led = it.gitlab.list::<Value>(&ApiRequest::get("x"), &Needs::READ);
    assert!(matches!(led, Err(GitlabError::Unusable { .. })));
    assert!(other.seen().is_empty());
}

#[test]
fn a_moved_project_is_found_and_another_host_is_not_asked() {
    let other = Loopback::start(|_| json_answer(200, &json!({"id": 9})));
    let away = other.url("/elsewhere");
    let there = other.url("");
    let it = setup(move |request| match request.path.as_str() {
        "/sub/api/v4/projects/old%2Ftools" => {
            Answer::new(301, "").with("location", "/sub/api/v4/projects/7")
        }
        "/sub/api/v4/projects/7" => {
            assert_eq!(request.header("private-token"), Some("hush-hush"));
            let project = json!({
                "id": 7, "path_with_namespace": "new/tools", "default_branch": "main",
                "web_url": "http://x/new/tools",
            });
            json_answer(200, &project)
        }
        "/sub/api/v4/file" => Answer::new(302, "").with("location", away.clone()),
        other => Answer::new(404, other),
    });
    let found = it.gitlab.project(&ProjectRef::parse("old/tools")).unwrap();
    assert_eq!(
        (found.id, found.path_with_namespace.as_str()),
        (7, "new/tools")
    );
    let error = it
        .gitlab
        .tell(&ApiRequest::get("file"), &Needs::READ)
        .unwrap_err();
    let GitlabError::Connection { source, .. } = &error else {
        panic!("{error}");
    };
    let (here, told) = (it.server.url(""), source.to_string());
    assert!(told.contains(&here) && told.contains(&there), "{told}");
    assert!(!error.may_pass());
    assert!(other.seen().is_empty());

    let moved = ApiRequest {
        method: Method::POST,
        ..ApiRequest::get("projects/old%2Ftools")
    };
    let error = it.gitlab.tell(&moved, &Needs::WRITE).unwrap_err();
    assert_eq!(error.status(), Some(301));
}
