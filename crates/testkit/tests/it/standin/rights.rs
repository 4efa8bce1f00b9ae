//! Who gets what from the API, in which shape, and in which pages.

use serde_json::json;

use super::client::Api;
use pannier_testkit::gitlab::{Gitlab, Role, Status};

#[test]
fn tokens_are_refused_in_the_words_of_gitlab() {
    let gitlab = Gitlab::start();
    let tools = gitlab.project("platform/tools");
    let bot = gitlab.user("bot");
    tools.member(&bot, Role::Maintainer);
    let path = format!("/projects/{}", tools.id);

    let wrong = Api::new(&gitlab, "glpat-wrong").get(&path);
    assert_eq!(
        (wrong.status, wrong.json()),
        (401, json!({ "message": "401 Unauthorized" }))
    );
    let nobody = Api::new(&gitlab, "").get(&path);
    assert_eq!(
        (nobody.status, nobody.json()),
        (404, json!({ "message": "404 Project Not Found" }))
    );
    let stranger = Api::new(&gitlab, &gitlab.token(&gitlab.user("stranger"), &["api"])).get(&path);
    assert_eq!(
        (stranger.status, stranger.json()),
        (404, json!({ "message": "404 Project Not Found" }))
    );

    let git_only = Api::new(&gitlab, &gitlab.token(&bot, &["write_repository"])).get(&path);
    assert_eq!(
        (git_only.status, git_only.json()["error"].clone()),
        (403, json!("insufficient_scope"))
    );
    let reader = Api::new(&gitlab, &gitlab.token(&bot, &["read_api"]));
    assert_eq!(reader.get(&path).status, 200);
    assert_eq!(
        reader
            .post(&format!("{path}/pipeline"), json!({ "ref": "main" }))
            .status,
        403
    );

    let token = gitlab.token(&bot, &["api"]);
    let bearer = Api::with(&gitlab, "authorization", &format!("Bearer {token}"));
    assert_eq!(bearer.get("/user").json()["username"], "bot");
    gitlab.expire(&token);
    let expired = bearer.get("/user");
    assert_eq!(
        (expired.status, expired.json()["error"].clone()),
        (401, json!("invalid_token"))
    );
}

#[test]
fn roles_come_from_the_project_and_from_the_groups_above() {
    let gitlab = Gitlab::start();
    let tools = gitlab.project("platform/sub/tools");
    let ann = gitlab.user("ann");
    gitlab.group("platform").member(&ann, Role::Reporter);
    let api = Api::new(&gitlab, &gitlab.token(&ann, &["api"]));
    let member = format!("/projects/{}/members/all/{}", tools.id, ann.id);
    assert_eq!(api.get(&member).json()["access_level"], 20);
    assert_eq!(api.get(&member.replace("/all", "")).status, 404);
    let create = format!(
        "/projects/{}/repository/branches?branch=x&ref=main",
        tools.id
    );
    let refused = api.call("POST", &create, None);
    assert_eq!(
        (refused.status, refused.json()),
        (403, json!({ "message": "403 Forbidden" }))
    );
    tools.member(&ann, Role::Developer);
    assert_eq!(api.call("POST", &create, None).status, 201);
    assert_eq!(api.get(&member).json()["access_level"], 30);
}

#[test]
fn a_project_is_found_by_its_encoded_path_and_under_its_old_one() {
    let gitlab = Gitlab::start();
    let tools = gitlab.project("platform/tools");
    let ann = gitlab.user("ann");
    tools.member(&ann, Role::Developer);
    let api = Api::new(&gitlab, &gitlab.token(&ann, &["api"]));
    assert_eq!(api.get("/projects/platform%2Ftools").json()["id"], tools.id);
    let slash = api.get("/projects/platform/tools");
    assert_eq!(
        (slash.status, slash.json()),
        (404, json!({ "error": "404 Not Found" }))
    );
    tools.move_to("other/tools");
    let moved = api.get("/projects/platform%2Ftools/repository/branches?search=m");
    assert_eq!(moved.status, 301);
    let target = gitlab.url(&format!(
        "/api/v4/projects/{}/repository/branches?search=m",
        tools.id
    ));
    assert_eq!(moved.header("location"), target);
}

