//! The command line: a list of verbs, one file each. Typed arguments become the options of one library call here, and events,
//! results and errors become what people see.
//!
//! The only floor that prints, reads the environment or exits. Decides nothing about packages.

mod completions;
mod config;
mod constraints;
mod context;
mod deploy;
mod diff;
mod exit;
mod gate;
mod guard;
mod image;
pub mod inspect;
mod lock;
mod options;
mod overrides;
mod panic;
mod prepare;
mod progress;
mod release;
mod release_log;
mod renovate;
mod report;
mod rollback;
mod session;
mod signals;
mod store;
pub mod table;
mod unpack;

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use pannier_base::secret::scrub;

use context::Context;
use exit::Exit;
use options::Common;
use report::Failure;

use pannier_base::visible;

/// Pack Python wheels and data of a GitLab pipeline into one tarball per image
#[derive(Debug, Parser)]
#[command(name = "pannier", version, arg_required_else_help = true, after_help = Exit::help())]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Prepare(prepare::Arguments),
    Unpack(unpack::Arguments),
    Inspect(inspect::Arguments),
    Diff(diff::Arguments),
    Lock(lock::Arguments),
    Override(overrides::Arguments),
    Config(config::Arguments),
    Constraints(constraints::Arguments),
    Deploy(Box<deploy::Arguments>),
    Guard(Box<guard::Arguments>),
    Release(release::Arguments),
    Rollback(rollback::Arguments),
    Image(image::Arguments),
    Gate(gate::Arguments),
    Renovate(renovate::Arguments),
    Store(store::Arguments),
    Completions(completions::Arguments),
}

/// The program as `gitlab-job-guard`.
#[derive(Debug, Parser)]
#[command(name = JOB_GUARD, version, infer_long_args = true, args_override_self = true)]
struct JobGuard {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    guard: guard::Arguments,
}

/// The name under which the binary is the guard alone.
const JOB_GUARD: &str = "gitlab-job-guard";

impl From<JobGuard> for Cli {
    fn from(called: JobGuard) -> Self {
        Self {
            common: called.common,
            verb: Verb::Guard(Box::new(called.guard)),
        }
    }
}

/// Whether this process was called by that name.
fn is_job_guard() -> bool {
    let called = std::env::args_os().next().unwrap_or_default();
    Path::new(&called).file_name() == Some(OsStr::new(JOB_GUARD))
}

/// Shows what clap says: help to stdout, errors to stderr. An error repeats what was typed, so it is scrubbed.
fn misused(error: &clap::Error) -> Exit {
    // A closed stdout or stderr leaves the exit code to tell.
    if !error.use_stderr() {
        let _ = error.print();
        return Exit::Done;
    }
    // What was typed, or set as a variable, may be foreign.
    let text = scrub(&error.render().to_string());
    let _ = write!(std::io::stderr(), "{}", visible::lines(&text));
    Exit::Usage
}

/// Runs the program with this process's arguments and environment.
#[must_use]
pub fn main() -> ExitCode {
    panic::install();
    context::learn_secrets();
    let parsed = match is_job_guard() {
        true => JobGuard::try_parse().map(Cli::from),
        false => Cli::try_parse(),
    };
    let mut cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            return misused(&error).into();
        }
    };
    if let Verb::Guard(arguments) = &cli.verb {
        cli.common.quiet |= arguments.silent;
        let context = Context::capture(&cli.common);
        signals::listen(&context.cancel);
        let code = guard::main(arguments, &context);
        signals::end();
        return code;
    }
    let context = Context::capture(&cli.common);
    signals::listen(&context.cancel);
    let done = run(cli.verb, &context);
    signals::end();
    match done {
        Ok(()) => Exit::Done.into(),
        Err(failure) => {
            if let Some(error) = &failure.report {
                report::show(&**error);
            }
            failure.exit.into()
        }
    }
}

fn run(verb: Verb, context: &Context) -> Result<(), Failure> {
    context.check_certificates()?;
    match verb {
        Verb::Prepare(arguments) => prepare::run(&arguments, context),
        Verb::Unpack(arguments) => unpack::run(&arguments, context),
        Verb::Inspect(arguments) => inspect::run(&arguments, context),
        Verb::Diff(arguments) => diff::run(&arguments, context),
        Verb::Lock(arguments) => lock::run(&arguments, context),
        Verb::Override(arguments) => overrides::run(&arguments, context),
        Verb::Config(arguments) => config::run(&arguments, context),
        Verb::Constraints(arguments) => constraints::run(&arguments, context),
        Verb::Deploy(arguments) => deploy::run(&arguments, context),
        // It has gone its own way: its exit code may be that of a command.
        Verb::Guard(_) => Ok(()),
        Verb::Rollback(arguments) => rollback::run(&arguments, context),
        Verb::Release(arguments) => release::run(&arguments, context),
        Verb::Image(arguments) => image::run(&arguments, context),
        Verb::Gate(arguments) => gate::run(&arguments, context),
        Verb::Renovate(arguments) => renovate::run(&arguments, context),
        Verb::Store(arguments) => store::run(&arguments, context),
        Verb::Completions(arguments) => completions::run(&arguments, Cli::command(), context),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory as _};

    use super::Cli;

    /// The first lines of the help of a command, its arguments and its subcommands, with where they are.
    fn lines(path: &str, command: &Command) -> Vec<(String, String)> {
        let mut found = Vec::new();
        if let Some(about) = command.get_about() {
            found.push((path.to_owned(), about.to_string()));
        }
        for argument in command.get_arguments() {
            if let Some(help) = argument.get_help() {
                found.push((format!("{path} {}", argument.get_id()), help.to_string()));
            }
        }
        for below in command.get_subcommands() {
            found.extend(lines(&format!("{path} {}", below.get_name()), below));
        }
        found
    }

    #[test]
    fn help_lines_are_short_and_imperative() {
        for (place, line) in lines("pannier", &Cli::command()) {
            // What clap adds for variables and defaults does not count.
            let text = line.split(" [").next().unwrap_or_default();
            assert!(
                text.len() < 80,
                "{place}: {} characters: {text}",
                text.len()
            );
            assert!(!text.ends_with('.'), "{place}: {text}");
            let first = text.split(' ').next().unwrap_or_default();
            let third_person = first.ends_with('s')
                && !first.ends_with("ss")
                && !["Projects", "Overrides"].contains(&first);
            assert!(!third_person, "{place}: {text}");
        }
    }
}
