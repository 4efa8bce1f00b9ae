//! The surroundings of a run, captured once: environment, folders, terminal. Below here they are values.

use std::collections::BTreeMap;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::Timestamp;
use serde::Serialize;

use pannier_archive::limited;
use pannier_base::cancel::Cancel;
use pannier_base::event::Reporter;
use pannier_base::secret::{self, Exposed, ScrubbedLines, scrub, scrub_values};
use pannier_base::visible::{self, Form};
use pannier_clients::child::ChildEnvironment;
use pannier_clients::http::Credentials;
use pannier_clients::python::{self, Described};
use pannier_config::{Environment, env};
use pannier_core::session::{Actor, Run};
use pannier_core::store::Store;

use super::exit::Exit;
use super::progress::{Progress, Scene, Verbosity};
use super::report::Failure;
use crate::options::{Color, Common};

/// Where the store is.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct StoreOption {
    /// Set the folder of the store [env: PANNIER_STORE] [default: pannier in the cache folder]
    #[arg(long, value_name = "FOLDER", global = true)]
    pub(super) store: Option<PathBuf>,
}

/// What surrounds a run.
pub(super) struct Context {
    /// The environment, complete. Variables that are no UTF-8 are left out.
    pub(super) variables: BTreeMap<String, String>,
    /// The current folder.
    pub(super) folder: PathBuf,
    /// Who is told what happens.
    pub(super) progress: Progress,
    /// Whether the run should stop.
    pub(super) cancel: Cancel,
    scene: Scene,
}

/// The environment. Variables that are no UTF-8 are left out.
fn variables() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The text of netrc; one that cannot be read counts as none.
pub(super) fn netrc(environment: &Environment) -> Option<String> {
    let named = environment.get(env::NETRC).map(PathBuf::from);
    let home = || Some(Path::new(environment.get("HOME")?).join(".netrc"));
    limited::read_text(&named.or_else(home)?, limited::SMALL).ok()
}

/// Makes the secrets of the environment and of the command line known, before anything can show them.
pub(super) fn learn_secrets() {
    let variables = variables();
    if let Some(text) = netrc(&Environment(variables.clone())) {
        // All of it: uv may use what is of no use here.
        let _ = Credentials::default().with_netrc(&text);
    }
    let variables = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    secret::learn_environment(variables, env::is_read);
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    secret::learn_arguments(arguments.iter().map(String::as_str));
}

impl Context {
    /// Captures the surroundings and sets up colours.
    pub(super) fn capture(common: &Common) -> Self {
        let variables = variables();
        let gitlab = variables
            .get("GITLAB_CI")
            .is_some_and(|value| value == "true");
        let scene = if gitlab {
            Scene::GitLab
        } else if std::io::stderr().is_terminal() {
            Scene::Terminal
        } else {
            Scene::Log
        };
        let no_color = variables
            .get("NO_COLOR")
            .is_some_and(|value| !value.is_empty());
        match common.color {
            Color::Always => anstream::ColorChoice::Always.write_global(),
            Color::Never => anstream::ColorChoice::Never.write_global(),
            // GitLab shows colours although a job's output is no terminal.
            Color::Auto if gitlab && !no_color => anstream::ColorChoice::Always.write_global(),
            Color::Auto => {}
        }
        let verbosity = match (common.quiet, common.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        };
        Self {
            variables,
            folder: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
            progress: Progress::new(scene, verbosity),
            cancel: Cancel::default(),
            scene,
        }
    }

    /// Who is told what happens.
    pub(super) fn reporter(&self) -> &dyn Reporter {
        &self.progress
    }

    /// Whether nothing but warnings, errors and results is wanted.
    pub(super) fn is_quiet(&self) -> bool {
        self.progress.is_quiet()
    }

    /// Whether a person watches.
    pub(super) fn is_terminal(&self) -> bool {
        self.scene == Scene::Terminal
    }

    /// A variable that is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Checks the file of certificates that the HTTP client reads whole.
    pub(super) fn check_certificates(&self) -> Result<(), Failure> {
        let Some(path) = self.variable("SSL_CERT_FILE").map(PathBuf::from) else {
            return Ok(());
        };
        // What is not there is for the client to report, when it is needed.
        match self.folder.join(&path).metadata() {
            Ok(found) if !found.is_file() || found.len() > limited::CERTIFICATES => {
                Err(Failure::new(Exit::Usage, Certificates { path }))
            }
            _ => Ok(()),
        }
    }

    /// The folders of `PATH`.
    pub(super) fn search_path(&self) -> Vec<PathBuf> {
        self.variable("PATH")
            .map(|path| std::env::split_paths(path).collect())
            .unwrap_or_default()
    }

