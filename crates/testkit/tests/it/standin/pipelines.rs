//! Pipelines and jobs: filters of lists, and what moves when something moves.

use serde_json::json;

use super::client::Api;
use pannier_testkit::gitlab::{Gitlab, JobSpec, Project, Role, Status};

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
}

#[test]
fn children_are_listed_only_when_asked_for() {
    let world = world();
    let parent = world.tools.pipeline("main", Status::Running);
    let child = parent.child("downstream", Status::Running);
    assert_eq!(
        world.api.get(&world.at("/pipelines")).column("id"),
        [json!(parent.id)]
    );
    assert_eq!(
        world
            .api
            .get(&world.at("/pipelines?source=parent_pipeline"))
            .column("id"),
        [json!(child.id)]
    );
    let bridges = world
        .api
        .get(&world.at(&format!("/pipelines/{}/bridges", parent.id)));
    assert_eq!(bridges.json()[0]["downstream_pipeline"]["id"], child.id);
    assert!(
        world
            .api
            .get(&world.at(&format!("/pipelines/{}/jobs", parent.id)))
            .column("id")
            .is_empty()
    );
    child.set(Status::Failed);
    assert_eq!(parent.status(), Status::Failed);
}

#[test]
fn every_status_can_be_asked_for_and_no_other() {
    let world = world();
    let made: Vec<_> = Status::ALL
        .iter()
        .map(|status| world.tools.pipeline("main", *status).id)
        .collect();
    for (status, id) in Status::ALL.into_iter().zip(made) {
        let list = world
            .api
            .get(&world.at(&format!("/pipelines?status={}", status.word())));
        assert_eq!(list.column("id"), [json!(id)], "{status:?}");
    }
    let wrong = world.api.get(&world.at("/pipelines?status=odd"));
    assert_eq!(
        (wrong.status, wrong.json()),
        (
            400,
            json!({ "error": "status does not have a valid value" })
        )
    );
}

#[test]
fn a_pipeline_of_a_merge_request_is_not_found_by_its_branch() {
    let world = world();
    world.tools.commit("feature", &[("a", "1")]);
    let merge_request = world.tools.merge_request("feature", "main");
    let pipeline = merge_request.pipeline(Status::Running);
    assert!(
        world
            .api
            .get(&world.at("/pipelines?ref=feature"))
            .column("id")
            .is_empty()
    );
    let own = world.api.get(&world.at("/merge_requests/1/pipelines"));
    assert_eq!(own.column("id"), [json!(pipeline.id)]);
    assert_eq!(own.json()[0]["ref"], "refs/merge-requests/1/head");
}

