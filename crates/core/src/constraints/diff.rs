//! What changed between two sets of constraints, as values: which bound came, went, rose or fell, and by how much.
//!
//! [`compare`] lists the changes; [`with_bumps`] applies some of them to the old set, which is how the one that is to blame is
//! found; [`super::Document::with_bumps`] does the same to the text of a file. Pure: knows no index and no lock.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use pep440_rs::{Operator, Version, VersionSpecifiers};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Constraint, ConstraintLine, FileHash};
use pannier_base::name::PackageName;

/// One change of one package's bound. Prints as `raised numpy ==2.0.2 -> ==2.1.0 (minor)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Bump {
    /// The package, normalised.
    #[schemars(with = "String")]
    pub name: PackageName,
    /// What happened to its bound.
    pub kind: BumpKind,
    /// How far a raised or lowered bound went; `None` for all other kinds.
    pub level: Option<Level>,
    /// The bound as it was; `None` when it is new.
    pub old: Option<Bound>,
    /// The bound as it is; `None` when it is gone.
    pub new: Option<Bound>,
}

/// What happened to a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BumpKind {
    /// There was none.
    Added,
    /// There is none any more.
    Removed,
    /// It allows newer versions than before, and none of the oldest.
    Raised,
    /// It allows older versions than before, and none of the newest.
    Lowered,
    /// Something else: a pin became a range, a URL changed, only the marker or the hashes changed.
    Changed,
}

/// Which part of a version differs first (PEP 440), from the heaviest to the lightest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// `1!2.0` against `2.0`.
    Epoch,
    /// The first number of the release.
    Major,
    /// The second.
    Minor,
    /// The third, or any behind it.
    Micro,
    /// Pre-releases: `2.0rc1` against `2.0`.
    Pre,
    /// Post-releases: `2.0.post1` against `2.0`.
    Post,
    /// Development releases: `2.0.dev1` against `2.0`.
    Dev,
    /// Local versions: `2.0+cpu` against `2.0`.
    Local,
}

impl Level {
    /// The first part in which two versions differ; `None` when they are equal (`1.0` and `1.0.0` are).
    #[must_use]
    pub fn between(old: &Version, new: &Version) -> Option<Self> {
        let number = |version: &Version, i: usize| version.release().get(i).copied().unwrap_or(0);
        let length = old.release().len().max(new.release().len());
        let first = (0..length).find(|&i| number(old, i) != number(new, i));
        if old.epoch() != new.epoch() {
            return Some(Self::Epoch);
        }
        match first {
            Some(0) => return Some(Self::Major),
            Some(1) => return Some(Self::Minor),
            Some(_) => return Some(Self::Micro),
            None => {}
        }
        if old.pre() != new.pre() {
            return Some(Self::Pre);
        }
        if old.post() != new.post() {
            return Some(Self::Post);
        }
        if old.dev() != new.dev() {
            return Some(Self::Dev);
        }
        (old.local() != new.local()).then_some(Self::Local)
    }
}

/// One bound and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Bound {
    /// `==2.0.2`, `>=2,<3`, `@ https://…` without credentials, or empty when every version is allowed.
    pub specifier: String,
    /// The version, where exactly one is allowed.
    #[serde(serialize_with = "as_text")]
    #[schemars(with = "Option<String>")]
    pub version: Option<Version>,
    /// Marker (PEP 508), normalised.
    pub marker: Option<String>,
    /// Digests that the files of the package may have; empty when the line states none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub hashes: Vec<FileHash>,
    /// The file, as it was named.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Its place in the list that was compared.
    #[serde(skip)]
    pub(super) index: usize,
}

fn as_text<S: serde::Serializer>(version: &Option<Version>, to: S) -> Result<S::Ok, S::Error> {
    match version {
        Some(version) => to.collect_str(version),
        None => to.serialize_none(),
    }
}

impl ConstraintLine {
    fn bound(&self, index: usize) -> Bound {
        Bound {
            specifier: self.specifier(),
            version: self.pin().cloned(),
            marker: self.marker(),
            hashes: self.hashes.clone(),
            file: self.file.clone(),
            line: self.line,
            index,
        }
    }
}

/// What changed from `old` to `new`, sorted by name.
///
/// Bounds of one name belong together by their markers; where one on each side is left over, its marker changed.
#[must_use]
pub fn compare(old: &[ConstraintLine], new: &[ConstraintLine]) -> Vec<Bump> {
    let mut names: BTreeMap<PackageName, [Vec<usize>; 2]> = BTreeMap::new();
    for (side, lines) in [old, new].into_iter().enumerate() {
        for (index, line) in lines.iter().enumerate() {
            names.entry(line.name()).or_default()[side].push(index);
        }
    }
    let mut bumps = Vec::new();
    for (name, [before, after]) in names {
        for (from, to) in pairs(old, new, &before, &after) {
            bumps.extend(bump(&name, (old, from), (new, to)));
        }
    }
    bumps
}

/// Which bound became which: those that are equal, then those with equal markers, then the only one that is left on each side.
fn pairs(
    old: &[ConstraintLine],
    new: &[ConstraintLine],
    before: &[usize],
    after: &[usize],
) -> Vec<(Option<usize>, Option<usize>)> {
    let mut gone = before.to_vec();
    let mut fresh = after.to_vec();
    let mut pairs = Vec::new();
    let equal = |one: &Constraint, two: &Constraint| one == two;
    let equal_markers = |one: &Constraint, two: &Constraint| one.marker() == two.marker();
    for same in [equal, equal_markers] {
        gone.retain(|&i| {
            let mut fresh_lines = fresh.iter();
            let found = fresh_lines.position(|&j| same(&old[i].constraint, &new[j].constraint));
            pairs.extend(found.map(|found| (Some(i), Some(fresh.remove(found)))));
            found.is_none()
        });
    }
    if let ([i], [j]) = (gone.as_slice(), fresh.as_slice()) {
        pairs.push((Some(*i), Some(*j)));
    } else {
        pairs.extend(gone.into_iter().map(|i| (Some(i), None)));
        pairs.extend(fresh.into_iter().map(|j| (None, Some(j))));
    }
    pairs
}

