//! Bytecode of the modules of a wheel: compiled once per wheel and interpreter, and kept in the store as a snapshot.
//!
//! The files are unchecked-hash ones (PEP 552): Python takes them without looking at the times of sources, which tarballs do
//! not keep. They hold no path of the machine that compiled them: a module is compiled under its path in site-packages, and
//! Python puts the real one in when it imports. One process per wheel with a fixed hash seed, so that the same interpreter
//! always gives the same bytes. Refuses to guess: only an interpreter of the same version compiles, and nothing of a wheel is
//! ever run.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use miette::Diagnostic;
use thiserror::Error;

use crate::store::{Store, StoreError, StoredData, StoredWheel};
use pannier_archive::entries::Content;
use pannier_archive::zip;
use pannier_base::cancel::Cancel;
use pannier_base::digest::{Digest, Hasher};
use pannier_clients::child;

/// Raised whenever the way of compiling changes.
const RECIPE: &[u8] = b"bytecode 1";

const COMPILE: &str = include_str!("compile.py");

/// Says what decides bytecode: magic number, cache tag, the version in short and in full.
const ASK: &str = "import importlib.util, platform, sys; \
    print(importlib.util.MAGIC_NUMBER.hex(), sys.implementation.cache_tag, platform.python_version(), sys.version.replace('\\n', ' '), sep='\\t')";

/// An interpreter that compiles.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Compiler {
    interpreter: PathBuf,
    /// Its magic number, in hexadecimal digits.
    magic: String,
    tag: String,
    version: String,
    /// Everything that it says of its version: builds of one version may differ.
    full: String,
}

/// Why there is no bytecode.
#[derive(Debug, Error, Diagnostic)]
pub enum BytecodeError {
    /// The interpreter does not do what is asked of it.
    #[error("the interpreter {} cannot compile {what}: {said}", path.display())]
    #[diagnostic(help("set `bytecode: none` to prepare without bytecode"))]
    Interpreter {
        /// Which one.
        path: PathBuf,
        /// The wheel, or the question what it is.
        what: String,
        /// The last line that it wrote, or why it did not start.
        said: String,
    },
    /// Files could not be written or read.
    #[error("cannot compile {wheel}: {action}")]
    Io {
        /// The wheel.
        wheel: String,
        /// What was tried.
        action: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The store.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] StoreError),
}

