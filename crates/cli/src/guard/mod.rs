//! `pannier guard`: waits until no conflicting pipeline runs, then ends or becomes the command that it guards.
//!
//! Also the program `gitlab-job-guard`, when the binary is called so: the same arguments and variables, where a variable that is
//! set beats its argument. Decides nothing about pipelines.

mod access;
mod become_command;
mod given;
mod options;
mod resource_group;
mod usage;

use std::process::ExitCode;

use std::time::Duration;

use miette::Diagnostic;

use pannier_clients::gitlab::ProjectRef;
use pannier_clients::http::SystemClock;
use pannier_core::guard::{
    self, GuardError, Older, Order, Outcome, Patience, Plan, Refs, Scope, Statuses,
};

use super::context::Context;
use super::exit::Exit;
use super::report::{self, Failure};

use access::door;
use given::Given;
pub use options::Arguments;
use options::{Cancel, First};
use usage::{Usage, usage};

/// Everything else than the guard's own waiting goes through here: gives the exit code, which a guarded command may choose.
pub(super) fn main(arguments: &Arguments, context: &Context) -> ExitCode {
    let done = match &arguments.action {
        Some(options::Action::ResourceGroup(group)) => {
            become_command::hide_token(&group.access);
            resource_group::run(group, context).map(|()| ExitCode::SUCCESS)
        }
        None => {
            become_command::hide_token(&arguments.access);
            run(arguments, context)
        }
    };
    done.unwrap_or_else(|failure| {
        if let Some(error) = &failure.report {
            report::show(&**error);
        }
        failure.exit.into()
    })
}

fn run(arguments: &Arguments, context: &Context) -> Result<ExitCode, Failure> {
    context.check_certificates()?;
    let given = Given::new(arguments, context);
    let plan = plan(arguments, &given)?;
    let gitlab = door(&arguments.access, &given, &context.cancel)?;
    let quiet = arguments.silent || context.is_quiet();
    let mut told = |text: &str| {
        if !quiet {
            context.note(text);
        }
    };
    let outcome = guard::hold(
        &gitlab,
        &SystemClock(context.cancel.clone()),
        &plan,
        &mut told,
    )
    .map_err(judged)?;
    match outcome {
        Outcome::Free => Ok(become_command::run(&arguments.command)?),
        Outcome::Conflict(others) => Err(Failure::new(
            Exit::GuardConflict,
            Stopped::Conflict {
                list: guard::say::list(&others),
            },
        )),
        Outcome::TimedOut(others) => Err(Failure::new(
            Exit::GuardTimeout,
            Stopped::TimedOut {
                list: guard::say::list(&others),
                seconds: given.timeout()?.as_secs(),
            },
        )),
        Outcome::GaveWay(others) => Err(Failure::new(
            Exit::GaveWay,
            Stopped::GaveWay {
                list: guard::say::list(&others),
            },
        )),
    }
}

/// Why the command is not run.
#[derive(Debug, thiserror::Error, Diagnostic)]
enum Stopped {
    #[error("a conflicting pipeline is running: {list}")]
    #[diagnostic(help("omit --no-wait to wait for it"))]
    Conflict { list: String },
    #[error("a conflicting pipeline is still running after {seconds} seconds: {list}")]
    #[diagnostic(help("set GUARD_TIMEOUT or pass --timeout to wait longer"))]
    TimedOut { list: String, seconds: u64 },
    #[error("a newer pipeline goes first: {list}")]
    #[diagnostic(help("nothing is wrong: the newer pipeline contains the changes of this one"))]
    GaveWay { list: String },
}

/// The exit code of an error: what is wrong with the usage is not what cannot be judged.
fn judged(error: GuardError) -> Failure {
    let exit = match &error {
        GuardError::Expression(expression) if expression.is_usage() => Exit::Usage,
        _ => Exit::GuardFailed,
    };
    Failure::new(exit, error)
}

fn plan(arguments: &Arguments, given: &Given<'_>) -> Result<Plan, Failure> {
    let project = given.project(&arguments.access)?;
    let refs = Refs::parse(given.refs()).map_err(|error| judged(error.into()))?;
    let statuses = Statuses::parse(given.statuses()).map_err(|error| judged(error.into()))?;
    let timeout = given.timeout()?;
    let (order, older) = match (arguments.order, arguments.cancel) {
        (Some(First::Oldest), Some(Cancel::Older)) => return Err(usage(Usage::Orders)),
        (_, Some(Cancel::Older)) => (Order::Newest, Older::Cancel),
        (Some(First::Newest), None) => (Order::Newest, Older::GiveWay),
        (Some(First::Oldest) | None, None) => (Order::Oldest, Older::GiveWay),
    };
    let job = given.variable("CI_JOB_NAME").map(str::to_owned);
    let stage = given.variable("CI_JOB_STAGE").map(str::to_owned);
    let scope = match &arguments.scope {
        options::Overlap::Pipeline => Scope::Pipeline,
        options::Overlap::Job(name) => {
            let name = name.clone().or_else(|| job.clone());
            Scope::Job(name.ok_or_else(|| usage(Usage::Scope("job")))?)
        }
        options::Overlap::Stage(name) => {
            let name = name.clone().or(stage);
            Scope::Stage(name.ok_or_else(|| usage(Usage::Scope("stage")))?)
        }
    };
    let mut others: Vec<ProjectRef> = Vec::new();
    for other in arguments.project.iter().map(|text| ProjectRef::parse(text)) {
        if other != project && !others.contains(&other) {
            others.push(other);
        }
    }
    Ok(Plan {
        others,
        pipeline: given.pipeline()?,
        reference: given.reference().map(str::to_owned),
        project,
        job,
        refs,
        statuses,
        scope,
        order,
        older,
        patience: match arguments.no_wait {
            true => Patience::NoWait,
            false => Patience::UpTo(timeout),
        },
        pause: Duration::from_secs_f64(arguments.interval),
        settle: Duration::from_secs_f64(arguments.settle),
    })
}
