//! The throttle of the layer before the application: so many requests of a user in each period, and 429 for the rest of it.

use std::collections::BTreeMap;

use super::loopback::{Answer, Request};
use super::state::{Id, State};

/// How many requests of a user are answered in each period.
#[derive(Debug, Clone)]
pub struct Throttle {
    most: u64,
    /// In seconds.
    period: i64,
    /// By user and period.
    counts: BTreeMap<(Id, i64), u64>,
    /// How many requests were refused.
    pub refused: u64,
}

impl Throttle {
    pub fn hourly(most: u64) -> Self {
        Self::new(most, 3600)
    }

    pub fn by_the_minute(most: u64) -> Self {
        Self::new(most, 60)
    }

    fn new(most: u64, period: i64) -> Self {
        Self {
            most,
            period,
            counts: BTreeMap::new(),
            refused: 0,
        }
    }

    /// The most requests that a user made in a period.
    pub fn peak(&self) -> u64 {
        self.counts.values().max().copied().unwrap_or_default()
    }
}

impl State {
    /// Counts a request; gives the answer of refusal when it is one too many.
    pub fn throttled(&mut self, request: &Request) -> Option<Answer> {
        let now = self.now();
        let value = request.header("private-token")?;
        let user = self.tokens.iter().find(|it| it.value == value)?.user;
        let throttle = self.throttle.as_mut()?;
        let at = now.as_second().div_euclid(throttle.period);
        let count = throttle.counts.entry((user, at)).or_default();
        *count += 1;
        if *count <= throttle.most {
            return None;
        }
        throttle.refused += 1;
        let end = (at + 1) * throttle.period;
        let answer = Answer::new(429, "Retry later\n")
            .with("content-type", "text/plain")
            .with("retry-after", (end - now.as_second()).to_string())
            .with("ratelimit-limit", throttle.most.to_string())
            .with("ratelimit-name", "throttle_authenticated_api")
            .with("ratelimit-observed", count.to_string())
            .with("ratelimit-remaining", "0")
            .with("ratelimit-reset", end.to_string());
        Some(answer)
    }
}
