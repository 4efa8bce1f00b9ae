//! One image's tarball: the venv laid out from wheels of the store, the manifest, and the files in the output folder.

use std::fs::File;
use std::path::Path;

use crate::digest::Digest;
use crate::name::PackageName;
use crate::pack::Pack;
use crate::store::{Store, StoredData, StoredWheel};
use crate::tarball::{
    Common, Contents, DataTree, Keeper, Manifest, ManifestData, ManifestImage, ManifestPackage,
    ManifestTarget, Output, Source, Written,
};
use crate::target::PythonVersion;
use crate::venv::{self, Bytecode, DirectUrl, Installed, Item, LayoutError, VenvOptions};

use super::bytecode::Compiled;

use super::fill::Filled;
use super::plan::{DataPlan, DataSource, ImagePlan, PackagePlan};
use super::{Options, PrepareError, Prepared};

/// A package with its wheel, opened.
struct Opened<'a> {
    plan: &'a PackagePlan,
    stored: &'a StoredWheel,
    file: File,
    /// Table of contents, digest, and the container itself.
    bytecode: Option<(&'a Pack, Digest, File)>,
}

/// What the store holds for an image.
#[derive(Clone, Copy)]
pub(super) struct From<'a> {
    pub(super) filled: &'a Filled,
    /// Bytecode of the image's Python.
    pub(super) compiled: Option<&'a Compiled>,
}

/// What decides the common part of a tarball: that of images which agree in it is written once.
#[derive(PartialEq)]
pub(super) struct Sameness<'a> {
    python: PythonVersion,
    packages: Vec<(&'a PackageName, bool, Option<&'a DirectUrl>, Digest)>,
    data: &'a [DataPlan],
    bytecode: Option<&'a str>,
}

impl<'a> Sameness<'a> {
    pub(super) fn new(image: &'a ImagePlan, from: &From<'a>) -> Self {
        let packages = image.packages.iter().map(|plan| {
            let sha256 = from.filled.wheels[&plan.wheel].sha256;
            (&plan.name, plan.requested, plan.origin.as_ref(), sha256)
        });
        Self {
            python: image.target.python,
            packages: packages.collect(),
            data: &image.data,
            bytecode: from
                .compiled
                .and_then(|compiled| compiled.version.as_deref()),
        }
    }
}

/// What every image is written with.
pub(super) struct With<'a> {
    pub(super) options: &'a Options,
    /// Where frames are kept.
    pub(super) store: &'a Store,
}

/// What the tarballs of a group of images have in common, once one of them is written.
pub(super) struct Like {
    common: Common,
    /// The items before the common ones.
    head: Vec<Item>,
}

/// Writes the three files of `image`: from the wheels, or, where `like` has the common part already, from that.
pub(super) fn assemble(
    image: &ImagePlan,
    from: &From<'_>,
    like: Option<&Like>,
    with: &With<'_>,
) -> Result<(Prepared, Option<Like>), PrepareError> {
    let started = (with.options.clock)();
    let (written, like) = match like {
        Some(like) => (again(image, from, like, with)?, None),
        None => anew(image, from, with)?,
    };
    let prepared = Prepared {
        image: image.name.clone(),
        tarball: written.tarball,
        packages: image.packages.len() as u64,
        files: written.summary.files,
        bytes: written.summary.bytes,
        sha256: written.summary.sha256,
        seconds: (with.options.clock)().duration_since(started).as_secs_f64(),
    };
    Ok((prepared, like))
}

fn anew(
    image: &ImagePlan,
    from: &From<'_>,
    with: &With<'_>,
) -> Result<(Written, Option<Like>), PrepareError> {
    let options = with.options;
    let packages = image.packages.iter();
    let packages = packages
        .map(|plan| Opened::new(plan, from))
        .collect::<Result<Vec<_>, PrepareError>>()?;
    let data = image
        .data
        .iter()
        .map(|plan| {
            let stored = &from.filled.data[plan];
            Ok((plan, stored, open(&stored.path)?))
        })
        .collect::<Result<Vec<_>, PrepareError>>()?;
    // Packs are numbered: wheels, data projects, bytecode.
    let mut number = packages.len() + data.len();
    let installed: Vec<Installed<'_>> = packages
        .iter()
        .map(|opened| opened.installed(&mut number))
        .collect();
    let layout = venv::layout(&installed, &venv_options(image, options))
        .map_err(|source| laying_out(image, source))?;
    let wheel_packs = packages
        .iter()
        .map(|opened| (&opened.file, &opened.stored.wheel.pack));
    let data_packs = data
        .iter()
        .map(|(_, stored, file): &(_, &StoredData, File)| (file, &*stored.pack));
    let bytecodes = packages
        .iter()
        .filter_map(|opened| opened.bytecode.as_ref());
    let bytecode_packs = bytecodes.clone().map(|(pack, _, file)| (file, *pack));
    let wheels = packages.iter().map(|opened| opened.stored.sha256);
    let origins: Vec<Digest> = wheels
        .chain(data.iter().map(|(_, stored, _)| stored.sha256))
        .chain(bytecodes.map(|(_, sha256, _)| *sha256))
        .collect();
    let trees = data.iter().enumerate().map(|(i, (plan, ..))| DataTree {
        name: &plan.name,
        pack: packages.len() + i,
    });
    let contents = Contents {
        manifest: &manifest(image, from, options),
        packs: wheel_packs
            .chain(data_packs)
            .chain(bytecode_packs)
            .collect(),
        layout: &layout,
        data: trees.collect(),
        mtime: options.mtime,
        packing: options.packing,
        keeper: Some(Keeper {
            store: with.store,
            origins: &origins,
        }),
    };
    let (written, common) = write(image, &contents, None, options)?;
    let mut head = layout.items;
    head.truncate(layout.common);
    Ok((written, common.map(|common| Like { common, head })))
}

