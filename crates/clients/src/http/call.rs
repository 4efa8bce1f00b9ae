//! One request of any method: how it authenticates, where redirects may lead, whether it may be sent again, and what of its
//! answer counts.
//!
//! Refuses to repeat what must not happen twice, to send a secret header or a login to another origin, to show either, and to
//! take another origin's answer for that of the one that was asked.

use std::fmt;
use std::io::Read;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderMap, LOCATION};

use super::client::Client;
use super::credentials::{Login, LoginSource};
use super::error::{HttpError, shown};
use super::response::{Body, Pace, Response};
use super::retry::{self, Fault};
use pannier_base::url::SafeUrl;

/// Most redirects that one request follows.
const REDIRECTS: usize = 10;
/// Largest answer that is read whole, in bytes.
const ANSWER: u64 = 64 << 20;
/// The pause when a server limits requests and does not say for how long.
const LIMITED: Duration = Duration::from_secs(60);
/// What a connection carries at least, in bytes per second, before an upload is given up.
const SLOWEST: u64 = 64 << 10;

/// Whether a request may be sent again when its answer is an error that may pass, or lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// As often as the client's policy has it: the request does the same however often it arrives.
    Harmless,
    /// Never: it might have happened already.
    Never,
}

/// How a request authenticates.
#[derive(Clone, Copy)]
pub enum Auth<'a> {
    /// With the login that the client's credentials have for each URL on the way.
    Logins,
    /// The same, but only for URLs that this approves.
    TrustedLogins(&'a dyn Fn(&SafeUrl) -> bool),
    /// With this header (name and value), if any, and only at the origin that was asked. Logins are not used.
    Header(Option<(&'static str, &'a str)>),
}

/// How far a redirect may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leads {
    /// No farther than the origin that was asked: its answer is believed. Only reading requests are led there; for any other
    /// request the redirect is the answer.
    Within,
    /// Anywhere: the reader of the answer checks it. A body goes on only where the status keeps the method (307, 308).
    Anywhere,
}

/// A request of any method, which can be sent again from its beginning.
pub struct Call<'a> {
    /// What is done.
    pub method: Method,
    /// Where.
    pub url: &'a SafeUrl,
    /// Headers by name, in addition to those that the client sets itself.
    pub headers: Vec<(&'static str, String)>,
    /// How it authenticates.
    pub auth: Auth<'a>,
    /// What is sent.
    pub body: Option<Body>,
    /// Whether it may be sent again.
    pub repeat: Repeat,
}

impl<'a> Call<'a> {
    /// A GET with the client's logins.
    #[must_use]
    pub const fn get(url: &'a SafeUrl) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: Vec::new(),
            auth: Auth::Logins,
            body: None,
            repeat: Repeat::Harmless,
        }
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, shown(self.url))
    }
}

/// An answer before its body is read.
pub(super) struct Answer {
    pub(super) inner: reqwest::blocking::Response,
    /// Where it came from after all redirects.
    pub(super) url: SafeUrl,
    /// Whose login was sent there.
    pub(super) login: Option<LoginSource>,
}

impl Answer {
    /// The error that an answer is which is not a success.
    pub(super) fn error(&self) -> HttpError {
        let (status, headers) = (self.inner.status(), self.inner.headers());
        HttpError::of_status(&self.url, status, headers, self.login)
    }

    pub(super) fn into_response(self, pace: Pace) -> Response {
        Response::new(self.inner, self.url, pace)
    }

    /// The answer with its whole body.
    fn read(self, pace: Pace) -> Result<Reply, HttpError> {
        let status = self.inner.status().as_u16();
        let headers = self.inner.headers().clone();
        let asked = retry::retry_after(&headers);
        let mut body = Vec::new();
        let url = self.url.clone();
        let mut response = self.into_response(pace);
        let read = (&mut response).take(ANSWER + 1).read_to_end(&mut body);
        read.map_err(|source| response.broken(source))?;
        if body.len() as u64 > ANSWER {
            let (url, limit) = (shown(&url), ANSWER);
            return Err(HttpError::TooLarge { url, limit });
        }
        Ok(Reply {
            status,
            url,
            body,
            retry_after: asked.or((status == 429).then_some(LIMITED)),
            headers,
        })
    }
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Where it came from after all redirects.
    pub url: SafeUrl,
    /// Its body, at most 64 MiB.
    pub body: Vec<u8>,
    /// How long the server asks to wait before the next request.
    pub retry_after: Option<Duration>,
    headers: HeaderMap,
}

