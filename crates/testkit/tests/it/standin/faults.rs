//! Faults on demand, and the log of requests.

use super::client::Api;
use pannier_testkit::gitlab::{Fault, Gitlab, TooMany};

fn api(gitlab: &Gitlab) -> Api {
    Api::new(gitlab, &gitlab.token(&gitlab.user("ann"), &["api"]))
}

#[test]
fn too_many_requests_has_three_shapes() {
    let gitlab = Gitlab::start();
    let api = api(&gitlab);
    gitlab.too_many("GET /api/v4/user?", TooMany::Text);
    gitlab.too_many("GET */user?", TooMany::Json);
    gitlab.too_many("/user", TooMany::RetryAfter);
    let text = api.get("/user");
    assert_eq!(
        (text.status, text.text.trim(), text.header("retry-after")),
        (429, "Retry later", "1")
    );
    assert_eq!(text.header("ratelimit-remaining"), "0");
    let json = api.get("/user");
    assert!(
        json.json()["message"]["error"]
            .as_str()
            .unwrap()
            .starts_with("This endpoint has been requested")
    );
    assert_eq!(json.header("retry-after"), "");
    let plain = api.get("/user");
    assert_eq!(
        (
            plain.json()["message"].as_str(),
            plain.header("retry-after")
        ),
        (Some("429 Too Many Requests"), "60")
    );
    assert_eq!(api.get("/user").status, 200);
}

#[test]
fn servers_fail_and_connections_break() {
    let gitlab = Gitlab::start();
    let api = api(&gitlab);
    gitlab.server_error("/user?", 502);
    assert!(api.get("/user").text.starts_with("<html>"));
    gitlab.server_error("/user?", 500);
    assert_eq!(
        api.get("/user").json()["message"],
        "500 Internal Server Error"
    );
    let client = reqwest::blocking::Client::builder()
        .no_proxy()
        .build()
        .unwrap();
    gitlab.fault("/version?", Fault::Drop);
    assert!(client.get(gitlab.url("/api/v4/version")).send().is_err());
    gitlab.fault("/version?", Fault::Truncate(3));
    assert!(
        client
            .get(gitlab.url("/api/v4/version"))
            .send()
            .unwrap()
            .text()
            .is_err()
    );
    assert_eq!(
        client
            .get(gitlab.url("/api/v4/version"))
            .send()
            .unwrap()
            .status(),
        401
    );
}

#[test]
fn a_lost_answer_leaves_what_was_done() {
    let gitlab = Gitlab::start();
    let tools = gitlab.project("platform/tools");
    let token = tools.bot_token(pannier_testkit::gitlab::Role::Developer, &["api"]);
    gitlab.fault("POST */repository/branches?", Fault::Lose);
    let client = reqwest::blocking::Client::builder()
        .no_proxy()
        .build()
        .unwrap();
    let path = format!(
        "/api/v4/projects/{}/repository/branches?branch=x&ref=main",
        tools.id
    );
    assert!(
        client
            .post(gitlab.url(&path))
            .header("private-token", token)
            .send()
            .is_err()
    );
    assert_eq!(tools.branch("x"), tools.branch("main"));
}

#[test]
fn the_log_knows_requests_and_hides_tokens() {
    let gitlab = Gitlab::start();
    let token = gitlab.token(&gitlab.user("ann"), &["api"]);
    api(&gitlab).get("/user");
    Api::new(&gitlab, "").get(&format!("/user?a=1&private_token={token}"));
    let seen = gitlab.requests();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].token_in.as_deref(), Some("private-token"));
    assert_eq!(seen[1].query, "a=1&private_token=REDACTED");
    assert!(!format!("{seen:?}").contains(&token));
    assert_eq!(gitlab.count("GET /api/v4/user?"), 2);
}
