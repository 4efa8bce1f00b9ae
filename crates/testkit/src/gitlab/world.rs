//! What tests hold in their hands: users, groups, projects, merge requests, pipelines and jobs of a [`Gitlab`]. Each is an id
//! and the way to the state; what they change, the API answers from then on.

use std::sync::Arc;

use git2::Oid;

use super::ci::JobSpec;
use super::push::Update;
use super::repo;
use super::server::{Gitlab, World};
use super::settings::Settings;
use super::state::{Id, Role, Visibility};
use super::status::Status;
use super::tokens::{Kind, Scope};

/// Whether a protected branch may be moved otherwise than forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    Refused,
    Allowed,
}

#[derive(Clone)]
pub struct User {
    pub id: Id,
    pub name: String,
}

#[derive(Clone)]
pub struct Group {
    pub id: Id,
    world: Arc<World>,
}

#[derive(Clone)]
pub struct Project {
    pub id: Id,
    world: Arc<World>,
}

#[derive(Clone)]
pub struct MergeRequest {
    pub id: Id,
    pub iid: Id,
    world: Arc<World>,
}

#[derive(Clone)]
pub struct Pipeline {
    pub id: Id,
    world: Arc<World>,
}

#[derive(Clone)]
pub struct Job {
    pub id: Id,
    world: Arc<World>,
}

impl Gitlab {
    /// The user of this name, made when new.
    pub fn user(&self, name: &str) -> User {
        User {
            id: self.change(|state| state.add_user(name)),
            name: name.to_owned(),
        }
    }

    pub fn group(&self, path: &str) -> Group {
        Group {
            id: self.change(|state| state.add_group(path)),
            world: Arc::clone(self.world()),
        }
    }

    /// The project at this path; a new one has one commit on `main`, which is its maintainers'.
    pub fn project(&self, path: &str) -> Project {
        let id = self.change(|state| {
            let known = state.project_at(path).map(|it| it.id);
            known.unwrap_or_else(|| {
                let id = state.add_project(path);
                state.first_commit(id);
                id
            })
        });
        self.project_by(id)
    }

    /// A project whose repository is empty.
    pub fn empty_project(&self, path: &str) -> Project {
        self.project_by(self.change(|state| state.add_project(path)))
    }

    pub fn project_by(&self, id: Id) -> Project {
        Project {
            id,
            world: Arc::clone(self.world()),
        }
    }

    /// An access token of the user, with scopes in GitLab's words.
    pub fn token(&self, user: &User, scopes: &[&str]) -> String {
        let scopes = scopes_of(scopes);
        self.change(|state| state.add_access_token(user.id, &scopes))
    }
}

fn scopes_of(words: &[&str]) -> Vec<Scope> {
    words
        .iter()
        .map(|word| Scope::of(word).expect("a scope"))
        .collect()
}

impl Group {
    /// Makes the user a member of the group and of all below it.
    pub fn member(&self, user: &User, role: Role) {
        self.world.change(|state| {
            state
                .groups
                .get_mut(&self.id)
                .expect("the group is there")
                .members
                .insert(user.id, role);
        });
    }
}

impl Project {
    pub fn path(&self) -> String {
        self.world.lock().project(self.id).path.clone()
    }

    /// Where git finds it.
    pub fn url(&self) -> String {
        format!("{}.git", self.world.lock().web_url(self.id))
    }

    /// The same with `user:password` in it.
    pub fn url_as(&self, user: &str, token: &str) -> String {
        self.url()
            .replacen("http://", &format!("http://{user}:{token}@"), 1)
    }

    /// Where its bare repository is on the disk.
    pub fn folder(&self) -> std::path::PathBuf {
        self.world.lock().repository(self.id)
    }

    pub fn member(&self, user: &User, role: Role) {
        self.world.change(|state| {
            state.project_mut(self.id).members.insert(user.id, role);
        });
    }

    pub fn settings(&self, change: impl FnOnce(&mut Settings)) {
        self.world
            .change(|state| change(&mut state.project_mut(self.id).settings));
    }

    pub fn visibility(&self, visibility: Visibility) {
        self.world
            .change(|state| state.project_mut(self.id).visibility = visibility);
    }

    pub fn archive(&self) {
        self.world
            .change(|state| state.project_mut(self.id).archived = true);
    }

