//! `pannier constraints`: the file that holds versions: converted for pipelines, looked through, raised, compared.

mod convert;
mod diff;
mod files;
mod lint;
mod update;

use clap::{Args, Subcommand};

use super::context::Context;
use super::report::Failure;

/// Convert, check, update and compare constraints
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Convert(convert::Arguments),
    Lint(Box<lint::Arguments>),
    Update(Box<update::Arguments>),
    Diff(diff::Arguments),
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    match &arguments.verb {
        Verb::Convert(arguments) => convert::run(arguments, context),
        Verb::Lint(arguments) => lint::run(arguments, context),
        Verb::Update(arguments) => update::run(arguments, context),
        Verb::Diff(arguments) => diff::run(arguments, context),
    }
}
