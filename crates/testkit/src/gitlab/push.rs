//! What follows from a push: heads of merge requests, merges and closings, webhooks, and pipelines if the project has
//! them.

use git2::Oid;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::repo;
use super::state::{Id, MergeRequest, ProtectedBranch, Role, State};

/// One reference that moved; `None` for not there.
#[derive(Debug, Clone)]
pub struct Update {
    pub old: Option<Oid>,
    pub new: Option<Oid>,
    /// Full name, `refs/heads/main`.
    pub name: String,
}

/// A reference that moved, as it is remembered.
#[derive(Debug, Clone)]
pub struct Push {
    pub id: Id,
    pub project: Id,
    pub user: Id,
    pub at: Timestamp,
    pub update: Update,
}

impl ProtectedBranch {
    /// Whether this row lets the user push.
    pub fn may_push(&self, user: Id, role: Role) -> bool {
        self.pushers.contains(&user) || (self.push != Role::None && role >= self.push)
    }

    /// Whether the row is about this branch.
    pub fn covers(&self, branch: &str) -> bool {
        let mut pieces = self.name.split('*');
        let Some(mut rest) = pieces.next().and_then(|first| branch.strip_prefix(first)) else {
            return false;
        };
        let mut pieces: Vec<_> = pieces.collect();
        let Some(last) = pieces.pop() else {
            return rest.is_empty();
        };
        for piece in pieces {
            let Some((_, after)) = rest.split_once(piece) else {
                return false;
            };
            rest = after;
        }
        rest.ends_with(last)
    }
}

impl State {
    pub fn is_protected(&self, project: Id, branch: &str) -> bool {
        self.project(project)
            .protected
            .iter()
            .any(|row| row.covers(branch))
    }

    /// Whether the user may move a branch forward, by protection or role.
    pub fn may_push_branch(&self, user: Id, role: Role, project: Id, branch: &str) -> bool {
        let rows = &self.project(project).protected;
        let mut rows = rows.iter().filter(|row| row.covers(branch)).peekable();
        match rows.peek() {
            None => role >= Role::Developer,
            Some(_) => rows.any(|row| row.may_push(user, role)),
        }
    }

    /// Whether the user may merge into a branch, or start a pipeline on it.
    pub fn may_merge_branch(&self, user: Id, role: Role, project: Id, branch: &str) -> bool {
        let rows = &self.project(project).protected;
        let merges = rows
            .iter()
            .any(|row| row.covers(branch) && row.merge != Role::None && role >= row.merge);
        merges || self.may_push_branch(user, role, project, branch)
    }

    /// Everything that follows from references that moved.
    pub fn pushed(&mut self, project: Id, user: Id, updates: &[Update], by_job: bool) {
        let now = self.now();
        self.project_mut(project).last_activity_at = now;
        for update in updates {
            let id = self.next("event");
            self.pushes.push(Push {
                id,
                project,
                user,
                at: now,
                update: update.clone(),
            });
            let Some(branch) = update.name.strip_prefix("refs/heads/") else {
                continue;
            };
            self.follow_source(project, branch, update.new);
            self.follow_target(project, user, branch, update.new);
            self.push_hook(project, user, update);
            // A job's push makes no pipelines, lest they never end.
            if let (Some(new), true, false) = (
                update.new,
                self.project(project).settings.pipelines_on_push,
                by_job,
            ) {
                let _ = self.create_pipeline(
                    project,
                    user,
                    branch,
                    &new.to_string(),
                    "push",
                    Vec::new(),
                );
            }
        }
    }

    /// Merge requests from this branch get its new head, or are closed when it has gone.
    fn follow_source(&mut self, project: Id, branch: &str, head: Option<Oid>) {
        let now = self.now();
        let mut moved = Vec::new();
        for merge_request in self.merge_requests.values_mut() {
            let from_here =
                merge_request.source_project == project && merge_request.source_branch == branch;
            if merge_request.state != "opened" || !from_here {
                continue;
            }
            merge_request.updated_at = now;
            match head {
                Some(head) => {
                    merge_request.sha = head.to_string();
                    moved.push(merge_request.clone());
                }
                None => merge_request.state = "closed",
            }
        }
        for merge_request in &moved {
            self.update_head_ref(merge_request);
        }
    }

    /// Points `refs/merge-requests/N/head` of the target at the source branch's head.
    pub fn update_head_ref(&self, merge_request: &MergeRequest) {
        let target = self.open(merge_request.project);
        let name = format!("refs/merge-requests/{}/head", merge_request.iid);
        if merge_request.source_project == merge_request.project {
            let head = Oid::from_str(&merge_request.sha).expect("an id");
            repo::set_ref(&target, &name, head);
        } else {
            let spec = format!("+refs/heads/{}:{name}", merge_request.source_branch);
            repo::fetch(
                &target,
                &self.repository(merge_request.source_project),
                &[&spec],
            );
        }
    }

    /// Merge requests into this branch whose head it contains now are merged.
    fn follow_target(&mut self, project: Id, user: Id, branch: &str, head: Option<Oid>) {
        let Some(head) = head else { return };
        let now = self.now();
        let repository = self.open(project);
        for merge_request in self.merge_requests.values_mut() {
            let into_here =
                merge_request.project == project && merge_request.target_branch == branch;
            let tip = Oid::from_str(&merge_request.sha).expect("an id");
            if merge_request.state == "opened"
                && into_here
                && repo::contains(&repository, head, tip)
            {
                merge_request.state = "merged";
                merge_request.merged_at = Some(now);
                merge_request.merged_by = Some(user);
                merge_request.merge_commit_sha = Some(head.to_string());
                merge_request.updated_at = now;
            }
        }
    }

    fn push_hook(&mut self, project: Id, user: Id, update: &Update) {
        let none = || "0".repeat(40);
        let id = |at: Option<Oid>| at.map_or_else(none, |id| id.to_string());
        let commits = self.new_commits(project, update);
        let body = json!({
            "object_kind": "push",
            "event_name": "push",
            "before": id(update.old),
            "after": id(update.new),
            "ref": update.name,
            "checkout_sha": update.new.map(|id| id.to_string()),
            "user_id": user,
            "user_username": self.users.get(&user).map(|user| &user.username),
            "project_id": project,
            "project": self.hook_project(project),
            "total_commits_count": commits.len(),
            "commits": commits,
        });
        self.deliver(project, "push_events", "Push Hook", body);
    }

    fn new_commits(&self, project: Id, update: &Update) -> Vec<Value> {
        let Some(new) = update.new else {
            return Vec::new();
        };
        let repository = self.open(project);
        // What a new branch brings is counted from the default branch.
        let default = repo::branch(&repository, &self.project(project).default_branch);
        let base = update.old.or(default.filter(|head| *head != new));
        let ids = repo::between(&repository, base, new, 20);
        let url = self.web_url(project);
        let shown = ids.into_iter().rev().map(|id| {
            let commit = repository.find_commit(id).expect("a commit");
            let shown = repo::show(&commit, &url);
            json!({
                "id": shown["id"], "message": shown["message"], "title": shown["title"],
                "timestamp": shown["committed_date"], "url": shown["web_url"],
                "author": { "name": shown["author_name"], "email": shown["author_email"] },
            })
        });
        shown.collect()
    }
}
