//! The doors that deployments go through, and the way from wishes to a result that is shown: plan, table, apply, audit,
//! release log. What all verbs that move production branches share.

use std::error::Error as _;
use std::fs::File;
use std::io::Write;
use std::sync::Mutex;

use jiff::Timestamp;
use miette::Diagnostic;

use pannier_base::secret::scrub_values;
use pannier_base::url::SafeUrl;
use pannier_clients::git::{Git, RefusalKind};
use pannier_clients::gitlab::Gitlab;
use pannier_clients::http::{self, Client, CredentialEntries};
use pannier_config::{Flags, Inputs, book_settings};
use pannier_core::deploy::{
    self, DeployError, Doors, Ending, Eyes, Outcome, Plan, Report, Rules, Run, Wish,
};
use pannier_core::release::{self, Book, GitShelf, ReleaseError, Stamp};
use pannier_core::session::LogPlace;
use pannier_core::store::Store;

use super::super::book::BookOptions;
use super::super::context::{Context, StoreOption};
use super::super::exit::Exit;
use super::super::log_check::LogCheck;
use super::super::release::told;
use super::super::report::Failure;
use super::super::session::{self, Typed};
use super::super::{Format, gitlab};
use super::RunOptions;
use super::show::{Shown, plan_table, report_table};

/// The doors of one run.
pub(crate) struct Ground<'c> {
    git: Git,
    gitlab: Option<Gitlab>,
    credentials: CredentialEntries,
    git_base: Option<SafeUrl>,
    place: Option<LogPlace>,
    /// Keeps the store from being pruned meanwhile.
    _store: Store,
    context: &'c Context,
}

/// What is to be deployed, and how.
pub(crate) struct Wanted<'a> {
    /// The projects.
    pub(crate) wishes: &'a [Wish],
    /// By which rules.
    pub(crate) rules: &'a Rules,
    /// Who does it, and why.
    pub(crate) stamp: &'a Stamp,
    /// How it is run.
    pub(crate) options: &'a RunOptions,
    /// What is written into the release log when every branch is where it should be.
    pub(crate) then: Option<&'a dyn Fn() -> Result<release::Outcome, ReleaseError>>,
}

impl<'c> Ground<'c> {
    /// Opens the doors; no connection is made yet.
    pub(crate) fn open(options: &BookOptions, context: &'c Context) -> Result<Self, Failure> {
        let typed = Typed {
            config: options.config.clone(),
            flags: Flags {
                book: options.book.clone(),
                git_base: options.git_base.clone(),
                store: options.store.store.clone(),
                ..Flags::default()
            },
        };
        let work = |inputs: Inputs<'_>| book_settings(&inputs);
        let settings = session::with_inputs(typed, context, work)?;
        let store = context.open_store(&StoreOption {
            store: settings.store.clone(),
        })?;
        let options = http::Options {
            credentials: session::credentials(&settings.credentials, std::iter::empty()),
            ..http::Options::default()
        };
        let gitlab = gitlab::with_token(context, settings.git_base.as_ref(), options.clone());
        Ok(Self {
            git: Git::new(&store.git_root(), Client::new(options)),
            gitlab,
            credentials: settings.credentials,
            git_base: settings.git_base,
            place: settings.place.map(|place| place.value),
            _store: store,
            context,
        })
    }

    /// Where a project given by its name alone lives.
    pub(super) const fn git_base(&self) -> Option<&SafeUrl> {
        self.git_base.as_ref()
    }