    /// Lets job tokens of another project in.
    pub fn allow_jobs_of(&self, other: &Project) {
        self.settings(|settings| {
            settings.job_token_allowlist.insert(other.id);
        });
    }

    /// Gives it another path; the old one leads to it.
    pub fn move_to(&self, path: &str) {
        self.world.change(|state| {
            if let Some((space, _)) = path.rsplit_once('/') {
                state.add_group(space);
            }
            let project = state.project_mut(self.id);
            let old = std::mem::replace(&mut project.path, path.to_owned());
            project.old_paths.push(old);
        });
    }

    /// The user is no member any more.
    pub fn expel(&self, user: &User) {
        self.world.change(|state| {
            state.project_mut(self.id).members.remove(&user.id);
        });
    }

    /// Deletes it with all that is in it.
    pub fn delete(&self) {
        self.world.change(|state| {
            state.projects.remove(&self.id);
            state.pipelines.retain(|_, it| it.project != self.id);
            state.jobs.retain(|_, it| it.project != self.id);
        });
    }

    /// Commits files on a branch; a new branch begins at the default branch.
    pub fn commit(&self, branch: &str, files: &[(&str, &str)]) -> String {
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (*path, Some(*text)))
            .collect();
        self.world.change(|state| {
            let repository = state.open(self.id);
            let default = state.project(self.id).default_branch.clone();
            let old = repo::branch(&repository, branch);
            let parent = old.or_else(|| repo::branch(&repository, &default));
            let number = state.next("commit");
            let new = repo::commit(
                &repository,
                parent,
                &files,
                &format!("Change {number}\n"),
                state.now(),
            );
            let name = format!("refs/heads/{branch}");
            repo::set_ref(&repository, &name, new);
            state.pushed(
                self.id,
                0,
                &[Update {
                    old,
                    new: Some(new),
                    name,
                }],
                true,
            );
            new.to_string()
        })
    }

    /// A commit that no branch holds.
    pub fn loose_commit(&self, parent: &str, files: &[(&str, &str)]) -> String {
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (*path, Some(*text)))
            .collect();
        self.world.change(|state| {
            let parent = Oid::from_str(parent).expect("an id");
            repo::commit(
                &state.open(self.id),
                Some(parent),
                &files,
                "A loose change\n",
                state.now(),
            )
            .to_string()
        })
    }

    /// Head of a branch.
    pub fn branch(&self, name: &str) -> Option<String> {
        let repository = self.world.lock().open(self.id);
        repo::branch(&repository, name).map(|id| id.to_string())
    }

    /// Points a branch somewhere, without a check of permissions.
    pub fn set_branch(&self, name: &str, commit: &str) {
        self.put_branch(0, name, commit);
    }

    /// The same as a push of someone.
    pub fn push_as(&self, user: &User, name: &str, commit: &str) {
        self.put_branch(user.id, name, commit);
    }

    fn put_branch(&self, user: Id, name: &str, commit: &str) {
        self.world.change(|state| {
            let repository = state.open(self.id);
            let old = repo::branch(&repository, name);
            let new = Oid::from_str(commit).expect("an id");
            let name = format!("refs/heads/{name}");
            repo::set_ref(&repository, &name, new);
            state.pushed(
                self.id,
                user,
                &[Update {
                    old,
                    new: Some(new),
                    name,
                }],
                true,
            );
        });
    }

    pub fn protect(&self, name: &str, push: Role, force: Force) {
        self.world
            .change(|state| state.protect(self.id, name, push, force == Force::Allowed));
    }

    pub fn unprotect(&self, name: &str) {
        self.world.change(|state| {
            state
                .project_mut(self.id)
                .protected
                .retain(|row| row.name != name)
        });
    }

    /// A fork in the user's own namespace.
    pub fn fork(&self, user: &User) -> Project {
        let id = self.world.change(|state| {
            let path = state.project(self.id).path.clone();
            let name = path.rsplit('/').next().unwrap_or_default();
            state.add_fork(self.id, &format!("{}/{name}", user.name))
        });
        Project {
            id,
            world: Arc::clone(&self.world),
        }
    }

    /// A merge request of a branch that is there.
    pub fn merge_request(&self, source: &str, target: &str) -> MergeRequest {
        self.merge_request_to(self, source, target)
    }

    /// A merge request into another project, from this fork of it.
    pub fn merge_request_to(&self, target: &Project, source: &str, branch: &str) -> MergeRequest {
        let (id, iid) = self.world.change(|state| {
            let title = format!("Change {source}");
            let author = state.add_user("ann");
            let id =
                state.add_merge_request(author, (self.id, source), (target.id, branch), &title);
            (id, state.merge_requests[&id].iid)
        });
        MergeRequest {
            id,
            iid,
            world: Arc::clone(&self.world),
        }
    }

    /// A pipeline on the head of a branch, without jobs, made by `ann`.
    pub fn pipeline(&self, branch: &str, status: Status) -> Pipeline {
        let sha = self.branch(branch).expect("the branch is there");
        self.pipeline_of(branch, &sha, "push", status)
    }

    /// A pipeline on any ref, commit and source.
    pub fn pipeline_of(&self, ref_: &str, sha: &str, source: &str, status: Status) -> Pipeline {
        let id = self.world.change(|state| {
            let user = state.add_user("ann");
            let id = state.add_pipeline(self.id, user, ref_, sha, source);
            state.set_pipeline(id, status);
            id
        });
        Pipeline {
            id,
            world: Arc::clone(&self.world),
        }
    }

    /// A finished deployment that was made by API.
    pub fn deployed(&self, environment: &str, commit: &str) -> Id {
        self.world.change(|state| {
            let user = state.add_user("ann");
            let id = state.add_deployment(self.id, environment, user, ("main", commit, false));
            state.set_deployment(id, "success");
            id
        })
    }

    /// A token of the project, which speaks for a bot of its own.
    pub fn bot_token(&self, role: Role, scopes: &[&str]) -> String {
        let scopes = scopes_of(scopes);
        self.world.change(|state| {
            let number = state.next("bot");
            let bot = state.add_user(&format!("project_{}_bot_{number}", self.id));
            state.users.get_mut(&bot).expect("just made").bot = true;
            state.project_mut(self.id).members.insert(bot, role);
            state.add_access_token(bot, &scopes)
        })
    }

    /// Registers a webhook on loopback for these events, with its secret.
    pub fn hook(&self, url: &str, events: &[&str], secret: &str) -> Id {
        self.world.change(|state| {
            let hook = super::state::Hook {
                id: state.next("hook"),
                project: self.id,
                url: url.to_owned(),
                token: Some(secret.to_owned()),
                events: events.iter().map(|event| (*event).to_owned()).collect(),
                created_at: state.now(),
            };
            let id = hook.id;
            state.hooks.insert(id, hook);
            id
        })
    }

    /// A trigger token, which acts as its owner.
    pub fn trigger_token(&self, owner: &User) -> String {
        self.world
            .change(|state| state.add_token("glptt-", Kind::Trigger(self.id), owner.id, &[]))
    }

    /// A deploy token; scopes as for access tokens.
    pub fn deploy_token(&self, scopes: &[&str]) -> String {
        let scopes = scopes_of(scopes);
        self.world
            .change(|state| state.add_token("gldt-", Kind::Deploy(self.id), 0, &scopes))
    }
}

