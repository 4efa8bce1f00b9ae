//! From a lock to one tarball per image: a plan of what each image needs, the store filled with it, the tarballs written.
//!
//! Data goes one way: [`plan`] is pure, [`fill`] and [`bytecode`] change only the store, [`assemble`] only the output folder. Refuses to choose
//! versions: that is the lock's.

mod assemble;
mod bytecode;
mod error;
pub mod fallback;
mod fill;
mod plan;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Instant;

use assemble::{Like, Sameness};
use plan::ImagePlan;
use rayon::prelude::*;
use serde::Serialize;

use crate::build::Builder;
use crate::config::file::Bytecode;
use crate::config::request::Request;
use crate::digest::Digest;
use crate::event::{Reporter, Stage, StageGuard};
use crate::git::Git;
use crate::http::Client;
use crate::lock::model::{Lock, LockedSource};
use crate::name::ImageName;
use crate::python::Pythons;
use crate::store::{Keep, Store, StoredWheel};
use crate::tarball::{Fallback, Mtime, Packing};

pub use error::PrepareError;

/// The doors that preparing goes through.
pub struct Tools<'a> {
    /// Where wheels and data are kept.
    pub store: &'a Store,
    /// The network.
    pub client: &'a Client,
    /// Repositories.
    pub git: &'a Git,
    /// What makes wheels of sources.
    pub builder: &'a Builder<'a>,
    /// Interpreters of this machine, for bytecode.
    pub pythons: &'a Pythons,
    /// Who is told.
    pub reporter: &'a dyn Reporter,
}

/// How to prepare.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which images; empty means all of the lock.
    pub images: Vec<ImageName>,
    /// Folder that the tarballs go to; made if missing.
    pub output: PathBuf,
    /// Number of downloads, builds and tarballs at the same time; at least 1.
    pub jobs: usize,
    /// Time of every file in the tarballs.
    pub mtime: Mtime,
    /// How the tarballs are packed.
    pub packing: Packing,
    /// Whether they hold bytecode.
    pub bytecode: Bytecode,
    /// Digest of the lock file's bytes, for the manifest.
    pub lock_digest: Digest,
    /// The channel that this is prepared from because what was asked for failed, for the manifest.
    pub fallback: Option<Fallback>,
    /// Tells the time, for [`Prepared::seconds`]: nothing else here looks at a clock.
    pub clock: fn() -> Instant,
}

/// One tarball that was written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prepared {
    /// For which image.
    pub image: ImageName,
    /// Where it is.
    pub tarball: PathBuf,
    /// Number of packages in it.
    pub packages: u64,
    /// Number of files and links in it.
    pub files: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: Digest,
    /// How long writing it took.
    pub seconds: f64,
}

/// Writes the tarballs of the images that `options` names, in the order of their names.
///
/// # Errors
/// [`PrepareError`]; tarballs that stood there before are untouched then, except those of images that were already done.
pub fn prepare(
    request: &Request,
    lock: &Lock,
    options: &Options,
    tools: &Tools<'_>,
) -> Result<Vec<Prepared>, PrepareError> {
    let plan = plan::plan(request, lock, &options.images)?;
    tell_empty(&plan, tools);
    std::fs::create_dir_all(&options.output).map_err(|source| PrepareError::Folder {
        path: options.output.clone(),
        source,
    })?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.jobs.max(1))
        .build()
        .map_err(PrepareError::Threads)?;
    pool.install(|| {
        let filled = fill::fill(&plan, request.submodules, tools)?;
        let compiled = match options.bytecode {
            Bytecode::None => HashMap::new(),
            Bytecode::UncheckedHash => bytecode::compile(&plan, &filled, tools)?,
        };
        let stage = StageGuard::start(
            tools.reporter,
            Stage::Assemble,
            Some(plan.images.len() as u64),
        );
        let with = assemble::With {
            options,
            store: tools.store,
        };
        let from = |image: &ImagePlan| assemble::From {
            filled: &filled,
            compiled: compiled.get(&image.name),
        };
        let write = |image: &ImagePlan, like: Option<&Like>| {
            let done = assemble::assemble(image, &from(image), like, &with)?;
            stage.step(format!("{}.{}", image.name, options.packing.ending()));
            Ok(done)
        };
        writers(options.jobs)?.install(|| {
            let groups = groups(&plan.images, from);
            let written = groups.par_iter().map(|group| write_group(group, write));
            let written = written.collect::<Result<Vec<_>, PrepareError>>()?;
            let mut prepared: Vec<_> = written.into_iter().flatten().collect();
            prepared.sort_by(|a, b| a.image.cmp(&b.image));
            Ok(prepared)
        })
    })
}

