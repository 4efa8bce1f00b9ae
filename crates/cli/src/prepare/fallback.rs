//! `--fallback`: the lock of a channel, prepared loudly instead of what was asked for and failed.
//!
//! Whether that is right is decided by [`pannier_core::prepare::fallback`]; here the channel is read and everybody is told.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use pannier_archive::tarball::Fallback;
use pannier_base::digest::Digest;
use pannier_core::deploy::{self, Eyes};
use pannier_core::lock::fresh::{Freshness, freshness};
use pannier_core::lock::model::Lock;
use pannier_core::prepare::fallback::{Blame, Failed, fits};
use pannier_core::prepare::{self, Options, Tools};
use pannier_core::release::{self, ChannelName, GitShelf, ReleaseError, ReleaseId};
use pannier_core::session::LogPlace;

use super::super::book::{NoBook, stamp};
use super::super::context::Context;
use super::super::exit::Exit;
use super::super::log_check::LogCheck;
use super::super::report::{self, Failure};
use super::super::session::Session;
use super::{Done, failure_of};

/// What was prepared instead, and why.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Instead {
    /// The channel.
    pub(super) channel: ChannelName,
    /// The release that it holds.
    pub(super) release: ReleaseId,
    /// What failed, in one line.
    pub(super) because: String,
    /// In what the request differs from the one that the release was made from.
    pub(super) changed: Vec<String>,
}

impl fmt::Display for Instead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (channel, release, because) = (&self.channel, &self.release, &self.because);
        write!(
            f,
            "NOT what was requested, but release {release} of {channel}: {because}"
        )
    }
}

/// A channel to fall back to, and where it is.
pub(super) struct Known<'a> {
    channel: &'a ChannelName,
    place: &'a LogPlace,
    session: &'a Session<'a>,
}

/// What `--fallback` names, if it was given. No connection is made while nothing has failed.
pub(super) fn known<'a>(
    channel: Option<&'a ChannelName>,
    session: &'a Session<'a>,
) -> Result<Option<Known<'a>>, Failure> {
    let Some(channel) = channel else {
        return Ok(None);
    };
    let place = session.configuration.releases.as_ref();
    let place = place.ok_or_else(|| Failure::new(Exit::Usage, NoBook))?;
    Ok(Some(Known {
        channel,
        place,
        session,
    }))
}

/// The lock of a release.
struct Held {
    release: ReleaseId,
    lock: Lock,
    digest: Digest,
}

impl Known<'_> {
    /// Prepares what the channel holds; where that is not right, the failure is what it was, and why not is told.
    pub(super) fn instead(
        &self,
        failed: Failed,
        options: &Options,
        tools: &Tools<'_>,
        context: &Context,
    ) -> Result<Done, Failure> {
        let because = said(&failed);
        let held = match self.usable(&failed, options, context) {
            Ok(held) => held,
            Err(why) => {
                self.warn(
                    context,
                    format!("nothing is prepared from `{}` instead: {why}", self.channel),
                );
                return Err(failure_of(failed));
            }
        };
        let options = Options {
            lock_digest: held.digest,
            fallback: Some(Fallback {
                channel: self.channel.to_string(),
                release: held.release.to_string(),
            }),
            ..options.clone()
        };
        let request = &self.session.configuration.request;
        let failure = failure_of(failed);
        if let Some(error) = &failure.report {
            report::show(&**error);
        }
        let images = match prepare::prepare(request, &held.lock, &options, tools) {
            Ok(images) => images,
            Err(error) => {
                let Held { release, .. } = held;
                let why = format!(
                    "release {release} of `{}` cannot be prepared either",
                    self.channel
                );
                self.warn(context, why);
                return Err(Failure {
                    exit: failure.exit,
                    ..super::failure(error)
                });
            }
        };
        let instead = Instead {
            channel: self.channel.clone(),
            release: held.release,
            because,
            changed: self.changed(&held.lock)?,
        };
        let mut warning = instead.to_string();
        if !instead.changed.is_empty() {
            warning += &format!(" (since then: {})", instead.changed.join(", "));
        }
        self.warn(context, warning);
        Ok(Done {
            lock: PathBuf::from(format!(
                "{}@{}:releases/{}.pylock.toml",
                self.place.repository.without_credentials(),
                self.place.branch,
                instead.release
            )),
            lock_digest: held.digest,
            fallback: Some(instead),
            overrides: Vec::new(),
            images,
        })
    }

    fn warn(&self, context: &Context, message: String) {
        context.reporter().warn(message, None);
    }

    /// The lock of the channel, if it is right to prepare it now; else why not.
    fn usable(
        &self,
        failed: &Failed,
        options: &Options,
        context: &Context,
    ) -> Result<Held, String> {
        let request = &self.session.configuration.request;
        if let Blame::Own(why) = failed.blame(request) {
            return Err(why.to_owned());
        }
        let held = self.held(context).map_err(|error| chain(&error))?;
        fits(request, &held.lock, &options.images)
            .map_err(|unfit| format!("release {}: {unfit}", held.release))?;
        Ok(held)
    }

    fn held(&self, context: &Context) -> Result<Held, ReleaseError> {
        let shelf = GitShelf {
            git: &self.session.git,
            repository: &self.place.repository,
            branch: &self.place.branch,
        };
        let book = release::read(&shelf)?;
        let eyes = Eyes {
            git: &self.session.git,
            gitlab: None,
        };
        LogCheck::read_only(deploy::compare(eyes, &book, &stamp(context, None)), context);
        let channel = book.channel(self.channel)?;
        let channel = channel.ok_or_else(|| ReleaseError::Channel {
            channel: self.channel.to_string(),
            problem: "has no release",
        })?;
        let release = book.release(&channel.release)?;
        let (_, lock) = book.lock(&release)?;
        Ok(Held {
            digest: release.lock,
            release: release.id,
            lock,
        })
    }

    fn changed(&self, lock: &Lock) -> Result<Vec<String>, Failure> {
        let parts = self.session.parts()?;
        Ok(match freshness(&lock.pannier, &parts) {
            Freshness::Fresh => Vec::new(),
            Freshness::Stale(changes) => changes,
        })
    }
}

/// A failure with its causes, in one line that is not endless.
fn said(failed: &Failed) -> String {
    const MOST: usize = 300;
    let line = chain(failed)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text += &format!(": {inner}");
        cause = inner.source();
    }
    text
}
