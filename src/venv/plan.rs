//! The plan of a venv: spreads every wheel over it, finds conflicts, and puts everything into the order of the tarball.
//!
//! The order is fixed: all folders, then what comes from no wheel, then package by package, small files first. So the same
//! wheel gives the same run of bytes wherever it stands, and a reader can extract while it reads.

use std::collections::{BTreeMap, BTreeSet};

use super::files::own_items;
use super::spread::{Placed, Places, Spread};
use super::{Installed, Item, ItemKind, Layout, LayoutError, VenvOptions};
use crate::digest::Digest;
use crate::name::PackageName;

/// Lays out all packages below `venv/`; pack numbers are positions in `packages`.
///
/// # Errors
/// [`LayoutError`] names the packages and the path.
pub fn layout(packages: &[Installed<'_>], options: &VenvOptions) -> Result<Layout, LayoutError> {
    let own = own_items(options)?;
    let mut order: Vec<usize> = (0..packages.len()).collect();
    order.sort_by_key(|&number| &packages[number].wheel.name);
    for pair in order.windows(2) {
        let [first, second] = [pair[0], pair[1]].map(|number| &packages[number].wheel.name);
        if first == second {
            return Err(LayoutError::Twice {
                package: first.clone(),
            });
        }
    }
    let places = Places::new(options);
    let mut claims = Claims::default();
    let mut files = Vec::new();
    for number in order {
        let spread = Spread::new(number, &packages[number], &places).run()?;
        let mut written = Vec::with_capacity(spread.len());
        for file in spread {
            if claims.add(&file, &packages[number].wheel.name)? {
                written.push(file);
            }
        }
        written.sort_unstable_by(|a, b| (a.large, &a.path).cmp(&(b.large, &b.path)));
        files.extend(written.into_iter().map(|file| Item {
            path: file.path,
            kind: file.kind,
        }));
    }
    let folders = claims.folders()?;
    Ok(in_order(&places, folders, own, files))
}

/// Folders that something stands in, each once and before its content, then the rest as it is.
fn in_order(
    places: &Places,
    mut folders: BTreeSet<String>,
    own: Vec<Item>,
    files: Vec<Item>,
) -> Layout {
    add_parents(&mut folders, &format!("{}/x", places.site_packages));
    for item in &own {
        add_parents(&mut folders, &item.path);
    }
    let folders = folders.into_iter().map(|path| Item {
        path,
        kind: ItemKind::Directory,
    });
    let mut items: Vec<_> = folders.chain(own).collect();
    let common = items.len();
    items.extend(files);
    Layout { items, common }
}

/// What the image of `options` has before the common items of `like`, the layout of an image with the same Python and the
/// same packages: together they are its own layout.
///
/// # Errors
/// [`LayoutError`] when its interpreter cannot be told.
pub fn layout_like(like: &[Item], options: &VenvOptions) -> Result<Layout, LayoutError> {
    let own = own_items(options)?;
    let folders = like
        .iter()
        .filter(|item| item.kind == ItemKind::Directory)
        .map(|item| item.path.clone());
    Ok(in_order(
        &Places::new(options),
        folders.collect(),
        own,
        Vec::new(),
    ))
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
    files: BTreeMap<String, Claim>,
}

struct Claim {
    package: PackageName,
    sha256: Digest,
    executable: bool,
}

impl Claims {
    /// Whether the file is to be written: `false` when another package has brought the very same one.
    fn add(&mut self, file: &Placed, package: &PackageName) -> Result<bool, LayoutError> {
        let Some(claim) = self.files.get(&file.path) else {
            let claim = Claim {
                package: package.clone(),
                sha256: file.sha256,
                executable: file.executable,
            };
            self.files.insert(file.path.clone(), claim);
            return Ok(true);
        };
        if (claim.sha256, claim.executable) == (file.sha256, file.executable) {
            return Ok(false);
        }
        if claim.package == *package {
            return Err(LayoutError::Data {
                package: package.clone(),
                path: file.path.clone(),
                rule: "two different files of it go there",
            });
        }
        Err(LayoutError::Conflict {
            path: file.path.clone(),
            first: claim.package.clone(),
            second: package.clone(),
        })
    }

    /// All folders above the files; none of them may be a file itself.
    fn folders(&self) -> Result<BTreeSet<String>, LayoutError> {
        let mut folders = BTreeSet::new();
        for path in self.files.keys() {
            add_parents(&mut folders, path);
        }
        for folder in &folders {
            if let Some(file) = self.files.get(folder) {
                let below = format!("{folder}/");
                let owner = self.files.range(below..).next();
                return Err(LayoutError::FileIsFolder {
                    path: folder.clone(),
                    file: file.package.clone(),
                    folder: owner
                        .map_or(&file.package, |(_, claim)| &claim.package)
                        .clone(),
                });
            }
        }
        Ok(folders)
    }
}
