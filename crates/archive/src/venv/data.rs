//! A data project beside the venv: all of a container, below `data/<name>/`.
//!
//! Checks that its paths do not exclude each other; everything else was checked when the container was verified.

use std::collections::HashSet;

use super::items::{Items, Row};
use super::{Item, ItemKind};
use crate::entries::{Content, Pack};
use pannier_base::digest::Digest;
use pannier_base::name::DataName;

/// Two entries of a data project that cannot stand in one tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` comes {rule}")]
pub struct DataClash {
    /// The path in the project.
    pub path: String,
    /// How it comes.
    pub rule: &'static str,
}

/// The items of one data project, whose pack is `0`: folders, then links, then files; each group by path.
///
/// # Errors
/// [`DataClash`] names the path.
pub fn data(name: &DataName, pack: &Pack) -> Result<Items, DataClash> {
    let root = format!("data/{name}/");
    let packs = [pack];
    let mut items = Items::default();
    let (mut folders, mut links, mut files) = (Vec::new(), Vec::new(), Vec::new());
    let mut known = Known::default();
    for (number, entry) in pack.iter().enumerate() {
        let spot = items.spot(&root, 0, (0, number));
        match entry.content {
            Content::Directory => {
                if known.add_folder(entry.path)? {
                    folders.push(Row::Folder(spot));
                }
            }
            Content::Symlink { .. } => {
                known.add_leaf(entry.path)?;
                links.push(Row::Entry(spot));
            }
            Content::File { executable, .. } => {
                known.add_leaf(entry.path)?;
                files.push(Row::Entry(spot.executable(executable)));
            }
        }
        let mut path = entry.path;
        while let Some((parent, _)) = path.rsplit_once('/') {
            if !known.add_folder(parent)? {
                break;
            }
            let row = Row::Entry(spot);
            folders.extend(items.folder_of(&row, root.len() + parent.len(), &packs));
            path = parent;
        }
    }
    let top = Item {
        path: root.trim_end_matches('/').to_owned(),
        kind: ItemKind::Directory,
    };
    items.rows.push(Row::Own(Box::new(top)));
    for group in [&mut folders, &mut links, &mut files] {
        items.sort(group, &packs);
        items.rows.append(group);
    }
    Ok(items)
}

/// The paths so far, each as half a digest: those of hundreds of thousands of files would take several times the memory.
#[derive(Default)]
struct Known {
    folders: HashSet<[u8; 16]>,
    leaves: HashSet<[u8; 16]>,
}

impl Known {
    /// Whether the folder is new.
    fn add_folder(&mut self, path: &str) -> Result<bool, DataClash> {
        let half = Digest::of(path.as_bytes()).half();
        if !self.leaves.contains(&half) {
            return Ok(self.folders.insert(half));
        }
        Err(file_and_folder(path))
    }

    fn add_leaf(&mut self, path: &str) -> Result<(), DataClash> {
        let half = Digest::of(path.as_bytes()).half();
        if self.folders.contains(&half) {
            return Err(file_and_folder(path));
        }
        match self.leaves.insert(half) {
            true => Ok(()),
            false => Err(DataClash {
                path: path.to_owned(),
                rule: "twice",
            }),
        }
    }
}

fn file_and_folder(path: &str) -> DataClash {
    DataClash {
        path: path.to_owned(),
        rule: "as a file or link and as a folder",
    }
}
