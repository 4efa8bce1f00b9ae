//! `pannier rollback`: the production branches of a whole set go back to a release, or none of them does.
//!
//! The branches are moved as `pannier deploy` moves them; here stands what is wanted, and what the book says afterwards.

use clap::Args;

use pannier_core::deploy::{Rules, Wish};
use pannier_core::lock::diff::diff;
use pannier_core::lock::model::Lock;
use pannier_core::release::{self, BackTo, Book, ChannelName, ReleaseId, Stamp};

use super::book::{self, BookOptions, Desk, ReasonOption};
use super::context::Context;
use super::deploy::{Ground, RunOptions, Wanted};
use super::exit::Exit;
use super::report::Failure;

/// Move the production branches of a whole set back to a release
///
/// Shows a plan first. Pushes only branches that have not changed since the plan, and restores all of them if one project fails (exit
/// 8 or 1). Then records a new release and makes the channel point to it. Another rollback goes further back.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier rollback --dry-run                            # show the way back to the previous release\n  pannier rollback --reason 'job-tools loses rows'\n  pannier rollback --only job-tools --only job-data\n  pannier rollback --to 20260301-091500-3f2a1b\n  pannier rollback --to production                      # if branches moved without a record"
)]
pub(super) struct Arguments {
    /// Go back to this release
    #[arg(long, value_name = "RELEASE", default_value = "previous")]
    to: String,
    /// Move only this package or data project; repeat the flag for more [default: all]
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Set the channel that goes back
    #[arg(long, value_name = "NAME", default_value = "production", value_parser = book::channel)]
    channel: ChannelName,
    /// Move this branch
    #[arg(long, value_name = "NAME", default_value = "production")]
    branch: String,
    #[command(flatten)]
    run: RunOptions,
    #[command(flatten)]
    reason: ReasonOption,
    #[command(flatten)]
    book: BookOptions,
}

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("release {release} has no git project called `{name}`")]
#[diagnostic(help("it has {}", known.join(", ")))]
struct NotInRelease {
    release: ReleaseId,
    name: String,
    known: Vec<String>,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let desk = Desk::open(&arguments.book, context)?;
    let stamp = desk.stamp(&arguments.reason);
    let book = desk.book()?;
    let channel = &arguments.channel;
    let goal = release::goal(&book, &arguments.to, channel, &stamp);
    let (id, lock) = goal.map_err(book::failure)?;
    let mut only = arguments.only.clone();
    only.sort();
    only.dedup();
    let wishes = wishes(&lock, &id, &only)?;
    context.note(&format!("back to release {id}"));
    tell_unmoved(&book, channel, (&id, &lock), &only, context)?;
    let back = BackTo { release: id, only };
    let then = || record(&desk, &back, channel, &stamp);
    let environment = arguments.run.environment.clone();
    let environment = environment.or_else(|| {
        let named = context.variable("CI_ENVIRONMENT_NAME");
        named.map(str::to_owned)
    });
    // What stood in a release was let in once: it may lie on a line that has been left since.
    let rules = Rules {
        environment: environment.unwrap_or_else(|| arguments.branch.clone()),
        branch: arguments.branch.clone(),
        rollback: true,
        sidewise: true,
        any_commit: true,
    };
    let wanted = Wanted {
        wishes: &wishes,
        rules: &rules,
        stamp: &stamp,
        options: &arguments.run,
        then: Some(&then),
    };
    let ground = Ground::open(&arguments.book, context)?;
    ground.carry_out(&wanted).map(|_| ())
}

fn record(
    desk: &Desk<'_>,
    back: &BackTo,
    channel: &ChannelName,
    stamp: &Stamp,
) -> Result<release::Outcome, release::ReleaseError> {
    let outcome = release::write(&desk.shelf(), stamp, |book| {
        release::rolled_back(book, back, channel, stamp)
    })?;
    desk.tell_trail(&outcome, stamp);
    Ok(outcome)
}

/// The projects of the release at their commits.
fn wishes(lock: &Lock, id: &ReleaseId, only: &[String]) -> Result<Vec<Wish>, Failure> {
    let all = Wish::of_lock(lock);
    if let Some(name) = only
        .iter()
        .find(|name| all.iter().all(|it| it.name != **name))
    {
        let unknown = NotInRelease {
            release: id.clone(),
            name: name.clone(),
            known: all.into_iter().map(|it| it.name).collect(),
        };
        return Err(Failure::new(Exit::Usage, unknown));
    }
    let wanted = |it: &Wish| only.is_empty() || only.contains(&it.name);
    Ok(all.into_iter().filter(wanted).collect())
}

/// Says what differs between the release and what the channel holds although no branch of it moves: versions of the index and
/// folders come with the lock, and what is new since stays where it is.
fn tell_unmoved(
    book: &Book,
    channel: &ChannelName,
    (id, lock): (&ReleaseId, &Lock),
    only: &[String],
    context: &Context,
) -> Result<(), Failure> {
    let held = || {
        let Some(held) = book.channel(channel)? else {
            return Ok(None);
        };
        let release = book.release(&held.release)?;
        book.lock(&release).map(|(_, lock)| Some(lock))
    };
    let Some(now) = held().map_err(book::failure)? else {
        return Ok(());
    };
    if !only.is_empty() {
        return Ok(());
    }
    let moved = Wish::of_lock(lock);
    let name = |change: &str| change.strip_prefix("data/").unwrap_or(change).to_owned();
    let is_moved = |it: &str| moved.iter().any(|wish| wish.name == name(it));
    let rest: Vec<String> = diff(&now, lock)
        .iter()
        .filter(|change| !is_moved(&change.name))
        .map(|change| format!("  {change}"))
        .collect();
    if !rest.is_empty() {
        context.note(&format!(
            "not by branches, but with the lock of the release (`pannier release show {id} --lock`):\n{}",
            rest.join("\n")
        ));
    }
    Ok(())
}
