//! Tokens and who they speak for: kinds, scopes, ends, and the two ways to show one (headers and fields of the API, Basic
//! authorization of git and packages). The role that a call needs is next to the call.

use jiff::Timestamp;
use serde_json::json;

use super::answer::{Reply, error, message, not_found};
use super::loopback::{Answer, Request};
use super::params::Params;
use super::state::{Id, Role, State, Visibility};
use super::status::Status;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Api,
    ReadApi,
    ReadRepository,
    WriteRepository,
    ReadPackages,
    WritePackages,
}

impl Scope {
    pub fn word(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::ReadApi => "read_api",
            Self::ReadRepository => "read_repository",
            Self::WriteRepository => "write_repository",
            Self::ReadPackages => "read_package_registry",
            Self::WritePackages => "write_package_registry",
        }
    }

    pub fn of(word: &str) -> Option<Self> {
        Some(match word {
            "api" => Self::Api,
            "read_api" => Self::ReadApi,
            "read_repository" => Self::ReadRepository,
            "write_repository" => Self::WriteRepository,
            "read_package_registry" => Self::ReadPackages,
            "write_package_registry" => Self::WritePackages,
            _ => return None,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A personal access token, or that of a project, which speaks for a bot.
    Access,
    /// Starts pipelines of one project as its owner.
    Trigger(Id),
    /// Reads one project's repository, and its packages.
    Deploy(Id),
}

/// A token that is no job's; those of jobs belong to the jobs.
#[derive(Debug, Clone)]
pub struct Token {
    pub value: String,
    pub kind: Kind,
    pub user: Id,
    pub scopes: Vec<Scope>,
    pub expires_at: Option<Timestamp>,
    pub revoked: bool,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    Nobody,
    User { user: Id, scopes: Vec<Scope> },
    Job { job: Id, project: Id, user: Id },
    Deploy { project: Id, scopes: Vec<Scope> },
}

impl Caller {
    /// The user whose rights count; deploy tokens have none.
    pub fn user(&self) -> Option<Id> {
        match self {
            Self::User { user, .. } | Self::Job { user, .. } => Some(*user),
            Self::Nobody | Self::Deploy { .. } => None,
        }
    }

    pub fn has(&self, some: &[Scope]) -> bool {
        match self {
            Self::User { scopes, .. } | Self::Deploy { scopes, .. } => {
                scopes.iter().any(|scope| some.contains(scope))
            }
            Self::Job { .. } => true,
            Self::Nobody => false,
        }
    }
}

pub fn unauthorized() -> Answer {
    message(401, "401 Unauthorized")
}

impl State {
    /// Who calls the API, from headers and fields. A job's token counts only where `jobs` says so.
    pub fn caller(&self, request: &Request, params: &Params) -> Result<Caller, Answer> {
        let bearer = request
            .header("authorization")
            .and_then(|it| it.strip_prefix("Bearer "));
        let private = request
            .header("private-token")
            .or(bearer)
            .map(str::to_owned);
        if let Some(token) = private.or_else(|| params.text("private_token")) {
            if request.path.ends_with("/api/v4/job") && self.running_job(&token).is_some() {
                return self.job_caller(&token);
            }
            return self.access_caller(&token);
        }
        let job = request.header("job-token").map(str::to_owned);
        if let Some(token) = job.or_else(|| params.text("job_token")) {
            return self.job_caller(&token);
        }
        Ok(Caller::Nobody)
    }

    /// Who calls a package endpoint, which takes Basic authorization and deploy tokens too.
    pub fn package_caller(&self, request: &Request, params: &Params) -> Result<Caller, Answer> {
        if let Some(token) = request.header("deploy-token") {
            return self.deploy_caller(token);
        }
        match request.login() {
            Some(login) => self.basic_caller(&login),
            None => self.caller(request, params),
        }
    }

    /// `user:password` of git and of packages.
    pub fn basic_caller(&self, login: &str) -> Result<Caller, Answer> {
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        if user == "gitlab-ci-token" {
            return self.job_caller(password);
        }
        self.access_caller(password)
            .or_else(|_| self.deploy_caller(password))
    }

    fn access_caller(&self, value: &str) -> Result<Caller, Answer> {
        let token = self.token(value, |kind| kind == Kind::Access)?;
        if self.users.get(&token.user).is_none_or(|user| !user.active) {
            return Err(message(
                403,
                "403 Forbidden - Your account has been blocked.",
            ));
        }
        Ok(Caller::User {
            user: token.user,
            scopes: token.scopes.clone(),
        })
    }

    fn deploy_caller(&self, value: &str) -> Result<Caller, Answer> {
        let token = self.token(value, |kind| matches!(kind, Kind::Deploy(_)))?;
        let Kind::Deploy(project) = token.kind else {
            return Err(unauthorized());
        };
        Ok(Caller::Deploy {
            project,
            scopes: token.scopes.clone(),
        })
    }

    fn job_caller(&self, value: &str) -> Result<Caller, Answer> {
        let (job, project, user) = self.running_job(value).ok_or_else(unauthorized)?;
        Ok(Caller::Job { job, project, user })
    }

    /// Job, project and user of a job token; it ends with its job.
    fn running_job(&self, value: &str) -> Option<(Id, Id, Id)> {
        let job = self.jobs.values().find(|job| job.token == value)?;
        matches!(job.status, Status::Running | Status::Canceling).then_some((
            job.id,
            job.project,
            job.user,
        ))
    }

    /// The token with this value, if it counts now.
    pub fn token(&self, value: &str, kind: impl Fn(Kind) -> bool) -> Result<&Token, Answer> {
        let found = self
            .tokens
            .iter()
            .find(|token| token.value == value && kind(token.kind));
        let token = found.ok_or_else(unauthorized)?;
        let ended = |text: &str| {
            error(
                401,
                json!({ "error": "invalid_token", "error_description": text }),
            )
        };
        if token.revoked {
            return Err(ended(
                "Token was revoked. You have to re-authorize from the user.",
            ));
        }
        if token.expires_at.is_some_and(|end| end <= self.now()) {
            return Err(ended(
                "Token is expired. You can either do re-authorization or token refresh.",
            ));
        }
        Ok(token)
    }

    /// Pipeline starter: a trigger token of the project, or the token of a job whose project it accepts.
    pub fn trigger_caller(&self, value: &str, project: Id) -> Option<Caller> {
        if let Ok(token) = self.token(value, |kind| kind == Kind::Trigger(project)) {
            return Some(Caller::User {
                user: token.user,
                scopes: vec![Scope::Api],
            });
        }
        let caller = self.job_caller(value).ok()?;
        self.accepts(&caller, project).then_some(caller)
    }

    /// Whether the project lets job tokens of the caller's project in at all.
    fn accepts(&self, caller: &Caller, project: Id) -> bool {
        match caller {
            Caller::Job { project: from, .. } => {
                *from == project
                    || self
                        .project(project)
                        .settings
                        .job_token_allowlist
                        .contains(from)
            }
            _ => true,
        }
    }

    /// What the caller may do in a project; everybody reads a public one.
    pub fn caller_role(&self, caller: &Caller, project: Id) -> Role {
        if !self.accepts(caller, project) {
            return Role::None;
        }
        if let Caller::Deploy { project: own, .. } = caller {
            return if *own == project {
                Role::Reporter
            } else {
                Role::None
            };
        }
        let own = caller
            .user()
            .map_or(Role::None, |user| self.role(user, project));
        let open = match self.project(project).visibility {
            Visibility::Public => Role::Guest,
            Visibility::Internal if caller.user().is_some() => Role::Guest,
            Visibility::Internal | Visibility::Private => Role::None,
        };
        own.max(open)
    }

    /// Whether the project is open to the caller for reading although it is no member.
    pub fn is_open(&self, caller: &Caller, project: Id) -> bool {
        match self.project(project).visibility {
            Visibility::Public => true,
            Visibility::Internal => caller.user().is_some(),
            Visibility::Private => false,
        }
    }

    /// The project with this id or path as the caller sees it: not there, when it is hidden.
    pub fn visible_project(&self, caller: &Caller, id: &str) -> Result<Id, Answer> {
        let by_id = id.parse().ok().and_then(|id| self.projects.get(&id));
        let found = by_id
            .or_else(|| self.project_at(id))
            .map(|project| project.id);
        found
            .filter(|id| self.caller_role(caller, *id) >= Role::Guest)
            .ok_or_else(|| not_found("Project"))
    }
}

/// Refuses a token whose scopes do not hold one of these.
pub fn need_scope(caller: &Caller, some: &[Scope], words: &str) -> Reply<()> {
    if caller.has(some) || *caller == Caller::Nobody {
        return Ok(());
    }
    Err(error(
        403,
        json!({
            "error": "insufficient_scope",
            "error_description": "The request requires higher privileges than provided by the access token.",
            "scope": words,
        }),
    ))
}
