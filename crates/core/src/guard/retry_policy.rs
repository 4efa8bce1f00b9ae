//! Asking GitLab again while it has trouble, until the time is over: jittered pauses that double, and what it asks for itself.
//!
//! Refuses to try again what cannot become better.

use std::time::Duration;

use super::plan::GuardError;
use pannier_clients::gitlab::GitlabError;
use pannier_clients::http::Clock;

/// Pause after the first failed try.
const FIRST: Duration = Duration::from_secs(1);
/// Longest pause that is not asked for.
const LONGEST: Duration = Duration::from_secs(60);

/// The time that is left. It passes as on a stopwatch: what time of day this machine believes it is does not matter.
pub(super) struct Budget<'a> {
    clock: &'a dyn Clock,
    begun: Duration,
    time: Duration,
    /// What is said when something has to be tried again.
    trouble: Vec<String>,
}

impl<'a> Budget<'a> {
    pub(super) fn new(clock: &'a dyn Clock, time: Duration) -> Self {
        Self {
            clock,
            begun: clock.elapsed(),
            time,
            trouble: Vec::new(),
        }
    }

    /// The time since the beginning.
    pub(super) fn spent(&self) -> Duration {
        self.clock.elapsed().saturating_sub(self.begun)
    }

    pub(super) fn left(&self) -> Duration {
        self.time.saturating_sub(self.spent())
    }

    /// Lets `pause` pass, or what is left.
    pub(super) fn pass(&self, pause: Duration) {
        let pause = pause.min(self.left());
        if !pause.is_zero() {
            self.clock.sleep(pause);
        }
    }

    /// What there is to say of tries that failed, each once.
    pub(super) fn take_trouble(&mut self) -> Vec<String> {
        std::mem::take(&mut self.trouble)
    }

    /// Asks until an answer comes or there is no time for another try.
    pub(super) fn ask<T>(
        &mut self,
        mut request: impl FnMut() -> Result<T, GitlabError>,
    ) -> Result<T, GuardError> {
        let mut tries = 1;
        loop {
            let error = match request() {
                Ok(answer) => return Ok(answer),
                Err(error) if error.may_pass() => error,
                Err(error) => return Err(GuardError::Gitlab(error)),
            };
            let doubled = FIRST.saturating_mul(1 << (tries - 1).min(6)).min(LONGEST);
            let jittered = doubled.mul_f64(0.5 + fastrand::f64() / 2.0);
            let pause = jittered.max(error.retry_after().unwrap_or_default());
            if pause >= self.left() {
                return Err(GuardError::Late {
                    tries,
                    source: error,
                });
            }
            if tries == 1 {
                self.trouble.push(error.to_string());
            }
            self.clock.sleep(pause);
            tries += 1;
        }
    }

    /// The same for something that may not be there, or not for this token. Whether a pipeline is gone is asked elsewhere
    /// (`presence`).
    pub(super) fn find<T>(
        &mut self,
        request: impl FnMut() -> Result<T, GitlabError>,
    ) -> Result<Option<T>, GuardError> {
        match self.ask(request) {
            Ok(answer) => Ok(Some(answer)),
            Err(GuardError::Gitlab(error)) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The same for something that this token need not be allowed to see.
    pub(super) fn see<T>(
        &mut self,
        request: impl FnMut() -> Result<T, GitlabError>,
    ) -> Result<Option<T>, GuardError> {
        match self.find(request) {
            Err(GuardError::Gitlab(error)) if error.status() == Some(403) => Ok(None),
            other => other,
        }
    }
}
