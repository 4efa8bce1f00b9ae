//! `pannier constraints`: the file that holds versions: converted for pipelines, looked through, raised, compared.

mod convert;
mod diff;
mod lint;
mod update;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::context::Context;
use super::report::Failure;
use pannier_core::renovate;

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

/// The constraints file that is meant: the named one, else that of pannier.yml, else the standard one.
fn file(named: Option<&PathBuf>, context: &Context) -> Result<PathBuf, Failure> {
    if let Some(named) = named {
        return Ok(named.clone());
    }
    let configured = super::renovate::configured(context)?;
    let path = configured.unwrap_or_else(|| renovate::CONSTRAINTS.to_owned());
    Ok(PathBuf::from(path))
}

/// The command that converts the file, as a shell takes it.
fn convert_command(input: &std::path::Path, output: &std::path::Path) -> String {
    let flow = renovate::Flow {
        constraints: input.display().to_string(),
        converted: output.display().to_string(),
        timezone: String::new(),
        uv_pins: Vec::new(),
        groups: Vec::new(),
    };
    flow.command()
}
