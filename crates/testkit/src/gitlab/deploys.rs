//! Deployments that follow from jobs with an environment, and environments that come into being by use.

use super::state::{Deployment, Environment, Id, State};
use super::status::Status;

/// The tier that GitLab guesses from a name.
pub fn tier_of(name: &str) -> &'static str {
    let name = name.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if has(&["prod", "live"]) {
        "production"
    } else if has(&["stag", "stg", "preprod", "demo"]) {
        "staging"
    } else if has(&["test", "qa", "qc"]) {
        "testing"
    } else if has(&["dev", "review", "trunk"]) {
        "development"
    } else {
        "other"
    }
}

impl State {
    /// The environment of this name, made when it is not there.
    pub fn environment(&mut self, project: Id, name: &str) -> Id {
        let found = self
            .environments
            .values()
            .find(|it| it.project == project && it.name == name);
        if let Some(found) = found {
            return found.id;
        }
        let (id, now) = (self.next("environment"), self.now());
        let environment = Environment {
            id,
            project,
            name: name.to_owned(),
            external_url: None,
            description: None,
            tier: tier_of(name).to_owned(),
            state: "available",
            created_at: now,
            updated_at: now,
        };
        self.environments.insert(id, environment);
        id
    }

    /// A deployment that begins now.
    pub fn add_deployment(
        &mut self,
        project: Id,
        environment: &str,
        user: Id,
        (ref_, sha, tag): (&str, &str, bool),
    ) -> Id {
        let environment = self.environment(project, environment);
        let (id, iid, now) = (
            self.next("deployment"),
            self.next(&format!("deployment of {project}")),
            self.now(),
        );
        let deployment = Deployment {
            id,
            iid,
            project,
            environment,
            ref_: ref_.to_owned(),
            tag,
            sha: sha.to_owned(),
            status: "created".to_owned(),
            user,
            job: None,
            created_at: now,
            updated_at: now,
            finished_at: None,
        };
        self.deployments.insert(id, deployment);
        id
    }

    pub fn set_deployment(&mut self, id: Id, status: &str) {
        let now = self.now();
        let deployment = self.deployments.get_mut(&id).expect("it is there");
        deployment.status = status.to_owned();
        deployment.updated_at = now;
        let done = ["success", "failed", "canceled", "skipped"].contains(&status);
        deployment.finished_at = done.then_some(now);
        self.deployment_hook(id);
    }

    /// A job with an environment has a deployment from its start, which goes its way.
    pub fn follow_deployment(&mut self, job: Id) {
        let job = self.jobs[&job].clone();
        let Some(environment) = &job.environment else {
            return;
        };
        let word = match job.status {
            Status::Running | Status::Canceling => "running",
            Status::Success => "success",
            Status::Failed => "failed",
            Status::Canceled => "canceled",
            Status::Skipped => "skipped",
            _ => "created",
        };
        let id = match job.deployment {
            Some(id) => id,
            None => {
                let pipeline = self.pipelines[&job.pipeline].clone();
                let id = self.add_deployment(
                    job.project,
                    environment,
                    job.user,
                    (&pipeline.ref_, &pipeline.sha, pipeline.tag),
                );
                self.deployments.get_mut(&id).expect("just made").job = Some(job.id);
                self.jobs.get_mut(&job.id).expect("it is there").deployment = Some(id);
                id
            }
        };
        if self.deployments[&id].status != word {
            self.set_deployment(id, word);
        }
    }

    /// The newest successful deployment of an environment.
    pub fn last_deployment(&self, environment: Id) -> Option<&Deployment> {
        let done = self
            .deployments
            .values()
            .filter(|it| it.environment == environment && it.status == "success");
        done.max_by_key(|it| (it.finished_at, it.id))
    }

    /// True when something newer than the job's deployment stands in its environment.
    pub fn is_outdated(&self, job: Id) -> bool {
        let own = self.jobs[&job]
            .deployment
            .and_then(|id| self.deployments.get(&id));
        own.is_some_and(|own| {
            self.last_deployment(own.environment)
                .is_some_and(|last| last.id > own.id)
        })
    }
}
