//! From a lock to one tarball per image: a plan of what each image needs, the store filled with it, the tarballs written.
//!
//! Data goes one way: [`plan`] is pure, [`fill`] and [`bytecode`] change only the store, [`assemble`] only the output folder; what
//! has come into the store is written while the rest is still on its way. Refuses to choose versions: that is the lock's.

mod assemble;
mod bytecode;
mod error;
pub mod fallback;
mod fill;
mod links;
mod model;
mod plan;
mod ready_set;

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use assemble::Sameness;
use plan::ImagePlan;
use rayon::prelude::*;
use ready_set::{DropGuard, ReadySet};

use crate::lock::model::Artifact;
use crate::lock::model::Lock;
use crate::lock::model::LockedSource;
use crate::request::Bytecode;
use crate::request::Request;
use crate::resolve::SourceError;
use crate::resolve::hashes::HashCheck;
use crate::resolve::hashes::once;
use crate::store::{Keep, StoredWheel};
use pannier_archive::tarball::Common;
use pannier_base::event::{Reporter, Stage, StageGuard};
use pannier_base::name::ImageName;

pub use error::PrepareError;
pub use model::{Options, Prepared, Tools};

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
    let known_good = options.fallback.is_some();
    check_hashes(request, lock, (&options.images, known_good), tools)?;
    let plan = plan::plan(request, lock, &options.images)?;
    tell_empty(&plan, tools);
    std::fs::create_dir_all(&options.output).map_err(|source| PrepareError::Folder {
        path: options.output.clone(),
        source,
    })?;
    let ready = ReadySet::default();
    let stage = Assembling {
        reporter: tools.reporter,
        total: plan.images.len() as u64,
        guard: OnceLock::new(),
    };
    let (filled, written) = std::thread::scope(|scope| {
        let filling = scope.spawn(|| {
            let duty = DropGuard::new(&ready);
            fill(&plan, request, options.jobs, tools, &ready)?;
            stage.start();
            ready.complete();
            duty.done();
            Ok(())
        });
        let duty = DropGuard::new(&ready);
        let written = write(&plan, (request, options), tools, &ready, &stage);
        if written.is_ok() {
            duty.done();
        } else {
            drop(duty);
        }
        let filled = filling.join();
        (
            filled.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            written,
        )
    });
    match (filled, written) {
        // Who has given up has done so because of the other.
        (Err(error), Err(PrepareError::GivenUp)) | (_, Err(error)) | (Err(error), Ok(_)) => {
            Err(error)
        }
        (Ok(()), Ok(prepared)) => Ok(prepared),
    }
}

/// Whether what goes into the tarballs has the hashes that the request states, whatever made the lock: someone may have edited
/// it. What a lock does not tell of a file is read from the file.
fn check_hashes(
    request: &Request,
    lock: &Lock,
    (images, known_good): (&[ImageName], bool),
    tools: &Tools<'_>,
) -> Result<(), PrepareError> {
    let digests = once(|file: &Artifact| {
        let hashes = tools
            .builder
            .file_hashes(&file.url, &file.name, &file.sha256);
        hashes.map_err(SourceError::from)
    });
    let check = HashCheck::new(request, Some(&digests)).of_known_good(known_good);
    Ok(check.check(lock, images)?)
}

/// Brings everything into the store, on `jobs` threads.
fn fill(
    plan: &plan::Plan,
    request: &Request,
    jobs: usize,
    tools: &Tools<'_>,
    ready: &ReadySet,
) -> Result<(), PrepareError> {
    threads(jobs)?.install(|| fill::fill(plan, request.submodules, tools, ready))
}

/// Writes all tarballs, in the order of their names.
fn write(
    plan: &plan::Plan,
    (request, options): (&Request, &Options),
    tools: &Tools<'_>,
    ready: &ReadySet,
    stage: &Assembling<'_>,
) -> Result<Vec<Prepared>, PrepareError> {
    let compiled = match options.bytecode {
        Bytecode::None => HashMap::new(),
        Bytecode::UncheckedHash => {
            ready.wait_for_all()?;
            threads(options.jobs)?.install(|| bytecode::compile(plan, ready, tools))?
        }
    };
    let with = assemble::With {
        options,
        absolute_links: request.absolute_links,
        store: tools.store,
    };
    let from = |image: &ImagePlan| assemble::From {
        ready,
        compiled: compiled.get(&image.name),
    };
    let write = |image: &ImagePlan, like: Option<&Common>| {
        let done = assemble::assemble(image, &from(image), like, &with)?;
        let step = format!("{}.{}", image.name, options.packing.ending());
        stage.start().step(step);
        Ok(done)
    };
    let groups = groups(&plan.images, from)?;
    writers(options.jobs)?.install(|| {
        let written = groups.par_iter().map(|group| write_group(group, write));
        let written = all(written.collect())?;
        let mut prepared: Vec<_> = written.into_iter().flatten().collect();
        prepared.sort_by(|a, b| a.image.cmp(&b.image));
        Ok(prepared)
    })
}