#[test]
fn a_pipeline_follows_its_jobs_and_stages_follow_each_other() {
    let world = world();
    world.tools.commit("main", &[(".gitlab-ci.yml", "
stages: [build, deploy]
build: {stage: build, script: make}
deploy: {stage: deploy, script: ship, environment: production}
later: {stage: deploy, script: ship, when: manual}
reviews: {stage: build, script: look, rules: [{if: '$CI_PIPELINE_SOURCE == \"merge_request_event\"'}]}
")]);
    let made = world.api.post(
        &world.at("/pipeline"),
        json!({ "ref": "main", "variables": [{ "key": "A", "value": "1" }] }),
    );
    assert_eq!(
        (
            made.status,
            made.json()["status"].clone(),
            made.json()["source"].clone()
        ),
        (201, json!("pending"), json!("api"))
    );
    let id = made.json()["id"].as_u64().unwrap();
    let jobs = || world.api.get(&world.at(&format!("/pipelines/{id}/jobs")));
    assert_eq!(jobs().column("name"), ["later", "deploy", "build"]);
    assert_eq!(jobs().column("status"), ["created", "created", "pending"]);
    let build = jobs().column("id")[2].as_u64().unwrap();
    world
        .gitlab
        .change(|state| state.set_job(build, Status::Success));
    assert_eq!(jobs().column("status"), ["manual", "pending", "success"]);
    let deploy = jobs().column("id")[1].as_u64().unwrap();
    world
        .gitlab
        .change(|state| state.set_job(deploy, Status::Running));
    assert_eq!(
        world.api.get(&world.at(&format!("/pipelines/{id}"))).json()["status"],
        "running"
    );
    world
        .gitlab
        .change(|state| state.set_job(deploy, Status::Failed));
    assert_eq!(
        world.api.get(&world.at(&format!("/pipelines/{id}"))).json()["status"],
        "failed"
    );
    let variables = world
        .api
        .get(&world.at(&format!("/pipelines/{id}/variables")));
    assert_eq!(
        variables.json(),
        json!([{ "key": "A", "value": "1", "variable_type": "env_var" }])
    );

    let retried = world
        .api
        .post(&world.at(&format!("/jobs/{deploy}/retry")), json!({}));
    assert_eq!(retried.status, 201);
    assert_ne!(retried.json()["id"], deploy);
    assert_eq!(jobs().column("id").len(), 3);
    let all = world
        .api
        .get(&world.at(&format!("/pipelines/{id}/jobs?include_retried=true")));
    assert_eq!(all.column("id").len(), 4);
    let unplayable = world
        .api
        .post(&world.at(&format!("/jobs/{deploy}/play")), json!({}));
    assert_eq!(
        (unplayable.status, unplayable.json()),
        (
            400,
            json!({ "message": "400 Bad request - Unplayable Job" })
        )
    );
}

#[test]
fn a_cancellation_always_answers_and_running_jobs_end_when_they_want() {
    let world = world();
    let pipeline = world
        .tools
        .pipeline("main", Status::Running)
        .with_job("a", "test", Status::Running)
        .with_job("b", "test", Status::Pending);
    let cancel = world.at(&format!("/pipelines/{}/cancel", pipeline.id));
    let came = world.api.post(&cancel, json!({}));
    assert_eq!(
        (came.status, came.json()["status"].clone()),
        (200, json!("canceling"))
    );
    pipeline.job("a").set(Status::Canceled);
    let came = world.api.post(&cancel, json!({}));
    assert_eq!(
        (came.status, came.json()["status"].clone()),
        (200, json!("canceled"))
    );
}

#[test]
fn one_job_at_a_time_holds_a_resource_group() {
    let world = world();
    let spec = |name: &str| JobSpec {
        name: name.to_owned(),
        stage: "deploy".to_owned(),
        resource_group: Some("production".to_owned()),
        ..JobSpec::default()
    };
    let deploy = || {
        world
            .tools
            .pipeline("main", Status::Running)
            .add(spec("deploy"), Status::Pending)
    };
    let (first, second, third) = (deploy(), deploy(), deploy());
    assert_eq!(
        [&first, &second, &third].map(|job| job.status()),
        [
            Status::Pending,
            Status::WaitingForResource,
            Status::WaitingForResource
        ]
    );
    first.set(Status::Running);
    first.set(Status::Success);
    assert_eq!(
        [&second, &third].map(|job| job.status()),
        [Status::Pending, Status::WaitingForResource]
    );
}

#[test]
fn a_pipeline_cannot_be_made_of_nothing() {
    let world = world();
    let create = |body| {
        let came = world.api.post(&world.at("/pipeline"), body);
        (
            came.status,
            came.json()["message"]["base"][0]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        )
    };
    assert_eq!(
        create(json!({ "ref": "main" })),
        (400, "Missing CI config file".to_owned())
    );
    assert_eq!(
        create(json!({ "ref": "nowhere" })),
        (400, "Reference not found".to_owned())
    );
    let head = world.tools.branch("main").unwrap();
    assert_eq!(
        create(json!({ "ref": head })),
        (400, "Reference not found".to_owned())
    );
    let missing = world.api.post(&world.at("/pipeline"), json!({}));
    assert_eq!(missing.json(), json!({ "error": "ref is missing" }));
    world
        .tools
        .commit("main", &[(".gitlab-ci.yml", "job: {script: x}")]);
    world
        .tools
        .settings(|settings| settings.variables_role = Role::None);
    let refused = json!({ "ref": "main", "variables": [{ "key": "A", "value": "1" }] });
    assert_eq!(
        create(refused),
        (
            400,
            "Insufficient permissions to set pipeline variables".to_owned()
        )
    );
}

#[test]
fn a_trigger_token_acts_as_its_owner_and_a_job_as_its_user() {
    let world = world();
    world
        .tools
        .commit("main", &[(".gitlab-ci.yml", "job: {script: x}")]);
    let ann = world.gitlab.user("ann");
    let nobody = Api::new(&world.gitlab, "");
    let path = world.at("/trigger/pipeline");
    let token = world.tools.trigger_token(&ann);
    let made = nobody.post(
        &path,
        json!({ "token": token, "ref": "main", "variables": { "A": "1" } }),
    );
    assert_eq!(
        (
            made.status,
            made.json()["source"].clone(),
            made.json()["user"]["username"].clone()
        ),
        (201, json!("trigger"), json!("ann"))
    );
    let wrong = nobody.post(&path, json!({ "token": "glptt-wrong", "ref": "main" }));
    assert_eq!(
        (wrong.status, wrong.json()),
        (404, json!({ "message": "404 Not Found" }))
    );
    let list = nobody.post(
        &path,
        json!({ "token": token, "ref": "main", "variables": { "A": 1 } }),
    );
    assert_eq!(
        list.json(),
        json!({ "message": "variables needs to be a map of key-valued strings" })
    );
    let job = world
        .tools
        .pipeline("main", Status::Running)
        .with_job("a", "test", Status::Running)
        .job("a");
    let made = nobody.post(&path, json!({ "token": job.token(), "ref": "main" }));
    assert_eq!(
        (made.status, made.json()["source"].clone()),
        (201, json!("pipeline"))
    );
}
