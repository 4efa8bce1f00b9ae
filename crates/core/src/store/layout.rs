//! What is where in a store, by names alone: which files and folders are the store's own, and whether a folder has nothing
//! else in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pannier_base::digest::Digest;

/// The file at the top of a store that holds the address and the secrets of what stands between uv and indexes.
pub const INDEX_RELAY: &str = "index-relay";

/// A folder at the top of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Wheels,
    Data,
    Built,
    Derived,
    Git,
    Uv,
    UvCache,
}

impl Part {
    /// Every part.
    pub(super) const ALL: [Self; 7] = [
        Self::Wheels,
        Self::Data,
        Self::Built,
        Self::Derived,
        Self::Git,
        Self::Uv,
        Self::UvCache,
    ];

    /// Its name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Wheels => "wheels",
            Self::Data => "data",
            Self::Built => "built",
            Self::Derived => "derived",
            Self::Git => "git",
            Self::Uv => "uv",
            Self::UvCache => "uv-cache",
        }
    }

    /// Whether its entries are named by digests, rather than by someone else.
    pub(super) const fn has_digests(self) -> bool {
        matches!(
            self,
            Self::Wheels | Self::Data | Self::Built | Self::Derived
        )
    }
}

/// What a folder looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgment {
    /// It is missing or empty.
    Nothing,
    /// It holds what a store holds, and nothing else.
    Store,
    /// It holds something else.
    Foreign,
}

/// Name, path, and whether it is a folder, links not followed.
struct Child {
    name: String,
    path: PathBuf,
    folder: bool,
}

/// The entries of a part that are the store's own, sorted: `<aa>/<digest>`, of `built` `<aa>/<digest>.json`. Whatever else is
/// there is left alone.
pub(super) fn entries(root: &Path, part: Part) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for group in children(&root.join(part.name()))? {
        if is_group(&group) {
            let entries = children(&group.path)?.into_iter();
            let own = entries.filter(|entry| is_entry(&group, entry, part));
            found.extend(own.map(|entry| entry.path));
        }
    }
    found.sort();
    Ok(found)
}

/// The folders named by digests in an entry of `derived`.
pub(super) fn derived(entry: &Path) -> io::Result<Vec<PathBuf>> {
    let own = children(entry)?.into_iter();
    let own = own.filter(|child| child.folder && child.name.parse::<Digest>().is_ok());
    Ok(own.map(|child| child.path).collect())
}

/// Number of things right below a part.
pub(super) fn count(root: &Path, part: Part) -> io::Result<u64> {
    Ok(children(&root.join(part.name()))?.len() as u64)
}

/// Compares a folder with the layout of a store. Something in it must be of a kind that nobody else makes.
pub(super) fn judge(root: &Path) -> io::Result<Judgment> {
    let top = children(root)?;
    let mut top = top
        .iter()
        .filter(|child| !is_beside(&child.name))
        .peekable();
    if top.peek().is_none() {
        return Ok(Judgment::Nothing);
    }
    let mut proven = false;
    for child in top {
        match evidence(child)? {
            Evidence::Against => return Ok(Judgment::Foreign),
            Evidence::None => {}
            Evidence::For => proven = true,
        }
    }
    Ok(match proven {
        true => Judgment::Store,
        false => Judgment::Foreign,
    })
}

/// What something at the top says about the folder.
enum Evidence {
    For,
    None,
    Against,
}

fn evidence(child: &Child) -> io::Result<Evidence> {
    if child.name == "lock" {
        let meta = child.path.symlink_metadata()?;
        return Ok(match meta.is_file() && meta.len() == 0 {
            true => Evidence::None,
            false => Evidence::Against,
        });
    }
    if child.name == INDEX_RELAY {
        return Ok(match child.path.symlink_metadata()?.is_file() {
            true => Evidence::None,
            false => Evidence::Against,
        });
    }
    // A part may be a link to another disk.
    if !child.path.is_dir() {
        return Ok(Evidence::Against);
    }
    let below = children(&child.path)?;
    let all = |own: &dyn Fn(&Child) -> bool, proves: bool| match below.iter().all(own) {
        true if proves && !below.is_empty() => Evidence::For,
        true => Evidence::None,
        false => Evidence::Against,
    };
    if child.name == "tmp" {
        let turnstile = below.iter().any(|it| it.name == ".turnstile" && !it.folder);
        let own = |it: &Child| it.name == ".turnstile" || it.folder && it.name.starts_with("run-");
        return Ok(all(&own, turnstile));
    }
    let Some(part) = Part::ALL.into_iter().find(|it| it.name() == child.name) else {
        return Ok(Evidence::Against);
    };
    if part.has_digests() {
        return groups(&below, part);
    }
    Ok(match part {
        Part::Uv => all(
            &|it| it.folder && it.name.starts_with(|c: char| c.is_ascii_digit()),
            false,
        ),
        Part::UvCache => {
            let tagged = below.is_empty() || below.iter().any(|it| it.name == "CACHEDIR.TAG");
            all(&|_| tagged, false)
        }
        _ => all(&|it| is_mirror(&it.name), true),
    })
}

/// Looks at all entries of a part.
fn groups(groups: &[Child], part: Part) -> io::Result<Evidence> {
    let mut found = Evidence::None;
    for group in groups {
        if !is_group(group) {
            return Ok(Evidence::Against);
        }
        for entry in children(&group.path)? {
            if !is_entry(group, &entry, part) {
                return Ok(Evidence::Against);
            }
            found = Evidence::For;
        }
    }
    Ok(found)
}

fn is_group(child: &Child) -> bool {
    child.folder && child.name.len() == 2 && child.name.bytes().all(is_digit)
}

fn is_entry(group: &Child, entry: &Child, part: Part) -> bool {
    let stem = match part {
        Part::Built => entry.name.strip_suffix(".json"),
        _ => Some(&*entry.name),
    };
    let named = stem.is_some_and(|it| it.starts_with(&group.name) && it.parse::<Digest>().is_ok());
    named && entry.folder == (part != Part::Built)
}

/// A mirror, a branch that is written to, their locks, and what is half made of them.
fn is_mirror(name: &str) -> bool {
    let name = name.strip_prefix(".half-").unwrap_or(name);
    let key = name.split(['.', '-']).next().unwrap_or(name);
    key.len() == 32 && key.bytes().all(is_digit) && key.len() < name.len()
}

const fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// What is right below a folder; nothing when it does not exist.
fn children(folder: &Path) -> io::Result<Vec<Child>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let child = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        Ok(Child {
            name: entry.file_name().to_string_lossy().into_owned(),
            path: entry.path(),
            folder: entry.file_type()?.is_dir(),
        })
    };
    entries.map(child).collect()
}

/// Name of the marker.
pub(super) const MARKER: &str = ".pannier-store";

/// Whether a name at the top is not the store's business: the marker, and what file systems make in their root.
fn is_beside(name: &str) -> bool {
    matches!(name, MARKER | "lost+found")
}
