//! The client: its options and connections, the loop of attempts, and downloads and texts. One attempt is in `call`.

use std::fmt;
use std::io::Read;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use flate2::read::MultiGzDecoder;

use super::call::Call;
use super::credentials::Credentials;
use super::error::{HttpError, shown};
use super::response::{DownloadSink, Pace, Page, Response};
use super::retry::{Clock, Fault, RetryPolicy, SystemClock};
use pannier_base::url::SafeUrl;

/// Largest text, in bytes.
const TEXT: u64 = 64 << 20;

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
    /// URLs that must not lead to another origin, nor anything below them: whoever named them was trusted with that origin alone.
    pub confined: Vec<SafeUrl>,
    /// Largest file that is downloaded, in bytes.
    pub longest: u64,
    /// The passing of time.
    pub clock: Arc<dyn Clock>,
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
            clock: Arc::new(SystemClock),
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

    /// Downloads into `sink`, telling `progress` of each chunk's length; gives the length. A body that breaks off is
    /// asked for again: `reset` is called when it starts again from its beginning.
    ///
    /// # Errors
    /// [`HttpError`], after the last attempt.
    pub fn download(
        &self,
        url: &SafeUrl,
        sink: &mut dyn DownloadSink,
        progress: &dyn Fn(u64),
    ) -> Result<u64, HttpError> {
        // An encoding would change the bytes that the digest is of.
        let call = Call {
            headers: vec![("accept-encoding", "identity".to_owned())],
            ..Call::get(url)
        };
        let mut dirty = false;
        self.repeat(|| {
            let mut response = self.success(&call)?;
            let sink_error = |source| HttpError::Sink {
                url: shown(url),
                source,
            };
            if std::mem::replace(&mut dirty, true) {
                sink.reset().map_err(sink_error)?;
            }
            let mut buffer = vec![0; 1 << 16];
            loop {
                let n = match response.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(n) => n,
                    Err(source) => return Err(response.broken(source)),
                };
                let limit = self.0.options.longest;
                if response.received > limit {
                    let url = shown(url);
                    return Err(HttpError::TooLarge { url, limit });
                }
                sink.write_all(&buffer[..n]).map_err(sink_error)?;
                progress(n as u64);
            }
            sink.flush().map_err(sink_error)?;
            Ok(response.received)
        })
    }

    /// Fetches a small text (at most 64 MiB).
    ///
    /// # Errors
    /// [`HttpError`], after the last attempt.
    pub fn text(&self, url: &SafeUrl, accept: &str) -> Result<String, HttpError> {
        self.page(url, accept).map(|page| page.text)
    }

    /// Fetches a small text (at most 64 MiB) and says where it came from and as what.
    ///
    /// # Errors
    /// [`HttpError`], after the last attempt.
    pub fn page(&self, url: &SafeUrl, accept: &str) -> Result<Page, HttpError> {
        let call = Call {
            headers: vec![
                ("accept", accept.to_owned()),
                ("accept-encoding", "gzip".to_owned()),
            ],
            ..Call::get(url)
        };
        self.repeat(|| {
            let mut response = self.success(&call)?;
            let media_type = response.header("content-type").unwrap_or_default();
            let media_type = media_type.split(';').next().unwrap_or_default();
            let media_type = media_type.trim().to_ascii_lowercase();
            Ok(Page {
                text: text_of(&mut response)?,
                url: response.url.clone(),
                media_type,
            })
        })
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
                Some(pause) if fault.may_pass() => options.clock.sleep(pause),
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
        self.connection()
    }

    pub(super) fn credentials(&self) -> &Credentials {
        &self.0.options.credentials
    }

    /// How long a server may keep silent.
    pub(super) fn patience(&self) -> Duration {
        self.0.options.read_timeout
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

/// Reads a small text (at most 64 MiB), inflated where the server has compressed it.
pub fn text_of(response: &mut Response) -> Result<String, HttpError> {
    let gzip = response
        .header("content-encoding")
        .is_some_and(|value| value.trim() == "gzip");
    let mut bytes = Vec::new();
    let read = if gzip {
        MultiGzDecoder::new(&mut *response)
            .take(TEXT + 1)
            .read_to_end(&mut bytes)
    } else {
        (&mut *response).take(TEXT + 1).read_to_end(&mut bytes)
    };
    read.map_err(|source| response.broken(source))?;
    if bytes.len() as u64 > TEXT {
        return Err(HttpError::TooLarge {
            url: shown(response.url()),
            limit: TEXT,
        });
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
