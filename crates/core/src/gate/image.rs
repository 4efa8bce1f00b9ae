//! One affected image: its tarball is built, its metadata compared, and what it holds is tried, in an unpacked copy.
//!
//! What fails in the same way with the old constraints says nothing about the new ones and is reported as skipped.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::change::ImageChange;
use super::dependency_check::{Extras, Installed, Needs, needs};
use super::error_class::{ErrorClass, told};
use super::report::{Check, CheckResult};
use super::smoke::{self, Task, Tree};
use super::{Question, Tools};
use crate::lock::model::Lock;
use crate::lock::model::LockedSource;
use crate::lock::pylock;
use crate::prepare;
use crate::request::Bytecode;
use crate::request::ImageRequest;
use crate::request::Request;
use crate::store::StoredWheel;
use crate::wheel_build::Builder;
use pannier_archive::tarball::{Mtime, Packing};
use pannier_archive::unpack::{self, Input};
use pannier_archive::venv::PythonLink;
use pannier_base::digest::Digest;
use pannier_base::event::{Stage, StageGuard};
use pannier_base::name::PackageName;
use pannier_base::paths::AbsoluteLinks;
use pannier_clients::python::Described;

/// A set of constraints as an image gets it.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub lock: &'a Lock,
    pub request: &'a Request,
    pub builder: &'a Builder<'a>,
}

/// An affected image.
pub(super) struct Affected<'a> {
    pub question: &'a Question<'a>,
    pub tools: &'a Tools<'a>,
    pub image: &'a ImageRequest,
    pub change: &'a ImageChange,
    pub new: Side<'a>,
    pub old: Option<Side<'a>>,
}

/// What was found out about an image.
pub(super) struct Tried {
    pub checks: Vec<Check>,
    /// Which package requires which in it; `None` if its wheels are not available.
    pub needs: Option<Needs>,
}

/// A tarball that was built, and the wheels in it.
struct Packed {
    tarball: PathBuf,
    wheels: Vec<StoredWheel>,
    needs: Needs,
}

/// The image with the old constraints, as far as it was needed to compare.
struct Before {
    needs: Needs,
    packages: BTreeSet<PackageName>,
    /// Where it was unpacked; `None` without an interpreter.
    root: Option<PathBuf>,
}

