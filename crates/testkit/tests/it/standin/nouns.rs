//! Deployments, environments, notes, packages, webhooks and the rest, each with what GitLab refuses.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::client::{Api, Came};
use pannier_testkit::gitlab::{Force, Gitlab, JobSpec, Project, Role, Status};
use pannier_testkit::loopback::{Answer, Loopback};

struct World {
    tools: Project,
    api: Api,
    gitlab: Gitlab,
}

fn world() -> World {
    let gitlab = Gitlab::start();
    let tools = gitlab.project("platform/tools");
    let ann = gitlab.user("ann");
    tools.member(&ann, Role::Maintainer);
    let api = Api::new(&gitlab, &gitlab.token(&ann, &["api"]));
    World { tools, api, gitlab }
}

impl World {
    fn at(&self, rest: &str) -> String {
        format!("/projects/{}{rest}", self.tools.id)
    }

    fn get(&self, rest: &str) -> Came {
        self.api.get(&self.at(rest))
    }

    fn post(&self, rest: &str, body: Value) -> Came {
        self.api.post(&self.at(rest), body)
    }
}

#[test]
fn a_deployment_by_api_needs_everything_and_stands_in_its_environment() {
    let world = world();
    let sha = world.tools.branch("main").unwrap();
    let whole = json!({ "environment": "production", "sha": sha, "ref": "main", "tag": false, "status": "running" });
    for missing in ["environment", "sha", "ref", "tag", "status"] {
        let mut body = whole.clone();
        body.as_object_mut().unwrap().remove(missing);
        let came = world.post("/deployments", body);
        assert_eq!(
            (came.status, came.json()),
            (400, json!({ "error": format!("{missing} is missing") }))
        );
    }
    let made = world.post("/deployments", whole);
    assert_eq!(
        (made.status, made.json()["deployable"].clone()),
        (201, Value::Null)
    );
    assert_eq!(made.json()["environment"]["tier"], "production");
    let own = format!("/deployments/{}", made.json()["id"]);
    let running = world.api.call("DELETE", &world.at(&own), None);
    assert_eq!(
        (running.status, running.json()["message"].clone()),
        (400, json!("Cannot destroy running deployment"))
    );
    let done = world
        .api
        .call("PUT", &world.at(&own), Some(json!({ "status": "success" })));
    assert_eq!(
        (done.status, done.json()["status"].clone()),
        (200, json!("success"))
    );
    let environment = world.get(&format!(
        "/environments/{}",
        made.json()["environment"]["id"]
    ));
    assert_eq!(environment.json()["last_deployment"]["sha"], json!(sha));
}

#[test]
fn lists_of_deployments_take_filters_of_time_only_with_their_order() {
    let world = world();
    let sha = world.tools.branch("main").unwrap();
    let first = world.tools.deployed("production", &sha);
    world.gitlab.advance(jiff::SignedDuration::from_mins(5));
    let second = world.tools.deployed("production", &sha);
    assert_eq!(
        world.get("/deployments").column("id"),
        [json!(first), json!(second)]
    );
    let wanted = "/deployments?environment=production&status=success&order_by=finished_at&sort=desc&finished_after=2026-01-05T08:01:00Z";
    assert_eq!(world.get(wanted).column("id"), [json!(second)]);
    for refused in [
        "finished_after=2026-01-05T08:01:00Z&order_by=finished_at",
        "finished_after=2026-01-05T08:01:00Z&status=success",
        "updated_after=2026-01-05T08:01:00Z",
        "updated_after=2026-01-05T08:01:00Z&finished_after=2026-01-05T08:01:00Z&status=success",
        "status=odd",
        "updated_after=yesterday&order_by=updated_at",
    ] {
        assert_eq!(
            world.get(&format!("/deployments?{refused}")).status,
            400,
            "{refused}"
        );
    }
}

