//! Writing a `pylock.toml`: equal locks give equal bytes, one package and one file per line, so that diffs can be read.

use std::fmt::Write as _;

use toml::Value;

use super::LOCK_VERSION;
use crate::lock::model::{Artifact, Lock, LockedPackage, LockedSource, PannierTable};

/// The text of the lock file.
#[must_use]
pub fn write(lock: &Lock) -> String {
    let mut out =
        String::from("# Made by `pannier lock`; change the request instead of this file.\n");
    pair(&mut out, "lock-version", LOCK_VERSION);
    if !lock.environments.is_empty() {
        out.push_str("environments = [\n");
        for marker in &lock.environments {
            let _ = writeln!(out, "    {},", quoted(marker));
        }
        out.push_str("]\n");
    }
    optional(&mut out, "requires-python", lock.requires_python.as_deref());
    pair(&mut out, "created-by", "pannier");
    if lock.packages.is_empty() {
        // PEP 751 demands the key.
        out.push_str("packages = []\n");
    }
    let mut packages: Vec<_> = lock.packages.iter().collect();
    packages
        .sort_by(|a, b| (&a.name, &a.version, &a.marker).cmp(&(&b.name, &b.version, &b.marker)));
    for package in packages {
        write_package(&mut out, package);
    }
    out.push('\n');
    out.push_str(&table(&lock.pannier));
    out
}

fn write_package(out: &mut String, package: &LockedPackage) {
    out.push_str("\n[[packages]]\n");
    pair(out, "name", package.name.as_str());
    optional(
        out,
        "version",
        package.version.as_ref().map(ToString::to_string).as_deref(),
    );
    optional(out, "marker", package.marker.as_deref());
    optional(out, "requires-python", package.requires_python.as_deref());
    let index = package
        .index
        .as_ref()
        .map(|url| url.without_credentials().to_string());
    optional(out, "index", index.as_deref());
    match &package.source {
        LockedSource::Index { sdist, wheels } => {
            if let Some(sdist) = sdist {
                let _ = writeln!(out, "sdist = {}", file(sdist, None));
            }
            write_wheels(out, wheels, sdist.is_none());
        }
        LockedSource::Git {
            repository,
            requested_revision,
            commit,
            subdirectory,
        } => {
            let url = repository.without_credentials().to_string();
            let fields = [
                ("type", Some("git")),
                ("url", Some(&url)),
                ("requested-revision", requested_revision.as_deref()),
                ("commit-id", Some(commit)),
                ("subdirectory", subdirectory.as_deref()),
            ];
            let _ = writeln!(out, "vcs = {}", inline(fields));
        }
        LockedSource::Directory { path } => {
            let _ = writeln!(
                out,
                "directory = {}",
                inline([("path", Some(path.as_str()))])
            );
        }
        LockedSource::Archive {
            artifact,
            subdirectory,
        } => {
            let _ = writeln!(out, "archive = {}", file(artifact, subdirectory.as_deref()));
        }
    }
}

fn write_wheels(out: &mut String, wheels: &[Artifact], required: bool) {
    if wheels.is_empty() {
        if required {
            out.push_str("wheels = []\n");
        }
        return;
    }
    out.push_str("wheels = [\n");
    for wheel in wheels {
        let _ = writeln!(out, "    {},", file(wheel, None));
    }
    out.push_str("]\n");
}

/// One file as an inline table; its name only where the URL does not end with it.
fn file(artifact: &Artifact, subdirectory: Option<&str>) -> String {
    let url = artifact.url.without_credentials();
    let named = (url.file_name() != artifact.name).then_some(artifact.name.as_str());
    let url = url.to_string();
    let mut text = inline([("name", named), ("url", Some(&url))]);
    text.truncate(text.len() - 2);
    if let Some(size) = artifact.size {
        let _ = write!(text, ", size = {size}");
    }
    if let Some(time) = &artifact.upload_time {
        let _ = write!(text, ", upload-time = {time}");
    }
    let _ = write!(text, ", hashes = {{ sha256 = \"{}\" }}", artifact.sha256);
    if let Some(folder) = subdirectory {
        let _ = write!(text, ", subdirectory = {}", quoted(folder));
    }
    text.push_str(" }");
    text
}

fn inline<'a>(fields: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> String {
    let fields = fields
        .into_iter()
        .filter_map(|(key, value)| Some(format!("{key} = {}", quoted(value?))));
    format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
}

fn optional(out: &mut String, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        pair(out, key, value);
    }
}

fn pair(out: &mut String, key: &str, value: &str) {
    let _ = writeln!(out, "{key} = {}", quoted(value));
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// `[tool.pannier]` and its tables.
fn table(pannier: &PannierTable) -> String {
    #[derive(serde::Serialize)]
    struct Top<'a> {
        tool: Tool<'a>,
    }
    #[derive(serde::Serialize)]
    struct Tool<'a> {
        pannier: &'a PannierTable,
    }
    let top = Top {
        tool: Tool { pannier },
    };
    toml::to_string(&top)
        .expect("the table holds strings, numbers and tables with string keys only")
}
