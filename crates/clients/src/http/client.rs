//! The client: its options, its connections and the loop of attempts. One attempt is in `call`.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::credentials::Credentials;
use super::error::{HttpError, shown};
use super::response::Pace;
use super::retry::{Clock, Fault, RetryPolicy, SystemClock};
use pannier_base::cancel::Cancel;
use pannier_base::url::SafeUrl;

/// How a client behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// User names and passwords.
    pub credentials: Credentials,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long a server may keep silent, before its answer and between two parts of it.
    pub read_timeout: Duration,
    /// How often and how patiently requests are repeated.
    pub retry: RetryPolicy,
    /// What the client calls itself.
    pub user_agent: String,
    /// Whether every request is refused before a connection is made.
    pub offline: bool,
    /// URLs that must not redirect to another origin, nor anything below them: their source is trusted with that origin only.
    pub confined: Vec<SafeUrl>,
    /// Largest file that is downloaded, in bytes.
    pub longest: u64,
    /// The passing of time.
    pub clock: Arc<dyn Clock>,
    /// Ends requests, pauses between them and downloads.
    pub cancel: Cancel,
}

impl Options {
    /// The same for a run that can be cancelled.
    #[must_use]
    pub fn cancelled_by(mut self, cancel: &Cancel) -> Self {
        self.clock = Arc::new(SystemClock(cancel.clone()));
        self.cancel = cancel.clone();
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            credentials: Credentials::default(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
            retry: RetryPolicy::default(),
            user_agent: concat!("pannier/", env!("CARGO_PKG_VERSION")).to_owned(),
            offline: false,
            confined: Vec::new(),
            longest: 64 << 30,
            clock: Arc::new(SystemClock::default()),
            cancel: Cancel::default(),
        }
    }
}

impl From<Credentials> for Options {
    fn from(credentials: Credentials) -> Self {
        Self {
            credentials,
            ..Self::default()
        }
    }
}

/// A client with timeouts, retries and redaction inside; cheap to make and to clone.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    options: Options,
    /// Made at the first request: reading the system's certificates takes longer than many a command.
    connection: OnceLock<Result<reqwest::blocking::Client, Arc<reqwest::Error>>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.0.options).finish()
    }
}

impl Client {
    /// Makes a client; no connection is made yet.
    #[must_use]
    pub fn new(options: impl Into<Options>) -> Self {
        Self(Arc::new(Inner {
            options: options.into(),
            connection: OnceLock::new(),
        }))
    }

    /// Whether this client refuses to connect.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        self.0.options.offline
    }

    /// Makes attempts until one succeeds, one fails for good, or there have been enough, with pauses in between.
    pub fn repeat<T, E: Fault>(&self, mut attempt: impl FnMut() -> Result<T, E>) -> Result<T, E> {
        let options = &self.0.options;
        let mut number = 1;
        loop {
            let fault = match attempt() {
                Ok(done) => return Ok(done),
                Err(fault) => fault,
            };
            let pause = options
                .retry
                .pause(number, fault.retry_after(), fastrand::f64());
            match pause {
                Some(pause) if fault.may_pass() && !options.cancel.is_cancelled() => {
                    options.clock.sleep(pause);
                }
                _ => return Err(fault),
            }
            number += 1;
        }
    }

    /// The pace of a body that begins to come.
    pub(super) fn pace(&self) -> Pace {
        Pace::new(&self.0.options.clock)
    }

    pub(super) fn is_confined(&self, url: &SafeUrl) -> bool {
        self.0.options.confined.iter().any(|start| {
            let start_path = start.expose().path().trim_end_matches('/');
            let rest = url.expose().path().strip_prefix(start_path);
            start.same_origin(url)
                && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// The connections, when `url` is one that they may be used for.
    pub(super) fn usable(&self, url: &SafeUrl) -> Result<&reqwest::blocking::Client, HttpError> {
        if !matches!(url.expose().scheme(), "http" | "https") {
            return Err(HttpError::Scheme { url: shown(url) });
        }
        if self.is_offline() {
            return Err(HttpError::Offline { url: shown(url) });
        }
        self.check(url)?;
        self.connection()
    }

    /// What ends requests.
    #[must_use]
    pub fn cancel(&self) -> &Cancel {
        &self.0.options.cancel
    }

    /// An error when the run is cancelled.
    pub(super) fn check(&self, url: &SafeUrl) -> Result<(), HttpError> {
        let checked = self.0.options.cancel.check();
        checked.map_err(|_| HttpError::Cancelled { url: shown(url) })
    }

    pub(super) fn credentials(&self) -> &Credentials {
        &self.0.options.credentials
    }

    /// How long a server may keep silent.
    pub(super) fn patience(&self) -> Duration {
        self.0.options.read_timeout
    }

    /// Largest file that is downloaded, in bytes.
    pub(super) fn longest(&self) -> u64 {
        self.0.options.longest
    }

    fn connection(&self) -> Result<&reqwest::blocking::Client, HttpError> {
        let options = &self.0.options;
        let made = self.0.connection.get_or_init(|| {
            reqwest::blocking::Client::builder()
                .user_agent(&options.user_agent)
                .connect_timeout(options.connect_timeout)
                // The blocking client applies this to the head and to each read of the body, not to their sum.
                .timeout(options.read_timeout)
                .redirect(reqwest::redirect::Policy::none())
                // Attempts are counted in one place.
                .retry(reqwest::retry::never())
                .referer(false)
                .build()
                .map_err(Arc::new)
        });
        made.as_ref()
            .map_err(|why| HttpError::Setup(Arc::clone(why)))
    }
}
