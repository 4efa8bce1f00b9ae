//! A part of a tarball: entries, and the containers that their files are carried over from.
//!
//! Parts come one after the other, so that a tarball can be begun before everything that goes into it is there. Writes nothing.

use std::fs::File;
use std::sync::Arc;

use super::error::AssembleError;
use crate::entries::Pack;
use crate::venv::{self, DataClash, Item, ItemKind};
use pannier_base::digest::Digest;
use pannier_base::name::DataName;

/// Files that are verified, open to be carried over.
#[derive(Debug, Clone, Copy)]
pub struct Container<'a> {
    /// The container itself.
    pub file: &'a Arc<File>,
    /// Its table of contents.
    pub pack: &'a Pack,
    /// The digest under which the store has it; `None`: nothing that is made of it is kept there.
    pub origin: Option<&'a Digest>,
}

/// Entries that follow each other.
#[derive(Debug)]
pub struct Part<'a> {
    /// What the numbers of containers in `items` are about.
    pub containers: Vec<Container<'a>>,
    /// The entries; folders stand before what they hold, here or in an earlier part.
    pub items: Vec<Item>,
}

/// Takes the parts of a tarball in their order.
pub trait Parts {
    /// Writes these parts. What is given at once is compressed on all threads where
    /// the packing compresses.
    ///
    /// # Errors
    /// [`AssembleError`]; the tarball is worthless then.
    fn add(&mut self, parts: &[Part<'_>]) -> Result<(), AssembleError>;
}

/// Why something that takes parts from someone else is not finished.
#[derive(Debug)]
pub enum Failed<T, E> {
    /// It has failed itself.
    Own(T),
    /// The thread that adds the parts has failed.
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
            items: vec![Item {
                path: "data".to_owned(),
                kind: ItemKind::Directory,
            }],
        }
    }

    /// One data project: all of a container, below `data/<name>/`.
    ///
    /// # Errors
    /// [`AssembleError::Data`] when its paths exclude each other.
    pub fn data(name: &DataName, container: Container<'a>) -> Result<Self, AssembleError> {
        let items = venv::data(name, container.pack);
        Ok(Self {
            items: items.map_err(|DataClash { path, rule }| AssembleError::Data {
                name: name.clone(),
                path,
                rule,
            })?,
            containers: vec![container],
        })
    }
}
