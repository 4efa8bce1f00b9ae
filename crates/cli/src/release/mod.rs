//! `pannier release`: recorded locks, the channels that they are on, and what moved from one to the next.

mod diff;
mod fetch;
mod list;
mod promote;
mod publish;
mod record;
mod show;

use clap::{Args, Subcommand};

pub(super) use record::recorded;

use super::context::Context;
use super::report::Failure;

/// Record, compare, promote and publish releases
///
/// The release log is a branch of a repository: set `releases` in pannier.yml, PANNIER_RELEASES or --release-log. A RELEASE is the
/// name of a release or the beginning of it, a channel such as `production`, `latest`, or `previous` (the release that the channel
/// pointed to before).
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Record(record::Arguments),
    List(list::Arguments),
    Show(show::Arguments),
    Diff(diff::Arguments),
    Promote(promote::Arguments),
    Publish(publish::Arguments),
    Fetch(fetch::Arguments),
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    match &arguments.verb {
        Verb::Record(arguments) => record::run(arguments, context),
        Verb::List(arguments) => list::run(arguments, context),
        Verb::Show(arguments) => show::run(arguments, context),
        Verb::Diff(arguments) => diff::run(arguments, context),
        Verb::Promote(arguments) => promote::run(arguments, context),
        Verb::Publish(arguments) => publish::run(arguments, context),
        Verb::Fetch(arguments) => fetch::run(arguments, context),
    }
}
