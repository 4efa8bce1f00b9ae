//! What holds for one run: who acts, who is told, the time, and whether to stop.

use std::time::Instant;

use jiff::Timestamp;
use pannier_base::cancel::Cancel;
use pannier_base::event::Reporter;
use pannier_base::url::SafeUrl;

use crate::release::Stamp;

/// What holds for one run.
#[derive(Clone)]
pub struct Run<'r> {
    /// Who is told what happens.
    pub reporter: &'r dyn Reporter,
    /// Asks the run to stop.
    pub cancel: Cancel,
    /// The time of day, for records.
    pub now: fn() -> Timestamp,
    /// A clock for durations.
    pub clock: fn() -> Instant,
    /// Who acts.
    pub actor: Actor,
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// A login.
    pub name: String,
    /// The mail address for commits.
    pub mail: String,
    /// The pipeline, if there is one.
    pub pipeline: Option<SafeUrl>,
}

impl Run<'_> {
    /// Who writes now, and why. Each call makes another entry.
    #[must_use]
    pub fn stamp(&self, reason: Option<&str>) -> Stamp {
        let at = (self.now)();
        Stamp {
            at,
            by: self.actor.name.clone(),
            mail: self.actor.mail.clone(),
            reason: reason.map(str::to_owned),
            pipeline: self.actor.pipeline.clone(),
            // One text for all attempts of this writing, and no other writing has it.
            entry: format!("{}-{:016x}", at.as_second(), fastrand::u64(..)),
        }
    }
}
