//! Requests of any method whose every answer counts, refusals included: what an API needs, where the body of an error says
//! what is wrong.
//!
//! Refuses to repeat what must not happen twice, to carry a secret header to another origin, to show it, and to take what
//! another origin says for the answer of the one that was asked.

use std::fmt;
use std::io::Read;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{HeaderMap, LOCATION};

use super::client::{Client, REDIRECTS, next_hop, redirect_error};
use super::error::{HttpError, shown};
use super::response::{Body, Pace, Response};
use super::retry::{self, Fault};
use pannier_base::url::SafeUrl;

/// Largest answer that is read whole, in bytes.
const ANSWER: u64 = 64 << 20;
/// What is waited when a server limits requests and does not say for how long.
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

/// How far a redirect may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leads {
    /// No farther than the origin that was asked: its answer is believed.
    Within,
    /// Anywhere: whoever reads the answer checks what came.
    Anywhere,
}

/// A request of any method.
pub struct Call<'a> {
    /// What is done.
    pub method: Method,
    /// Where; user information in it is not used.
    pub url: &'a SafeUrl,
    /// Headers by name.
    pub headers: Vec<(&'static str, String)>,
    /// Name and value of the header that authorises. Sent to the origin of `url` only, and shown nowhere.
    pub secret: Option<(&'static str, &'a str)>,
    /// What is sent.
    pub body: Option<Body>,
    /// Whether it may be sent again.
    pub repeat: Repeat,
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, shown(self.url))
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

/// One attempt that is no success, on its way through the loop of attempts.
enum Attempt {
    Refused(Reply),
    Failed(HttpError),
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
            Self::Failed(_) => None,
        }
    }
}

impl Client {
    /// Sends a request, again where that is harmless and may help, and gives its last answer whatever the status. The answer
    /// is that of the origin that was asked.
    ///
    /// # Errors
    /// [`HttpError`] when no answer came; [`HttpError::Redirect`] when another origin would have to be asked for it.
    pub fn call(&self, call: &Call<'_>) -> Result<Reply, HttpError> {
        let settled = self.attempts(call, Leads::Within, |response, url| {
            let reply = reply(response, url, self.pace())?;
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
        let settled = self.attempts(call, Leads::Anywhere, |response, url| {
            let status = response.status();
            if status.is_success() {
                return Ok(Response::new(
                    response,
                    url.without_credentials(),
                    self.pace(),
                ));
            }
            if !url.same_origin(call.url) {
                let error = HttpError::of_status(url, status, response.headers(), None);
                return Err(Attempt::Failed(error));
            }
            Err(Attempt::Refused(reply(response, url, self.pace())?))
        });
        match settled {
            Ok(response) => Ok(Streamed::Body(response)),
            Err(Attempt::Refused(reply)) => Ok(Streamed::Refused(reply)),
            Err(Attempt::Failed(error)) => Err(error),
        }
    }

    fn attempts<T>(
        &self,
        call: &Call<'_>,
        leads: Leads,
        judge: impl Fn(reqwest::blocking::Response, &SafeUrl) -> Result<T, Attempt>,
    ) -> Result<T, Attempt> {
        let once = || {
            let (response, url) = self.follow(call, leads).map_err(Attempt::Failed)?;
            judge(response, &url)
        };
        match call.repeat {
            Repeat::Harmless => self.repeat(once),
            Repeat::Never => once(),
        }
    }

    /// Sends once. Redirects of requests that only read are followed; of any other they are the answer.
    fn follow(
        &self,
        call: &Call<'_>,
        leads: Leads,
    ) -> Result<(reqwest::blocking::Response, SafeUrl), HttpError> {
        let reads = matches!(call.method, Method::GET | Method::HEAD);
        let mut url = call.url.without_credentials();
        for _ in 0..=REDIRECTS {
            let response = self.transmit(call, &url)?;
            let location = response.headers().get(LOCATION);
            let location = location.and_then(|value| value.to_str().ok());
            let redirects = matches!(response.status().as_u16(), 301..=303 | 307 | 308);
            if !reads || !redirects || location.is_none() {
                return Ok((response, url));
            }
            url = next_hop(call.url, &url, location)?.without_credentials();
            if leads == Leads::Within && !url.same_origin(call.url) {
                let problem = format!(
                    "to another server, {}, whose answer would not be that of {}",
                    origin(&url),
                    origin(call.url)
                );
                return Err(redirect_error(call.url, problem));
            }
        }
        let problem = format!("after {REDIRECTS} redirects there is still no answer (a loop?)");
        Err(redirect_error(call.url, problem))
    }

    fn transmit(
        &self,
        call: &Call<'_>,
        url: &SafeUrl,
    ) -> Result<reqwest::blocking::Response, HttpError> {
        let connection = self.usable(url)?;
        let mut builder = connection.request(call.method.clone(), url.expose().clone());
        for (name, value) in &call.headers {
            builder = builder.header(*name, value);
        }
        if let Some((name, value)) = call.secret
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

fn reply(
    response: reqwest::blocking::Response,
    url: &SafeUrl,
    pace: Pace,
) -> Result<Reply, Attempt> {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let asked = retry::retry_after(&headers);
    let mut body = Vec::new();
    let mut response = Response::new(response, url.without_credentials(), pace);
    let read = (&mut response).take(ANSWER + 1).read_to_end(&mut body);
    read.map_err(|source| Attempt::Failed(response.broken(source)))?;
    if body.len() as u64 > ANSWER {
        return Err(Attempt::Failed(HttpError::TooLarge {
            url: shown(url),
            limit: ANSWER,
        }));
    }
    Ok(Reply {
        status,
        url: url.clone(),
        body,
        retry_after: asked.or((status == 429).then_some(LIMITED)),
        headers,
    })
}

/// Scheme, host and port of a URL, for a person.
fn origin(url: &SafeUrl) -> String {
    url.expose().origin().ascii_serialization()
}
