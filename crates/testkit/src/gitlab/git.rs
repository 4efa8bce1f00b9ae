//! Git over HTTP: who may read and write, `git http-backend` for the transport, and hooks inside the repository for protected
//! branches. The hooks get their facts by environment, so that a push is judged by what was true when it began; objects of
//! the push are in quarantine by then, which only git itself can look into.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use git2::Oid;

use super::git_http::backend;
use super::loopback::{Answer, Request};
use super::params::decode;
use super::push::Update;
use super::state::{Id, Role, State};
use super::tokens::{Caller, Scope};

const HIDDEN: &str =
    "The project you were looking for could not be found or you don't have permission to view it.";
const DENIED: &str = "HTTP Basic: Access denied. If a password was provided for Git authentication, the password was incorrect \
                      or a token is needed instead of it.";

/// Judges a push. Rules are lines of `may-push may-force pattern`; of several that fit, the kindest counts.
const PRE_RECEIVE: &str = r#"#!/bin/sh
none=0000000000000000000000000000000000000000
refuse() { echo "GitLab: $1"; exit 1; }
while read -r old new ref; do
    case $ref in refs/heads/*) name=${ref#refs/heads/} ;; *) continue ;; esac
    protected=no push=no force=no
    while read -r may_push may_force pattern; do
        [ -n "$pattern" ] || continue
        # shellcheck disable=SC2254 # it is a pattern
        case $name in $pattern) ;; *) continue ;; esac
        protected=yes
        [ "$may_push" = no ] || push=yes
        [ "$may_force" = no ] || force=yes
    done <<RULES
$STANDIN_RULES
RULES
    if [ "$new" = "$none" ]; then
        [ "$name" != "$STANDIN_DEFAULT_BRANCH" ] || refuse "The default branch of a project cannot be deleted."
        [ $protected = yes ] || continue
        [ "$STANDIN_MAINTAINER" = no ] || refuse "You can only delete protected branches using the web interface."
        refuse "You are not allowed to delete protected branches from this project. Only a project maintainer or owner can delete a protected branch."
    fi
    [ $protected = yes ] || continue
    if [ "$old" = "$none" ]; then
        [ $push = yes ] || refuse "You are not allowed to create protected branches on this project."
        continue
    fi
    if [ $force = no ] && ! git merge-base --is-ancestor "$old" "$new"; then
        refuse "You are not allowed to force push code to a protected branch on this project."
    fi
    [ $push = yes ] || refuse "You are not allowed to push code to protected branches on this project."
done
"#;

/// Notes what a push changed, for the server that waits for it.
const POST_RECEIVE: &str = "#!/bin/sh\nexec cat >>\"$STANDIN_REPORT\"\n";

static PUSHES: AtomicU64 = AtomicU64::new(0);

/// Writes the hooks that all repositories share, and gives their folder.
pub fn write_hooks(root: &Path) -> PathBuf {
    let folder = root.join("hooks");
    fs::create_dir_all(&folder).expect("a folder");
    for (name, text) in [("pre-receive", PRE_RECEIVE), ("post-receive", POST_RECEIVE)] {
        let path = folder.join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    folder
}

/// A request that git makes: `/group/project.git/…`.
pub fn is_git(request: &Request) -> bool {
    request.path.contains(".git/")
}

/// What a judged request needs to run without the state.
struct Plan {
    project: Id,
    root: PathBuf,
    path: String,
    surroundings: Vec<(&'static str, String)>,
    report: Option<PathBuf>,
    pusher: Option<Id>,
    by_job: bool,
}

/// Answers a git request. The state is not held while git runs, so that pushes race as they do elsewhere.
pub fn answer(state: &Mutex<State>, request: &Request) -> Answer {
    let plan = plan(&state.lock().expect("no panic"), request);
    let plan = match plan {
        Ok(plan) => plan,
        Err(refusal) => return refusal,
    };
    let surroundings: Vec<_> = plan
        .surroundings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let answer = backend(&plan.root, request, &plan.path, &surroundings);
    if let Some(report) = &plan.report {
        let updates = read_report(report);
        let _ = fs::remove_file(report);
        let mut state = state.lock().expect("no panic");
        if let Some(user) = plan.pusher {
            state.pushed(plan.project, user, &updates, plan.by_job);
        }
    }
    answer
}

fn read_report(path: &Path) -> Vec<Update> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let updates = text.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (old, new) = (words.next()?, words.next()?);
        let id = |text: &str| Oid::from_str(text).ok().filter(|id| !id.is_zero());
        Some(Update {
            old: id(old),
            new: id(new),
            name: words.next()?.to_owned(),
        })
    });
    updates.collect()
}

fn refuse(status: u16, text: &str) -> Answer {
    Answer::new(status, text).with("content-type", "text/plain")
}

fn who() -> Answer {
    refuse(401, DENIED).with("www-authenticate", "Basic realm=\"GitLab\"")
}

fn plan(state: &State, request: &Request) -> Result<Plan, Answer> {
    let (name, rest) = request
        .path
        .split_once(".git/")
        .ok_or_else(|| refuse(404, HIDDEN))?;
    let name = decode(name.trim_start_matches('/'));
    let writing = rest == "git-receive-pack" || request.query.contains("service=git-receive-pack");
    let caller = match request.login() {
        None => Caller::Nobody,
        Some(login) => state.basic_caller(&login).map_err(|_| {
            // A job's token that has ended looks like a project that is not there.
            if login.starts_with("gitlab-ci-token:") {
                refuse(404, HIDDEN)
            } else {
                who()
            }
        })?,
    };
    let found = state
        .project_at(&name)
        .or_else(|| state.project_once_at(&name));
    let visible = found.filter(|it| state.caller_role(&caller, it.id) >= Role::Guest);
    let Some(project) = visible else {
        return Err(if caller == Caller::Nobody {
            who()
        } else {
            refuse(404, HIDDEN)
        });
    };
    if writing && caller == Caller::Nobody {
        return Err(who());
    }
    let role = state.caller_role(&caller, project.id);
    may(state, &caller, project.id, role, writing)?;
    let number = PUSHES.fetch_add(1, Ordering::Relaxed);
    let report = (rest == "git-receive-pack").then(|| state.root.join(format!("push-{number}")));
    let mut surroundings = vec![
        (
            "STANDIN_RULES",
            rules(state, project.id, caller.user().unwrap_or_default(), role),
        ),
        ("STANDIN_DEFAULT_BRANCH", project.default_branch.clone()),
        (
            "STANDIN_MAINTAINER",
            yes(role >= Role::Maintainer).to_owned(),
        ),
    ];
    if let Some(report) = &report {
        surroundings.push(("STANDIN_REPORT", report.to_string_lossy().into_owned()));
    }
    Ok(Plan {
        project: project.id,
        root: state.root.clone(),
        path: format!("/{}.git/{rest}", project.id),
        surroundings,
        report,
        pusher: caller.user(),
        by_job: matches!(caller, Caller::Job { .. }),
    })
}

/// Reading and writing by token and role; what is written where is the hook's affair.
fn may(
    state: &State,
    caller: &Caller,
    project: Id,
    role: Role,
    writing: bool,
) -> Result<(), Answer> {
    let wanted: &[Scope] = match writing {
        true => &[Scope::Api, Scope::WriteRepository],
        false => &[Scope::Api, Scope::ReadRepository, Scope::WriteRepository],
    };
    if *caller != Caller::Nobody && !caller.has(wanted) {
        let verb = if writing { "upload" } else { "download" };
        return Err(refuse(403, &format!("You are not allowed to {verb} code.")));
    }
    if !writing {
        let may = role >= Role::Reporter || state.is_open(caller, project);
        return may.then_some(()).ok_or_else(|| {
            refuse(
                403,
                "You are not allowed to download code from this project.",
            )
        });
    }
    let settings = &state.project(project).settings;
    if let Caller::Job { project: from, .. } = caller
        && (*from != project || !settings.job_token_push)
    {
        return Err(refuse(403, "You are not allowed to upload code."));
    }
    if role < Role::Developer || matches!(caller, Caller::Deploy { .. }) {
        return Err(refuse(
            403,
            "You are not allowed to push code to this project.",
        ));
    }
    if state.project(project).archived {
        return Err(refuse(403, "You can't push code to an archived project."));
    }
    Ok(())
}

fn yes(it: bool) -> &'static str {
    if it { "yes" } else { "no" }
}

fn rules(state: &State, project: Id, user: Id, role: Role) -> String {
    let rows = state.project(project).protected.iter().map(|row| {
        format!(
            "{} {} {}\n",
            yes(row.may_push(user, role)),
            yes(row.allow_force_push),
            row.name
        )
    });
    rows.collect()
}
