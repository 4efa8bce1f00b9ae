//! `pannier override`: what would come from elsewhere now and why, and which commits that means.

use clap::{Args, Subcommand};

use pannier_core::request::origin::Origin;
use pannier_core::request::overrides::Override;
use pannier_core::resolve::{Preview, preview, update};
use pannier_core::session::production_lock;

use super::context::Context;
use super::report::Failure;
use super::session::{self, Beside, RequestOptions, configuration};
use super::table::{Align, Table};
use crate::options::Format;

/// Show the active overrides and what they resolve to
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(Box<List>),
    Resolve(Box<Resolve>),
}

/// List the active overrides, where they are set, and what they replace
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  job_tools_pip_url=https://host/group/job-tools/-/merge_requests/5 pannier override list"
)]
struct List {
    /// Print the result in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    request: RequestOptions,
}

/// Show the commits that overrides resolve to
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  pannier override resolve job-tools=https://host/group/job-tools/-/merge_requests/5"
)]
struct Resolve {
    /// Overrides, as in --override [default: the active ones]
    #[arg(value_name = "NAME=VALUE")]
    pairs: Vec<String>,
    /// Print the result in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    request: RequestOptions,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    match &arguments.verb {
        Verb::List(list) => run_list(list, context),
        Verb::Resolve(resolve) => run_resolve(resolve, context),
    }
}

fn run_list(list: &List, context: &Context) -> Result<(), Failure> {
    let configuration = configuration(&list.request, Beside::default(), context)?;
    let request = &configuration.request;
    let lock = update::read(&production_lock(request), context.reporter())?;
    let rows = preview(request, lock.as_ref().map(|(lock, _)| lock));
    if list.format == Format::Json {
        return context.print_json(&rows);
    }
    if rows.is_empty() {
        return context.print("nothing is overridden\n");
    }
    let mut table = Table::new(&[
        ("override", Align::Left),
        ("to", Align::Left),
        ("instead of", Align::Left),
        ("by", Align::Left),
    ]);
    for row in &rows {
        let by = match &row.asked_by {
            Some(login) => format!("{login} ({})", row.said_by),
            None => row.said_by.clone(),
        };
        table.row([row.name.clone(), row.to.clone(), instead(row), by]);
    }
    let aside = rows.iter().flat_map(|row| &row.sets_aside);
    let aside: String = aside.map(|line| format!("sets aside {line}\n")).collect();
    context.print(&(table.render() + &aside))
}

/// What one stands in for, or what may have been meant.
fn instead(row: &Preview) -> String {
    if !row.stands_for.is_empty() {
        return row.stands_for.join(", ");
    }
    match row.near.is_empty() {
        true => "nothing known".to_owned(),
        false => format!("nothing known; near: {}", row.near.join(", ")),
    }
}

fn run_resolve(resolve: &Resolve, context: &Context) -> Result<(), Failure> {
    let request = resolve.request.clone().with_overrides(&resolve.pairs);
    let configuration = configuration(&request, Beside::default(), context)?;
    let session = session::open(&request, &configuration, context)?;
    let list = configuration.request.overrides.list.iter();
    let typed =
        |one: &&Override| resolve.pairs.is_empty() || one.origin == Origin::Flag("--override");
    let resolved = session.resolve_overrides(list.filter(typed))?;
    match (resolve.format, resolved.as_slice()) {
        (Format::Json, [one]) if resolve.pairs.len() == 1 => context.print_json(one),
        (Format::Json, all) => context.print_json(&all),
        (Format::Text, all) => {
            let mut table = Table::new(&[
                ("override", Align::Left),
                ("commit", Align::Left),
                ("to", Align::Left),
            ]);
            for one in all {
                let commit = one.commit.clone().unwrap_or_else(|| "-".to_owned());
                table.row([one.name.clone(), commit, one.to.clone()]);
            }
            context.print(&table.render())
        }
    }
}
