//! Judging a change of the constraints: the old constraints are read, then [`gate::judge`] runs.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pannier_archive::limited;
use pannier_base::name::ImageName;
use pannier_clients::git::Local;

use super::{ConstraintsError, RequestError, Session};
use crate::constraints::{ConstraintLine, Loader, Reader};
use crate::gate::{self, Question, Report, Tools};
use crate::renovate::Flow;
use crate::request::Request;

/// What to judge.
#[derive(Debug, Clone)]
pub struct GateOptions<'a> {
    /// The request with the new constraints.
    pub request: &'a Request,
    /// A revision, which stands for the commit where `HEAD` left it, or a file with the old constraints.
    pub base: &'a str,
    /// The folder to which such a file and `converted` are relative.
    pub folder: &'a Path,
    /// The converted constraints; by default beside the constraints.
    pub converted: Option<&'a Path>,
    /// Values of the variables that lines name.
    pub variables: &'a BTreeMap<String, String>,
    /// The images to try.
    pub images: &'a [ImageName],
    /// Commands that must succeed in every image that is tried.
    pub smoke: &'a [String],
    /// How long one smoke test may take.
    pub limit: Duration,
    /// Downloads, builds and smoke tests at the same time; at least 1.
    pub jobs: usize,
    /// `PATH` of smoke tests, behind the venv's own programs.
    pub path: &'a str,
}

/// The constraints that a change is measured against.
struct Base {
    lines: Vec<ConstraintLine>,
    /// For people.
    shown: String,
}

impl Session<'_> {
    /// Judges a change of the constraints. The report says whether it passes, is refused, or could not be judged.
    ///
    /// # Errors
    /// [`RequestError`] when the old constraints or the lock cannot be read.
    pub fn gate(&self, options: &GateOptions<'_>) -> Result<Report, RequestError> {
        let request = options.request;
        let constraints = request.constraints.as_ref();
        let constraints = &constraints.ok_or(ConstraintsError::None)?.path;
        let base = base(options, constraints)?;
        let converted = match options.converted {
            Some(path) => options.folder.join(path),
            None => Flow::converted_beside(&constraints.to_string_lossy()).into(),
        };
        let converted = converted.strip_prefix(&request.root).unwrap_or(&converted);
        let conversion = gate::conversion(constraints, converted, &|path| {
            limited::read(&request.root.join(path), limited::LIST)
        });
        let previous = self.previous(request)?;
        let question = Question {
            request,
            parts: &self.parts(request)?,
            old: &base.lines,
            base: &base.shown,
            conversion,
            previous: previous.as_ref(),
            images: options.images,
            smoke: options.smoke,
            limit: options.limit,
            jobs: options.jobs,
            path: options.path,
            offline: self.client.is_offline(),
        };
        let tools = Tools {
            store: &self.store,
            client: &self.client,
            git: &self.git,
            pythons: &self.pythons,
            around: &self.around,
            uv: &|| self.uv(),
            clock: self.run.clock,
            reporter: self.reporter(),
        };
        Ok(gate::judge(&question, &tools))
    }
}

/// Reads the old constraints. A file that did not exist bounds nothing.
fn base(options: &GateOptions<'_>, constraints: &Path) -> Result<Base, ConstraintsError> {
    let named = options.base;
    let file = options.folder.join(named);
    if file.is_file() {
        let read = |path: &Path| limited::read_text(path, limited::LIST);
        return old(&read, &file, named.to_owned(), options.variables);
    }
    let repository = Local::around(&options.request.root)?;
    let commit = repository.merge_base(named)?;
    let read = |path: &Path| match repository.read(commit, path) {
        Ok(Some(bytes)) => limited::text(bytes),
        Ok(None) => Err(io::ErrorKind::NotFound.into()),
        Err(error) => Err(io::Error::other(error)),
    };
    let digits = commit.to_string();
    let shown = if digits.starts_with(named) {
        digits[..12].to_owned()
    } else {
        format!("{named} ({})", &digits[..12])
    };
    old(&read, constraints, shown, options.variables)
}

fn old(
    read: &Reader<'_>,
    file: &Path,
    shown: String,
    variables: &BTreeMap<String, String>,
) -> Result<Base, ConstraintsError> {
    let mut loader = Loader::new(read, variables);
    match loader.constraints(file) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => {
            let path: PathBuf = file.to_owned();
            return Err(ConstraintsError::Old { path, source });
        }
    }
    let found = loader.finish().map_err(|errors| {
        let base = shown.clone();
        ConstraintsError::OldLines { base, errors }
    })?;
    Ok(Base {
        lines: found.constraints,
        shown,
    })
}
