//! A data project next to the venv: a whole container, below `data/<name>/`.
//!
//! Checks that its paths do not exclude each other; everything else was checked when the container was verified.

use std::collections::{BTreeSet, HashSet};

use super::model::{Item, ItemKind};
use crate::entries::{Content, Pack};
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

/// The items of one data project, whose container is `0`: folders, then links, then files; each group by path.
///
/// # Errors
/// [`DataClash`] names the path.
pub fn data(name: &DataName, pack: &Pack) -> Result<Vec<Item>, DataClash> {
    let root = format!("data/{name}");
    let item = |path: &str, kind| Item {
        path: format!("{root}/{path}"),
        kind,
    };
    let (mut links, mut files) = (Vec::new(), Vec::new());
    let mut known = Known::default();
    for entry in pack.iter() {
        match &entry.content {
            Content::Directory => {
                known.add_folder(&entry.path)?;
            }
            Content::Symlink { target } => {
                known.add_leaf(&entry.path)?;
                let target = target.clone();
                links.push(item(&entry.path, ItemKind::Symlink { target }));
            }
            Content::File { executable, stream } => {
                known.add_leaf(&entry.path)?;
                let kind = ItemKind::Carried {
                    pack: 0,
                    stream: *stream,
                    executable: *executable,
                };
                files.push(item(&entry.path, kind));
            }
        }
        let mut path = &*entry.path;
        while let Some((parent, _)) = path.rsplit_once('/') {
            if !known.add_folder(parent)? {
                break;
            }
            path = parent;
        }
    }
    for group in [&mut links, &mut files] {
        group.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    }
    let folders = known.folders.into_iter();
    let mut items: Vec<Item> = folders.map(|it| item(it, ItemKind::Directory)).collect();
    let top = Item {
        path: root.clone(),
        kind: ItemKind::Directory,
    };
    items.insert(0, top);
    items.append(&mut links);
    items.append(&mut files);
    Ok(items)
}

/// The paths so far.
#[derive(Default)]
struct Known<'a> {
    folders: BTreeSet<&'a str>,
    leaves: HashSet<&'a str>,
}

impl<'a> Known<'a> {
    /// Whether the folder is new.
    fn add_folder(&mut self, path: &'a str) -> Result<bool, DataClash> {
        if self.leaves.contains(path) {
            return Err(file_and_folder(path));
        }
        Ok(self.folders.insert(path))
    }

    fn add_leaf(&mut self, path: &'a str) -> Result<(), DataClash> {
        if self.folders.contains(path) {
            return Err(file_and_folder(path));
        }
        if self.leaves.insert(path) {
            return Ok(());
        }
        Err(DataClash {
            path: path.to_owned(),
            rule: "twice",
        })
    }
}

fn file_and_folder(path: &str) -> DataClash {
    DataClash {
        path: path.to_owned(),
        rule: "as a file or link and as a folder",
    }
}