impl Reply {
    /// A header, if it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the status is a success (2xx).
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }
}

/// An answer whose body is read as it comes, or a refusal read whole.
#[derive(Debug)]
pub enum Streamed {
    /// A success (2xx).
    Body(Response),
    /// Any other status.
    Refused(Reply),
}

/// One attempt that is not a success, on its way through the loop of attempts.
enum Attempt {
    Refused(Reply),
    Failed(HttpError),
}

impl From<HttpError> for Attempt {
    fn from(error: HttpError) -> Self {
        Self::Failed(error)
    }
}

impl Fault for Attempt {
    fn may_pass(&self) -> bool {
        match self {
            Self::Refused(reply) => retry::is_transient(reply.status),
            Self::Failed(error) => error.may_pass(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(reply) => reply.retry_after,
            Self::Failed(error) => Fault::retry_after(error),
        }
    }
}

impl Client {
    /// Sends a request, again where that is harmless and may help, and gives the answer when it is a success (2xx). Its body is
    /// the caller's to read: a body that breaks off is not repeated here. It may come from another origin.
    ///
    /// # Errors
    /// [`HttpError`], after the last attempt.
    pub fn send(&self, call: &Call<'_>) -> Result<Response, HttpError> {
        self.attempts(call, || self.success(call))
    }

    /// Sends a request, again where that is harmless and may help, and gives its last answer whatever the status. The answer
    /// is that of the origin that was asked.
    ///
    /// # Errors
    /// [`HttpError`] when no answer came; [`HttpError::Redirect`] when another origin would have to be asked for it.
    pub fn call(&self, call: &Call<'_>) -> Result<Reply, HttpError> {
        let settled = self.attempts(call, || {
            let reply = self.answer(call, Leads::Within)?.read(self.pace())?;
            match reply.is_success() {
                true => Ok(reply),
                false => Err(Attempt::Refused(reply)),
            }
        });
        match settled {
            Ok(reply) | Err(Attempt::Refused(reply)) => Ok(reply),
            Err(Attempt::Failed(error)) => Err(error),
        }
    }

    /// Sends a request like [`Self::call`], and leaves the body of a success to be read as it comes. It may come from another
    /// origin (GitLab keeps files in object storage), so the caller has to verify it. A body that breaks off is not repeated
    /// here.
    ///
    /// # Errors
    /// [`HttpError`] when no answer came; [`HttpError::Status`] when another origin refused.
    pub fn call_streamed(&self, call: &Call<'_>) -> Result<Streamed, HttpError> {
        let settled = self.attempts(call, || {
            let answer = self.answer(call, Leads::Anywhere)?;
            if answer.inner.status().is_success() {
                return Ok(answer.into_response(self.pace()));
            }
            if !answer.url.same_origin(call.url) {
                return Err(Attempt::Failed(answer.error()));
            }
            Err(Attempt::Refused(answer.read(self.pace())?))
        });
        match settled {
            Ok(response) => Ok(Streamed::Body(response)),
            Err(Attempt::Refused(reply)) => Ok(Streamed::Refused(reply)),
            Err(Attempt::Failed(error)) => Err(error),
        }
    }

    fn attempts<T, E: Fault>(
        &self,
        call: &Call<'_>,
        mut once: impl FnMut() -> Result<T, E>,
    ) -> Result<T, E> {
        match call.repeat {
            Repeat::Harmless => self.repeat(once),
            Repeat::Never => once(),
        }
    }

    /// Sends once; any answer but a success is an error.
    pub(super) fn success(&self, call: &Call<'_>) -> Result<Response, HttpError> {
        let answer = self.answer(call, Leads::Anywhere)?;
        match answer.inner.status().is_success() {
            true => Ok(answer.into_response(self.pace())),
            false => Err(answer.error()),
        }
    }

