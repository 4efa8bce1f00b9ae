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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::lock::model::PannierTable;
    use pannier_base::digest::Digest;

    fn index(name: &str, version: &str) -> LockedPackage {
        LockedPackage {
            name: name.parse().unwrap(),
            version: Some(version.parse().unwrap()),
            marker: None,
            requires_python: None,
            index: None,
            source: LockedSource::Index {
                sdist: None,
                wheels: Vec::new(),
            },
        }
    }

    fn git(name: &str, version: &str, digit: char) -> LockedPackage {
        LockedPackage {
            source: LockedSource::Git {
                repository: "https://git.example.org/x.git".parse().unwrap(),
                requested_revision: None,
                commit: digit.to_string().repeat(40),
                subdirectory: None,
            },
            ..index(name, version)
        }
    }

    fn lock(packages: Vec<LockedPackage>, data: Option<&str>) -> Lock {
        let data = data.map(|path| {
            (
                "tables".parse().unwrap(),
                LockedData::Directory {
                    path: path.to_owned(),
                },
            )
        });
        Lock {
            requires_python: None,
            environments: Vec::new(),
            packages,
            pannier: PannierTable {
                format: 1,
                request: Digest::of(b""),
                constraints: None,
                parts: BTreeMap::new(),
                images: BTreeMap::new(),
                data: data.into_iter().collect(),
                forks: Vec::new(),
                overrides: Vec::new(),
            },
        }
    }

    fn lines(before: &Lock, after: &Lock) -> Vec<String> {
        diff(before, after)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn each_kind_of_change_has_its_line() {
        let before = lock(
            vec![
                index("fork", "1.9"),
                index("gone", "1"),
                index("same", "1"),
                index("up", "1.9"),
                git("tool", "2.0", 'a'),
            ],
            Some("data/old"),
        );
        let after = lock(
            vec![
                index("fork", "1.10"),
                index("fork", "1.9"),
                index("new", "3"),
                index("same", "1"),
                index("up", "1.10"),
                git("tool", "2.0", 'b'),
            ],
            Some("data/new"),
        );
        assert_eq!(
            lines(&before, &after),
            [
                "raised fork 1.9 -> 1.9 + 1.10",
                "removed gone 1",
                "added new 3",
                "moved tool 2.0 (aaaaaaaaaa) -> 2.0 (bbbbbbbbbb)",
                "raised up 1.9 -> 1.10",
                "moved data/tables data/old -> data/new",
            ]
        );
        assert!(lines(&after, &before).contains(&"lowered up 1.10 -> 1.9".to_owned()));
    }

    #[test]
    fn files_and_markers_of_one_version_are_no_change() {
        let before = lock(vec![index("a", "1")], None);
        let mut after = before.clone();
        after.packages[0].marker = Some("os_name == 'posix'".to_owned());
        assert_eq!(diff(&before, &after), []);
    }
}
