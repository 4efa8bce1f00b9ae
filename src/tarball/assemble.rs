//! Puts a tarball together: manifest, venv, data projects, in one pass and in a fixed order.
//!
//! Decides nothing about what goes in and checks no package: it writes what layout and tables of contents say.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};

use miette::Diagnostic;
use thiserror::Error;

use super::archive::{Archive, Run};
use super::entries::{self, Entries};
use super::frames::Framer;
use super::index::LAST;
use super::kept::{self, Keeper};
use super::manifest::{MANIFEST_PATH, Manifest};
use super::members::Members;
use super::packing::Packing;
use super::splice::Splicer;
use super::tar::{END, Header, Kind, Mtime};
use crate::digest::Digest;
use crate::name::DataName;
use crate::pack::{Content, Pack};
use crate::store::StoreError;
use crate::venv::{Item, ItemKind, Layout};

/// Everything that goes into one tarball.
pub struct Contents<'a> {
    /// The first entry.
    pub manifest: &'a Manifest,
    /// The containers, open, with their tables of contents: the packages in the order in which they were laid out, then
    /// the data projects.
    pub packs: Vec<(&'a File, &'a Pack)>,
    /// The venv.
    pub layout: &'a Layout,
    /// What goes below `data/`.
    pub data: Vec<DataTree<'a>>,
    /// Time of every entry.
    pub mtime: Mtime,
    /// How the archive is packed.
    pub packing: Packing,
    /// Where frames are kept, for [`Packing::Frames`]; `None`: they are made for this tarball alone.
    pub keeper: Option<Keeper<'a>>,
}

/// One data project: all of a pack, below `data/<name>/`.
#[derive(Debug, Clone, Copy)]
pub struct DataTree<'a> {
    /// Its folder.
    pub name: &'a DataName,
    /// Index into the list of packs.
    pub pack: usize,
}

/// What came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Length of the tarball in bytes.
    pub bytes: u64,
    /// SHA-256 of the tarball.
    pub sha256: Digest,
    /// Length of the tar archive in it, in bytes.
    pub unpacked: u64,
    /// Number of regular files.
    pub files: u64,
    /// How many of them were carried over as raw streams.
    pub carried: u64,
}

/// Why a tarball could not be put together.
#[derive(Debug, Error, Diagnostic)]
pub enum AssembleError {
    /// A container could not be read.
    #[error("cannot read the content of `{path}` from the store")]
    #[diagnostic(help(
        "a wheel or snapshot was removed or damaged meanwhile: `pannier store verify` finds damaged ones, then try again"
    ))]
    Read {
        /// Path in the tarball.
        path: String,
        /// What reading gave.
        #[source]
        source: io::Error,
    },
    /// The output could not be written.
    #[error("cannot write the tarball")]
    #[diagnostic(help("is there space left on the device?"))]
    Write {
        /// What writing gave.
        #[source]
        source: io::Error,
    },
    /// The store does not keep, or does not give, what was packed once.
    #[error("frames cannot be kept in the store")]
    #[diagnostic(help("`compression: gzip` needs no frames; `pannier store verify` finds damage"))]
    Keep {
        /// What the store says.
        #[source]
        source: StoreError,
    },
    /// A data project cannot be laid out.
    #[error("the data project `{name}` holds `{path}` {rule}")]
    #[diagnostic(help(
        "rename it in the project; a tree that git itself checks out has no such paths"
    ))]
    Data {
        /// The data project.
        name: DataName,
        /// Path in it.
        path: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
}

/// The part of a tarball that all images with the same Python, packages and data projects have: everything behind the first
/// [`Layout::common`] items.
#[derive(Debug)]
pub struct Common {
    /// The tarball that holds it.
    pub(super) file: File,
    pub(super) run: Run,
    pub(super) files: u64,
    pub(super) carried: u64,
}

/// Writes the tarball to `out`, which is flushed at the end.
///
/// # Errors
/// [`AssembleError`]; what was written until then is worthless.
pub fn assemble<W: Write + Send + 'static>(
    contents: &Contents<'_>,
    out: W,
) -> Result<Summary, AssembleError> {
    Ok(assemble_like(contents, None, out)?.0)
}

/// Writes the tarball, its common part from `common` where that is given: layout and data projects of `contents` then need not
/// hold it. Gives the place of the common part where the packing has one that can be shared.
pub(super) fn assemble_like<W: Write + Send + 'static>(
    contents: &Contents<'_>,
    common: Option<&Common>,
    out: W,
) -> Result<(Summary, Option<Place>), AssembleError> {
    let failed = |error| entries::failed("", error);
    match contents.packing {
        Packing::Spliced => write(contents, common, Splicer::new(out).map_err(failed)?),
        Packing::Members => write(contents, common, Members::new(out)),
        Packing::Frames => write(contents, common, Framer::new(out, true).map_err(failed)?),
        Packing::OneFrame => write(contents, common, Framer::new(out, false).map_err(failed)?),
    }
}

/// Where in a tarball its common part stands.
pub(super) struct Place {
    run: Run,
    files: u64,
    carried: u64,
}

impl Place {
    /// The common part, to be read from the tarball `file`.
    pub(super) fn of(self, file: File) -> Common {
        let Self {
            run,
            files,
            carried,
        } = self;
        Common {
            file,
            run,
            files,
            carried,
        }
    }
}

