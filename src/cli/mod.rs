//! The command line: a list of verbs, one file each. Typed arguments become the options of one library call here, and events,
//! results and errors become what people see.
//!
//! The only floor that prints, reads the environment or exits. Decides nothing about packages.

mod book;
mod completions;
mod config;
mod context;
mod deploy;
mod diff;
mod exit;
mod gitlab;
mod image;
mod inspect;
mod lock;
mod prepare;
mod progress;
mod release;
mod renovate;
mod report;
mod session;
mod store;
mod table;
mod unpack;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use context::Context;
use exit::Exit;
use report::Failure;

/// Packs the Python wheels and the data of a GitLab pipeline into one venv tarball per container image.
#[derive(Debug, Parser)]
#[command(name = "pannier", version, arg_required_else_help = true, after_help = Exit::help())]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    verb: Verb,
}

/// What every verb takes.
#[derive(Debug, Args)]
struct Common {
    /// Show details
    #[arg(
        short,
        long,
        global = true,
        help_heading = "Output",
        conflicts_with = "quiet"
    )]
    verbose: bool,
    /// Show nothing but warnings, errors and results
    #[arg(short, long, global = true, help_heading = "Output")]
    quiet: bool,
    /// When to use colours [default: where a terminal or GitLab shows them; NO_COLOR turns them off]
    #[arg(
        long,
        global = true,
        help_heading = "Output",
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true
    )]
    color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For machines.
    Json,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Prepare(prepare::Arguments),
    Unpack(unpack::Arguments),
    Inspect(inspect::Arguments),
    Diff(diff::Arguments),
    Lock(lock::Arguments),
    Config(config::Arguments),
    Deploy(Box<deploy::Arguments>),
    Release(release::Arguments),
    Image(image::Arguments),
    Renovate(renovate::Arguments),
    Store(store::Arguments),
    Completions(completions::Arguments),
}

/// Runs the program with this process's arguments and environment.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A closed stdout or stderr leaves the exit code to tell.
            let _ = error.print();
            let exit = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            };
            return exit.into();
        }
    };
    let context = Context::capture(&cli.common);
    match run(cli.verb, &context) {
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
    match verb {
        Verb::Prepare(arguments) => prepare::run(&arguments, context),
        Verb::Unpack(arguments) => unpack::run(&arguments, context),
        Verb::Inspect(arguments) => inspect::run(&arguments, context),
        Verb::Diff(arguments) => diff::run(&arguments, context),
        Verb::Lock(arguments) => lock::run(&arguments, context),
        Verb::Config(arguments) => config::run(&arguments, context),
        Verb::Deploy(arguments) => deploy::run(&arguments, context),
        Verb::Release(arguments) => release::run(&arguments, context),
        Verb::Image(arguments) => image::run(&arguments, context),
        Verb::Renovate(arguments) => renovate::run(&arguments, context),
        Verb::Store(arguments) => store::run(&arguments, context),
        Verb::Completions(arguments) => completions::run(&arguments, context),
    }
}