impl MergeRequest {
    /// `opened`, `closed` or `merged`.
    pub fn state(&self) -> &'static str {
        self.world.lock().merge_requests[&self.id].state
    }

    /// Head of its source.
    pub fn sha(&self) -> String {
        self.world.lock().merge_requests[&self.id].sha.clone()
    }

    /// Says something on it; gives the note's id.
    pub fn note(&self, author: &User, body: &str) -> Id {
        self.world
            .change(|state| state.add_note(self.id, author.id, body, false))
    }

    pub fn close(&self) {
        self.world.change(|state| {
            state
                .merge_requests
                .get_mut(&self.id)
                .expect("it is there")
                .state = "closed"
        });
    }

    /// A pipeline for the merge request, on `refs/merge-requests/N/head`.
    pub fn pipeline(&self, status: Status) -> Pipeline {
        let id = self.world.change(|state| {
            let found = state.merge_requests[&self.id].clone();
            let name = format!("refs/merge-requests/{}/head", found.iid);
            let id = state.add_pipeline(
                found.project,
                found.author,
                &name,
                &found.sha,
                "merge_request_event",
            );
            state
                .pipelines
                .get_mut(&id)
                .expect("just made")
                .merge_request = Some(self.id);
            state.set_pipeline(id, status);
            id
        });
        Pipeline {
            id,
            world: Arc::clone(&self.world),
        }
    }
}

