//! One image's tarball: package after package laid out and written as they come into the store, then the data projects; the
//! manifest, and the files in the output folder.
//!
//! Nothing appears in the output folder before everything that any image needs is in the store.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use crate::store::{Store, StoredWheel};
use pannier_archive::entries::Pack;
use pannier_archive::tarball::{
    AssembleError, Common, Container, Contents, Failed, Manifest, ManifestData, ManifestImage,
    ManifestPackage, ManifestTarget, Output, OutputError, Packing, Part, Parts, Source, Written,
};
use pannier_archive::venv::{DirectUrl, Installed, Item, LayoutError, Planner, VenvOptions};
use pannier_base::digest::Digest;
use pannier_base::name::PackageName;
use pannier_base::paths::AbsoluteLinks;
use pannier_base::platform::PythonVersion;

use super::bytecode::Compiled;
use super::error::PrepareError;
use super::links;
use super::model::{Options, Prepared};
use super::plan::{DataPlan, DataSource, ImagePlan, PackagePlan};
use super::ready_set::ReadySet;

/// A package with its wheel, opened.
struct Opened<'a> {
    plan: &'a PackagePlan,
    stored: StoredWheel,
    file: Arc<File>,
    /// Table of contents, digest, and the container itself.
    bytecode: Option<(&'a Pack, &'a Digest, Arc<File>)>,
}

/// What the store holds for an image.
#[derive(Clone, Copy)]
pub(super) struct From<'a> {
    pub(super) ready: &'a ReadySet,
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
    /// Waits for what is built: only then is known what comes of it.
    pub(super) fn new(image: &'a ImagePlan, from: &From<'a>) -> Result<Self, PrepareError> {
        let packages = image.packages.iter().map(|plan| {
            let sha256 = from.ready.sha256(&plan.wheel)?;
            Ok((&plan.name, plan.requested, plan.origin.as_ref(), sha256))
        });
        Ok(Self {
            python: image.target.python,
            packages: packages.collect::<Result<_, PrepareError>>()?,
            data: &image.data,
            bytecode: from
                .compiled
                .and_then(|compiled| compiled.version.as_deref()),
        })
    }
}

/// What every image is written with.
pub(super) struct With<'a> {
    pub(super) options: &'a Options,
    /// What happens to links of data projects to absolute paths.
    pub(super) absolute_links: AbsoluteLinks,
    /// Where frames are kept.
    pub(super) store: &'a Store,
}

/// Writes the three files of `image`: from the wheels, or, where `like` has the common part already, from that.
pub(super) fn assemble(
    image: &ImagePlan,
    from: &From<'_>,
    like: Option<&Common>,
    with: &With<'_>,
) -> Result<(Prepared, Option<Common>), PrepareError> {
    let started = (with.options.clock)();
    let (written, like) = match like {
        Some(like) => (again(image, from, like, with)?, None),
        None => write_tarball(image, from, with)?,
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

fn write_tarball(
    image: &ImagePlan,
    from: &From<'_>,
    with: &With<'_>,
) -> Result<(Written, Option<Common>), PrepareError> {
    let options = with.options;
    let (planner, head) = Planner::start(&venv_options(image, options))
        .map_err(|source| laying_out(image, source))?;
    let mut adding = Adding {
        image,
        from,
        planner,
        at_once: options.packing == Packing::Frames,
    };
    let contents = Contents {
        manifest: &manifest(image, from, options)?,
        head: Some(&head),
        mtime: options.mtime,
        packing: options.packing,
        cache: Some(with.store),
    };
    let written = output(image, options).write(&contents, |tarball| {
        adding.all(tarball)?;
        let checked = links::check(image, &head, from.ready, with.absolute_links);
        checked.map_err(Failed::Fill)
    });
    written.map_err(|error| match error {
        Failed::Own(source) => unwritten(image, source),
        Failed::Fill(error) => error,
    })
}

/// An image like one that is written already: manifest and what the image decides are its own, the rest is copied.
fn again(
    image: &ImagePlan,
    from: &From<'_>,
    like: &Common,
    with: &With<'_>,
) -> Result<Written, PrepareError> {
    let options = with.options;
    let (_, head) = Planner::start(&venv_options(image, options))
        .map_err(|source| laying_out(image, source))?;
    links::check(image, &head, from.ready, with.absolute_links)?;
    let contents = Contents {
        manifest: &manifest(image, from, options)?,
        head: Some(&head),
        mtime: options.mtime,
        packing: options.packing,
        cache: None,
    };
    let written = output(image, options).write_like(&contents, like);
    written.map_err(|source| unwritten(image, source))
}

/// Packages that are laid out before they are written: enough for neither thread to wait long for the other.
const AHEAD: usize = 4;

/// Adds the packages and data projects of an image to its tarball.
struct Adding<'a> {
    image: &'a ImagePlan,
    from: &'a From<'a>,
    planner: Planner,
    /// Whether all packages are added at once, so that what is compressed is compressed side by side.
    at_once: bool,
}

type Added = Result<(), Failed<AssembleError, PrepareError>>;

impl Adding<'_> {
    fn all(&mut self, tarball: &mut dyn Parts) -> Added {
        self.packages(tarball)?;
        if !self.image.data.is_empty() {
            tarball.add(&[Part::data_folder()])?;
        }
        for plan in &self.image.data {
            self.data(plan, tarball)?;
        }
        let all = self.from.ready.wait_for_all();
        all.map_err(|given_up| Failed::Fill(given_up.into()))
    }

    /// One thread lays packages out as they arrive, this one writes them.
    fn packages(&mut self, tarball: &mut dyn Parts) -> Added {
        let (image, from, at_once) = (self.image, self.from, self.at_once);
        let planner = &mut self.planner;
        std::thread::scope(|scope| {
            let (laid_out, next) = sync_channel(AHEAD);
            scope.spawn(move || {
                for plan in &image.packages {
                    let done = Opened::new(plan, from).and_then(|opened| {
                        let items = opened.lay_out(planner);
                        Ok((opened, items.map_err(|error| laying_out(image, error))?))
                    });
                    let failed = done.is_err();
                    if laid_out.send(done).is_err() || failed {
                        return;
                    }
                }
            });
            let added = add(next, at_once, tarball);
            if added.is_err() {
                // The other thread may be waiting for a wheel that is no longer needed.
                from.ready.give_up();
            }
            added
        })
    }

    fn data(&self, plan: &DataPlan, tarball: &mut dyn Parts) -> Added {
        let failed = |error| Failed::Fill(error);
        let stored = self.from.ready.data(plan);
        let stored = stored.map_err(|given_up| failed(given_up.into()))?;
        let container = Container {
            file: &open(&stored.path).map_err(failed)?,
            pack: &stored.pack,
            origin: Some(&stored.sha256),
        };
        Ok(tarball.add(&[Part::data(&plan.name, container)?])?)
    }
}

