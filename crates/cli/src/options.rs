//! Flags that several commands have.

use clap::{Args, ValueEnum};

/// What every verb takes.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// Show details
    #[arg(
        short,
        long,
        global = true,
        help_heading = "Output",
        conflicts_with = "quiet"
    )]
    pub(super) verbose: bool,
    /// Show only warnings, errors and results
    #[arg(short, long, global = true, help_heading = "Output")]
    pub(super) quiet: bool,
    /// Color the output; `auto` needs a terminal or GitLab, and respects NO_COLOR
    #[arg(
        long,
        global = true,
        help_heading = "Output",
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub(super) color: Color,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Text for people
    Text,
    /// JSON for programs
    Json,
}