impl Pipeline {
    fn handle(&self, id: Id) -> Job {
        Job {
            id,
            world: Arc::clone(&self.world),
        }
    }

    pub fn status(&self) -> Status {
        self.world.lock().pipelines[&self.id].status
    }

    /// Deletes it with its jobs; its children stay.
    pub fn delete(&self) {
        self.world.change(|state| {
            state.pipelines.remove(&self.id);
            state.jobs.retain(|_, it| it.pipeline != self.id);
        });
    }

    /// Shifts all that is known of its past by so much.
    pub fn shift(&self, time: jiff::SignedDuration) {
        self.world.change(|state| {
            let pipeline = state.pipelines.get_mut(&self.id).expect("it is there");
            pipeline.created_at += time;
            pipeline.updated_at += time;
            for at in [&mut pipeline.started_at, &mut pipeline.finished_at] {
                *at = at.map(|at| at + time);
            }
            for job in state.jobs.values_mut().filter(|it| it.pipeline == self.id) {
                job.created_at += time;
                for at in [
                    &mut job.queued_at,
                    &mut job.started_at,
                    &mut job.finished_at,
                ] {
                    *at = at.map(|at| at + time);
                }
            }
        });
    }

    /// Sets the status; jobs stay as they are.
    pub fn set(&self, status: Status) {
        self.world
            .change(|state| state.set_pipeline(self.id, status));
    }

    /// Sets the user who started it.
    #[must_use]
    pub fn by(self, user: &User) -> Self {
        self.world.change(|state| {
            state.pipelines.get_mut(&self.id).expect("it is there").user = user.id;
            for job in state
                .jobs
                .values_mut()
                .filter(|job| job.pipeline == self.id)
            {
                job.user = user.id;
            }
        });
        self
    }

    /// Adds a job that stands like this; the pipeline's own status stays.
    #[must_use]
    pub fn with_job(self, name: &str, stage: &str, status: Status) -> Self {
        self.add(
            JobSpec {
                name: name.to_owned(),
                stage: stage.to_owned(),
                ..JobSpec::default()
            },
            status,
        );
        self
    }

    /// Adds a job with all that a configuration can say of it.
    pub fn add(&self, spec: JobSpec, status: Status) -> Job {
        let id = self.world.change(|state| {
            let id = state.add_job(self.id, &spec);
            state.put_job(id, status);
            id
        });
        self.handle(id)
    }

    /// The newest job of this name.
    pub fn job(&self, name: &str) -> Job {
        let found = {
            let state = self.world.lock();
            state
                .jobs_of(self.id)
                .filter(|job| job.name == name)
                .map(|job| job.id)
                .last()
        };
        self.handle(found.expect("the job is there"))
    }

    /// A child pipeline, made by a trigger job of this name in stage `test`.
    pub fn child(&self, bridge: &str, status: Status) -> Pipeline {
        let spec = JobSpec {
            name: bridge.to_owned(),
            stage: "test".to_owned(),
            bridge: true,
            ..JobSpec::default()
        };
        let bridge = self.add(spec, status);
        let id = self.world.change(|state| {
            let above = state.pipelines[&self.id].clone();
            let id = state.add_pipeline(
                above.project,
                above.user,
                &above.ref_,
                &above.sha,
                "parent_pipeline",
            );
            state.set_pipeline(id, status);
            state.pipelines.get_mut(&id).expect("just made").parent = Some(bridge.id);
            id
        });
        Pipeline {
            id,
            world: Arc::clone(&self.world),
        }
    }
}

impl Job {
    pub fn status(&self) -> Status {
        self.world.lock().jobs[&self.id].status
    }

    /// Sets the status; the pipeline's follows, and what may begin begins.
    pub fn set(&self, status: Status) {
        self.world.change(|state| state.set_job(self.id, status));
    }

    /// `CI_JOB_TOKEN`; it counts while the job runs.
    pub fn token(&self) -> String {
        self.world.lock().jobs[&self.id].token.clone()
    }

    /// The `CI_…` variables of the job, as a runner would set them.
    pub fn variables(&self) -> Vec<(String, String)> {
        self.world.lock().job_variables(self.id)
    }
}