#[test]
fn a_job_with_an_environment_deploys_and_its_retry_deploys_again() {
    let world = world();
    let spec = JobSpec {
        name: "deploy".to_owned(),
        stage: "deploy".to_owned(),
        environment: Some("production".to_owned()),
        ..JobSpec::default()
    };
    let old = world.tools.pipeline("main", Status::Running);
    let job = old.add(spec.clone(), Status::Running);
    job.set(Status::Success);
    world.tools.commit("main", &[("a", "2")]);
    world
        .tools
        .pipeline("main", Status::Running)
        .add(spec, Status::Running)
        .set(Status::Success);
    let deployed = world.get("/deployments");
    assert_eq!(deployed.column("status"), ["success", "success"]);
    assert_eq!(deployed.json()[0]["deployable"]["id"], job.id);
    let by_api = world.api.call(
        "PUT",
        &world.at(&format!("/deployments/{}", deployed.json()[0]["id"])),
        Some(json!({ "status": "failed" })),
    );
    assert_eq!(by_api.status, 403);

    let retried = world.post(&format!("/jobs/{}/retry", job.id), json!({}));
    assert_eq!(retried.status, 201);
    let id = retried.json()["id"].as_u64().unwrap();
    world
        .gitlab
        .change(|state| state.set_job(id, Status::Running));
    world
        .gitlab
        .change(|state| state.set_job(id, Status::Success));
    let list = world.get("/deployments");
    assert_eq!(list.column("sha")[2], list.column("sha")[0]);
    // The setting that forbids to go back.
    world
        .tools
        .settings(|settings| settings.rollback_allowed = false);
    let first = list.json()[1]["deployable"]["id"].clone();
    assert_eq!(
        world
            .post(&format!("/jobs/{first}/retry"), json!({}))
            .status,
        403
    );
}

#[test]
fn a_deployment_knows_the_merge_requests_that_it_brought() {
    let world = world();
    world
        .tools
        .deployed("production", &world.tools.branch("main").unwrap());
    world.tools.commit("feature", &[("b", "1")]);
    world.tools.merge_request("feature", "main");
    let merged = world
        .api
        .call("PUT", &world.at("/merge_requests/1/merge"), Some(json!({})));
    assert_eq!(
        (merged.status, merged.json()["state"].clone()),
        (200, json!("merged"))
    );
    let id = world
        .tools
        .deployed("production", &world.tools.branch("main").unwrap());
    assert_eq!(
        world
            .get(&format!("/deployments/{id}/merge_requests"))
            .column("iid"),
        [json!(1)]
    );
    let head = world.tools.branch("feature").unwrap();
    assert_eq!(
        world
            .get(&format!("/repository/commits/{head}/merge_requests"))
            .column("iid"),
        [json!(1)]
    );
    assert_eq!(
        world.get("/merge_requests/1/commits").column("id"),
        [json!(head)]
    );
}

#[test]
fn notes_belong_to_their_authors() {
    let world = world();
    world.tools.commit("feature", &[("b", "1")]);
    let merge_request = world.tools.merge_request("feature", "main");
    let made = world.post("/merge_requests/1/notes", json!({ "body": "run it" }));
    assert_eq!(
        (made.status, made.json()["author"]["username"].clone()),
        (201, json!("ann"))
    );
    let own = format!("/merge_requests/1/notes/{}", made.json()["id"]);
    let edited = world.api.call(
        "PUT",
        &world.at(&own),
        Some(json!({ "body": "run it again" })),
    );
    assert_eq!(edited.json()["body"], "run it again");
    let eve = world.gitlab.user("eve");
    world.tools.member(&eve, Role::Developer);
    let theirs = merge_request.note(&eve, "mine");
    let refused = world.api.call(
        "PUT",
        &world.at(&format!("/merge_requests/1/notes/{theirs}")),
        Some(json!({ "body": "x" })),
    );
    assert_eq!(refused.status, 403);
    let command = world.post("/merge_requests/1/notes", json!({ "body": "/merge" }));
    assert_eq!(
        (
            command.status,
            world.get("/merge_requests/1/notes").column("body").len()
        ),
        (202, 2)
    );
    assert_eq!(world.api.call("DELETE", &world.at(&own), None).status, 204);
    assert_eq!(world.get(&own).status, 404);
}

