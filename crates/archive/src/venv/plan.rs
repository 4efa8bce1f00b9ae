//! The plan of a venv, package after package: spreads each wheel over it, finds conflicts with those before it, and gives its
//! items in the order of the tarball.
//!
//! The order is fixed: what comes from no wheel, then package by package, each with the folders that no other has brought, its
//! small files, its large ones. So the same packages give the same bytes whatever the image is, a reader can extract while it
//! reads, and a writer can write while later packages are still on their way.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use super::error::LayoutError;
use super::files::own_items;
use super::install_plan::{InstallPlan, Places};
use super::model::{Installed, Item, ItemKind, VenvOptions};
use pannier_base::digest::Digest;
use pannier_base::name::PackageName;

/// A venv that takes its packages.
pub struct Planner {
    places: Places,
    claims: Claims,
}

impl Planner {
    /// Begins a venv. Returns what comes from no wheel, below `venv/` and next to it, each folder before its content: all that
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
        let known = folders.iter().map(|path| (short(path.as_bytes()), None));
        claims.folders.extend(known);
        let items = folders.into_iter().map(folder).chain(own).collect();
        Ok((Self { places, claims }, items))
    }

    /// Adds a package, whose name comes behind those of all packages before it. Gives its items; their containers are `0`, the
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
        let items = InstallPlan::new(package, &self.places).run()?;
        self.claims.files.reserve(items.len());
        let files = items.into_iter().filter_map(|item| {
            let added = self.claims.add(&item);
            added.map(|new| new.then_some(item)).transpose()
        });
        let mut items = files.collect::<Result<Vec<Item>, _>>()?;
        let large = |item: &Item| matches!(&item.kind, ItemKind::Carried { stream, .. } if stream.size > self.places.small);
        items.sort_unstable_by(|a, b| (large(a), &a.path).cmp(&(large(b), &b.path)));
        let mut folders = Vec::new();
        for item in &items {
            self.claims.add_folders(&item.path, &mut folders)?;
        }
        folders.sort_unstable();
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
    folders: HashMap<Short, Option<u32>>,
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
    Digest::of(bytes).half()
}

/// Of content and mode.
fn short_file(item: &Item) -> Short {
    let (sha256, _) = item.content().expect("packages bring files only");
    let executable = match item.kind {
        ItemKind::Carried { executable, .. } | ItemKind::Bytes { executable, .. } => executable,
        ItemKind::Directory | ItemKind::Symlink { .. } => false,
    };
    let mut bytes = [0; 33];
    bytes[..32].copy_from_slice(sha256.as_bytes());
    bytes[32] = u8::from(executable);
    short(&bytes)
}

impl Claims {
    /// Whether the file of the last package is to be written: `false` when another package has brought the very same one.
    fn add(&mut self, file: &Item) -> Result<bool, LayoutError> {
        let package = self.last();
        let known = short(file.path.as_bytes());
        if let Some(owner) = self.folders.get(&known) {
            return Err(self.file_is_folder(&file.path, package, *owner));
        }
        let claim = Claim {
            package,
            file: short_file(file),
        };
        let other = match self.files.entry(known) {
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
                rule: "two of its files differ and have this path",
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
            let known = short(parent.as_bytes());
            if self.folders.contains_key(&known) {
                return Ok(());
            }
            if let Some(file) = self.files.get(&known) {
                return Err(self.file_is_folder(parent, file.package, Some(package)));
            }
            self.folders.insert(known, Some(package));
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
