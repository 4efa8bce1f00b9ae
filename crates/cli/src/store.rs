//! `pannier store`: looking after the store.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use pannier_core::store::{Keep, Maintenance};

use super::context::{Context, StoreOption};
use super::exit::Exit;
use super::report::Failure;
use super::table::{self, Align, Table};
use crate::options::Format;

/// Inspect and clean the store of verified wheels and data
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    store: StoreOption,
    /// Print the result in this format
    #[arg(long, value_enum, default_value = "text", global = true)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show where the store is and how large it is
    Info,
    /// Remove wheels and data that the named locks do not need
    Prune(Prune),
    /// Verify every wheel and snapshot again and remove damaged ones
    Verify,
}

/// Remove wheels and data that the named locks do not need
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier store prune --keep pylock.toml   # keep what this lock needs\n  pannier store prune --all                # remove everything"
)]
struct Prune {
    /// Keep the wheels and data of this lock; repeat the flag for more
    #[arg(long, value_name = "LOCK", required_unless_present = "all")]
    keep: Vec<PathBuf>,
    /// Remove everything, including mirrors of repositories and uv's cache
    #[arg(long, conflicts_with = "keep")]
    all: bool,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let store = Maintenance::open(&context.store_folder(&arguments.store))?;
    match &arguments.verb {
        Verb::Info => info(&store, arguments.format, context),
        Verb::Verify => verify(&store, arguments.format, context),
        Verb::Prune(prune) => run_prune(store, prune, arguments.format, context),
    }
}

fn info(store: &Maintenance, format: Format, context: &Context) -> Result<(), Failure> {
    let info = store.info()?;
    if format == Format::Json {
        return context.print_json(&info);
    }
    let mut rows = Table::new(&[
        ("part", Align::Left),
        ("entries", Align::Right),
        ("size", Align::Right),
    ]);
    for (part, entries, bytes) in &info.parts {
        rows.row([part.clone(), entries.to_string(), table::bytes(*bytes)]);
    }
    context.print(&format!("{}\n{}", info.root.display(), rows.render()))
}

fn verify(store: &Maintenance, format: Format, context: &Context) -> Result<(), Failure> {
    let verified = store.verify()?;
    if format == Format::Json {
        context.print_json(&verified)?;
    } else {
        context.print(&format!(
            "verified {} wheels and snapshots\n",
            verified.good
        ))?;
        for name in &verified.removed {
            context.note(&format!("removed {name}: it is damaged"));
        }
    }
    if verified.removed.is_empty() {
        Ok(())
    } else {
        Err(Failure::silent(Exit::Refused))
    }
}

fn run_prune(
    store: Maintenance,
    prune: &Prune,
    format: Format,
    context: &Context,
) -> Result<(), Failure> {
    let mut keep = Keep::default();
    for path in &prune.keep {
        let lock = super::lock::read(&context.folder.join(path), context)?;
        let needed = pannier_core::prepare::needed(&lock);
        keep.digests.extend(needed.digests);
        keep.sources.extend(needed.sources);
    }
    let pruned = store.prune(&keep, prune.all)?;
    if format == Format::Json {
        return context.print_json(&pruned);
    }
    context.print(&format!(
        "removed {} entries, {}\n",
        pruned.entries,
        table::bytes(pruned.bytes)
    ))
}
