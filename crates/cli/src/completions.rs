//! `pannier completions`: what makes a shell complete Pannier's words.

use clap_complete::Shell;

use super::context::Context;
use super::report::Failure;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  pannier completions bash > /etc/bash_completion.d/pannier")]
pub(super) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(super) fn run(
    arguments: &Arguments,
    mut command: clap::Command,
    context: &Context,
) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "pannier", &mut script);
    context.print_file(&String::from_utf8_lossy(&script))
}
