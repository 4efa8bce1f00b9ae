//! `pannier inspect`: what is in a tarball.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use pannier_archive::inspect::{Inspection, Node, inspect};
use pannier_archive::tarball::Source;
use pannier_base::visible::{self, Form};

use super::context::Context;
use super::report::Failure;
use super::table::{self, Align, Table};

/// Show the image, packages and data projects of a tarball
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  pannier inspect dist/builder.tar.gz                 # packages and data projects\n  pannier inspect dist/builder.tar.gz --format tree   # every file\n  pannier inspect dist/builder.tar.gz --format json | jq .packages"
)]
pub(super) struct Arguments {
    /// The tarball
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print the result in this format
    #[arg(long, value_enum, default_value = "text")]
    format: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// Packages and data projects as a table
    Text,
    /// Every file and folder
    Tree,
    /// JSON for programs
    Json,
}

pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Failure> {
    let found = inspect(&context.folder.join(&arguments.file))?;
    match arguments.format {
        Shape::Json => context.print_json(&found),
        Shape::Tree => context.stream(Form::Text, |out| tree(&found, out)),
        Shape::Text => context.print(&text(&found)),
    }
}

/// Where a package or data project is from, in a few words.
pub(super) fn source(source: &Source) -> String {
    match source {
        Source::Index { url } => host(&url.to_string()),
        Source::Archive { url } => url.to_string(),
        Source::Directory => "folder".to_owned(),
        Source::Git { url, commit, .. } => {
            format!("{url}@{}", commit.get(..12).unwrap_or(commit))
        }
    }
}

/// The part of an index's URL that tells indexes apart.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    format!("index {}", rest.split('/').next().unwrap_or(rest))
}

/// The summary as people read it. Everything in the manifest is foreign text.
#[must_use]
pub fn text(found: &Inspection) -> String {
    let manifest = &found.manifest;
    let target = &manifest.target;
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<10}{}", visible::line(&value));
    };
    line("image", manifest.image.name.to_string());
    if let Some(reference) = &manifest.image.reference {
        line("", reference.clone());
    }
    let interpreter = target.interpreter.display();
    line(
        "target",
        format!(
            "Python {}, {}, {interpreter}",
            target.python, target.platform
        ),
    );
    line("lock", format!("sha256:{}", manifest.lock));
    line("pannier", manifest.pannier.clone());
    if let Some(fallback) = &manifest.fallback {
        let (release, channel) = (&fallback.release, &fallback.channel);
        line("fallback", format!("release {release} of {channel}"));
    }
    let (packed, size) = (table::bytes(found.bytes), table::bytes(found.total.bytes));
    let files = found.total.files;
    line("size", format!("{packed}, {size} unpacked, {files} files"));
    text.push('\n');
    text + &rows(found).render()
}

fn rows(found: &Inspection) -> Table {
    let mut table = Table::new(&[
        ("package", Align::Left),
        ("version", Align::Left),
        ("files", Align::Right),
        ("size", Align::Right),
        ("source", Align::Left),
    ]);
    let mut row =
        |name: String, version: &str, size: pannier_archive::inspect::Size, source: String| {
            let (files, bytes) = (size.files.to_string(), table::bytes(size.bytes));
            table.row([name, version.to_owned(), files, bytes, source]);
        };
    for package in &found.manifest.packages {
        let size = found.packages.get(&package.name).copied();
        let name = package.name.to_string();
        let from = source(&package.source);
        row(name, &package.version, size.unwrap_or_default(), from);
    }
    for data in &found.manifest.data {
        let size = found.data.get(data.name.as_str()).copied();
        let name = format!("data/{}", data.name);
        row(name, "", size.unwrap_or_default(), source(&data.source));
    }
    row("(other)".to_owned(), "", found.other, String::new());
    table
}

/// Writes every entry, one a line, below the folder that it is in.
///
/// # Errors
/// Those of `out`.
pub fn tree(found: &Inspection, out: &mut dyn Write) -> io::Result<()> {
    for (path, node) in &found.tree {
        let depth = path.matches('/').count();
        let name = path.rsplit('/').next().unwrap_or(path);
        let shown = match node {
            Node::Folder => format!("{name}/"),
            Node::Link { target } => format!("{name} -> {target}"),
            Node::File { bytes, .. } => format!("{name}  {}", table::bytes(*bytes)),
        };
        writeln!(out, "{}{}", "  ".repeat(depth), visible::line(&shown))?;
    }
    Ok(())
}
