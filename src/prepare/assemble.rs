//! One image's tarball: the venv laid out from wheels of the store, the manifest, and the files in the output folder.

use std::fs::File;
use std::path::Path;

use crate::digest::Digest;
use crate::pack::Pack;
use crate::store::{Store, StoredData, StoredWheel};
use crate::tarball::{
    Contents, DataTree, Keeper, Manifest, ManifestData, ManifestImage, ManifestPackage,
    ManifestTarget, Output, Source,
};
use crate::venv::{self, Bytecode, Installed, VenvOptions};

use super::bytecode::Compiled;

use super::fill::Filled;
use super::plan::{DataSource, ImagePlan, PackagePlan};
use super::{Options, PrepareError, Prepared};

/// A package with its wheel, opened.
struct Opened<'a> {
    plan: &'a PackagePlan,
    stored: &'a StoredWheel,
    file: File,
    /// Table of contents, digest, and the container itself.
    bytecode: Option<(&'a Pack, Digest, File)>,
}

/// What every image is written with.
pub(super) struct With<'a> {
    pub(super) options: &'a Options,
    /// Where frames are kept.
    pub(super) store: &'a Store,
}

/// Writes the three files of `image`.
pub(super) fn assemble(
    image: &ImagePlan,
    filled: &Filled,
    compiled: Option<&Compiled>,
    with: &With<'_>,
) -> Result<Prepared, PrepareError> {
    let options = with.options;
    let started = (options.clock)();
    let packages = image
        .packages
        .iter()
        .map(|plan| {
            let stored = &filled.wheels[&plan.wheel];
            let bytecode = compiled.and_then(|compiled| compiled.wheels.get(&plan.wheel));
            let opened = |data: &'_ StoredData| open(&data.path);
            Ok(Opened {
                plan,
                stored,
                file: open(&stored.path)?,
                bytecode: bytecode
                    .map(|data| Ok::<_, PrepareError>((&*data.pack, data.sha256, opened(data)?)))
                    .transpose()?,
            })
        })
        .collect::<Result<Vec<_>, PrepareError>>()?;
    let data = image
        .data
        .iter()
        .map(|plan| {
            let stored = &filled.data[plan];
            Ok((plan, stored, open(&stored.path)?))
        })
        .collect::<Result<Vec<_>, PrepareError>>()?;
    // Packs are numbered: wheels, data projects, bytecode.
    let mut number = packages.len() + data.len();
    let installed: Vec<Installed<'_>> = packages
        .iter()
        .map(|opened| opened.installed(&mut number))
        .collect();
    let venv_options = VenvOptions {
        target: image.target.clone(),
        interpreter: image.interpreter.clone(),
        python_link: image.python_link,
        small: options.packing.small(),
    };
    let layout =
        venv::layout(&installed, &venv_options).map_err(|source| PrepareError::Layout {
            image: image.name.clone(),
            source,
        })?;
    let version = compiled.and_then(|compiled| compiled.version.clone());
    let manifest = manifest(image, &packages, version, options);
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
        manifest: &manifest,
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
    let output = Output {
        folder: &options.output,
        image: &image.name,
    };
    let written = output
        .write(&contents)
        .map_err(|source| PrepareError::Tarball {
            image: image.name.clone(),
            source,
        })?;
    Ok(Prepared {
        image: image.name.clone(),
        tarball: written.tarball,
        packages: packages.len() as u64,
        files: written.summary.files,
        bytes: written.summary.bytes,
        sha256: written.summary.sha256,
        seconds: (options.clock)().duration_since(started).as_secs_f64(),
    })
}

impl Opened<'_> {
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

fn manifest(
    image: &ImagePlan,
    packages: &[Opened<'_>],
    bytecode: Option<String>,
    options: &Options,
) -> Manifest {
    let packages = packages.iter().map(|opened| ManifestPackage {
        name: opened.plan.name.clone(),
        version: opened.stored.wheel.version.clone(),
        sha256: opened.stored.sha256,
        requested: opened.plan.requested,
        source: opened.plan.source.clone(),
    });
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
    }
}
