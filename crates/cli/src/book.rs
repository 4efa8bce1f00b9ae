//! What the commands for the release log share: where it is, who writes and why, and the clients to reach it.
//!
//! The only place that turns the surroundings of a job into the stamp of a writing.

use std::path::PathBuf;

use clap::Args;
use pannier_base::url::SafeUrl;
use pannier_clients::git::Git;
use pannier_clients::gitlab::{Gitlab, ProjectRef};
use pannier_clients::http::{self, Client};
use pannier_config::{Flags, Inputs, book_settings};
use pannier_core::deploy::{self, Eyes};
use pannier_core::release::{
    self, Book, ChannelName, GitShelf, Outcome, Registry, ReleaseError, Stamp,
};
use pannier_core::store::Store;

use super::context::{Context, StoreOption};
use super::exit::Exit;
use super::gitlab;
use super::log_check::LogCheck;
use super::report::Failure;
use super::session::{self, Typed};

/// The flags that set where the release log is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Release log")]
pub(super) struct BookOptions {
    /// Read this configuration file [env: PANNIER_CONFIG] [default: pannier.yml]
    #[arg(short, long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Set the repository of the release log, `project[@branch]` [env: PANNIER_RELEASES]
    #[arg(long = "release-log", alias = "book", value_name = "PROJECT")]
    pub(super) book: Option<String>,
    /// Set the base URL of projects that are given by name [env: PANNIER_GIT_BASE]
    #[arg(long, value_name = "URL")]
    pub(super) git_base: Option<String>,
    #[command(flatten)]
    pub(super) store: StoreOption,
}

/// The flag that records a reason.
#[derive(Debug, Clone, Args)]
pub(super) struct ReasonOption {
    /// Record this reason [default: the title of the job's commit]
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
}

/// The book with the doors that lead to it.
pub(super) struct Desk<'c> {
    /// Folder of the configuration file, else the current one.
    pub(super) root: PathBuf,
    git: Git,
    _store: Store,
    repository: SafeUrl,
    branch: String,
    git_base: Option<SafeUrl>,
    /// What remembers pushes, where there is a token for it.
    memory: Option<Gitlab>,
    context: &'c Context,
}

impl<'c> Desk<'c> {
    /// Finds out where the book is; no connection is made yet.
    pub(super) fn open(options: &BookOptions, context: &'c Context) -> Result<Self, Failure> {
        let typed = Typed {
            config: options.config.clone(),
            flags: Flags {
                book: options.book.clone(),
                git_base: options.git_base.clone(),
                store: options.store.store.clone(),
                ..Flags::default()
            },
        };
        let work = |inputs: Inputs<'_>| Ok((book_settings(&inputs)?, inputs.root.to_owned()));
        let (settings, root) = session::with_inputs(typed, context, work)?;
        let place = settings.place;
        let place = place.ok_or_else(|| Failure::new(Exit::Usage, NoBook))?;
        let store = context.open_store(&StoreOption {
            store: settings.store.clone(),
        })?;
        let options = http::Options {
            credentials: session::credentials(&settings.credentials, std::iter::empty()),
            ..http::Options::default()
        };
        Ok(Self {
            memory: gitlab::with_token(
                context,
                settings.git_base.as_ref().or(Some(&place.value.repository)),
                options.clone(),
            ),
            git: Git::new(&store.git_root(), Client::new(options)),
            repository: place.value.repository,
            branch: place.value.branch,
            git_base: settings.git_base,
            root,
            _store: store,
            context,
        })
    }