/// Adds packages that are laid out.
fn add<'a>(
    laid_out: Receiver<Result<(Opened<'a>, Vec<Item>), PrepareError>>,
    at_once: bool,
    tarball: &mut dyn Parts,
) -> Added {
    let mut waiting = Vec::new();
    for package in laid_out {
        let (opened, items) = package.map_err(Failed::Fill)?;
        if at_once {
            waiting.push((opened, items));
        } else {
            tarball.add(&[opened.part(items)])?;
        }
    }
    let mut parts = Vec::with_capacity(waiting.len());
    for (opened, items) in &mut waiting {
        parts.push(opened.part(std::mem::take(items)));
    }
    Ok(tarball.add(&parts)?)
}

fn output<'a>(image: &'a ImagePlan, options: &'a Options) -> Output<'a> {
    Output {
        folder: &options.output,
        image: &image.name,
    }
}

fn unwritten(image: &ImagePlan, source: OutputError) -> PrepareError {
    PrepareError::Tarball {
        image: image.name.clone(),
        source,
    }
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
    /// Waits for the wheel.
    fn new(plan: &'a PackagePlan, from: &From<'a>) -> Result<Self, PrepareError> {
        let stored = from.ready.wheel(&plan.wheel)?;
        let bytecode = from
            .compiled
            .and_then(|compiled| compiled.wheels.get(&plan.wheel))
            .map(|data| Ok::<_, PrepareError>((&*data.pack, &data.sha256, open(&data.path)?)))
            .transpose()?;
        Ok(Self {
            plan,
            file: open(&stored.path)?,
            stored,
            bytecode,
        })
    }

    fn lay_out(&self, planner: &mut Planner) -> Result<Vec<Item>, LayoutError> {
        planner.add(&Installed {
            wheel: &self.stored.wheel,
            file: &self.file,
            requested: self.plan.requested,
            direct_url: self.plan.origin.clone(),
            bytecode: self.bytecode.as_ref().map(|(pack, ..)| *pack),
        })
    }

    fn part(&self, items: Vec<Item>) -> Part<'_> {
        let wheel = Container {
            file: &self.file,
            pack: &self.stored.wheel.pack,
            origin: Some(&self.stored.sha256),
        };
        let bytecode = self.bytecode.as_ref();
        let bytecode = bytecode.map(|(pack, sha256, file)| Container {
            file,
            pack,
            origin: Some(sha256),
        });
        Part {
            containers: std::iter::once(wheel).chain(bytecode).collect(),
            items,
        }
    }
}

fn open(path: &Path) -> Result<Arc<File>, PrepareError> {
    File::open(path)
        .map(Arc::new)
        .map_err(|source| PrepareError::Open {
            path: path.to_owned(),
            source,
        })
}

/// Waits for what is built.
fn manifest(
    image: &ImagePlan,
    from: &From<'_>,
    options: &Options,
) -> Result<Manifest, PrepareError> {
    let packages = image.packages.iter().map(|plan| {
        Ok(ManifestPackage {
            name: plan.name.clone(),
            version: from.ready.version(&plan.wheel)?,
            sha256: from.ready.sha256(&plan.wheel)?,
            requested: plan.requested,
            source: plan.source.clone(),
        })
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
    Ok(Manifest {
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
        packages: packages.collect::<Result<_, PrepareError>>()?,
        data: data.collect(),
        fallback: options.fallback.clone(),
        overrides: image.overrides.clone(),
    })
}