/// The stage of writing, which people see begin when everything is in the store, though writing has begun before.
struct Assembling<'a> {
    reporter: &'a dyn Reporter,
    total: u64,
    guard: OnceLock<StageGuard<'a>>,
}

impl<'a> Assembling<'a> {
    fn start(&self) -> &StageGuard<'a> {
        let start = || StageGuard::start(self.reporter, Stage::Assemble, Some(self.total));
        self.guard.get_or_init(start)
    }
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
    check_hashes(request, lock, (images, false), tools)?;
    let plan = plan::plan(request, lock, images)?;
    let ready = ReadySet::default();
    fill(&plan, request, jobs, tools, &ready)?;
    let of_image = |image: &ImagePlan| {
        let wheels = image.packages.iter();
        let wheels = wheels.map(|package| Ok(ready.wheel(&package.wheel)?));
        Ok((
            image.name.clone(),
            wheels.collect::<Result<_, PrepareError>>()?,
        ))
    };
    plan.images.iter().map(of_image).collect()
}

/// Tarballs that are written at the same time: each has threads that lay out, gather, write and hash, and holds what it knows of its
/// paths in memory meanwhile.
const WRITERS: usize = 4;

fn writers(jobs: usize) -> Result<rayon::ThreadPool, PrepareError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    threads(jobs.min(cores).min(WRITERS))
}

fn threads(number: usize) -> Result<rayon::ThreadPool, PrepareError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(number.max(1))
        .build()
        .map_err(PrepareError::Threads)
}

/// Images whose tarballs have their common part in common, each group as sorted as `images`.
fn groups<'a>(
    images: &'a [ImagePlan],
    from: impl Fn(&ImagePlan) -> assemble::From<'a>,
) -> Result<Vec<Vec<&'a ImagePlan>>, PrepareError> {
    let mut groups: Vec<(Sameness<'a>, Vec<&'a ImagePlan>)> = Vec::new();
    for image in images {
        let sameness = Sameness::new(image, &from(image))?;
        match groups.iter_mut().find(|(known, _)| *known == sameness) {
            Some((_, group)) => group.push(image),
            None => groups.push((sameness, vec![image])),
        }
    }
    Ok(groups.into_iter().map(|(_, group)| group).collect())
}

/// The first image from its wheels, the others from what they have in common with it.
fn write_group(
    group: &[&ImagePlan],
    write: impl Fn(&ImagePlan, Option<&Common>) -> Result<(Prepared, Option<Common>), PrepareError>
    + Sync,
) -> Result<Vec<Prepared>, PrepareError> {
    let Some((first, others)) = group.split_first() else {
        return Ok(Vec::new());
    };
    let (first, like) = write(first, None)?;
    let others = others
        .par_iter()
        .map(|image| Ok(write(image, like.as_ref())?.0));
    let others = all(others.collect())?;
    Ok(std::iter::once(first).chain(others).collect())
}

/// All results; otherwise the first error, before those that only followed from it.
fn all<T>(results: Vec<Result<T, PrepareError>>) -> Result<Vec<T>, PrepareError> {
    let (mut made, mut failed) = (Vec::with_capacity(results.len()), None);
    for result in results {
        match result {
            Ok(result) => made.push(result),
            Err(error) if matches!(failed, None | Some(PrepareError::GivenUp)) => {
                failed = Some(error);
            }
            Err(_) => {}
        }
    }
    failed.map_or(Ok(made), Err)
}

/// Warns of images that nothing goes into: most likely a list is missing.
fn tell_empty(plan: &plan::Plan, tools: &Tools<'_>) {
    for image in &plan.images {
        if image.packages.is_empty() && image.data.is_empty() {
            tools.reporter.warn(
                format!("image `{}` requests nothing: its venv is empty", image.name),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_told_and_not_that_others_gave_up() {
        let open = |name: &str| PrepareError::Open {
            path: name.into(),
            source: std::io::ErrorKind::NotFound.into(),
        };
        assert_eq!(all(vec![Ok(1), Ok(2)]).unwrap(), [1, 2]);
        let told = |results| all::<()>(results).expect_err("one has failed").to_string();
        let results = vec![
            Err(PrepareError::GivenUp),
            Ok(()),
            Err(open("first")),
            Err(PrepareError::GivenUp),
            Err(open("second")),
        ];
        assert_eq!(told(results), "cannot open first");
        let results = vec![Ok(()), Err(PrepareError::GivenUp)];
        assert!(told(results).starts_with("stopped"));
    }
}
