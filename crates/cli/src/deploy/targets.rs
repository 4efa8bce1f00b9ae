//! What is to be deployed, from what was typed, the job's variables, or a lock.

use miette::Diagnostic;

use pannier_base::url::{SafeUrl, same_repository};
use pannier_config::project::{GitBase, ProjectError, ProjectSpec};
use pannier_config::{Environment, env};
use pannier_core::deploy::{DeployTarget, Expect, JobProject};
use pannier_core::lock::model::Lock;
use pannier_core::request::ProjectSource;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::lock;
use super::super::report::Failure;
use super::arguments::Arguments;

/// What is wrong with what was typed.
#[derive(Debug, thiserror::Error, Diagnostic)]
enum Mistake {
    #[error("no project given")]
    #[diagnostic(help(
        "pass a project or --from-lock; in a pipeline of the project itself, CI_PROJECT_URL and CI_COMMIT_SHA are the \
        defaults"
    ))]
    Nothing,
    #[error("no commit given for {project}")]
    #[diagnostic(help("pass {project}@COMMIT, or --commit for a single project"))]
    NoCommit { project: String },
    #[error("--{flag} applies to one project, but there are {count}")]
    #[diagnostic(help("pass project@COMMIT for each"))]
    OneOnly { flag: &'static str, count: usize },
    #[error("two commits are given for {project}")]
    #[diagnostic(help("omit --commit, or the commit after the `@`"))]
    Both { project: String },
    #[error("`{text}` cannot be deployed: {reason}")]
    #[diagnostic(help("pass a git project: `name`, `group/name@commit` or its URL"))]
    NoProject { text: String, reason: String },
    #[error("the lock has no git project called `{name}`")]
    #[diagnostic(help("it has {}", known.join(", ")))]
    NotLocked { name: String, known: Vec<String> },
    #[error("`{text}` is not a commit")]
    #[diagnostic(help("pass at least 7 digits of a commit, or `none` if there is no branch yet"))]
    Expect { text: String },
    #[error("{path} contains overrides ({}): it is a trial run", overrides.join(", "))]
    #[diagnostic(help(
        "merge the overridden changes, lock without overrides, and deploy that lock"
    ))]
    Overridden {
        path: String,
        overrides: Vec<String>,
    },
}

impl From<Mistake> for Failure {
    fn from(mistake: Mistake) -> Self {
        let exit = match mistake {
            Mistake::Overridden { .. } => Exit::DeployRefused,
            _ => Exit::Usage,
        };
        Self::new(exit, mistake)
    }
}

pub(super) fn targets(
    arguments: &Arguments,
    git_base: Option<&SafeUrl>,
    context: &Context,
) -> Result<Vec<DeployTarget>, Failure> {
    if let Some(file) = &arguments.from_lock {
        let path = context.folder.join(file);
        let found = lock::read(&path, context)?;
        let overrides = &found.pannier.overrides;
        if !overrides.is_empty() {
            return Err(Mistake::Overridden {
                path: path.display().to_string(),
                overrides: overrides.iter().map(|it| it.name.clone()).collect(),
            }
            .into());
        }
        return locked(&found, &arguments.projects).map_err(Failure::from);
    }
    let job = pannier_config::job_project(&Environment(context.variables.clone()));
    let mut targets = match &arguments.projects[..] {
        [] => vec![of_job(job.as_ref(), arguments.commit.as_deref())?],
        projects => {
            let base = base(git_base, context);
            let typed = projects.iter().map(|text| {
                typed(
                    text,
                    base.as_ref(),
                    arguments.commit.as_deref(),
                    job.as_ref(),
                )
            });
            typed.collect::<Result<Vec<_>, Mistake>>()?
        }
    };
    let count = targets.len();
    if count > 1 && arguments.commit.is_some() {
        return Err(Mistake::OneOnly {
            flag: "commit",
            count,
        }
        .into());
    }
    if let Some(text) = &arguments.expect {
        let [only] = &mut targets[..] else {
            return Err(Mistake::OneOnly {
                flag: "expect",
                count,
            }
            .into());
        };
        only.expect = expect(text)?;
    }
    Ok(targets)
}

fn base(git_base: Option<&SafeUrl>, context: &Context) -> Option<GitBase> {
    let server = context.variable(env::CI_SERVER_URL);
    let server = server.and_then(|url| url.trim_end_matches('/').parse().ok());
    Some(GitBase::new(git_base?.clone(), server.as_ref()))
}

fn of_job(job: Option<&JobProject>, commit: Option<&str>) -> Result<DeployTarget, Mistake> {
    let job = job.ok_or(Mistake::Nothing)?;
    let commit = commit.map(str::to_owned).or_else(|| job.commit.clone());
    Ok(DeployTarget {
        name: job.name.clone(),
        repository: job.repository.clone(),
        to: commit.ok_or_else(|| Mistake::NoCommit {
            project: job.name.clone(),
        })?,
        expect: Expect::Seen,
    })
}

/// A project as it was typed. The job's own project needs no commit: it is tested in this pipeline.
fn typed(
    text: &str,
    base: Option<&GitBase>,
    commit: Option<&str>,
    job: Option<&JobProject>,
) -> Result<DeployTarget, Mistake> {
    let unfit = |text: &str, reason: String| Mistake::NoProject {
        text: text.to_owned(),
        reason,
    };
    let spec: Result<ProjectSpec, ProjectError> = text.parse();
    let spec = spec.map_err(|error| unfit(&error.text, error.reason.clone()))?;
    let source = spec.source(base, "");
    let source = source.map_err(|error| unfit(&spec.text, error.to_string()))?;
    let ProjectSource::Git {
        repository,
        revision,
        ..
    } = source
    else {
        return Err(unfit(&spec.text, "it is a folder".to_owned()));
    };
    let name = spec.last_component();
    let own = job.filter(|job| same_repository(&job.repository, &repository));
    let to = match (revision.as_str(), commit) {
        ("", Some(commit)) => commit.to_owned(),
        ("", None) => own
            .and_then(|job| job.commit.clone())
            .ok_or_else(|| Mistake::NoCommit {
                project: name.clone(),
            })?,
        (revision, None) => revision.to_owned(),
        (_, Some(_)) => return Err(Mistake::Both { project: name }),
    };
    Ok(DeployTarget {
        name,
        repository,
        to,
        expect: Expect::Seen,
    })
}

fn expect(text: &str) -> Result<Expect, Mistake> {
    if text == "none" {
        return Ok(Expect::Nothing);
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits && (7..=40).contains(&text.len()) {
        return Ok(Expect::Commit(text.to_owned()));
    }
    Err(Mistake::Expect {
        text: text.to_owned(),
    })
}

fn locked(lock: &Lock, names: &[String]) -> Result<Vec<DeployTarget>, Mistake> {
    let targets = DeployTarget::of_lock(lock);
    for name in names {
        if !targets.iter().any(|target| target.name == *name) {
            return Err(Mistake::NotLocked {
                name: name.clone(),
                known: targets.into_iter().map(|target| target.name).collect(),
            });
        }
    }
    let wanted = |target: &DeployTarget| names.is_empty() || names.contains(&target.name);
    let targets: Vec<DeployTarget> = targets.into_iter().filter(wanted).collect();
    if targets.is_empty() {
        return Err(Mistake::Nothing);
    }
    Ok(targets)
}