    /// Describes the machine at work by one of its interpreters.
    pub(super) fn describe_here(&self, python: Option<&Path>) -> Result<Described, Failure> {
        let describe = || {
            let path = match python {
                Some(path) => self.folder.join(path),
                None => python::first(&self.search_path())?,
            };
            python::describe(&path, &ChildEnvironment::new(&self.variables, &[]))
        };
        describe().map_err(|error| Failure::new(Exit::Failed, error))
    }

    /// What a session is told about this run.
    pub(super) fn run(&self) -> Run<'_> {
        Run {
            reporter: self.reporter(),
            cancel: self.cancel.clone(),
            now: Timestamp::now,
            clock: Instant::now,
            actor: self.actor(),
        }
    }

    /// Who acts, as the job or the machine states it.
    fn actor(&self) -> Actor {
        let first = |names: &[&str]| names.iter().find_map(|name| self.variable(name));
        let name = first(&[
            "GITLAB_USER_LOGIN",
            "GIT_COMMITTER_NAME",
            "GIT_AUTHOR_NAME",
            "USER",
            "LOGNAME",
        ]);
        let name = scrub(name.unwrap_or("unknown"));
        let mail = first(&[
            "GITLAB_USER_EMAIL",
            "GIT_COMMITTER_EMAIL",
            "GIT_AUTHOR_EMAIL",
            "EMAIL",
        ]);
        let pipeline = first(&["CI_PIPELINE_URL", "CI_JOB_URL"]);
        Actor {
            mail: mail.map_or_else(|| format!("{name}@localhost"), scrub),
            name,
            pipeline: pipeline.and_then(|url| url.parse().ok()),
        }
    }

    /// Opens the store that `option`, `PANNIER_STORE` or the user's cache folder names.
    pub(super) fn open_store(&self, option: &StoreOption) -> Result<Store, Failure> {
        Ok(Store::open(&self.store_folder(option))?)
    }

    /// The folder of the store that `option`, `PANNIER_STORE` or the user's cache folder names.
    pub(super) fn store_folder(&self, option: &StoreOption) -> PathBuf {
        let named = option.store.clone();
        let variable = || self.variable("PANNIER_STORE").map(PathBuf::from);
        let cache = || self.variable("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || {
            self.variable("HOME")
                .map(|home| Path::new(home).join(".cache"))
        };
        let folder = named
            .or_else(variable)
            .or_else(|| cache().or_else(home).map(|cache| cache.join("pannier")))
            .unwrap_or_else(|| PathBuf::from(".pannier"));
        self.folder.join(folder)
    }

    /// Prints a result to stdout that is of use only as it is, such as a lock: one with a secret in it is refused.
    pub(super) fn print_exact(&self, what: &str, text: &str) -> Result<(), Failure> {
        Exposed::check(what, text).map_err(|error| Failure::new(Exit::Failed, error))?;
        self.print_file(text)
    }

    /// Prints a result to stdout, for people.
    pub(super) fn print(&self, text: &str) -> Result<(), Failure> {
        self.stream(Form::Text, |out| out.write_all(text.as_bytes()))
    }

    /// Prints a file to stdout, for machines: byte for byte, unless stdout is a terminal.
    pub(super) fn print_file(&self, text: &str) -> Result<(), Failure> {
        match std::io::stdout().is_terminal() {
            true => self.print(text),
            false => {
                let mut out = std::io::stdout().lock();
                written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
            }
        }
    }

    /// Prints a result to stdout as it is made, because it may be too long to be held. Known secrets are hidden, and nothing in it
    /// acts on a terminal.
    pub(super) fn stream(
        &self,
        form: Form,
        print: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<(), Failure> {
        let out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
        let mut out = ScrubbedLines::new(visible::Writer::new(out, form));
        written(print(&mut out).and_then(|()| out.finish()))
    }

    /// Prints a result to stdout as JSON.
    pub(super) fn print_json(&self, value: &impl Serialize) -> Result<(), Failure> {
        self.stream(Form::Json, |out| {
            serde_json::to_writer_pretty(&mut *out, value)?;
            writeln!(out)
        })
    }

    /// Says something beside the result. Known secrets are hidden.
    pub(super) fn note(&self, text: &str) {
        // A closed stderr is no reason to fail.
        let text = scrub_values(text);
        let _ = writeln!(anstream::stderr().lock(), "{}", visible::lines(&text));
    }
}

/// How writing to stdout ended.
fn written(result: std::io::Result<()>) -> Result<(), Failure> {
    match result {
        Ok(()) => Ok(()),
        // Whoever reads has read enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::new(Exit::Failed, Stdout(error))),
    }
}

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot write the result to standard output")]
struct Stdout(#[source] std::io::Error);

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error(
    "SSL_CERT_FILE is `{}`, which is not a file of at most {} MiB", path.display(), limited::CERTIFICATES >> 20
)]
#[diagnostic(help("set SSL_CERT_FILE to a file of certificates in PEM format, or unset it"))]
struct Certificates {
    path: PathBuf,
}