/// An image like one that is written already: manifest and what the image decides are its own, the rest is copied.
fn again(
    image: &ImagePlan,
    from: &From<'_>,
    like: &Like,
    with: &With<'_>,
) -> Result<Written, PrepareError> {
    let options = with.options;
    let layout = venv::layout_like(&like.head, &venv_options(image, options))
        .map_err(|source| laying_out(image, source))?;
    let contents = Contents {
        manifest: &manifest(image, from, options),
        packs: Vec::new(),
        layout: &layout,
        data: Vec::new(),
        mtime: options.mtime,
        packing: options.packing,
        keeper: None,
    };
    Ok(write(image, &contents, Some(&like.common), options)?.0)
}

fn write(
    image: &ImagePlan,
    contents: &Contents<'_>,
    common: Option<&Common>,
    options: &Options,
) -> Result<(Written, Option<Common>), PrepareError> {
    let output = Output {
        folder: &options.output,
        image: &image.name,
    };
    let written = output.write_like(contents, common);
    written.map_err(|source| PrepareError::Tarball {
        image: image.name.clone(),
        source,
    })
}

fn venv_options(image: &ImagePlan, options: &Options) -> VenvOptions {
    VenvOptions {
        target: image.target.clone(),
        interpreter: image.interpreter.clone(),
        python_link: image.python_link,
        small: options.packing.small(),
    }
}

fn laying_out(image: &ImagePlan, source: LayoutError) -> PrepareError {
    PrepareError::Layout {
        image: image.name.clone(),
        source,
    }
}

impl<'a> Opened<'a> {
    fn new(plan: &'a PackagePlan, from: &From<'a>) -> Result<Self, PrepareError> {
        let stored = &from.filled.wheels[&plan.wheel];
        let bytecode = from
            .compiled
            .and_then(|compiled| compiled.wheels.get(&plan.wheel))
            .map(|data| Ok::<_, PrepareError>((&*data.pack, data.sha256, open(&data.path)?)))
            .transpose()?;
        Ok(Self {
            plan,
            stored,
            file: open(&stored.path)?,
            bytecode,
        })
    }

    /// `number` is that of the next pack of bytecode.
    fn installed(&self, number: &mut usize) -> Installed<'_> {
        let bytecode = self.bytecode.as_ref().map(|(pack, ..)| {
            *number += 1;
            Bytecode {
                number: *number - 1,
                pack,
            }
        });
        Installed {
            bytecode,
            wheel: &self.stored.wheel,
            file: &self.file,
            requested: self.plan.requested,
            direct_url: self.plan.origin.clone(),
        }
    }
}

fn open(path: &Path) -> Result<File, PrepareError> {
    File::open(path).map_err(|source| PrepareError::Open {
        path: path.to_owned(),
        source,
    })
}

fn manifest(image: &ImagePlan, from: &From<'_>, options: &Options) -> Manifest {
    let packages = image.packages.iter().map(|plan| {
        let stored = &from.filled.wheels[&plan.wheel];
        ManifestPackage {
            name: plan.name.clone(),
            version: stored.wheel.version.clone(),
            sha256: stored.sha256,
            requested: plan.requested,
            source: plan.source.clone(),
        }
    });
    let bytecode = from.compiled.and_then(|compiled| compiled.version.clone());
    let data = image.data.iter().map(|plan| ManifestData {
        name: plan.name.clone(),
        source: match &plan.source {
            DataSource::Git {
                repository,
                revision,
                commit,
                subdirectory,
            } => Source::Git {
                url: repository.without_credentials(),
                commit: commit.clone(),
                requested_revision: Some(revision.clone()),
                subdirectory: subdirectory.clone(),
            },
            DataSource::Directory { .. } => Source::Directory,
        },
    });
    Manifest {
        format: Manifest::FORMAT,
        pannier: env!("CARGO_PKG_VERSION").to_owned(),
        lock: options.lock_digest,
        image: ManifestImage {
            name: image.name.clone(),
            reference: image.image.clone(),
        },
        target: ManifestTarget {
            python: image.target.python,
            platform: image.target.platform,
            interpreter: image.interpreter.clone(),
            bytecode,
        },
        packages: packages.collect(),
        data: data.collect(),
        fallback: options.fallback.clone(),
        overrides: image.overrides.clone(),
    }
}