#[test]
fn a_job_token_calls_what_is_on_its_list() {
    let gitlab = Gitlab::start();
    let (tools, other) = (
        gitlab.project("platform/tools"),
        gitlab.project("platform/other"),
    );
    let ann = gitlab.user("ann");
    gitlab.group("platform").member(&ann, Role::Maintainer);
    let pipeline = tools
        .pipeline("main", Status::Running)
        .with_job("deploy", "deploy", Status::Running)
        .by(&ann);
    let job = pipeline.job("deploy");
    let api = Api::with(&gitlab, "job-token", &job.token());
    assert_eq!(api.get("/job").json()["id"], job.id);
    let at = |rest: &str| format!("/projects/{}{rest}", tools.id);
    assert_eq!(api.get(&at("/repository/branches")).status, 200);
    assert_eq!(api.get(&at("/pipelines")).status, 200);
    for refused in [
        "/repository/branches/main",
        "/protected_branches",
        "/members/all/2",
        "/repository/compare?from=main&to=main",
    ] {
        let came = api.get(&at(refused));
        assert_eq!(
            (came.status, came.json()),
            (404, json!({ "message": "404 Project Not Found" })),
            "{refused}"
        );
    }
    assert_eq!(
        api.post(&at("/pipeline"), json!({ "ref": "main" })).status,
        404
    );
    // Another project has to let it in first.
    let theirs = format!("/projects/{}/pipelines", other.id);
    assert_eq!(api.get(&theirs).status, 404);
    other.allow_jobs_of(&tools);
    assert_eq!(api.get(&theirs).status, 200);
    // It is no personal token, and it ends with its job.
    assert_eq!(
        Api::new(&gitlab, &job.token())
            .get(&at("/pipelines"))
            .status,
        401
    );
    job.set(Status::Success);
    assert_eq!(api.get("/job").status, 401);
}

#[test]
fn lists_come_in_pages_with_all_headers() {
    let gitlab = Gitlab::start();
    let tools = gitlab.project("platform/tools");
    let ann = gitlab.user("ann");
    tools.member(&ann, Role::Developer);
    let api = Api::new(&gitlab, &gitlab.token(&ann, &["read_api"]));
    let mut ids: Vec<_> = (0..45)
        .map(|_| tools.pipeline("main", Status::Success).id)
        .collect();
    ids.reverse();
    let path = format!("/projects/{}/pipelines?ref=main", tools.id);
    let second = api.get(&format!("{path}&page=2"));
    assert_eq!(
        second.column("id"),
        ids[20..40].iter().map(|id| json!(id)).collect::<Vec<_>>()
    );
    let headers = [
        "x-page",
        "x-per-page",
        "x-prev-page",
        "x-next-page",
        "x-total",
        "x-total-pages",
    ];
    assert_eq!(
        headers.map(|name| second.header(name)),
        ["2", "20", "1", "3", "45", "3"]
    );
    let last = api.get(&format!("{path}&page=3"));
    assert_eq!(
        (last.column("id").len(), last.header("x-next-page")),
        (5, "")
    );
    assert!(
        !last.header("link").contains("rel=\"next\""),
        "{}",
        last.header("link")
    );
    let clamped = api.get(&format!("{path}&per_page=1000"));
    assert_eq!(
        (clamped.column("id").len(), clamped.header("x-per-page")),
        (45, "100")
    );
    // Following the links gives every row once.
    let (mut next, mut seen) = (Some(format!("{path}&per_page=7")), Vec::new());
    while let Some(path) = next {
        let page = api.get(&path);
        seen.extend(page.column("id"));
        let links = page.header("link").to_owned();
        let link = links
            .split(", ")
            .find(|link| link.ends_with("rel=\"next\""));
        let link = link.map(|link| link[1..].split('>').next().unwrap().to_owned());
        next = link.map(|link| link.strip_prefix(&gitlab.api()).unwrap().to_owned());
    }
    assert_eq!(seen, ids.iter().map(|id| json!(id)).collect::<Vec<_>>());
}

#[test]
fn a_keyset_links_the_next_page_only() {
    let gitlab = Gitlab::start();
    let ann = gitlab.user("ann");
    gitlab.group("platform").member(&ann, Role::Developer);
    let ids: Vec<_> = (0..5)
        .map(|n| gitlab.project(&format!("platform/p{n}")).id)
        .collect();
    let api = Api::new(&gitlab, &gitlab.token(&ann, &["read_api"]));
    let first = api.get("/projects?pagination=keyset&order_by=id&sort=asc&per_page=3");
    assert_eq!(first.column("id"), ids[..3]);
    assert_eq!(first.header("x-total"), "");
    let link = first.header("link").to_owned();
    let next = link[1..]
        .split('>')
        .next()
        .unwrap()
        .strip_prefix(&gitlab.api())
        .unwrap()
        .to_owned();
    let second = api.get(&next);
    assert_eq!(second.column("id"), ids[3..]);
    assert_eq!(second.header("link"), "");
}

#[test]
fn what_did_not_change_is_not_sent_again() {
    let gitlab = Gitlab::start();
    let tools = gitlab.project("platform/tools");
    let ann = gitlab.user("ann");
    tools.member(&ann, Role::Developer);
    let api = Api::new(&gitlab, &gitlab.token(&ann, &["read_api"]));
    let pipeline = tools.pipeline("main", Status::Running);
    let path = format!("/projects/{}/pipelines", tools.id);
    let first = api.get(&path);
    let tag = first.header("etag").to_owned();
    let again = api.send(&path, ("if-none-match", &tag));
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    pipeline.set(Status::Success);
    let changed = api.send(&path, ("if-none-match", &tag));
    assert_eq!(
        (changed.status, changed.column("status")),
        (200, vec![json!("success")])
    );
}