fn bump(
    name: &PackageName,
    (old, from): (&[ConstraintLine], Option<usize>),
    (new, to): (&[ConstraintLine], Option<usize>),
) -> Option<Bump> {
    let (kind, level) = match (from.map(|i| &old[i]), to.map(|j| &new[j])) {
        (Some(before), Some(after)) => judge(before, after)?,
        (Some(_), None) => (BumpKind::Removed, None),
        _ => (BumpKind::Added, None),
    };
    Some(Bump {
        name: name.clone(),
        kind,
        level,
        old: from.map(|i| old[i].bound(i)),
        new: to.map(|j| new[j].bound(j)),
    })
}

/// What happened between two bounds of one name; `None` when nothing did.
fn judge(before: &ConstraintLine, after: &ConstraintLine) -> Option<(BumpKind, Option<Level>)> {
    let [old, new] = [before, after].map(|line| &line.constraint);
    if old.bounds_as(new) {
        let is_same = old.marker() == new.marker() && same_hashes(before, after);
        return (!is_same).then_some((BumpKind::Changed, None));
    }
    let pins = (old.pin(), new.pin());
    let (Some(old), Some(new)) = (old.versions(), new.versions()) else {
        return Some((BumpKind::Changed, None));
    };
    let ends = match pins {
        (Some(old), Some(new)) => vec![(old, new)],
        (None, None) => match (range(old), range(new)) {
            // One that has an end where the other has none is neither higher nor lower.
            ([Some(a), Some(b)], [Some(c), Some(d)]) => vec![(a, c), (b, d)],
            ([Some(a), None], [Some(c), None]) | ([None, Some(a)], [None, Some(c)]) => vec![(a, c)],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    let up = ends.iter().any(|(old, new)| old < new);
    let down = ends.iter().any(|(old, new)| old > new);
    let kind = match (up, down) {
        (true, false) => BumpKind::Raised,
        (false, true) => BumpKind::Lowered,
        _ => return Some((BumpKind::Changed, None)),
    };
    let levels = ends
        .iter()
        .filter_map(|(old, new)| Level::between(old, new));
    Some((kind, levels.min()))
}

/// Whether both lines allow the same files, in whatever order they state their hashes.
fn same_hashes(before: &ConstraintLine, after: &ConstraintLine) -> bool {
    let sorted = |line: &ConstraintLine| {
        let mut hashes = line.hashes.clone();
        hashes.sort();
        hashes.dedup();
        hashes
    };
    sorted(before) == sorted(after)
}

/// The versions at the upper and the lower end of a range.
fn range(specifiers: &VersionSpecifiers) -> [Option<&Version>; 2] {
    let all = |wanted: &[Operator]| {
        let operators = wanted.to_vec();
        specifiers
            .iter()
            .filter(move |one| operators.contains(one.operator()))
            .map(pep440_rs::VersionSpecifier::version)
    };
    use Operator::{EqualStar, GreaterThan, GreaterThanEqual, LessThan, LessThanEqual, TildeEqual};
    [
        all(&[LessThan, LessThanEqual, TildeEqual, EqualStar]).min(),
        all(&[GreaterThan, GreaterThanEqual, TildeEqual, EqualStar]).max(),
    ]
}

/// The old set with some of its changes applied: what changed stays in its place, what is new comes last.
///
/// `chosen` are bumps that [`compare`] gave for these two sets. All of them make the new set, none of them the old one.
#[must_use]
pub fn with_bumps(
    old: &[ConstraintLine],
    new: &[ConstraintLine],
    chosen: &[&Bump],
) -> Vec<ConstraintLine> {
    let mut lines: Vec<Option<&ConstraintLine>> = old.iter().map(Some).collect();
    for bump in chosen {
        let to = bump.new.as_ref().map(|bound| &new[bound.index]);
        match &bump.old {
            Some(bound) => lines[bound.index] = to,
            None => lines.push(to),
        }
    }
    lines.into_iter().flatten().cloned().collect()
}

impl fmt::Display for BumpKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Raised => "raised",
            Self::Lowered => "lowered",
            Self::Changed => "changed",
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Epoch => "epoch",
            Self::Major => "major",
            Self::Minor => "minor",
            Self::Micro => "micro",
            Self::Pre => "pre",
            Self::Post => "post",
            Self::Dev => "dev",
            Self::Local => "local",
        })
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.specifier.as_str() {
            "" => f.write_str("any version")?,
            specifier => f.write_str(specifier)?,
        }
        if let Some(marker) = &self.marker {
            write!(f, " ; {marker}")?;
        }
        match self.hashes.len() {
            0 => Ok(()),
            1 => f.write_str(" (1 hash)"),
            more => write!(f, " ({more} hashes)"),
        }
    }
}

impl fmt::Display for Bump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)?;
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => write!(f, " {old} -> {new}")?,
            (Some(one), None) | (None, Some(one)) => write!(f, " {one}")?,
            (None, None) => {}
        }
        match self.level {
            Some(level) => write!(f, " ({level})"),
            None => Ok(()),
        }
    }
}
