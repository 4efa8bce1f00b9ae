//! From a request to its handler: the table of routes, and the checks that are the same for all of them (token, scope,
//! project, role). A segment that a route does not name is no route: an unencoded slash ends here.

use serde_json::json;

use super::answer::{Reply, error, forbidden, message, not_found};
use super::api;
use super::call::{Call, conditional};
use super::loopback::{Answer, Request};
use super::params::{Params, decode};
use super::state::{Id, Role, State};
use super::tokens::{Caller, Scope, need_scope, unauthorized};

type Handler = fn(&mut State, &Call<'_>) -> Reply;

/// Who may call at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The handler looks for itself.
    Open,
    /// Anyone with a token of the API.
    SignedIn,
    /// Who has this role in the project, and everybody may read what a public project shows to a reporter.
    Project(Role),
    /// The same for package endpoints, which take deploy tokens and Basic authorization.
    Package(Role),
}

/// Whether a job's token opens the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jobs {
    Refused,
    Welcome,
}

pub struct Route {
    method: &'static str,
    pattern: &'static str,
    door: Door,
    jobs: Jobs,
    run: Handler,
}

impl Route {
    pub const fn new(
        method: &'static str,
        pattern: &'static str,
        door: Door,
        run: Handler,
    ) -> Self {
        Self {
            method,
            pattern,
            door,
            jobs: Jobs::Refused,
            run,
        }
    }

    /// The same, open to jobs' tokens.
    pub const fn jobs(mut self) -> Self {
        self.jobs = Jobs::Welcome;
        self
    }

    /// The variable segments, when the path fits.
    fn matches(&self, path: &str) -> Option<Vec<String>> {
        let mut args = Vec::new();
        let (mut wanted, mut rest) = (self.pattern.split('/'), path);
        loop {
            let Some(want) = wanted.next() else {
                return rest.is_empty().then_some(args);
            };
            if want.starts_with('*') {
                args.push(decode(rest));
                return (!rest.is_empty()).then_some(args);
            }
            let (segment, after) = rest.split_once('/').unwrap_or((rest, ""));
            if want.starts_with(':') && !segment.is_empty() {
                args.push(decode(segment));
            } else if want != segment {
                return None;
            }
            rest = after;
        }
    }
}

/// Answers one call of the API.
pub fn answer(state: &mut State, request: &Request) -> Answer {
    let path = request.path.strip_prefix("/api/v4/").unwrap_or_default();
    let found = api::routes()
        .filter(|route| route.method == request.method)
        .find_map(|route| route.matches(path).map(|args| (route, args)));
    let Some((route, args)) = found else {
        return error(404, json!({ "error": "404 Not Found" }));
    };
    let answer = run(state, request, route, args).unwrap_or_else(|refusal| refusal);
    conditional(request, answer)
}

fn run(state: &mut State, request: &Request, route: &Route, mut args: Vec<String>) -> Reply {
    let params = Params::of(request);
    let package = matches!(route.door, Door::Package(_));
    let mut caller = match package {
        true => state.package_caller(request, &params)?,
        false if route.door == Door::Open => Caller::Nobody,
        false => state.caller(request, &params)?,
    };
    // A job's token is no token where it is not taken.
    if matches!(caller, Caller::Job { .. }) && route.jobs == Jobs::Refused {
        caller = Caller::Nobody;
    }
    match (request.method.as_str(), package) {
        (_, true) => {}
        ("GET" | "HEAD", _) => need_scope(&caller, &[Scope::Api, Scope::ReadApi], "api read_api")?,
        _ => need_scope(&caller, &[Scope::Api], "api")?,
    }
    let base = state.base.clone();
    let mut call = Call {
        request,
        params,
        caller,
        args: Vec::new(),
        project: None,
        role: Role::None,
        base: &base,
    };
    match route.door {
        Door::Open => {}
        Door::SignedIn if call.caller == Caller::Nobody => return Err(unauthorized()),
        Door::SignedIn => {}
        Door::Project(role) | Door::Package(role) => {
            let project = args.remove(0);
            if let Some(answer) = moved(state, request, &project) {
                return Ok(answer);
            }
            let hidden = |refusal| match (&call.caller, package) {
                // Package managers send their login only if the server requests it.
                (Caller::Nobody, true) => unauthorized(),
                _ => refusal,
            };
            let found = state.visible_project(&call.caller, &project);
            let id = found.map_err(hidden)?;
            check_role(state, &mut call, id, role)?;
        }
    }
    call.args = args;
    (route.run)(state, &call)
}

fn check_role(state: &State, call: &mut Call<'_>, project: Id, wanted: Role) -> Reply<()> {
    call.project = Some(project);
    call.role = state.caller_role(&call.caller, project);
    let reading = ["GET", "HEAD"].contains(&call.request.method.as_str());
    let open = reading && wanted <= Role::Reporter && state.is_open(&call.caller, project);
    if call.role >= wanted || open {
        return Ok(());
    }
    Err(match call.caller {
        Caller::Nobody => unauthorized(),
        _ => forbidden(),
    })
}

/// A project asked for by a path that it has no more.
fn moved(state: &State, request: &Request, project: &str) -> Option<Answer> {
    if state.project_at(project).is_some() {
        return None;
    }
    let found = state.project_once_at(project)?;
    let encoded = request.path.strip_prefix("/api/v4/projects/")?;
    let rest = encoded.split_once('/').map(|(_, rest)| format!("/{rest}"));
    let query = match request.query.as_str() {
        "" => String::new(),
        query => format!("?{query}"),
    };
    let rest = rest.unwrap_or_default();
    let target = format!("{}/api/v4/projects/{}{rest}{query}", state.base, found.id);
    Some(message(301, "This resource has been moved permanently").with("location", target))
}

/// What a handler says when an object of its project is not there.
pub fn owned<T>(found: Option<T>, project: Id, owner: impl Fn(&T) -> Id, what: &str) -> Reply<T> {
    found
        .filter(|it| owner(it) == project)
        .ok_or_else(|| not_found(what))
}