impl Compiler {
    /// Asks the interpreter at `path` what bytecode it makes.
    ///
    /// # Errors
    /// [`BytecodeError::Interpreter`] when it does not answer.
    pub fn at(path: &Path, cancel: &Cancel) -> Result<Self, BytecodeError> {
        let failed = |said: String| BytecodeError::Interpreter {
            path: path.to_owned(),
            what: "anything".to_owned(),
            said,
        };
        let output = child::output(interpreter(path).args(["-c", ASK]), cancel)
            .map_err(|error| failed(error.to_string()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let fields: Vec<&str> = text.trim_end().splitn(4, '\t').collect();
        match fields[..] {
            [magic, tag, version, full] if output.status.success() => Ok(Self {
                interpreter: path.to_owned(),
                magic: magic.to_owned(),
                tag: tag.to_owned(),
                version: version.to_owned(),
                full: full.to_owned(),
            }),
            _ => Err(failed(last_line(&output.stderr))),
        }
    }

    /// Its version, such as `3.13.5`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The bytecode of a wheel: a snapshot whose paths start at site-packages. Compiled where the store does not have it.
    ///
    /// # Errors
    /// [`BytecodeError`].
    pub fn compile(
        &self,
        wheel: &StoredWheel,
        store: &Store,
        cancel: &Cancel,
    ) -> Result<StoredData, BytecodeError> {
        let key = self.key(&wheel.sha256);
        if let Some(kept) = store.data(&key)? {
            return Ok(kept);
        }
        let work = store.work_dir()?;
        let failed = |action| {
            let wheel = wheel.filename.to_string();
            move |source| BytecodeError::Io {
                wheel,
                action,
                source,
            }
        };
        let (sources, compiled) = (work.path().join("sources"), work.path().join("compiled"));
        let modules = unpack(wheel, &sources).map_err(failed("unpacking its modules"))?;
        if !modules.is_empty() {
            let work = work.path();
            self.run(&modules, [&sources, &compiled], work, wheel, cancel)?;
        }
        let incoming = store.incoming()?.fill(|file| {
            let mut out = zip::Writer::new(file).spool_in(store.scratch());
            self.gather(&modules, &compiled, &mut out)
                .and_then(|()| out.finish().map(drop))
                .map_err(failed("packing the bytecode"))
        })?;
        Ok(store.admit_data(incoming, &key)?)
    }

    /// The interpreter's path is not part of it: the same build gives the same bytes wherever it is.
    fn key(&self, wheel: &Digest) -> Digest {
        let mut key = Hasher::default();
        for field in [
            RECIPE,
            wheel.as_bytes(),
            self.magic.as_bytes(),
            self.full.as_bytes(),
        ] {
            key.field(field);
        }
        key.finish()
    }

    fn run(
        &self,
        modules: &[String],
        folders: [&Path; 2],
        work: &Path,
        wheel: &StoredWheel,
        cancel: &Cancel,
    ) -> Result<(), BytecodeError> {
        let failed = |said: String| BytecodeError::Interpreter {
            path: self.interpreter.clone(),
            what: wheel.filename.to_string(),
            said,
        };
        // An empty folder to start in: Python would import the wheel's own `os.py` from there.
        let empty = work.join("empty");
        fs::create_dir(&empty).map_err(|error| failed(error.to_string()))?;
        let mut command = interpreter(&self.interpreter);
        command
            .args(["-c", COMPILE])
            .args(folders)
            .current_dir(&empty)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let started = child::start(&mut command, cancel);
        let (mut child, _hook) = started.map_err(|error| failed(error.to_string()))?;
        if let Some(mut stdin) = child.stdin.take() {
            // An interpreter that has ended says why below.
            let _ = stdin.write_all(modules.join("\0").as_bytes());
        }
        let output = child
            .wait_with_output()
            .map_err(|error| failed(error.to_string()))?;
        if output.status.success() {
            Ok(())
        } else {
            Err(failed(last_line(&output.stderr)))
        }
    }

    /// What was compiled, in the order of the modules.
    fn gather(
        &self,
        modules: &[String],
        compiled: &Path,
        out: &mut zip::Writer<fs::File>,
    ) -> io::Result<()> {
        for module in modules {
            let (folder, name) = module.rsplit_once('/').unwrap_or(("", module));
            let stem = name.strip_suffix("py").unwrap_or(name);
            let file = format!("__pycache__/{stem}{}.pyc", self.tag);
            let path = match folder {
                "" => file,
                folder => format!("{folder}/{file}"),
            };
            match fs::File::open(compiled.join(&path)) {
                Ok(mut file) => out.file(&path, false, &mut file)?,
                // It did not compile, or its bytecode would need a longer name than a file may have.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::InvalidFilename
                    ) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Python without the user's settings: no site, no variables but a fixed seed.
fn interpreter(path: &Path) -> Command {
    let mut command = Command::new(path);
    command
        .args(["-B", "-s", "-S", "-W", "ignore"])
        .env_clear()
        .env("PYTHONHASHSEED", "0")
        .stdin(Stdio::null());
    command
}

/// Writes the modules of a wheel below `folder`, at their paths in site-packages; gives these, sorted. Modules whose bytecode
/// the wheel brings itself are left alone.
fn unpack(wheel: &StoredWheel, folder: &Path) -> io::Result<Vec<String>> {
    let file = fs::File::open(&wheel.path)?;
    let entries = wheel.wheel.pack.iter();
    let files = entries.filter_map(|entry| match entry.content {
        Content::File { stream, .. } => Some((wheel.wheel.site_path(&entry.path)?, stream)),
        _ => None,
    });
    let mut modules = Vec::new();
    for (path, stream) in files {
        if !path.ends_with(".py") || path.contains('\0') {
            continue;
        }
        let target = folder.join(path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut target = fs::File::create_new(target)?;
        io::copy(&mut zip::open_entry(&file, &stream), &mut target)?;
        modules.push(path.to_owned());
    }
    let brought = |module: &String| {
        let (folder, name) = module.rsplit_once('/').unwrap_or(("", module));
        let stem = name.strip_suffix("py").unwrap_or(name);
        let start = format!("{folder}/__pycache__/{stem}");
        let start = start.trim_start_matches('/');
        let mut paths = wheel.wheel.pack.iter().map(|entry| &entry.path);
        paths.any(|path| {
            wheel
                .wheel
                .site_path(path)
                .is_some_and(|path| path.starts_with(start))
        })
    };
    let with_bytecode = wheel
        .wheel
        .pack
        .iter()
        .any(|entry| entry.path.ends_with(".pyc"));
    modules.retain(|module| !with_bytecode || !brought(module));
    modules.sort();
    Ok(modules)
}

fn last_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    text.trim()
        .lines()
        .last()
        .unwrap_or("no message")
        .to_owned()
}

#[cfg(test)]
mod tests;