impl Affected<'_> {
    /// Builds and tries it.
    pub(super) fn attempt(&self) -> Tried {
        let work = match self.tools.store.work_dir() {
            Ok(work) => work,
            Err(error) => return self.only("tarball", CheckResult::NotJudged(told(&error))),
        };
        let python = smoke::interpreter(self.image, self.tools.pythons);
        let packed = match self.pack(&self.new, python.as_ref().ok(), &work.path().join("new")) {
            Ok(packed) => packed,
            Err(trouble) => return self.only("tarball", trouble.result()),
        };
        let before = OnceCell::new();
        let before = || {
            before
                .get_or_init(|| self.before(python.as_ref().ok(), &work.path().join("old")))
                .as_ref()
        };
        let count = packed.wheels.len();
        let mut checks =
            vec![self.check("tarball", CheckResult::Passed(format!("{count} packages")))];
        checks.extend(self.metadata(&packed.needs, &before));
        match &python {
            Err(why) => checks.push(self.check("smoke tests", CheckResult::Skipped(why.clone()))),
            Ok(_) => checks.extend(self.smoke(&packed, work.path(), &before)),
        }
        Tried {
            checks,
            needs: Some(packed.needs),
        }
    }

    fn check(&self, name: &str, result: CheckResult) -> Check {
        Check::of_image(&self.image.name, name, result)
    }

    fn only(&self, name: &str, result: CheckResult) -> Tried {
        Tried {
            checks: vec![self.check(name, result)],
            needs: None,
        }
    }

    /// Writes the tarball below `folder`, for the interpreter that will run it where there is one.
    fn pack(
        &self,
        side: &Side<'_>,
        python: Option<&Described>,
        folder: &Path,
    ) -> Result<Packed, ErrorClass> {
        let mut request = side.request.clone();
        for image in &mut request.images {
            if let Some(python) = python.filter(|_| image.name == self.image.name) {
                image.interpreter.clone_from(&python.interpreter);
                image.python_link = PythonLink::Absolute;
            }
        }
        let tools = prepare::Tools {
            store: self.tools.store,
            client: self.tools.client,
            git: self.tools.git,
            builder: side.builder,
            pythons: self.tools.pythons,
            reporter: self.tools.reporter,
        };
        let images = [self.image.name.clone()];
        let jobs = self.question.jobs;
        let mut wheels = prepare::wheels(&request, side.lock, &images, jobs, &tools)?;
        let wheels = wheels.remove(&self.image.name).unwrap_or_default();
        let options = prepare::Options {
            images: images.to_vec(),
            output: folder.to_owned(),
            jobs,
            mtime: Mtime::default(),
            packing: Packing::Spliced,
            bytecode: Bytecode::None,
            fallback: None,
            lock_digest: Digest::of(pylock::write(side.lock).as_bytes()),
            clock: self.tools.clock,
        };
        let prepared = prepare::prepare(&request, side.lock, &options, &tools)?;
        let tarball = prepared.into_iter().next().map(|image| image.tarball);
        Ok(Packed {
            tarball: tarball.unwrap_or_default(),
            needs: self.needs(&wheels),
            wheels,
        })
    }

    fn needs(&self, wheels: &[StoredWheel]) -> Needs {
        let installed: Vec<Installed<'_>> = wheels
            .iter()
            .map(|stored| Installed {
                name: &stored.wheel.name,
                version: &stored.wheel.version,
                requires_dist: &stored.wheel.requires_dist,
                requires_python: stored.wheel.requires_python.as_deref(),
            })
            .collect();
        needs(&installed, &self.image.target, extras(self.image))
    }

    fn before(&self, python: Option<&Described>, folder: &Path) -> Option<Before> {
        let packed = self.pack(self.old.as_ref()?, python, folder).ok()?;
        let names = packed.wheels.iter().map(|stored| stored.wheel.name.clone());
        let root = folder.join("tree");
        let links = self.question.request.absolute_links;
        let root = python.and_then(|_| unpacked(&packed.tarball, &root, links).ok().map(|()| root));
        Some(Before {
            packages: names.collect(),
            needs: packed.needs,
            root,
        })
    }

    /// Whether what the packages say of each other holds.
    fn metadata<'b>(&self, needs: &Needs, before: &impl Fn() -> Option<&'b Before>) -> Vec<Check> {
        if needs.problems.is_empty() {
            let notes = needs.unclear.iter();
            let notes: Vec<String> = notes.map(|line| format!("undecided: {line}")).collect();
            return vec![self.check("metadata", CheckResult::Passed(notes.join("\n")))];
        }
        let known = before().map(|before| before.needs.problems.as_slice());
        let known = known.unwrap_or_default();
        let problems = needs.problems.iter().map(|problem| {
            let (package, text) = problem;
            let result = match known.contains(problem) {
                true => CheckResult::Skipped(format!("as before: {text}")),
                false => CheckResult::Refused(text.clone()),
            };
            Check {
                package: Some(package.clone()),
                ..self.check(&format!("metadata of {package}"), result)
            }
        });
        problems.collect()
    }

    fn smoke<'b>(
        &self,
        packed: &Packed,
        work: &Path,
        before: &impl Fn() -> Option<&'b Before>,
    ) -> Vec<Check> {
        let root = work.join("tree");
        if let Err(why) = unpacked(&packed.tarball, &root, self.question.request.absolute_links) {
            return vec![self.check("unpacking", CheckResult::NotJudged(why))];
        }
        let tasks = self.tasks(packed);
        let results = self.run(&tasks, &root, work);
        let failed: Vec<Task> = results
            .iter()
            .filter(|(_, result)| matches!(result, Ok(Err(_))))
            .map(|(task, _)| task.clone())
            .collect();
        let old = match failed.is_empty() {
            true => Vec::new(),
            false => self.run_before(&failed, work, before()),
        };
        let checks = results.into_iter().map(|(task, result)| {
            let result = match result {
                Ok(Ok(())) => CheckResult::Passed(String::new()),
                Err(error) => CheckResult::NotJudged(format!("it could not be started: {error}")),
                Ok(Err(why)) if old.contains(&(task.clone(), why.clone())) => {
                    CheckResult::Skipped(format!("it fails with the old constraints too: {why}"))
                }
                Ok(Err(why)) => CheckResult::Refused(why),
            };
            Check {
                package: task.package().cloned(),
                ..self.check(&task.name(), result)
            }
        });
        checks.collect()
    }

    /// What is to be tried: modules of everything that the change reaches, programs of the team's packages, commands.
    fn tasks(&self, packed: &Packed) -> Vec<Task> {
        let reached = packed.needs.reach(&self.change.changed);
        let own: BTreeSet<&PackageName> = self
            .new
            .lock
            .packages
            .iter()
            .filter(|package| {
                matches!(
                    package.source,
                    LockedSource::Git { .. } | LockedSource::Directory { .. }
                )
            })
            .map(|package| &package.name)
            .collect();
        let mut tasks = Vec::new();
        for stored in &packed.wheels {
            let package = stored.wheel.name.clone();
            let modules = stored.wheel.top_level();
            if reached.contains(&package) && !modules.is_empty() {
                tasks.push(Task::Import { package, modules });
            }
        }
        for stored in &packed.wheels {
            if own.contains(&stored.wheel.name) {
                let programs = stored.wheel.scripts_for(&self.image.target.python);
                tasks.extend(programs.into_iter().map(|program| Task::Help {
                    package: stored.wheel.name.clone(),
                    program: program.name,
                }));
            }
        }
        tasks.extend(self.question.smoke.iter().cloned().map(Task::Command));
        tasks
    }

    /// Tries everything; what it says is the same wherever the tree is.
    fn run(
        &self,
        tasks: &[Task],
        root: &Path,
        scratch: &Path,
    ) -> Vec<(Task, io::Result<Result<(), String>>)> {
        let total = Some(tasks.len() as u64);
        let stage = StageGuard::start(self.tools.reporter, Stage::Smoke, total);
        let tree = Tree {
            root,
            scratch,
            project: &self.question.request.root,
            path: self.question.path,
            limit: self.question.limit,
            cancel: self.tools.client.cancel(),
        };
        let place = root.display().to_string();
        let attempt = |task: &Task| {
            let result = tree.attempt(task);
            stage.step(format!("{}: {}", self.image.name, task.name()));
            let plain = |why: String| why.replace(&place, "<tree>");
            (task.clone(), result.map(|result| result.map_err(plain)))
        };
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.question.jobs.max(1))
            .build();
        match pool {
            Ok(pool) => pool.install(|| tasks.par_iter().map(attempt).collect()),
            Err(_) => tasks.iter().map(attempt).collect(),
        }
    }

    /// What failed, tried with the old constraints: what fails there, and how.
    fn run_before(
        &self,
        tasks: &[Task],
        scratch: &Path,
        before: Option<&Before>,
    ) -> Vec<(Task, String)> {
        let Some((before, root)) = before.and_then(|b| Some((b, b.root.as_ref()?))) else {
            return Vec::new();
        };
        let was_there = |task: &&Task| {
            task.package()
                .is_none_or(|package| before.packages.contains(package))
        };
        let tasks: Vec<Task> = tasks.iter().filter(was_there).cloned().collect();
        let results = self.run(&tasks, root, scratch);
        results
            .into_iter()
            .filter_map(|(task, result)| Some((task, result.ok()?.err()?)))
            .collect()
    }
}

fn unpacked(tarball: &Path, root: &Path, absolute_links: AbsoluteLinks) -> Result<(), String> {
    let options = unpack::Options {
        jobs: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        expected: None,
        manifest: None,
        absolute_links,
        force: false,
    };
    let target = unpack::Target::Folder(root.to_owned());
    unpack::unpack(Input::File(tarball), &target, &options)
        .map(drop)
        .map_err(|error| told(&error))
}

/// The extras that the request asks for.
fn extras(image: &ImageRequest) -> Extras {
    let mut extras = Extras::new();
    for package in &image.packages {
        if let Some(name) = &package.name {
            let asked = package.extras.iter().map(PackageName::as_str);
            let asked = asked.filter_map(|extra| extra.parse().ok());
            extras.entry(name.clone()).or_default().extend(asked);
        }
    }
    for requirement in &image.requirements {
        if let Ok(name) = requirement.name.to_string().parse() {
            let asked = requirement.extras.iter().cloned();
            extras.entry(name).or_default().extend(asked);
        }
    }
    extras
}
