//! Raising pins: the two pure sides of a resolution. Before it pins become lower bounds, behind it the versions that were
//! chosen are written into the lines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pep440_rs::{Operator, Version, VersionSpecifier, VersionSpecifiers};
use pep508_rs::MarkerTree;

use schemars::JsonSchema;
use serde::Serialize;

use crate::constraints::{ConstraintLine, Document, Edit};
use crate::lock::model::Lock;
use crate::lock::model::LockedSource;
use pannier_base::name::PackageName;
use pannier_base::platform::parse_marker;

/// The files with raised pins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Raised {
    /// The files whose text changes: as they were named, with the new text.
    pub texts: BTreeMap<PathBuf, String>,
    /// Pins that stay although they may be outdated.
    pub kept: Vec<Kept>,
}

/// A pin that stays although it may be outdated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Kept {
    /// The package.
    #[schemars(with = "String")]
    pub package: PackageName,
    /// The file, as it was named.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Why, as the end of a sentence that begins with the package.
    pub reason: &'static str,
}

/// The constraints with the pins of these packages (of all, without names) turned into lower bounds: nothing falls below what
/// it was. Ranges and URLs stay, and so do pins with hashes, which name the files of one version.
#[must_use]
pub fn loosened(lines: &[ConstraintLine], names: Option<&[PackageName]>) -> Vec<ConstraintLine> {
    let loosen = |line: &ConstraintLine| {
        let mut line = line.clone();
        if let Some(version) = line.pin().cloned()
            && concerns(names, &line)
            && line.hashes.is_empty()
        {
            line.constraint = line.constraint.with_versions(at_least(version));
        }
        line
    };
    lines.iter().map(loosen).collect()
}

fn at_least(version: Version) -> Option<VersionSpecifiers> {
    // A local version cannot be bounded (PEP 440); its public part can.
    let public = version.without_local();
    let bound = VersionSpecifier::from_version(Operator::GreaterThanEqual, public).ok()?;
    Some(VersionSpecifiers::from_iter([bound]))
}

fn concerns(names: Option<&[PackageName]>, line: &ConstraintLine) -> bool {
    names.is_none_or(|names| names.contains(&line.name()))
}

/// The texts of the files with the versions of `lock` in the place of the pins that were loosened; all else stays. `documents`
/// are the files, by the names that their constraints know them by.
///
/// Where the lock holds several versions for one line, the line becomes one line for each, with markers that keep them apart.
#[must_use]
pub fn raised(
    documents: &BTreeMap<PathBuf, Document>,
    lock: &Lock,
    names: Option<&[PackageName]>,
) -> Raised {
    let mut raised = Raised::default();
    for (path, document) in documents {
        let mut edits = Vec::new();
        for (index, line) in document.constraints().iter().enumerate() {
            let chosen = chosen(line, lock);
            let Some(pin) = line.pin() else { continue };
            let stays = chosen.iter().all(|(version, _)| version == pin);
            // With hashes it was not loosened, so nothing else could be chosen.
            let held = !line.hashes.is_empty() && !chosen.is_empty();
            if !concerns(names, line) || (stays && !held) {
                continue;
            }
            match statements(document, index, &chosen) {
                Ok(statement) => edits.push(Edit::Replace(index, statement)),
                Err(reason) => raised.kept.push(Kept {
                    package: line.name(),
                    file: path.clone(),
                    line: line.line,
                    reason,
                }),
            }
        }
        if !edits.is_empty() {
            raised.texts.insert(path.clone(), document.edited(&edits));
        }
    }
    raised
}

/// The versions that the lock holds for a line, each with its marker there.
fn chosen(line: &ConstraintLine, lock: &Lock) -> Vec<(Version, MarkerTree)> {
    let name = line.name();
    let mut chosen: Vec<(Version, MarkerTree)> = Vec::new();
    for package in lock.packages.iter().filter(|package| package.name == name) {
        let index = matches!(package.source, LockedSource::Index { .. });
        let Some(version) = package.version.as_ref().filter(|_| index) else {
            continue;
        };
        let marker = match &package.marker {
            Some(text) => parse_marker(text).unwrap_or(MarkerTree::TRUE),
            None => MarkerTree::TRUE,
        };
        if marker.is_disjoint(line.constraint.marker()) {
            continue;
        }
        match chosen.iter_mut().find(|(known, _)| known == version) {
            Some((_, known)) => known.or(marker),
            None => chosen.push((version.clone(), marker)),
        }
    }
    chosen
}

/// What comes in the place of a statement: it with another version, or one line for each version.
fn statements(
    document: &Document,
    index: usize,
    chosen: &[(Version, MarkerTree)],
) -> Result<String, &'static str> {
    if !document.constraints()[index].hashes.is_empty() {
        return Err("it has hashes, which belong to the files of one version");
    }
    let statement = document.statement(index);
    if let [(version, _)] = chosen {
        return with_version(statement, version);
    }
    if statement.contains("${") {
        return Err("it contains a variable");
    }
    let line = &document.constraints()[index];
    let lines = chosen.iter().map(|(version, marker)| {
        let mut marker = marker.clone();
        marker.and(line.constraint.marker().clone());
        let name = statement
            .split(['=', ' ', ';', '('])
            .next()
            .unwrap_or_default();
        match marker.try_to_string() {
            Some(marker) => format!("{name}=={version} ; {marker}"),
            None => format!("{name}=={version}"),
        }
    });
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// A pin with another version, all else as it is written.
fn with_version(statement: &str, version: &Version) -> Result<String, &'static str> {
    let operator = statement.find("==").ok_or("it has no `==`")?;
    let behind = statement[operator..].trim_start_matches('=');
    let behind = behind.trim_start_matches(|c: char| c.is_whitespace() || c == '\\');
    let start = statement.len() - behind.len();
    let stop = |c: char| c.is_whitespace() || matches!(c, ';' | ')' | ',' | '\\' | '#');
    let end = start + behind.find(stop).unwrap_or(behind.len());
    if statement[start..end].contains("${") {
        return Err("its version is a variable");
    }
    Ok(format!(
        "{}{version}{}",
        &statement[..start],
        &statement[end..]
    ))
}

/// The documents of the files that constraints stand in.
///
/// # Errors
/// What `read` gives, and lines that cannot be used.
pub fn documents<E>(
    lines: &[ConstraintLine],
    mut read: impl FnMut(&Path) -> Result<Document, E>,
) -> Result<BTreeMap<PathBuf, Document>, E> {
    let mut documents = BTreeMap::new();
    for line in lines {
        if !documents.contains_key(&line.file) {
            documents.insert(line.file.clone(), read(&line.file)?);
        }
    }
    Ok(documents)
}
