//! Webhooks: what is told to whom. They are put into the outbox here, and sent by the server when it no longer holds the
//! state; only hooks on loopback are accepted.

use serde_json::{Value, json};

use super::repo;
use super::state::{Delivery, Hook, Id, State};

/// A time as webhooks write it.
fn time(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

impl State {
    /// Sends `body` to the project's hooks that want `kind`.
    pub fn deliver(&mut self, project: Id, kind: &str, event: &'static str, body: Value) {
        let wants = |hook: &&Hook| hook.project == project && hook.events.contains(kind);
        let hooks: Vec<_> = self.hooks.values().filter(wants).cloned().collect();
        for hook in hooks {
            let delivery = Delivery {
                hook: hook.id,
                number: self.next("delivery"),
                sent_at: self.now(),
                url: hook.url,
                event,
                token: hook.token,
                body: body.clone(),
            };
            self.outbox.push(delivery);
        }
    }

    pub fn hook_project(&self, id: Id) -> Value {
        let project = self.project(id);
        let url = self.web_url(id);
        json!({
            "id": id,
            "name": project.path.rsplit('/').next(),
            "path_with_namespace": project.path,
            "web_url": url,
            "git_http_url": format!("{url}.git"),
            "default_branch": project.default_branch,
            "visibility_level": 0,
        })
    }

    fn hook_user(&self, id: Id) -> Value {
        self.users.get(&id).map_or(Value::Null, |user| {
            json!({ "id": user.id, "username": user.username, "name": user.name, "email": "[REDACTED]" })
        })
    }

    fn hook_commit(&self, project: Id, sha: &str) -> Value {
        let repository = self.open(project);
        let Some(commit) = repo::resolve(&repository, sha) else {
            return Value::Null;
        };
        let shown = repo::show(&commit, &self.web_url(project));
        json!({
            "id": shown["id"], "message": shown["message"], "title": shown["title"], "timestamp": shown["committed_date"],
            "url": shown["web_url"], "author": { "name": shown["author_name"], "email": shown["author_email"] },
        })
    }

    fn hook_merge_request(&self, id: Id) -> Value {
        let it = &self.merge_requests[&id];
        json!({
            "id": it.id, "iid": it.iid, "title": it.title, "state": it.state, "draft": it.draft,
            "source_branch": it.source_branch, "target_branch": it.target_branch,
            "source_project_id": it.source_project, "target_project_id": it.project, "author_id": it.author,
            "labels": it.labels.iter().map(|label| json!({ "title": label })).collect::<Vec<_>>(),
            "merge_status": "can_be_merged", "detailed_merge_status": "mergeable",
            "last_commit": self.hook_commit(it.project, &it.sha),
            "source": self.hook_project(it.source_project), "target": self.hook_project(it.project),
            "url": format!("{}/-/merge_requests/{}", self.web_url(it.project), it.iid),
        })
    }

    pub fn pipeline_hook(&mut self, id: Id) {
        let it = &self.pipelines[&id];
        let jobs = self.jobs_of(id).map(|job| {
            json!({
                "id": job.id, "stage": job.stage, "name": job.name, "status": job.status.word(),
                "created_at": time(job.created_at), "started_at": job.started_at.map(time),
                "finished_at": job.finished_at.map(time), "failure_reason": job.failure_reason,
                "manual": job.manual, "allow_failure": job.allow_failure, "when": if job.manual { "manual" } else { "on_success" },
                "user": self.hook_user(job.user), "runner": null, "artifacts_file": { "filename": null, "size": null },
                "environment": job.environment.as_ref().map(|name| json!({ "name": name, "action": "start" })),
            })
        });
        let mut stages: Vec<_> = Vec::new();
        for job in self.jobs_of(id) {
            if !stages.contains(&job.stage) {
                stages.push(job.stage.clone());
            }
        }
        let above = it.parent.and_then(|job| self.jobs.get(&job));
        let mut body = json!({
            "object_kind": "pipeline",
            "object_attributes": {
                "id": it.id, "iid": it.iid, "name": it.name, "ref": it.ref_, "tag": it.tag, "sha": it.sha,
                "before_sha": "0".repeat(40), "source": it.source, "status": it.status.word(),
                "detailed_status": it.status.word(), "stages": stages,
                "created_at": time(it.created_at), "finished_at": it.finished_at.map(time),
                "duration": null, "queued_duration": null,
                "variables": it.variables.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect::<Vec<_>>(),
                "url": format!("{}/-/pipelines/{id}", self.web_url(it.project)),
            },
            "merge_request": it.merge_request.map(|id| self.hook_merge_request(id)),
            "user": self.hook_user(it.user),
            "project": self.hook_project(it.project),
            "commit": self.hook_commit(it.project, &it.sha),
            "builds": jobs.collect::<Vec<_>>(),
        });
        if let Some(job) = above {
            body["source_pipeline"] = json!({
                "pipeline_id": job.pipeline, "job_id": job.id, "project": self.hook_project(job.project),
            });
        }
        self.deliver(it.project, "pipeline_events", "Pipeline Hook", body);
    }

    pub fn note_hook(&mut self, id: Id, action: &str) {
        let note = &self.notes[&id];
        let merge_request = &self.merge_requests[&note.merge_request];
        let url = format!(
            "{}/-/merge_requests/{}#note_{id}",
            self.web_url(note.project),
            merge_request.iid
        );
        let body = json!({
            "object_kind": "note",
            "event_type": if note.internal { "confidential_note" } else { "note" },
            "user": self.hook_user(note.author),
            "project_id": note.project,
            "project": self.hook_project(note.project),
            "object_attributes": {
                "id": id, "note": note.body, "noteable_type": "MergeRequest", "noteable_id": note.merge_request,
                "author_id": note.author, "action": action, "system": note.system, "internal": note.internal,
                "project_id": note.project, "created_at": time(note.created_at), "updated_at": time(note.updated_at), "url": url,
            },
            "merge_request": self.hook_merge_request(note.merge_request),
        });
        self.deliver(note.project, "note_events", "Note Hook", body);
    }

    pub fn deployment_hook(&mut self, id: Id) {
        let it = &self.deployments[&id];
        let body = json!({
            "object_kind": "deployment",
            "status": it.status,
            "status_changed_at": it.updated_at.to_string(),
            "deployment_id": id,
            "deployable_id": it.job,
            "environment": self.environments[&it.environment].name,
            "environment_tier": self.environments[&it.environment].tier,
            "project": self.hook_project(it.project),
            "user": self.hook_user(it.user),
            "ref": it.ref_,
            "short_sha": &it.sha[..8.min(it.sha.len())],
            "commit_url": format!("{}/-/commit/{}", self.web_url(it.project), it.sha),
        });
        self.deliver(it.project, "deployment_events", "Deployment Hook", body);
    }
}
