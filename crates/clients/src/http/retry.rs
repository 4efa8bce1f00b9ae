//! When a request is tried again, and how long is waited before.
//!
//! Refuses to sleep or to measure time except through a [`Clock`], so that tests do neither, and to compare the time of this
//! machine with that of another one.

use std::fmt;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use pannier_base::cancel::Cancel;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// How often and how patiently a request is repeated.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// Largest number of attempts, the first included; at least one is made.
    pub attempts: u32,
    /// Pause after the first failed attempt; it doubles with each further one.
    pub first_pause: Duration,
    /// Longest pause, also when a server asks for a longer one.
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// The pause after attempt number `attempt` (from one), or `None` when there is no further attempt.
    ///
    /// Half of the doubled pause is left to chance (`share`, from 0 to 1), so that many jobs that failed together do
    /// not come back together. What the server asks for in `Retry-After` is the least that is waited.
    pub(super) fn pause(
        &self,
        attempt: u32,
        asked: Option<Duration>,
        share: f64,
    ) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        let doubled = self.first_pause.saturating_mul(1 << (attempt - 1).min(16));
        let jittered = doubled.mul_f64(0.5 + share / 2.0);
        Some(
            jittered
                .max(asked.unwrap_or_default())
                .min(self.longest_pause),
        )
    }
}

/// A failure that knows whether another attempt may help.
pub trait Fault {
    /// Whether the same attempt may succeed a little later.
    fn may_pass(&self) -> bool;

    /// How long the other side asks to wait.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// The passing of time. It does not tell the time of day: that of this machine may differ from a server's by hours, and may
/// jump.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time since a fixed moment. It never goes back.
    fn elapsed(&self) -> Duration;
    /// Sleeps for `pause`.
    fn sleep(&self, pause: Duration);
}

/// The machine's monotonic clock. Its pauses end when the run is cancelled.
#[derive(Debug, Clone, Default)]
pub struct SystemClock(pub Cancel);

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Clock for SystemClock {
    fn elapsed(&self) -> Duration {
        START.elapsed()
    }

    fn sleep(&self, pause: Duration) {
        self.0.sleep(pause);
    }
}

/// The pause that a server asks for in `Retry-After`: seconds, or an HTTP date, which is compared with the `Date` of the same
/// answer. See RFC 9110, 10.2.3: <https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3>.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let value = text(RETRY_AFTER)?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = httpdate::parse_http_date(value).ok()?;
    let now = httpdate::parse_http_date(text(DATE)?).ok()?;
    Some(then.duration_since(now).unwrap_or_default())
}

/// Whether a later attempt may get another answer: the server is busy, restarting, or its gateway is.
pub const fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502..=504 | 507..=509 | 520..=529)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let policy = RetryPolicy {
            attempts: 9,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(10),
        };
        let seconds = |attempt, share| policy.pause(attempt, None, share).map(|p| p.as_secs_f64());
        assert_eq!(seconds(1, 0.0), Some(0.5));
        assert_eq!(seconds(1, 1.0), Some(1.0));
        assert_eq!(seconds(3, 1.0), Some(4.0));
        assert_eq!(seconds(8, 1.0), Some(10.0));
        assert_eq!(seconds(9, 1.0), None);
        let asked = |asked| policy.pause(1, Some(Duration::from_secs(asked)), 1.0);
        assert_eq!(asked(7), Some(Duration::from_secs(7)));
        assert_eq!(asked(3600), Some(Duration::from_secs(10)));
        assert_eq!(asked(0), Some(Duration::from_secs(1)));
    }

    #[test]
    fn retry_after_in_both_forms() {
        let asked = |value: &'static str, date: Option<&'static str>| {
            let mut headers =
                HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]);
            headers.extend(date.map(|date| (DATE, HeaderValue::from_static(date))));
            retry_after(&headers).map(|pause| pause.as_secs())
        };
        let then = "Sun, 06 Nov 1994 08:49:37 GMT";
        let before = Some("Sun, 06 Nov 1994 08:49:30 GMT");
        assert_eq!(asked("120", None), Some(120));
        assert_eq!(asked("120", before), Some(120));
        assert_eq!(asked(then, before), Some(7));
        assert_eq!(asked("Sun, 06 Nov 1994 08:00:00 GMT", before), Some(0));
        // Only the server's own clock makes a date a pause.
        assert_eq!(asked(then, None), None);
        assert_eq!(asked(then, Some("today")), None);
        assert_eq!(asked("soon", before), None);
        assert_eq!(asked("-1", before), None);
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let transient: Vec<u16> = (400..600).filter(|&status| is_transient(status)).collect();
        assert!(transient.contains(&429) && transient.contains(&503));
        assert!(
            ![400, 401, 403, 404, 410, 501, 505]
                .iter()
                .any(|s| transient.contains(s))
        );
    }
}