#[test]
fn packages_are_kept_by_name_and_given_back_with_their_digest() {
    let world = world();
    let client = reqwest::blocking::Client::builder()
        .no_proxy()
        .build()
        .unwrap();
    let path = world.at("/packages/generic/venv/1.0/dir/trixie.tar.gz");
    let url = format!("{}{path}", world.gitlab.api());
    let job = world
        .tools
        .pipeline("main", Status::Running)
        .with_job("a", "test", Status::Running)
        .by(&world.gitlab.user("ann"))
        .job("a");
    let put = |bytes: &'static [u8]| {
        let request = client
            .put(format!("{url}?select=package_file"))
            .basic_auth("gitlab-ci-token", Some(job.token()));
        Came::of(request.body(bytes).send().unwrap())
    };
    assert_eq!(
        Came::of(client.put(&url).body("x").send().unwrap()).status,
        401
    );
    let first = put(b"one");
    assert_eq!(
        (first.status, first.json()["size"].clone()),
        (201, json!(3))
    );
    let got = world.api.get(&path);
    assert_eq!(
        (got.text.as_str(), got.header("x-checksum-sha256")),
        ("one", first.json()["file_sha256"].as_str().unwrap())
    );
    assert_eq!(put(b"two").status, 201);
    assert_eq!(world.api.get(&path).text, "two");
    let packages = world.get("/packages?package_name=ven");
    assert_eq!(
        (
            packages.column("name"),
            packages.json()[0]["creator_id"].clone()
        ),
        (vec![json!("venv")], Value::Null)
    );
    let files = world.get(&format!(
        "/packages/{}/package_files",
        packages.json()[0]["id"]
    ));
    assert_eq!(files.column("file_name").len(), 2);
    world
        .tools
        .settings(|settings| settings.generic_duplicates = false);
    let twice = put(b"three");
    assert_eq!(
        (twice.status, twice.json()["message"].clone()),
        (
            400,
            json!("400 Bad request - Duplicate package is not allowed")
        )
    );
    assert_eq!(world.get("/packages/generic/venv/1.0/nothing").status, 404);
}