    /// Sends once and follows redirects. Gives the first answer that is not followed.
    pub(super) fn answer(&self, call: &Call<'_>, leads: Leads) -> Result<Answer, HttpError> {
        let reads = matches!(call.method, Method::GET | Method::HEAD);
        let mut url = call.url.clone();
        for _ in 0..=REDIRECTS {
            let login = match call.auth {
                Auth::Logins => self.credentials().for_url(&url),
                Auth::TrustedLogins(trusts) if trusts(&url) => self.credentials().for_url(&url),
                Auth::TrustedLogins(_) | Auth::Header(_) => None,
            };
            let inner = self.transmit(call, &url, login.as_ref())?;
            let location = inner.headers().get(LOCATION);
            let location = location.and_then(|value| value.to_str().ok());
            let status = inner.status().as_u16();
            let redirects = matches!(status, 301..=303 | 307 | 308);
            if !redirects || (leads == Leads::Within && (!reads || location.is_none())) {
                return Ok(Answer {
                    inner,
                    url: url.without_credentials(),
                    login: login.map(|login| login.source()),
                });
            }
            if !reads && !matches!(status, 307 | 308) {
                return Err(redirect_error(call.url, "a POST cannot be sent on"));
            }
            url = next_hop(call.url, &url, location)?;
            self.check_hop(call, &url, leads)?;
        }
        let problem = format!("there was no answer after {REDIRECTS} redirects (a loop?)");
        Err(redirect_error(call.url, problem))
    }

    /// Refuses to be led to another origin where the call must not go there.
    fn check_hop(&self, call: &Call<'_>, url: &SafeUrl, leads: Leads) -> Result<(), HttpError> {
        if url.same_origin(call.url) {
            return Ok(());
        }
        if leads == Leads::Within {
            let origin = |url: &SafeUrl| url.expose().origin().ascii_serialization();
            let problem = format!(
                "to another server, {}, whose answer would not be that of {}",
                origin(url),
                origin(call.url)
            );
            return Err(redirect_error(call.url, problem));
        }
        if !matches!(call.auth, Auth::Header(_)) && self.is_confined(call.url) {
            let problem = format!(
                "to another server ({}), which is not allowed for a source of this run",
                shown(url)
            );
            return Err(redirect_error(call.url, problem));
        }
        Ok(())
    }

    fn transmit(
        &self,
        call: &Call<'_>,
        url: &SafeUrl,
        login: Option<&Login>,
    ) -> Result<reqwest::blocking::Response, HttpError> {
        let connection = self.usable(url)?;
        let bare = url.without_credentials().expose().clone();
        let mut builder = connection.request(call.method.clone(), bare);
        for (name, value) in &call.headers {
            builder = builder.header(*name, value);
        }
        if let Some(login) = login {
            builder = builder.basic_auth(login.user(), Some(login.password()));
        }
        if let Auth::Header(Some((name, value))) = call.auth
            && url.same_origin(call.url)
        {
            builder = builder.header(name, value);
        }
        if let Some(Body::File(file)) = &call.body
            && let Ok(found) = file.metadata()
        {
            // Sending counts into the client's patience with a silent server; a large file takes its time.
            let sending = Duration::from_secs(found.len() / SLOWEST);
            builder = builder.timeout(self.patience() + sending);
        }
        if let Some(body) = &call.body {
            let body = body.open().map_err(|source| HttpError::Sink {
                url: shown(url),
                source,
            })?;
            builder = builder.body(body);
        }
        let sent = builder.send();
        sent.map_err(|source| HttpError::of_connection(url, source))
    }
}

/// Where a redirect from `from` leads, for what was asked of `asked`.
fn next_hop(asked: &SafeUrl, from: &SafeUrl, location: Option<&str>) -> Result<SafeUrl, HttpError> {
    let unusable = || redirect_error(asked, "without a valid URL");
    let target = from
        .expose()
        .join(location.ok_or_else(unusable)?)
        .map_err(|_| unusable())?;
    let target = SafeUrl::of_server(target.as_str()).map_err(|_| unusable())?;
    if from.expose().scheme() == "https" && target.expose().scheme() != "https" {
        let problem = format!("to {}, which is not encrypted", shown(&target));
        return Err(redirect_error(asked, problem));
    }
    // What the asked URL held goes on within its origin; what a server writes into a redirect is not believed.
    Ok(target.with_credentials_of(asked))
}

fn redirect_error(asked: &SafeUrl, problem: impl Into<String>) -> HttpError {
    HttpError::Redirect {
        url: shown(asked),
        problem: problem.into(),
    }
}
