//! Finds an interpreter for each image with bytecode, and compiles what the store does not have yet.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::store::StoredData;
use crate::wheel_build::bytecode::Compiler;
use pannier_base::event::{Stage, StageGuard};
use pannier_base::name::ImageName;
use pannier_clients::python;

use super::error::PrepareError;
use super::model::Tools;
use super::plan::{ImagePlan, Plan, WheelNeed};
use super::ready_set::ReadySet;

/// The bytecode of one image.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    /// Version of the interpreter that compiled it; `None`: there is none.
    pub(super) version: Option<String>,
    /// By wheel; a wheel that does not compile is missing.
    pub(super) wheels: HashMap<WheelNeed, StoredData>,
}

/// Compiles the wheels of all images for which this machine has an interpreter; warns of the others.
pub(super) fn compile(
    plan: &Plan,
    ready: &ReadySet,
    tools: &Tools<'_>,
) -> Result<HashMap<ImageName, Compiled>, PrepareError> {
    let total = plan.images.iter().map(|image| image.packages.len() as u64);
    let stage = StageGuard::start(tools.reporter, Stage::Compile, Some(total.sum()));
    let mut all = HashMap::new();
    for image in &plan.images {
        let Some(compiler) = compiler(image, tools) else {
            let message = format!(
                "no Python {} is available to compile the bytecode of image `{}`: its tarball has none",
                image.target.python, image.name
            );
            let hint = "run `pannier prepare --here` in the image, or set `bytecode: none`";
            tools.reporter.warn(message, Some(hint.to_owned()));
            continue;
        };
        let wheels = image.packages.par_iter().map(|package| {
            let stored = ready.wheel(&package.wheel)?;
            let done = compiler.compile(&stored, tools.store, tools.pythons.cancel());
            stage.step(stored.filename.to_string());
            Ok(match done {
                Ok(compiled) => Some((package.wheel.clone(), compiled)),
                Err(error) => {
                    let hint =
                        "the package works without its bytecode; `bytecode: none` silences this";
                    tools
                        .reporter
                        .warn(error.to_string(), Some(hint.to_owned()));
                    None
                }
            })
        });
        let wheels = wheels.collect::<Result<Vec<_>, PrepareError>>()?;
        let compiled = Compiled {
            wheels: wheels.into_iter().flatten().collect(),
            version: Some(compiler.version().to_owned()),
        };
        all.insert(image.name.clone(), compiled);
    }
    Ok(all)
}

/// The image's own interpreter where this machine is the image, else one of the same version of Python.
fn compiler(image: &ImagePlan, tools: &Tools<'_>) -> Option<Compiler> {
    let own = image
        .interpreter
        .is_file()
        .then(|| {
            python::describe(
                &image.interpreter,
                &pannier_clients::child::ChildEnvironment::default(),
            )
            .ok()
        })
        .flatten();
    let alike = |described: &&python::Described| {
        let (theirs, wanted) = (described.target.python, image.target.python);
        (theirs.minor, theirs.free_threaded) == (wanted.minor, wanted.free_threaded)
    };
    let found = own.iter().find(alike);
    let found = found.or_else(|| tools.pythons.all().iter().find(alike))?;
    match Compiler::at(&found.interpreter, tools.pythons.cancel()) {
        Ok(compiler) => Some(compiler),
        Err(error) => {
            tools.reporter.warn(error.to_string(), None);
            None
        }
    }
}
