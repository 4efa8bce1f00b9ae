//! Preparing the release of a channel in place of a request that failed.
//!
//! [`crate::prepare::fallback`] decides whether that is right; here the channel is read, and everyone is told.

use std::fmt;
use std::path::PathBuf;

use pannier_archive::tarball;
use pannier_base::class::Classify;
use pannier_base::digest::Digest;
use pannier_base::event::{Event, Reporter};
use pannier_base::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;

use super::RequestError;
use super::log::ReleaseLog;
use crate::lock::fresh::{Freshness, freshness};
use crate::lock::model::Lock;
use crate::prepare::fallback::{Blame, Failed, fits};
use crate::prepare::{self, Options, Prepared, Tools};
use crate::release::{ChannelName, ReleaseError, ReleaseId};
use crate::request::Request;
use crate::request::digest::Parts;

/// Characters of the failure that a report repeats.
const REASON: usize = 300;

/// What was prepared instead, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Instead {
    /// The channel.
    #[schemars(with = "String")]
    pub channel: ChannelName,
    /// Its release.
    #[schemars(with = "String")]
    pub release: ReleaseId,
    /// What failed, on one line.
    pub because: String,
    /// How the request differs from the one that the release was made from.
    pub changed: Vec<String>,
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

/// A channel to fall back to.
pub(super) struct Fallback<'a> {
    pub(super) log: ReleaseLog<'a>,
    pub(super) channel: &'a ChannelName,
    pub(super) reporter: &'a dyn Reporter,
    pub(super) request: &'a Request,
    pub(super) parts: &'a Parts,
}

/// What was prepared from the channel.
pub(super) struct Replacement {
    /// Where the release log has the lock.
    pub(super) lock: PathBuf,
    pub(super) lock_digest: Digest,
    pub(super) instead: Instead,
    pub(super) images: Vec<Prepared>,
}

/// The lock of a release.
struct Held {
    release: ReleaseId,
    lock: Lock,
    digest: Digest,
}

impl Fallback<'_> {
    /// Prepares the channel's release. Where that is not right, returns the failure and warns why.
    pub(super) fn prepare(
        &self,
        failed: Failed,
        options: &Options,
        tools: &Tools<'_>,
    ) -> Result<Replacement, RequestError> {
        let held = match self.usable(&failed, options) {
            Ok(held) => held,
            Err(why) => {
                let channel = self.channel;
                self.warn(format!(
                    "nothing is prepared from `{channel}` instead: {why}"
                ));
                return Err(failed.into());
            }
        };
        let problem = Problem::of(&failed);
        let because = problem.line(REASON);
        self.reporter.report(Event::Failed { problem });
        let options = Options {
            lock_digest: held.digest,
            fallback: Some(tarball::Fallback {
                channel: self.channel.to_string(),
                release: held.release.to_string(),
            }),
            ..options.clone()
        };
        let images = prepare::prepare(self.request, &held.lock, &options, tools);
        let images = images.map_err(|source| RequestError::Fallback {
            channel: self.channel.clone(),
            release: held.release.clone(),
            class: RequestError::from(failed).class(),
            source,
        })?;
        let instead = Instead {
            channel: self.channel.clone(),
            release: held.release,
            because,
            changed: match freshness(&held.lock.pannier, self.parts) {
                Freshness::Fresh => Vec::new(),
                Freshness::Stale(changes) => changes,
            },
        };
        let mut warning = instead.to_string();
        if !instead.changed.is_empty() {
            warning += &format!(" (since then: {})", instead.changed.join(", "));
        }
        self.warn(warning);
        let place = self.log.place();
        Ok(Replacement {
            lock: PathBuf::from(format!(
                "{}@{}:releases/{}.pylock.toml",
                place.repository.without_credentials(),
                place.branch,
                instead.release
            )),
            lock_digest: held.digest,
            instead,
            images,
        })
    }

    fn warn(&self, message: String) {
        self.reporter.warn(message, None);
    }

    /// The lock of the channel, if it is right to prepare it now; otherwise why not.
    fn usable(&self, failed: &Failed, options: &Options) -> Result<Held, String> {
        if let Blame::Own(why) = failed.blame(self.request) {
            return Err(why.to_owned());
        }
        let held = self
            .held()
            .map_err(|error| Problem::of(&error).line(usize::MAX))?;
        fits(self.request, &held.lock, &options.images)
            .map_err(|unfit| format!("release {}: {unfit}", held.release))?;
        Ok(held)
    }

    fn held(&self) -> Result<Held, ReleaseError> {
        let log = self.log.compared()?.log;
        let channel = log.channel(self.channel)?;
        let channel = channel.ok_or_else(|| ReleaseError::Channel {
            channel: self.channel.to_string(),
            problem: "has no release",
        })?;
        let release = log.release(&channel.release)?;
        let (_, lock) = log.lock(&release)?;
        Ok(Held {
            digest: release.lock,
            release: release.id,
            lock,
        })
    }
}
