//! `pannier diff`: what changed from one tarball to another.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use pannier_archive::inspect::{Change, Difference, Identity, Node, diff, inspect};
use pannier_base::visible::{self, Form};

use super::context::Context;
use super::inspect::source;
use super::report::Failure;
use super::table;
use crate::options::Format;

/// Compare two tarballs by package, and optionally by file
///
/// The exit code is 0 whether something changed or not.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier diff old/builder.tar.gz dist/builder.tar.gz           # by package\n  pannier diff old/builder.tar.gz dist/builder.tar.gz --files   # by file, too"
)]
pub(super) struct Arguments {
    /// The first tarball
    #[arg(value_name = "A")]
    before: PathBuf,
    /// The second tarball
    #[arg(value_name = "B")]
    after: PathBuf,
    /// Compare by file, too
    #[arg(long)]
    files: bool,
    /// Print the result in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let read = |path: &Path| inspect(&context.folder.join(path));
    let (before, after) = std::thread::scope(|scope| {
        let after = scope.spawn(|| read(&arguments.after));
        let before = read(&arguments.before);
        (before, after.join())
    });
    let after = after.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let (before, after) = (before?, after?);
    let mut difference = diff(&before, &after);
    if arguments.format == Format::Json {
        if !arguments.files {
            difference.files.clear();
        }
        return context.stream(Form::Json, |out| {
            serde_json::to_writer_pretty(&mut *out, &difference)?;
            writeln!(out)
        });
    }
    context.stream(Form::Text, |out| text(&difference, arguments.files, out))
}

fn text(difference: &Difference<'_>, files: bool, out: &mut dyn Write) -> io::Result<()> {
    for change in &difference.packages {
        writeln!(out, "{}", line(&change.name, change, identity))?;
    }
    for change in &difference.data {
        let name = format!("data/{}", change.name);
        writeln!(out, "{}", line(&name, change, identity))?;
    }
    let (mut added, mut removed, mut changed) = (0, 0, 0);
    for change in &difference.files {
        match (&change.before, &change.after) {
            (None, _) => added += 1,
            (_, None) => removed += 1,
            _ => changed += 1,
        }
    }
    writeln!(
        out,
        "files: {added} added, {removed} removed, {changed} changed"
    )?;
    for change in difference.files.iter().filter(|_| files) {
        writeln!(out, "{}", line(&change.name, change, |it| node(it)))?;
    }
    Ok(())
}

/// `+ NAME STATE`, `- NAME STATE` or `~ NAME STATE -> STATE`.
fn line<T>(name: &str, change: &Change<T>, show: fn(&T) -> String) -> String {
    let name = &*visible::line(name);
    let show = |state: &T| visible::line(&show(state)).into_owned();
    match (&change.before, &change.after) {
        (None, Some(after)) => format!("+ {name}  {}", show(after)),
        (Some(before), None) => format!("- {name}  {}", show(before)),
        (Some(before), Some(after)) => match (show(before), show(after)) {
            (before, after) if before == after => format!("~ {name}  {after} (other content)"),
            (before, after) => format!("~ {name}  {before} -> {after}"),
        },
        (None, None) => name.to_owned(),
    }
}

fn identity(it: &Identity) -> String {
    let version = it.version.clone().unwrap_or_default();
    let text = format!(
        "{version} {} {}",
        source(&it.source),
        table::bytes(it.size.bytes)
    );
    text.trim_start().to_owned()
}

fn node(it: &Node) -> String {
    match it {
        Node::Folder => "folder".to_owned(),
        Node::Link { target } => format!("link to {target}"),
        Node::File {
            bytes, executable, ..
        } => {
            let run = if *executable { ", executable" } else { "" };
            format!("{}{run}", table::bytes(*bytes))
        }
    }
}
