//! A part of a tarball: entries, and the containers that their files are carried over from.
//!
//! Parts come one after the other, so that a tarball can be begun before everything that goes into it is there. Writes nothing.

use std::collections::BTreeSet;
use std::fs::File;

use super::error::AssembleError;
use crate::digest::Digest;
use crate::name::DataName;
use crate::pack::{Content, Pack};
use crate::venv::{Item, ItemKind};

/// Files that are verified, open to be carried over.
#[derive(Debug, Clone, Copy)]
pub struct Container<'a> {
    /// The container itself.
    pub file: &'a File,
    /// Its table of contents.
    pub pack: &'a Pack,
    /// The digest under which the store has it; `None`: nothing that is made of it is kept there.
    pub origin: Option<&'a Digest>,
}

/// Entries that follow each other.
#[derive(Debug)]
pub struct Part<'a> {
    /// What the numbers of packs in `items` are about.
    pub containers: Vec<Container<'a>>,
    /// The entries; folders stand before what they hold, here or in an earlier part.
    pub items: Vec<Item>,
}

/// Takes the parts of a tarball in their order.
pub trait Parts {
    /// Writes these parts. Their containers may be closed afterwards. What is given at once is compressed on all threads where
    /// the packing compresses.
    ///
    /// # Errors
    /// [`AssembleError`]; the tarball is worthless then.
    fn add(&mut self, parts: &[Part<'_>]) -> Result<(), AssembleError>;
}

/// Why something that takes parts from somebody else is not finished.
#[derive(Debug)]
pub enum Failed<T, E> {
    /// It has failed itself.
    Own(T),
    /// Whoever adds the parts has failed.
    Fill(E),
}

impl<T, E> From<T> for Failed<T, E> {
    fn from(error: T) -> Self {
        Self::Own(error)
    }
}

impl<'a> Part<'a> {
    /// The folder that data projects stand in; comes once, before the first one.
    #[must_use]
    pub fn data_folder() -> Self {
        Self {
            containers: Vec::new(),
            items: vec![directory("data")],
        }
    }

    /// One data project: all of a container, below `data/<name>/`.
    ///
    /// # Errors
    /// [`AssembleError::Data`] when its paths exclude each other.
    pub fn data(name: &DataName, container: Container<'a>) -> Result<Self, AssembleError> {
        Ok(Self {
            items: data_items(name, container.pack)?,
            containers: vec![container],
        })
    }
}

/// The items of one data project: folders, then links, then files; each group by path. Of a hundred thousand files each name is
/// held once.
fn data_items(name: &DataName, pack: &Pack) -> Result<Vec<Item>, AssembleError> {
    let root = format!("data/{name}");
    let mut folders = BTreeSet::from([root.clone()]);
    let (mut links, mut files) = (Vec::new(), Vec::new());
    for (number, entry) in pack.entries.iter().enumerate() {
        let path = format!("{root}/{}", entry.path);
        let mut folder = match entry.content {
            Content::Directory => path.as_str(),
            _ => parent(&path),
        };
        while folder.len() > root.len() && !folders.contains(folder) {
            folders.insert(folder.to_owned());
            folder = parent(folder);
        }
        match &entry.content {
            Content::Directory => {}
            Content::Symlink { target } => links.push(Item {
                path,
                kind: ItemKind::Symlink {
                    target: target.clone(),
                },
            }),
            Content::File { executable, .. } => files.push(Item {
                path,
                kind: ItemKind::Carried {
                    pack: 0,
                    entry: number,
                    executable: *executable,
                },
            }),
        }
    }
    for group in [&mut links, &mut files] {
        group.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        if let Some(pair) = group.windows(2).find(|pair| pair[0].path == pair[1].path) {
            return Err(data_error(name, &pair[0].path[root.len() + 1..], "twice"));
        }
    }
    let is_file = |link: &&Item| files.binary_search_by(|it| it.path.cmp(&link.path)).is_ok();
    if let Some(link) = links.iter().find(is_file) {
        return Err(data_error(name, &link.path[root.len() + 1..], "twice"));
    }
    let leaves = links.iter().chain(&files);
    if let Some(leaf) = leaves.into_iter().find(|it| folders.contains(&it.path)) {
        let rule = "as a file or link and as a folder";
        return Err(data_error(name, &leaf.path[root.len() + 1..], rule));
    }
    let mut items = Vec::with_capacity(folders.len() + links.len() + files.len());
    items.extend(folders.iter().map(|path| directory(path)));
    items.append(&mut links);
    items.append(&mut files);
    Ok(items)
}

fn data_error(name: &DataName, path: &str, rule: &'static str) -> AssembleError {
    AssembleError::Data {
        name: name.clone(),
        path: path.to_owned(),
        rule,
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn directory(path: &str) -> Item {
    Item {
        path: path.to_owned(),
        kind: ItemKind::Directory,
    }
}
