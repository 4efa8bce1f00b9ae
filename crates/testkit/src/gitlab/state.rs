//! What the stand-in remembers: plain data, one struct per noun of GitLab, in one [`State`] that a mutex guards. It answers
//! nothing and checks no right.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::push::Push;
use super::settings::Settings;
use super::status::Status;
use super::throttle::Throttle;
use super::tokens::Token;

/// A global id, or an `iid` where the name says so. Each noun starts at another number, so that a mix-up shows.
pub type Id = u64;

/// Roles by GitLab's numbers; compare with `>=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    None = 0,
    Minimal = 5,
    Guest = 10,
    Planner = 15,
    Reporter = 20,
    Developer = 30,
    Maintainer = 40,
    Owner = 50,
    Admin = 60,
}

impl Role {
    pub fn of(level: i64) -> Option<Self> {
        let all = [
            Self::None,
            Self::Minimal,
            Self::Guest,
            Self::Planner,
            Self::Reporter,
            Self::Developer,
            Self::Maintainer,
            Self::Owner,
            Self::Admin,
        ];
        all.into_iter().find(|role| *role as i64 == level)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    Private,
    Internal,
    Public,
}

impl Visibility {
    pub fn word(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Internal => "internal",
            Self::Public => "public",
        }
    }
}

/// Where the time comes from.
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    /// Stands still until a test moves it.
    Still(Timestamp),
    /// The machine's.
    Wall,
}

#[derive(Debug, Clone)]
pub struct User {
    pub id: Id,
    pub username: String,
    pub name: String,
    /// False for those who are blocked.
    pub active: bool,
    pub bot: bool,
}

#[derive(Debug, Clone)]
pub struct Group {
    pub id: Id,
    pub full_path: String,
    pub members: BTreeMap<Id, Role>,
}

/// A row of protection: whom a branch name or pattern is open to.
#[derive(Debug, Clone)]
pub struct ProtectedBranch {
    pub id: Id,
    /// A name, or a pattern in which `*` stands for anything.
    pub name: String,
    /// The least role that may push; [`Role::None`] for nobody.
    pub push: Role,
    /// Users who may push whatever their role.
    pub pushers: BTreeSet<Id>,
    pub merge: Role,
    pub allow_force_push: bool,
}

