//! The plan of a venv, package after package: spreads each wheel over it, finds conflicts with those before it, and gives its
//! items in the order of the tarball.
//!
//! The order is fixed: what comes from no wheel, then package by package, each with the folders that no other has brought, its
//! small files, its large ones. So the same packages give the same bytes whatever the image is, a reader can extract while it
//! reads, and a writer can write while later packages are still on their way.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use super::files::own_items;
use super::spread::{Placed, Places, Spread};
use super::{Installed, Item, ItemKind, LayoutError, VenvOptions};
use crate::digest::Digest;
use crate::name::PackageName;

/// A venv that takes its packages.
pub struct Planner {
    places: Places,
    claims: Claims,
}

impl Planner {
    /// Begins a venv. Gives what comes from no wheel, below `venv/` and beside it, each folder before its content: all that
    /// depends on the image.
    ///
    /// # Errors
    /// [`LayoutError`] when the interpreter cannot be told.
    pub fn start(options: &VenvOptions) -> Result<(Self, Vec<Item>), LayoutError> {
        let own = own_items(options)?;
        let places = Places::new(options);
        let mut folders = BTreeSet::from([places.site_packages.clone()]);
        add_parents(&mut folders, &places.site_packages);
        for item in &own {
            add_parents(&mut folders, &item.path);
        }
        let mut claims = Claims::default();
        let known = folders.iter().map(|path| (path.clone(), None));
        claims.folders.extend(known);
        let items = folders.into_iter().map(folder).chain(own).collect();
        Ok((Self { places, claims }, items))
    }

    /// Adds a package, whose name comes behind those of all packages before it. Gives its items; their packs are `0`, the
    /// wheel, and `1`, the bytecode.
    ///
    /// # Errors
    /// [`LayoutError`] names the packages and the path; the venv is not to be used then.
    ///
    /// # Panics
    /// When packages come in another order.
    pub fn add(&mut self, package: &Installed<'_>) -> Result<Vec<Item>, LayoutError> {
        let name = &package.wheel.name;
        if let Some(last) = self.claims.packages.last() {
            assert!(last <= name, "packages come in the order of their names");
            if last == name {
                return Err(LayoutError::Twice {
                    package: name.clone(),
                });
            }
        }
        self.claims.packages.push(name.clone());
        let mut files = Spread::new(package, &self.places).run()?;
        let mut refused = Ok(());
        files.retain(|file| match self.claims.add(file) {
            Ok(written) => written,
            Err(error) => {
                // The first one is told.
                if refused.is_ok() {
                    refused = Err(error);
                }
                false
            }
        });
        refused?;
        files.sort_unstable_by(|a, b| (a.large, &a.path).cmp(&(b.large, &b.path)));
        let mut folders = Vec::new();
        for file in &files {
            self.claims.add_folders(&file.path, &mut folders)?;
        }
        folders.sort_unstable();
        // In the place of the files: there can be a hundred thousand.
        let files = files.into_iter().map(|file| Item {
            path: file.path,
            kind: file.kind,
        });
        let mut items: Vec<Item> = files.collect();
        items.splice(0..0, folders.into_iter().map(folder));
        Ok(items)
    }
}

fn folder(path: String) -> Item {
    Item {
        path,
        kind: ItemKind::Directory,
    }
}

/// Adds every folder above `path`.
fn add_parents(folders: &mut BTreeSet<String>, path: &str) {
    let mut path = path;
    while let Some((parent, _)) = path.rsplit_once('/') {
        if !folders.insert(parent.to_owned()) {
            return;
        }
        path = parent;
    }
}

/// Which package owns which path so far.
#[derive(Default)]
struct Claims {
    /// In their order; elsewhere they are known by their position.
    packages: Vec<PackageName>,
    files: HashMap<Short, Claim>,
    /// With the package that has brought each; the venv itself has some.
    folders: HashMap<String, Option<u32>>,
}

struct Claim {
    package: u32,
    /// Of content and mode.
    file: Short,
}

/// Half of a SHA-256, which stands for what it was made of: paths and digests of all files of a venv at once would take four
/// times the memory.
type Short = [u8; 16];

fn short(bytes: &[u8]) -> Short {
    let mut short = Short::default();
    short.copy_from_slice(&Digest::of(bytes).as_bytes()[..16]);
    short
}

fn short_file(file: &Placed) -> Short {
    let mut bytes = file.sha256.as_bytes().to_vec();
    bytes.push(u8::from(file.executable));
    short(&bytes)
}

impl Claims {
    /// Whether the file of the last package is to be written: `false` when another package has brought the very same one.
    fn add(&mut self, file: &Placed) -> Result<bool, LayoutError> {
        let package = self.last();
        if let Some(owner) = self.folders.get(&file.path) {
            return Err(self.file_is_folder(&file.path, package, *owner));
        }
        let claim = Claim {
            package,
            file: short_file(file),
        };
        let other = match self.files.entry(short(file.path.as_bytes())) {
            Entry::Vacant(entry) => {
                entry.insert(claim);
                return Ok(true);
            }
            Entry::Occupied(entry) => entry.into_mut(),
        };
        if other.file == claim.file {
            return Ok(false);
        }
        let first = other.package;
        if first == package {
            return Err(LayoutError::Data {
                package: self.name(package),
                path: file.path.clone(),
                rule: "two different files of it go there",
            });
        }
        Err(LayoutError::Conflict {
            path: file.path.clone(),
            first: self.name(first),
            second: self.name(package),
        })
    }

    /// Adds to `new` the folders above a file of the last package that nobody has brought; none of them may be a file.
    fn add_folders(&mut self, path: &str, new: &mut Vec<String>) -> Result<(), LayoutError> {
        let package = self.last();
        let mut path = path;
        while let Some((parent, _)) = path.rsplit_once('/') {
            if self.folders.contains_key(parent) {
                return Ok(());
            }
            if let Some(file) = self.files.get(&short(parent.as_bytes())) {
                return Err(self.file_is_folder(parent, file.package, Some(package)));
            }
            self.folders.insert(parent.to_owned(), Some(package));
            new.push(parent.to_owned());
            path = parent;
        }
        Ok(())
    }

    fn file_is_folder(&self, path: &str, file: u32, folder: Option<u32>) -> LayoutError {
        LayoutError::FileIsFolder {
            path: path.to_owned(),
            file: self.name(file),
            folder: self.name(folder.unwrap_or(file)),
        }
    }

    /// The package that is being added.
    fn last(&self) -> u32 {
        u32::try_from(self.packages.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    fn name(&self, package: u32) -> PackageName {
        self.packages[package as usize].clone()
    }
}
