//! What changed between two locks, for people: packages and data projects that came, went or moved.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use pep440_rs::Version;

use super::model::{Lock, LockedData, LockedPackage, LockedSource};

/// One thing that differs. Prints as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Name of the package, or `data/<name>`.
    pub name: String,
    /// What happened to it.
    pub kind: ChangeKind,
}

/// What happened to one package or data project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added(Vec<State>),
    /// It is gone.
    Removed(Vec<State>),
    /// Its highest version rose.
    Raised(Vec<State>, Vec<State>),
    /// Its highest version fell.
    Lowered(Vec<State>, Vec<State>),
    /// The version stayed, the commit or the source did not; or it has more or fewer versions than before.
    Moved(Vec<State>, Vec<State>),
}

/// One version of a package from one source, as far as people tell them apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct State {
    /// Its version, where it has one.
    pub version: Option<Version>,
    /// Where it is from when that is no index: a commit, a folder, a URL.
    pub place: Option<String>,
}

impl State {
    fn of(package: &LockedPackage) -> Self {
        let place = match &package.source {
            LockedSource::Index { .. } => None,
            LockedSource::Git { commit, .. } => Some(short(commit)),
            LockedSource::Directory { path } => Some(path.clone()),
            LockedSource::Archive { artifact, .. } => Some(artifact.url.to_string()),
        };
        Self {
            version: package.version.clone(),
            place,
        }
    }

    fn of_data(data: &LockedData) -> Self {
        let place = match data {
            LockedData::Git { commit_id, .. } => short(commit_id),
            LockedData::Directory { path } => path.clone(),
        };
        Self {
            version: None,
            place: Some(place),
        }
    }
}

fn short(commit: &str) -> String {
    commit.chars().take(10).collect()
}

/// What changed from `before` to `after`, sorted by name, packages before data projects.
#[must_use]
pub fn diff(before: &Lock, after: &Lock) -> Vec<Change> {
    let mut changes = compare(&packages(before), &packages(after));
    changes.extend(compare(&data(before), &data(after)));
    changes
}

type States = BTreeMap<String, Vec<State>>;

fn packages(lock: &Lock) -> States {
    let mut states = States::new();
    for package in &lock.packages {
        states
            .entry(package.name.to_string())
            .or_default()
            .push(State::of(package));
    }
    states.values_mut().for_each(|list| list.sort());
    states
}

fn data(lock: &Lock) -> States {
    let of = |(name, data)| (format!("data/{name}"), vec![State::of_data(data)]);
    lock.pannier.data.iter().map(of).collect()
}

fn compare(before: &States, after: &States) -> Vec<Change> {
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changes = names.into_iter().filter_map(|name| {
        let kind = kind(before.get(name), after.get(name))?;
        Some(Change {
            name: name.clone(),
            kind,
        })
    });
    changes.collect()
}

fn kind(before: Option<&Vec<State>>, after: Option<&Vec<State>>) -> Option<ChangeKind> {
    let (before, after) = match (before, after) {
        (Some(before), Some(after)) if before == after => return None,
        (Some(before), Some(after)) => (before.clone(), after.clone()),
        (None, after) => return after.cloned().map(ChangeKind::Added),
        (before, None) => return before.cloned().map(ChangeKind::Removed),
    };
    let highest = |states: &[State]| {
        states
            .iter()
            .filter_map(|state| state.version.clone())
            .max()
    };
    Some(match highest(&after).cmp(&highest(&before)) {
        std::cmp::Ordering::Greater => ChangeKind::Raised(before, after),
        std::cmp::Ordering::Less => ChangeKind::Lowered(before, after),
        std::cmp::Ordering::Equal => ChangeKind::Moved(before, after),
    })
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.version, &self.place) {
            (Some(version), Some(place)) => write!(f, "{version} ({place})"),
            (Some(version), None) => write!(f, "{version}"),
            (None, Some(place)) => f.write_str(place),
            (None, None) => f.write_str("?"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |states: &[State]| {
            states
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(" + ")
        };
        let name = &self.name;
        match &self.kind {
            ChangeKind::Added(now) => write!(f, "added {name} {}", list(now)),
            ChangeKind::Removed(before) => write!(f, "removed {name} {}", list(before)),
            ChangeKind::Raised(before, now) => {
                write!(f, "raised {name} {} -> {}", list(before), list(now))
            }
            ChangeKind::Lowered(before, now) => {
                write!(f, "lowered {name} {} -> {}", list(before), list(now))
            }
            ChangeKind::Moved(before, now) => {
                write!(f, "moved {name} {} -> {}", list(before), list(now))
            }
        }
    }
}
