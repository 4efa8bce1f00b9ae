//! `pannier config`: what holds, and who said so.

use clap::{Args, Subcommand};

use pannier_config::schema;

use super::context::Context;
use super::report::Failure;
use super::session::{Beside, RequestOptions, configuration};
use super::table::{Align, Table};
use crate::options::Format;

/// Show the effective settings, or the schema of pannier.yml
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Show(Box<Show>),
    /// Print the JSON schema of pannier.yml, for editors
    Schema,
}

/// Print the effective settings and where each value comes from
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  DATA_PROJECTS=job-data pannier config show --here")]
struct Show {
    /// Show only this image; repeat the flag for more
    #[arg(long, value_name = "NAME")]
    image: Vec<String>,
    /// Print the result in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    request: RequestOptions,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let Verb::Show(show) = &arguments.verb else {
        return context.print_file(&schema::json_schema());
    };
    let beside = Beside {
        images: show.image.clone(),
        ..Beside::default()
    };
    let shown = configuration(&show.request, beside, context)?.shown();
    if show.format == Format::Json {
        return context.print_json(&shown);
    }
    let mut table = Table::new(&[
        ("key", Align::Left),
        ("value", Align::Left),
        ("from", Align::Left),
    ]);
    for row in shown.table() {
        table.row(row);
    }
    context.print(&table.render())
}
