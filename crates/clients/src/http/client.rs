//! The client: one attempt with its redirects, the loop of attempts around it, and the three things it is used for
//! (a stream, a download, a text).

use std::fmt;
use std::io::Read;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use reqwest::Method;
use reqwest::header::LOCATION;

use super::credentials::{Credentials, Login, LoginSource};
use super::error::{HttpError, shown};
use super::response::{DownloadSink, Pace, Page, Request, Response};
use super::retry::{self, Clock, Fault, RetryPolicy, SystemClock};
use pannier_base::url::SafeUrl;

/// Most redirects that one request follows.
pub(super) const REDIRECTS: usize = 10;
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

/// An answer, where it came from, and whose credentials were sent there.
pub(super) type Answer = (reqwest::blocking::Response, SafeUrl, Option<LoginSource>);

/// One attempt that failed.
struct Failure {
    error: HttpError,
    retry_after: Option<Duration>,
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        Self {
            error,
            retry_after: None,
        }
    }
}

impl Fault for Failure {
    fn may_pass(&self) -> bool {
        self.error.may_pass()
    }

    fn retry_after(&self) -> Option<Duration> {
        self.retry_after
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

    /// Sends a request, again where that may help, and gives the answer when it is a success (2xx). Its body is the
    /// caller's to read: a body that breaks off is not repeated here.
    ///
    /// # Errors
    /// [`HttpError`], after the last attempt.
    pub fn send(&self, request: &Request<'_>) -> Result<Response, HttpError> {
        self.with_retries(|| self.attempt(request))
    }

    /// Sends a request that must not be repeated, and gives the answer when it is a success (2xx).
    ///
    /// # Errors
    /// [`HttpError`].
    pub fn send_once(&self, request: &Request<'_>) -> Result<Response, HttpError> {
        self.attempt(request).map_err(|failure| failure.error)
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
        let request = get(url, vec![("accept-encoding", "identity".to_owned())]);
        let mut dirty = false;
        self.with_retries(|| {
            let mut response = self.attempt(&request)?;
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
                    Err(source) => return Err(response.broken(source).into()),
                };
                let limit = self.0.options.longest;
                if response.received > limit {
                    let url = shown(url);
                    return Err(HttpError::TooLarge { url, limit }.into());
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
        let headers = vec![
            ("accept", accept.to_owned()),
            ("accept-encoding", "gzip".to_owned()),
        ];
        let request = get(url, headers);
        self.with_retries(|| {
            let mut response = self.attempt(&request)?;
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

    fn with_retries<T>(&self, attempt: impl FnMut() -> Result<T, Failure>) -> Result<T, HttpError> {
        self.repeat(attempt).map_err(|failure| failure.error)
    }

    /// The pace of a body that begins to come.
    pub(super) fn pace(&self) -> Pace {
        Pace::new(&self.0.options.clock)
    }

    /// Sends once and takes any answer but a success for a failure.
    fn attempt(&self, request: &Request<'_>) -> Result<Response, Failure> {
        let method = match request.body {
            None => Method::GET,
            Some(_) => Method::POST,
        };
        let (response, url, login) = self.answer(&method, request)?;
        let status = response.status();
        if status.is_success() {
            return Ok(Response::new(
                response,
                url.without_credentials(),
                self.pace(),
            ));
        }
        let headers = response.headers();
        Err(Failure {
            retry_after: retry::retry_after(headers),
            error: HttpError::of_status(&url, status, headers, login),
        })
    }

    /// Sends once and follows redirects, looking up the credentials of each origin. Gives the first answer that is no
    /// redirect, where it came from, and whose credentials were sent there.
    pub(super) fn answer(
        &self,
        method: &Method,
        request: &Request<'_>,
    ) -> Result<Answer, HttpError> {
        self.answer_to(method, request, &|_| true)
    }

    /// The same with credentials for those URLs alone that `trusts` approves.
    pub(super) fn answer_to(
        &self,
        method: &Method,
        request: &Request<'_>,
        trusts: &dyn Fn(&SafeUrl) -> bool,
    ) -> Result<Answer, HttpError> {
        let mut url = request.url.clone();
        for _ in 0..=REDIRECTS {
            let login = match trusts(&url) {
                true => self.0.options.credentials.for_url(&url),
                false => None,
            };
            let response = self.exchange(method, request, &url, login.as_ref())?;
            let status = response.status();
            if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok((response, url, login.map(|login| login.source())));
            }
            let keeps_method = matches!(status.as_u16(), 307 | 308);
            if request.body.is_some() && !keeps_method {
                return Err(redirect_error(request.url, "a POST cannot be sent on"));
            }
            let location = response.headers().get(LOCATION);
            let location = location.and_then(|value| value.to_str().ok());
            url = next_hop(request.url, &url, location)?;
            if self.is_confined(request.url) && !url.same_origin(request.url) {
                let problem = format!(
                    "to another server ({}), which a source that was named for this run may not do",
                    shown(&url)
                );
                return Err(redirect_error(request.url, problem));
            }
        }
        Err(redirect_error(
            request.url,
            format!("after {REDIRECTS} redirects there is still no answer (a loop?)"),
        ))
    }

    fn is_confined(&self, url: &SafeUrl) -> bool {
        self.0.options.confined.iter().any(|start| {
            let start_path = start.expose().path().trim_end_matches('/');
            let rest = url.expose().path().strip_prefix(start_path);
            start.same_origin(url)
                && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    fn exchange(
        &self,
        method: &Method,
        request: &Request<'_>,
        url: &SafeUrl,
        login: Option<&Login>,
    ) -> Result<reqwest::blocking::Response, HttpError> {
        let connection = self.usable(url)?;
        let bare = url.without_credentials().expose().clone();
        let mut builder = connection.request(method.clone(), bare);
        if let Some(body) = &request.body {
            let body = body.open().map_err(|source| HttpError::Sink {
                url: shown(url),
                source,
            })?;
            builder = builder.body(body);
        }
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        if let Some(login) = login {
            builder = builder.basic_auth(login.user(), Some(login.password()));
        }
        let sent = builder.send();
        sent.map_err(|source| HttpError::of_connection(url, source))
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

const fn get<'a>(url: &'a SafeUrl, headers: Vec<(&'static str, String)>) -> Request<'a> {
    Request {
        url,
        headers,
        body: None,
    }
}

/// Where a redirect from `from` leads, for what was asked of `asked`.
pub(super) fn next_hop(
    asked: &SafeUrl,
    from: &SafeUrl,
    location: Option<&str>,
) -> Result<SafeUrl, HttpError> {
    let unusable = || redirect_error(asked, "without a usable address");
    let target = from
        .expose()
        .join(location.ok_or_else(unusable)?)
        .map_err(|_| unusable())?;
    let target = SafeUrl::of_server(target.as_str()).map_err(|_| unusable())?;
    if from.expose().scheme() == "https" && target.expose().scheme() != "https" {
        let problem = format!("only to the unprotected {}", shown(&target));
        return Err(redirect_error(asked, problem));
    }
    // What the asked URL held goes on within its origin; what a server writes into a redirect is not believed.
    Ok(target.with_credentials_of(asked))
}

pub(super) fn redirect_error(asked: &SafeUrl, problem: impl Into<String>) -> HttpError {
    HttpError::Redirect {
        url: shown(asked),
        problem: problem.into(),
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