#[derive(Debug, Clone)]
pub struct Project {
    pub id: Id,
    /// Full path, `group/sub/name`.
    pub path: String,
    /// Paths that it had before.
    pub old_paths: Vec<String>,
    pub default_branch: String,
    pub visibility: Visibility,
    pub members: BTreeMap<Id, Role>,
    pub forked_from: Option<Id>,
    pub archived: bool,
    pub protected: Vec<ProtectedBranch>,
    pub resource_groups: BTreeMap<String, ResourceGroup>,
    pub settings: Settings,
    pub created_at: Timestamp,
    pub last_activity_at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct MergeRequest {
    pub id: Id,
    pub iid: Id,
    /// The target project: where the merge request lives.
    pub project: Id,
    pub source_project: Id,
    pub source_branch: String,
    pub target_branch: String,
    pub title: String,
    pub description: String,
    /// `opened`, `closed` or `merged`.
    pub state: &'static str,
    pub draft: bool,
    pub labels: Vec<String>,
    pub author: Id,
    /// Head of the source branch as last seen.
    pub sha: String,
    pub merge_commit_sha: Option<String>,
    pub merged_by: Option<Id>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub merged_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub struct Note {
    pub id: Id,
    pub project: Id,
    pub merge_request: Id,
    pub body: String,
    pub author: Id,
    pub system: bool,
    pub internal: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct Pipeline {
    pub id: Id,
    pub iid: Id,
    pub project: Id,
    pub status: Status,
    pub source: String,
    pub ref_: String,
    pub sha: String,
    pub tag: bool,
    pub name: Option<String>,
    pub user: Id,
    pub merge_request: Option<Id>,
    /// The trigger job that made it, for children and downstream pipelines.
    pub parent: Option<Id>,
    pub variables: Vec<(String, String)>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub struct Job {
    pub id: Id,
    pub pipeline: Id,
    pub project: Id,
    pub name: String,
    pub stage: String,
    pub status: Status,
    pub user: Id,
    /// True for a trigger job; its downstream pipeline says so itself.
    pub bridge: bool,
    /// True when a newer job of the same name took its place.
    pub retried: bool,
    pub allow_failure: bool,
    pub manual: bool,
    pub resource_group: Option<String>,
    pub environment: Option<String>,
    pub deployment: Option<Id>,
    pub failure_reason: Option<String>,
    pub tags: Vec<String>,
    pub token: String,
    pub trace: String,
    pub created_at: Timestamp,
    pub queued_at: Option<Timestamp>,
    pub started_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub struct ResourceGroup {
    pub id: Id,
    /// `unordered`, `oldest_first`, `newest_first` or `newest_ready_first`.
    pub process_mode: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct Environment {
    pub id: Id,
    pub project: Id,
    pub name: String,
    pub external_url: Option<String>,
    pub description: Option<String>,
    pub tier: String,
    pub state: &'static str,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct Deployment {
    pub id: Id,
    pub iid: Id,
    pub project: Id,
    pub environment: Id,
    pub ref_: String,
    pub tag: bool,
    pub sha: String,
    pub status: String,
    pub user: Id,
    /// The job that deployed; none for deployments made by API.
    pub job: Option<Id>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
pub struct Package {
    pub id: Id,
    pub project: Id,
    pub name: String,
    pub version: String,
    /// `default` or `hidden`.
    pub status: String,
    pub creator: Option<Id>,
    pub created_at: Timestamp,
    /// Oldest first; the newest of a name is the one that is served.
    pub files: Vec<PackageFile>,
}

#[derive(Debug, Clone)]
pub struct PackageFile {
    pub id: Id,
    pub name: String,
    pub sha256: String,
    pub bytes: Vec<u8>,
    pub created_at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct Hook {
    pub id: Id,
    pub project: Id,
    pub url: String,
    /// `X-Gitlab-Token`, never given back.
    pub token: Option<String>,
    /// The events that it subscribes to: `push_events`, `note_events`…
    pub events: BTreeSet<String>,
    pub created_at: Timestamp,
}

/// A webhook on its way to its hook.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub hook: Id,
    /// Counts deliveries; the same in each try of one.
    pub number: Id,
    pub sent_at: Timestamp,
    pub url: String,
    pub event: &'static str,
    pub token: Option<String>,
    pub body: Value,
}

#[derive(Debug, Clone)]
pub struct CommitStatus {
    pub id: Id,
    pub project: Id,
    pub pipeline: Option<Id>,
    pub sha: String,
    pub ref_: Option<String>,
    pub name: String,
    pub state: String,
    pub target_url: Option<String>,
    pub description: Option<String>,
    pub author: Id,
    pub created_at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct Release {
    pub project: Id,
    pub tag_name: String,
    pub name: String,
    pub description: String,
    pub author: Id,
    pub links: Vec<(Id, String, String)>,
    pub created_at: Timestamp,
    pub released_at: Timestamp,
}

/// Everything.
#[derive(Debug)]
pub struct State {
    pub clock: Clock,
    /// By how much the `Date` of answers differs from the clock; `None` when they have none.
    pub date: Option<SignedDuration>,
    /// `http://127.0.0.1:port`
    pub base: String,
    /// Holds `ID.git` per project, and the hooks of all.
    pub root: PathBuf,
    next: BTreeMap<String, Id>,
    pub users: BTreeMap<Id, User>,
    pub groups: BTreeMap<Id, Group>,
    pub projects: BTreeMap<Id, Project>,
    pub tokens: Vec<Token>,
    pub merge_requests: BTreeMap<Id, MergeRequest>,
    pub notes: BTreeMap<Id, Note>,
    pub pipelines: BTreeMap<Id, Pipeline>,
    pub jobs: BTreeMap<Id, Job>,
    pub environments: BTreeMap<Id, Environment>,
    pub deployments: BTreeMap<Id, Deployment>,
    pub packages: BTreeMap<Id, Package>,
    pub hooks: BTreeMap<Id, Hook>,
    pub statuses: BTreeMap<Id, CommitStatus>,
    pub releases: Vec<Release>,
    /// Every reference that ever moved, the oldest first: push events, and what tests compare logs with.
    pub pushes: Vec<Push>,
    /// Webhooks that have not been sent.
    pub outbox: Vec<Delivery>,
    /// How many requests of a user are answered, where that is limited.
    pub throttle: Option<Throttle>,
}

impl State {
    pub fn new(base: String, root: PathBuf) -> Self {
        let start: Timestamp = "2026-01-05T08:00:00Z".parse().expect("a time");
        Self {
            clock: Clock::Still(start),
            date: Some(SignedDuration::ZERO),
            base,
            root,
            next: BTreeMap::new(),
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            projects: BTreeMap::new(),
            tokens: Vec::new(),
            merge_requests: BTreeMap::new(),
            notes: BTreeMap::new(),
            pipelines: BTreeMap::new(),
            jobs: BTreeMap::new(),
            environments: BTreeMap::new(),
            deployments: BTreeMap::new(),
            packages: BTreeMap::new(),
            hooks: BTreeMap::new(),
            statuses: BTreeMap::new(),
            releases: Vec::new(),
            pushes: Vec::new(),
            outbox: Vec::new(),
            throttle: None,
        }
    }

    pub fn now(&self) -> Timestamp {
        match self.clock {
            Clock::Still(time) => time,
            Clock::Wall => Timestamp::now(),
        }
    }

    /// Moves a clock that stands still.
    pub fn advance(&mut self, time: SignedDuration) {
        if let Clock::Still(now) = &mut self.clock {
            *now = now.checked_add(time).expect("a time");
        }
    }

    /// The next id of a noun, or of a noun within a project (`iid`s start at 1).
    pub fn next(&mut self, noun: &str) -> Id {
        let first = match noun {
            "user" => 2,
            "group" => 50,
            "project" => 101,
            "pipeline" => 4001,
            "job" => 70_001,
            "merge_request" => 2001,
            "note" => 9001,
            "environment" => 301,
            "deployment" => 5001,
            "package" => 601,
            "file" => 6001,
            _ => 1,
        };
        let next = self.next.entry(noun.to_owned()).or_insert(first);
        *next += 1;
        *next - 1
    }

    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.values().find(|user| user.username == name)
    }

    /// The project that has this path now.
    pub fn project_at(&self, path: &str) -> Option<&Project> {
        self.projects.values().find(|project| project.path == path)
    }

    /// The project that had this path before.
    pub fn project_once_at(&self, path: &str) -> Option<&Project> {
        self.projects
            .values()
            .find(|project| project.old_paths.iter().any(|old| old == path))
    }

    pub fn project(&self, id: Id) -> &Project {
        self.projects.get(&id).expect("the project is there")
    }

    pub fn project_mut(&mut self, id: Id) -> &mut Project {
        self.projects.get_mut(&id).expect("the project is there")
    }

    /// Folder of a project's bare repository.
    pub fn repository(&self, project: Id) -> PathBuf {
        self.root.join(format!("{project}.git"))
    }

    /// A user's role in a project: the highest of its own members and of all groups above it.
    pub fn role(&self, user: Id, project: Id) -> Role {
        let project = self.project(project);
        let own = project.members.get(&user).copied();
        let inherited = self
            .groups
            .values()
            .filter(|group| project.path.starts_with(&format!("{}/", group.full_path)))
            .filter_map(|group| group.members.get(&user).copied());
        let namespace = self.users.get(&user).filter(|user| {
            project
                .path
                .split_once('/')
                .is_some_and(|(space, _)| space == user.username)
        });
        let owner = namespace.map(|_| Role::Owner);
        own.into_iter()
            .chain(inherited)
            .chain(owner)
            .max()
            .unwrap_or(Role::None)
    }

    /// Jobs of a pipeline, oldest first.
    pub fn jobs_of(&self, pipeline: Id) -> impl Iterator<Item = &Job> {
        self.jobs
            .values()
            .filter(move |job| job.pipeline == pipeline)
    }

    /// The pipeline that a trigger job made.
    pub fn downstream(&self, job: Id) -> Option<&Pipeline> {
        self.pipelines
            .values()
            .find(|pipeline| pipeline.parent == Some(job))
    }
}
