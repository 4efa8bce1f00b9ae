//! `pannier image`: describing the image that one is in.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use pannier_clients::python;

use super::context::Context;
use super::report::Failure;
use crate::options::Format;

/// Describe images
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Describe(Describe),
}

/// Print the `images` entry of this machine
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier image describe --name builder\n  pannier image describe --command   # for images without Pannier"
)]
struct Describe {
    /// Describe this interpreter [default: the first python3 on PATH]
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// Set the name of the entry
    #[arg(long, default_value = "here")]
    name: pannier_base::name::ImageName,
    /// Print a shell command that does the same in an image without Pannier
    #[arg(long)]
    command: bool,
    /// Print the result in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let Verb::Describe(arguments) = &arguments.verb;
    if arguments.command {
        return context.print_file(&format!("python3 -c '{}'\n", python::one_line()));
    }
    let described = context.describe_here(arguments.python.as_deref())?;
    match arguments.format {
        Format::Json => context.print_json(&described),
        Format::Text => {
            let target = &described.target;
            context.print(&format!(
                "images:\n  {}:\n    python: \"{}\"\n    platform: {}\n    interpreter: {}\n",
                arguments.name,
                target.python,
                target.platform,
                described.interpreter.display()
            ))?;
            if context.is_terminal() {
                context.note("for images without pannier: pannier image describe --command");
            }
            Ok(())
        }
    }
}