#[test]
fn hooks_hear_of_pushes_pipelines_notes_and_deployments() {
    let world = world();
    let heard: Arc<Mutex<Vec<(String, String, Value)>>> = Arc::default();
    let ears = Arc::clone(&heard);
    let listener = Loopback::start(move |request| {
        let header = |name| request.header(name).unwrap_or_default().to_owned();
        let body = serde_json::from_slice(&request.body).unwrap();
        ears.lock()
            .unwrap()
            .push((header("x-gitlab-event"), header("x-gitlab-token"), body));
        Answer::new(200, "")
    });
    let events = [
        "push_events",
        "note_events",
        "pipeline_events",
        "deployment_events",
    ];
    world.tools.hook(&listener.url("/hook"), &events, "secret");
    let outside = world.post("/hooks", json!({ "url": "https://example.org/hook" }));
    assert_eq!(outside.status, 422);

    world.tools.commit("feature", &[("b", "1")]);
    let merge_request = world.tools.merge_request("feature", "main");
    merge_request.note(&world.gitlab.user("ann"), "hello");
    world.tools.pipeline("feature", Status::Running);
    world
        .tools
        .deployed("production", &world.tools.branch("main").unwrap());
    world.gitlab.settle();
    let heard = heard.lock().unwrap();
    let names: Vec<_> = heard.iter().map(|(name, _, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["Push Hook", "Note Hook", "Pipeline Hook", "Deployment Hook"]
    );
    assert!(heard.iter().all(|(_, secret, _)| secret == "secret"));
    assert_eq!(heard[0].2["total_commits_count"], 1);
    assert_eq!(
        heard[1].2["merge_request"]["last_commit"]["id"],
        json!(merge_request.sha())
    );
    assert_eq!(
        heard[2].2["object_attributes"]["created_at"],
        "2026-01-05 08:00:00 UTC"
    );
}

#[test]
fn branches_and_protection_by_api() {
    let world = world();
    let sha = world.tools.branch("main").unwrap();
    assert_eq!(
        world
            .post(
                "/repository/branches",
                json!({ "branch": "a/b", "ref": sha })
            )
            .status,
        201
    );
    assert_eq!(
        world
            .post(
                "/repository/branches",
                json!({ "branch": "a/b", "ref": sha })
            )
            .json(),
        json!({ "message": "Branch already exists" })
    );
    assert_eq!(
        world.get("/repository/branches/a%2Fb").json()["commit"]["id"],
        json!(sha)
    );
    assert_eq!(
        world.get("/repository/branches/a/b").json(),
        json!({ "error": "404 Not Found" })
    );
    assert_eq!(
        world.get("/repository/branches/none").json(),
        json!({ "message": "404 Branch Not Found" })
    );
    let protect = json!({ "name": "a/*", "push_access_level": 40, "allow_force_push": true });
    let made = world.post("/protected_branches", protect.clone());
    assert_eq!(
        (made.status, made.json()["allow_force_push"].clone()),
        (201, json!(true))
    );
    assert_eq!(world.post("/protected_branches", protect).status, 409);
    assert_eq!(
        world.get("/repository/branches/a%2Fb").json()["protected"],
        true
    );
    let changed = world.api.call(
        "PATCH",
        &world.at("/protected_branches/a%2F%2A"),
        Some(json!({ "allow_force_push": false })),
    );
    assert_eq!(changed.json()["allow_force_push"], false);
    assert_eq!(
        world
            .api
            .call("DELETE", &world.at("/protected_branches/a%2F%2A"), None)
            .status,
        204
    );
    assert_eq!(world.get("/protected_branches/a%2F%2A").status, 404);
    assert_eq!(
        world
            .api
            .call("DELETE", &world.at("/repository/branches/a%2Fb"), None)
            .status,
        204
    );
    assert_eq!(
        world
            .api
            .call("DELETE", &world.at("/repository/branches/main"), None)
            .status,
        403
    );
}

#[test]
fn what_lies_between_two_commits() {
    let world = world();
    let base = world.tools.branch("main").unwrap();
    let left = world.tools.commit("left", &[("a", "1")]);
    let right = world.tools.commit("right", &[("b", "1")]);
    let compared = world.get(&format!("/repository/compare?from={left}&to={right}"));
    assert_eq!(compared.json()["commits"][0]["id"], json!(right));
    assert_eq!(compared.json()["diffs"].as_array().unwrap().len(), 1);
    let straight = world.get(&format!(
        "/repository/compare?from={left}&to={right}&straight=true"
    ));
    assert_eq!(straight.json()["diffs"].as_array().unwrap().len(), 2);
    let merge_base = world.get(&format!(
        "/repository/merge_base?refs[]={left}&refs[]={right}"
    ));
    assert_eq!(merge_base.json()["id"], json!(base));
    let refs = world.get(&format!("/repository/commits/{base}/refs?type=branch"));
    assert_eq!(refs.column("name"), ["left", "main", "right"]);
    world.tools.protect("left", Role::Developer, Force::Refused);
    assert_eq!(
        world.get("/repository/branches/left").json()["developers_can_push"],
        true
    );
}

#[test]
fn the_queue_of_a_resource_group_obeys_its_mode() {
    let world = world();
    let spec = JobSpec {
        name: "deploy".to_owned(),
        stage: "deploy".to_owned(),
        resource_group: Some("prod/eu".to_owned()),
        ..JobSpec::default()
    };
    let jobs: Vec<_> = (0..3)
        .map(|_| {
            world
                .tools
                .pipeline("main", Status::Running)
                .add(spec.clone(), Status::Pending)
        })
        .collect();
    let group = "/resource_groups/prod%2Feu";
    assert_eq!(world.get(group).json()["process_mode"], "unordered");
    assert_eq!(
        world.get(&format!("{group}/current_job")).json()["id"],
        jobs[0].id
    );
    let wrong = world.api.call(
        "PUT",
        &world.at(group),
        Some(json!({ "process_mode": "odd" })),
    );
    assert_eq!(wrong.status, 400);
    let set = world.api.call(
        "PUT",
        &world.at(group),
        Some(json!({ "process_mode": "newest_first" })),
    );
    assert_eq!(
        (set.status, set.json()["process_mode"].clone()),
        (200, json!("newest_first"))
    );
    assert_eq!(
        world.get(&format!("{group}/upcoming_jobs")).column("id"),
        [json!(jobs[2].id), json!(jobs[1].id)]
    );
    jobs[0].set(Status::Running);
    jobs[0].set(Status::Success);
    assert_eq!(
        [&jobs[1], &jobs[2]].map(|job| job.status()),
        [Status::WaitingForResource, Status::Pending]
    );
}

#[test]
fn statuses_and_releases_say_when_they_are_there_already() {
    let world = world();
    let sha = world.tools.branch("main").unwrap();
    let tell = |state: &str| {
        world.post(
            &format!("/statuses/{sha}"),
            json!({ "state": state, "name": "gate" }),
        )
    };
    assert_eq!(tell("running").status, 201);
    let twice = tell("running");
    assert!(
        twice.json()["message"]
            .as_str()
            .unwrap()
            .starts_with("Cannot transition status via :run from :running")
    );
    assert_eq!(
        (twice.status, tell("success").status, tell("pending").status),
        (400, 201, 201)
    );
    let list = world.get(&format!("/repository/commits/{sha}/statuses"));
    assert_eq!(list.column("status"), ["pending"]);

    let release = json!({ "tag_name": "v1", "ref": "main", "description": "first" });
    assert_eq!(world.post("/releases", release.clone()).status, 201);
    assert_eq!(world.post("/releases", release).status, 409);
    assert_eq!(world.get("/releases/v1").json()["commit"]["id"], json!(sha));
}