/// Everything in its order, into one archive.
fn write<A: Archive>(
    contents: &Contents<'_>,
    common: Option<&Common>,
    archive: A,
) -> Result<(Summary, Option<Place>), AssembleError> {
    let mut entries = Entries::new(contents, archive);
    let manifest = Item {
        path: MANIFEST_PATH.to_owned(),
        kind: ItemKind::Bytes {
            bytes: contents.manifest.to_json(),
            executable: false,
        },
    };
    // First: readers that look for nothing else stop there.
    entries.item(&manifest)?;
    let (own, shared) = contents.layout.items.split_at(contents.layout.common);
    items(contents, own, &mut entries)?;
    if let Some(common) = common {
        entries.replay(common)?;
        return Ok((finish(contents, entries)?, None));
    }
    let failed = |error| entries::failed("", error);
    let mark = match own {
        [] => None,
        _ => entries.archive().mark().map_err(failed)?,
    };
    let (files, carried) = (entries.files, entries.carried);
    items(contents, shared, &mut entries)?;
    data(contents, &mut entries)?;
    let run = mark.map(|mark| entries.archive().since(mark)).transpose();
    let place = run.map_err(failed)?.map(|run| Place {
        run,
        files: entries.files - files,
        carried: entries.carried - carried,
    });
    Ok((finish(contents, entries)?, place))
}

/// The data projects.
fn data<A: Archive>(
    contents: &Contents<'_>,
    entries: &mut Entries<'_, A>,
) -> Result<(), AssembleError> {
    if !contents.data.is_empty() {
        entries.item(&directory("data"))?;
    }
    let mut trees = contents.data.clone();
    trees.sort_by_key(|tree| tree.name);
    for tree in trees {
        items(contents, &data_items(contents, tree)?, entries)?;
    }
    Ok(())
}

/// Writes items one by one, or runs of them as frames of their own, kept ones where somebody keeps them: the bytes are the same.
fn items<A: Archive>(
    contents: &Contents<'_>,
    items: &[Item],
    entries: &mut Entries<'_, A>,
) -> Result<(), AssembleError> {
    if contents.packing != Packing::Frames {
        return items.iter().try_for_each(|item| entries.item(item));
    }
    if let Some(keeper) = contents.keeper {
        kept::fill(contents, keeper, items)?;
    }
    for (long, run) in kept::runs(contents, items) {
        let failed = |error| entries::failed(&run[0].path, error);
        if long {
            entries.archive().cut().map_err(failed)?;
        }
        let kept = contents.keeper.filter(|_| long);
        match kept.map(|keeper| kept::kept(contents, keeper, run)) {
            Some(kept) => entries.append(&kept?, run.len())?,
            None => run.iter().try_for_each(|item| entries.item(item))?,
        }
        if long {
            entries.archive().cut().map_err(failed)?;
        }
    }
    Ok(())
}

/// The manifest's folder and the end of the archive.
///
/// The folder comes last because an index in a global header needs an entry behind it: Python's tarfile refuses one that is
/// followed by the end of the archive.
fn finish<A: Archive>(
    contents: &Contents<'_>,
    entries: Entries<'_, A>,
) -> Result<Summary, AssembleError> {
    let path = MANIFEST_PATH.split('/').next().unwrap_or_default();
    let (kind, mtime) = (Kind::Directory, contents.mtime);
    let mut last = Vec::with_capacity(LAST);
    Header { path, kind, mtime }.write(&mut last);
    last.extend_from_slice(&END);
    let (files, carried) = (entries.files, entries.carried);
    let packed = entries
        .into_archive()
        .finish(&last, mtime)
        .map_err(|error| entries::failed(path, error))?;
    Ok(Summary {
        bytes: packed.bytes,
        sha256: packed.sha256,
        unpacked: packed.size,
        files,
        carried,
    })
}

/// The items of one data project: folders, then links, then files; each group by path. Of a hundred thousand files each name is
/// held once.
fn data_items(contents: &Contents<'_>, tree: DataTree<'_>) -> Result<Vec<Item>, AssembleError> {
    let root = format!("data/{}", tree.name);
    let (_, pack) = contents.packs[tree.pack];
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
                    pack: tree.pack,
                    entry: number,
                    executable: *executable,
                },
            }),
        }
    }
    for group in [&mut links, &mut files] {
        group.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        if let Some(pair) = group.windows(2).find(|pair| pair[0].path == pair[1].path) {
            return Err(data_error(tree, &pair[0].path[root.len() + 1..], "twice"));
        }
    }
    let is_file = |link: &&Item| files.binary_search_by(|it| it.path.cmp(&link.path)).is_ok();
    if let Some(link) = links.iter().find(is_file) {
        return Err(data_error(tree, &link.path[root.len() + 1..], "twice"));
    }
    let leaves = links.iter().chain(&files);
    if let Some(leaf) = leaves.into_iter().find(|it| folders.contains(&it.path)) {
        let rule = "as a file or link and as a folder";
        return Err(data_error(tree, &leaf.path[root.len() + 1..], rule));
    }
    let mut items = Vec::with_capacity(folders.len() + links.len() + files.len());
    items.extend(folders.iter().map(|path| directory(path)));
    items.append(&mut links);
    items.append(&mut files);
    Ok(items)
}

fn data_error(tree: DataTree<'_>, path: &str, rule: &'static str) -> AssembleError {
    AssembleError::Data {
        name: tree.name.clone(),
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