    /// The release log, where the team has one.
    fn shelf(&self) -> Option<GitShelf<'_>> {
        self.place.as_ref().map(|place| GitShelf {
            git: &self.git,
            repository: &place.repository,
            branch: &place.branch,
        })
    }

    /// Plans, shows, applies, writes down and shows what came of it; `None`: it stopped at the plan.
    pub(crate) fn carry_out(&self, wanted: &Wanted<'_>) -> Result<Option<Report>, Failure> {
        let trail = Trail::open(self.context, wanted.options)?;
        let (book, check) = self.book(wanted).unzip();
        let check = check.unwrap_or_default();
        let doors = Doors {
            git: &self.git,
            gitlab: self.gitlab.as_ref(),
            book: book.as_ref(),
            credentials: &self.credentials,
        };
        let plan = deploy::plan(&doors, wanted.wishes, wanted.rules).map_err(failure)?;
        let text = wanted.options.format == Format::Text;
        if text {
            self.context.print(&plan_table(&plan))?;
        }
        for note in plan.notes() {
            self.context.reporter().warn(note, None);
        }
        let refused = DeployError::of_refusals(&plan);
        if refused.is_some() || wanted.options.dry_run {
            if !text {
                self.context
                    .print_json(&Shown::of(&plan, None, None, &check))?;
            }
            return refused.map_or(Ok(None), |error| Err(failure(error)));
        }
        self.announce(&plan, wanted.stamp)?;
        let run = Run {
            stamp: wanted.stamp,
            now: &Timestamp::now,
            audit: &|line| trail.write(line),
            environment: &wanted.rules.environment,
        };
        let report = deploy::apply(&doors, &plan, &run).map_err(failure)?;
        let failure = ended(&report);
        let recorded = self.record(&report, wanted.stamp).and_then(|()| {
            let then = wanted.then.filter(|_| failure.is_none());
            then.map(|then| then()).transpose()
        });
        let outcome = recorded.as_ref().ok().and_then(Option::as_ref);
        if !text {
            let shown = Shown::of(&plan, Some(&report), outcome, &check);
            self.context.print_json(&shown)?;
        } else {
            if !plan.is_done() {
                self.context.print(&report_table(&report))?;
            }
            if let Some(outcome) = outcome {
                self.context.print(&told(outcome))?;
            }
        }
        if let Some(failure) = failure {
            return Err(failure);
        }
        recorded.map_err(|source| Failure::new(Exit::Failed, Unrecorded { source }))?;
        Ok(Some(report))
    }

    /// The release log as it is, after what it did not tell was recorded; a dry run only compares. At night it must not stand
    /// in the way: one that cannot be read or written is a warning.
    fn book(&self, wanted: &Wanted<'_>) -> Option<(Book, LogCheck)> {
        let shelf = self.shelf()?;
        let eyes = Eyes {
            git: &self.git,
            gitlab: self.gitlab.as_ref(),
        };
        let compare = || {
            let book = release::read(&shelf)?;
            deploy::compare(eyes, &book, wanted.stamp)
        };
        let written = (!wanted.options.dry_run)
            .then(|| deploy::catch_up(eyes, &shelf, wanted.stamp))
            .transpose();
        let recorded = matches!(written, Ok(Some(_)));
        let compared = match written {
            Ok(Some(compared)) => Ok(compared),
            Ok(None) => compare(),
            Err(error) => {
                self.warn_of_log("cannot be updated", &error);
                compare()
            }
        };
        match compared {
            Ok(compared) => {
                let check = LogCheck::tell(&compared, recorded, self.context);
                Some((compared.book, check))
            }
            Err(error) => {
                self.warn_of_log("is not searched", &error);
                None
            }
        }
    }

    /// Records what is about to be pushed. Where that fails the next writer finds what was pushed.
    ///
    /// # Errors
    /// When the entry would contain a secret: no later one could be written either.
    fn announce(&self, plan: &Plan, stamp: &Stamp) -> Result<(), Failure> {
        let Some(shelf) = self.shelf() else {
            return Ok(());
        };
        match deploy::announce(&shelf, plan, stamp, Timestamp::now()) {
            Err(error @ ReleaseError::Exposed(_)) => Err(Failure::new(Exit::Failed, error)),
            Err(error) => {
                self.warn_of_log("could not record this plan", &error);
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    fn warn_of_log(&self, problem: &str, error: &ReleaseError) {
        let because = error.source().map(|it| format!(": {it}"));
        let because = because.unwrap_or_default();
        let message = format!("the release log {problem}: {error}{because}");
        self.context.reporter().warn(message, None);
    }

    fn record(&self, report: &Report, stamp: &Stamp) -> Result<(), ReleaseError> {
        match self.shelf() {
            Some(shelf) => deploy::record(&shelf, report, stamp).map(|_| ()),
            None => Ok(()),
        }
    }
}

/// Where the audit lines go: to the log, and to a file where one is named.
struct Trail<'c> {
    context: &'c Context,
    file: Option<Mutex<File>>,
}

impl<'c> Trail<'c> {
    /// Opens the file before anything is pushed: what cannot be written down is not done.
    fn open(context: &'c Context, options: &RunOptions) -> Result<Self, Failure> {
        let file = match options.audit.as_ref().filter(|_| !options.dry_run) {
            Some(path) => {
                let path = context.folder.join(path);
                let opened = File::options().create(true).append(true).open(&path);
                let opened = opened.map_err(|source| DeployError::Audit { path, source });
                Some(Mutex::new(opened.map_err(failure)?))
            }
            None => None,
        };
        Ok(Self { context, file })
    }

    fn write(&self, line: &deploy::AuditLine) {
        let Ok(text) = serde_json::to_string(line) else {
            return;
        };
        // The push has happened: a line with a gap says more than none.
        let text = scrub_values(&text);
        self.context.note_json(&text);
        if let Some(file) = &self.file {
            let mut file = file.lock().unwrap_or_else(|broken| broken.into_inner());
            if let Err(error) = writeln!(file, "{text}").and_then(|()| file.sync_data()) {
                let message = format!("cannot write the audit file: {error}");
                self.context.reporter().warn(message, None);
            }
        }
    }
}

/// The exit code of an error about deployments.
fn failure(error: DeployError) -> Failure {
    let exit = match &error {
        DeployError::Refused { .. } => Exit::DeployRefused,
        DeployError::Twice { .. } => Exit::Usage,
        _ => Exit::Failed,
    };
    Failure::new(exit, error)
}

/// A deployment that did not come through.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{project} is {words}")]
#[diagnostic(help("{hint}"))]
struct Halted {
    project: String,
    words: String,
    hint: String,
}

/// The branches have moved, but the release log could not be updated.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("the branches are as shown, but the release log could not be updated")]
#[diagnostic(help("run the same command again: it pushes nothing twice and completes the log"))]
struct Unrecorded {
    #[source]
    #[diagnostic_source]
    source: ReleaseError,
}

/// What helps against a refusal that came with the push.
const fn refused(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Refused {
            kind: RefusalKind::NoForce,
            ..
        } => {
            "allow force push in Settings > Repository > Protected branches of the project (as a maintainer), or deploy a commit \
             that reverts the change"
        }
        Outcome::Refused {
            kind: RefusalKind::Protected,
            ..
        } => {
            "let the token's owner push to it: Settings > Repository > Protected branches of the project (as a maintainer)"
        }
        Outcome::Refused {
            kind: RefusalKind::NoRight,
            ..
        } => {
            "set PANNIER_TOKEN to an access token with scope `write_repository` and role Developer or higher in the project"
        }
        Outcome::Refused { .. } => {
            "see the message from the server: a hook or a push rule of the project refuses the push"
        }
        _ => "check what is in production now, then plan again with --dry-run",
    }
}

fn ended(report: &Report) -> Option<Failure> {
    let exit = match report.ending() {
        Ending::Done => return None,
        Ending::Refused => Exit::DeployRefused,
        Ending::Failed => Exit::Failed,
    };
    let culprit = report.culprit();
    let stuck = report
        .ends
        .iter()
        .find(|end| matches!(end.outcome, Outcome::Stuck { .. }));
    let end = culprit.or(stuck)?;
    let hint = match stuck {
        Some(stuck) => format!(
            "{} could not be moved back: run the same command again to go on, or `pannier deploy {}@{} --rollback` to go back",
            stuck.name,
            stuck.name,
            stuck.from.as_deref().unwrap_or("COMMIT")
        ),
        None if report.ending() == Ending::Refused => refused(&end.outcome).to_owned(),
        None => "run the same command again: nothing is pushed twice".to_owned(),
    };
    let halted = Halted {
        project: end.name.clone(),
        words: end.words(),
        hint,
    };
    Some(Failure::new(exit, halted))
}