    /// Where the book is kept.
    pub(super) const fn shelf(&self) -> GitShelf<'_> {
        GitShelf {
            git: &self.git,
            repository: &self.repository,
            branch: self.branch.as_str(),
        }
    }

    /// The book as it is now.
    pub(super) fn book(&self) -> Result<Book, Failure> {
        release::read(&self.shelf()).map_err(failure)
    }

    /// The book as it is now, for a command that only reads; warns where the production branches are not where it says.
    pub(super) fn compared(&self) -> Result<(Book, LogCheck), Failure> {
        let book = self.book()?;
        let stamp = stamp(self.context, None);
        let compared = deploy::compare(self.eyes(), &book, &stamp);
        Ok((book, LogCheck::read_only(compared, self.context)))
    }

    /// The book for a command that writes: what was pushed to production branches without an entry is recorded first. Who may
    /// not write the book is warned: a job's token publishes tarballs all the same.
    pub(super) fn caught_up(&self, stamp: &Stamp) -> Result<(Book, LogCheck), Failure> {
        match deploy::catch_up(self.eyes(), &self.shelf(), stamp) {
            Ok(compared) => {
                let check = LogCheck::tell(&compared, true, self.context);
                Ok((compared.book, check))
            }
            Err(error) => {
                let book = self.book()?;
                // What cannot be read cannot be written either.
                let compared = deploy::compare(self.eyes(), &book, stamp).map_err(failure)?;
                let checked = (book, LogCheck::tell(&compared, false, self.context));
                let message = format!("cannot update the release log: {error}");
                self.context.reporter().warn(message, None);
                Ok(checked)
            }
        }
    }

    const fn eyes(&self) -> Eyes<'_> {
        Eyes {
            git: &self.git,
            gitlab: self.memory.as_ref(),
        }
    }

    /// The GitLab that the environment names, else the one that has the projects.
    pub(super) fn gitlab(&self) -> Result<Gitlab, Failure> {
        let base = self.git_base.as_ref().unwrap_or(&self.repository);
        gitlab::door(self.context, None, Some(base), http::Options::default())
    }

    /// The package registry of a project, of the book's own unless one is named.
    pub(super) fn registry<'g>(
        &self,
        gitlab: &'g Gitlab,
        named: Option<&str>,
    ) -> Result<Registry<'g>, Failure> {
        let project = named.map(ProjectRef::parse);
        let project = project.or_else(|| gitlab.project_at(&self.repository));
        let project = project.ok_or_else(|| Failure::new(Exit::Usage, NoProject))?;
        Ok(Registry { gitlab, project })
    }

    /// Says in the log what a writing changed, one line of JSON each.
    pub(super) fn tell_trail(&self, outcome: &Outcome, stamp: &Stamp) {
        for line in release::trail(outcome, &self.repository, self.branch.as_str(), stamp) {
            if let Ok(text) = serde_json::to_string(&line) {
                self.context.note_json(&text);
            }
        }
    }

    /// Who writes now, and why.
    pub(super) fn stamp(&self, reason: &ReasonOption) -> Stamp {
        stamp(self.context, reason.reason.as_deref())
    }
}

/// Who writes now, as the job or the machine tells it, and why.
pub(super) fn stamp(context: &Context, reason: Option<&str>) -> Stamp {
    let reason = reason.or_else(|| context.variable("CI_COMMIT_TITLE"));
    context.run().stamp(reason)
}

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("no release log is configured")]
#[diagnostic(help(
    "set a repository that the job may push to: `releases: {{repository: group/name}}` in pannier.yml, PANNIER_RELEASES or \
    --release-log"
))]
pub(super) struct NoBook;

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("the release log is not on this GitLab, so the project of the package registry is unknown")]
#[diagnostic(help("set the project with --project, by ID or path"))]
struct NoProject;

/// Reads the name of a channel, for clap.
pub(super) fn channel(text: &str) -> Result<ChannelName, String> {
    text.parse()
        .map_err(|error: release::BadName| error.to_string())
}

/// The exit code of an error about releases.
pub(super) fn failure(error: ReleaseError) -> Failure {
    let exit = match &error {
        error if error.is_refusal() => Exit::Refused,
        ReleaseError::Overridden { .. } => Exit::DeployRefused,
        ReleaseError::Unknown { .. } | ReleaseError::Ambiguous { .. } => Exit::Usage,
        _ => Exit::Failed,
    };
    Failure::new(exit, error)
}