/// The wheels of each image that `images` names (all when empty), in the order of their packages; what the store lacks is brought
/// into it.
///
/// # Errors
/// [`PrepareError`]
pub fn wheels(
    request: &Request,
    lock: &Lock,
    images: &[ImageName],
    jobs: usize,
    tools: &Tools<'_>,
) -> Result<BTreeMap<ImageName, Vec<StoredWheel>>, PrepareError> {
    let plan = plan::plan(request, lock, images)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.max(1))
        .build()
        .map_err(PrepareError::Threads)?;
    let filled = pool.install(|| fill::fill(&plan, request.submodules, tools))?;
    let of_image = |image: &ImagePlan| {
        let wheels = image.packages.iter();
        let wheels = wheels.map(|package| filled.wheels[&package.wheel].clone());
        (image.name.clone(), wheels.collect())
    };
    Ok(plan.images.iter().map(of_image).collect())
}

/// Tarballs that are written at the same time: each is copied on one thread and hashed on another, and holds its layout in
/// memory meanwhile.
const WRITERS: usize = 4;

fn writers(jobs: usize) -> Result<rayon::ThreadPool, PrepareError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.min(cores).clamp(1, WRITERS))
        .build()
        .map_err(PrepareError::Threads)
}

/// Images whose tarballs have their common part in common, each group as sorted as `images`.
fn groups<'a>(
    images: &'a [ImagePlan],
    from: impl Fn(&ImagePlan) -> assemble::From<'a>,
) -> Vec<Vec<&'a ImagePlan>> {
    let mut groups: Vec<(Sameness<'a>, Vec<&'a ImagePlan>)> = Vec::new();
    for image in images {
        let sameness = Sameness::new(image, &from(image));
        match groups.iter_mut().find(|(known, _)| *known == sameness) {
            Some((_, group)) => group.push(image),
            None => groups.push((sameness, vec![image])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// The first image from its wheels, the others from what they have in common with it.
fn write_group(
    group: &[&ImagePlan],
    write: impl Fn(&ImagePlan, Option<&Like>) -> Result<(Prepared, Option<Like>), PrepareError> + Sync,
) -> Result<Vec<Prepared>, PrepareError> {
    let Some((first, others)) = group.split_first() else {
        return Ok(Vec::new());
    };
    let (first, like) = write(first, None)?;
    let others = others
        .par_iter()
        .map(|image| Ok(write(image, like.as_ref())?.0))
        .collect::<Result<Vec<_>, PrepareError>>()?;
    Ok(std::iter::once(first).chain(others).collect())
}

/// Warns of images that nothing goes into: most likely a list is missing.
fn tell_empty(plan: &plan::Plan, tools: &Tools<'_>) {
    for image in &plan.images {
        if image.packages.is_empty() && image.data.is_empty() {
            tools.reporter.warn(
                format!(
                    "nothing is asked for image `{}`: its venv is empty",
                    image.name
                ),
                Some("list something under `packages`, `requirements` or `data`".to_owned()),
            );
        }
    }
}

/// What a lock needs of a store: its wheels, what was built from its commits and source archives, its snapshots. What was made
/// from folders is not among it: a lock does not know their content.
#[must_use]
pub fn needed(lock: &Lock) -> Keep {
    let mut keep = Keep::default();
    for package in &lock.packages {
        match &package.source {
            LockedSource::Index { sdist, wheels } => {
                keep.digests.extend(wheels.iter().map(|wheel| wheel.sha256));
                let built = sdist.iter().map(|sdist| format!("sdist {}", sdist.sha256));
                keep.sources.extend(built);
            }
            LockedSource::Git { commit, .. } => {
                keep.sources.insert(format!("git {commit}"));
            }
            LockedSource::Archive { artifact, .. } => {
                keep.digests.insert(artifact.sha256);
                keep.sources.insert(format!("sdist {}", artifact.sha256));
            }
            LockedSource::Directory { .. } => {}
        }
    }
    for data in lock.pannier.data.values() {
        keep.digests.extend(fill::snapshot_keys(data));
    }
    keep
}
