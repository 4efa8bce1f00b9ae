//! Why a request failed, for the person who has to fix it: the URL without credentials, the status, the server headers that
//! help an operator, and a hint.
//!
//! Refuses to hold a credential: neither user information nor query of a URL is kept (signed redirects carry their
//! signature there).

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use miette::Diagnostic;
use reqwest::header::HeaderMap;

use super::credentials::LoginSource;
use super::retry::{Fault, retry_after};
use pannier_base::class::{Class, Classify};
use pannier_base::secret::scrub;
use pannier_base::url::SafeUrl;

/// What a request ended with.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum HttpError {
    /// The client is not allowed to connect.
    #[error("{url} is needed, but this run is offline")]
    #[diagnostic(help("run once without `--offline`, so that the store has it"))]
    Offline {
        /// The URL, without credentials and query.
        url: String,
    },
    /// The run was cancelled.
    #[error("{url} was not requested: the run was cancelled")]
    Cancelled {
        /// The URL, without credentials and query.
        url: String,
    },
    /// The server answered, but not with what was asked for.
    #[error("{url} answered {status}{headers}")]
    #[diagnostic(help("{hint}"))]
    Status {
        /// The URL, without credentials and query.
        url: String,
        /// The status code.
        status: u16,
        /// Name of the status and the server headers that help, ready to follow the number.
        headers: String,
        /// What to do.
        hint: String,
        /// How long the server asks to wait before the next request.
        retry_after: Option<Duration>,
    },
    /// There is no usable connection to the server.
    #[error("{url} cannot be reached: {problem}")]
    #[diagnostic(help("{hint}"))]
    Connection {
        /// The URL, without credentials and query.
        url: String,
        /// Which part failed.
        problem: &'static str,
        /// What to do.
        hint: String,
        /// What the connection gave.
        #[source]
        source: reqwest::Error,
    },
    /// The body ended early or could not be read to its end.
    #[error("the connection to {url} broke after {received} bytes{}", expected.map(|n| format!(" of {n}")).unwrap_or_default())]
    #[diagnostic(help("the server or a proxy in between cut the connection; try again later"))]
    Truncated {
        /// The URL, without credentials and query.
        url: String,
        /// Bytes that came.
        received: u64,
        /// Bytes that were announced, where they were.
        expected: Option<u64>,
        /// What reading gave.
        #[source]
        source: io::Error,
    },
    /// The body comes so slowly that waiting for it makes no sense.
    #[error("{url} is too slow: {received} bytes arrived in 15 minutes or more")]
    #[diagnostic(help("check the server and the proxies in between; try again later"))]
    Slow {
        /// The URL, without credentials and query.
        url: String,
        /// Bytes that came.
        received: u64,
        /// What reading gave.
        #[source]
        source: io::Error,
    },
    /// A redirect leads nowhere.
    #[error("{url} was redirected, but {problem}")]
    #[diagnostic(help("check the URL: it may have changed on the server"))]
    Redirect {
        /// The URL that was asked first, without credentials and query.
        url: String,
        /// Why the redirect is not followed.
        problem: String,
    },
    /// A text or file is larger than any that is expected.
    #[error("{url} is larger than {limit} bytes")]
    #[diagnostic(help("check the URL and the server: Pannier expects nothing that large"))]
    TooLarge {
        /// The URL, without credentials and query.
        url: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The URL is none of HTTP.
    #[error("{url} is not an http or https URL")]
    #[diagnostic(help("use an https URL"))]
    Scheme {
        /// The URL, without credentials and query.
        url: String,
    },
    /// What arrived could not be put away.
    #[error("cannot store {url}")]
    #[diagnostic(help("check the free space and the permissions of the store's folder"))]
    Sink {
        /// The URL, without credentials and query.
        url: String,
        /// What writing gave.
        #[source]
        source: io::Error,
    },
    /// The client itself could not be made.
    #[error("cannot set up the HTTP client")]
    #[diagnostic(help(
        "check the system's certificates and the variables SSL_CERT_FILE, SSL_CERT_DIR and HTTPS_PROXY"
    ))]
    Setup(#[source] Arc<reqwest::Error>),
}

impl Classify for HttpError {
    fn class(&self) -> Class {
        match self {
            Self::Status {
                status: 401 | 403, ..
            } => Class::Credentials,
            Self::Offline { .. } => Class::Offline,
            Self::Cancelled { .. } => Class::Cancelled,
            Self::Scheme { .. } | Self::Sink { .. } | Self::Setup(_) => Class::Machine,
            _ => Class::Upstream,
        }
    }
}

impl HttpError {
    /// The status code, when the server gave one.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    pub(super) fn of_status(
        url: &SafeUrl,
        status: reqwest::StatusCode,
        headers: &HeaderMap,
        login: Option<LoginSource>,
    ) -> Self {
        let name = status.canonical_reason().unwrap_or("unknown status");
        Self::Status {
            url: shown(url),
            status: status.as_u16(),
            headers: format!(" {name}{}", helpful(headers)),
            hint: status_hint(status.as_u16(), url, login),
            retry_after: retry_after(headers),
        }
    }

    pub(super) fn of_connection(url: &SafeUrl, source: reqwest::Error) -> Self {
        let (problem, hint) = connection_problem(&source, url);
        Self::Connection {
            url: shown(url),
            problem,
            hint,
            source: source.without_url(),
        }
    }

    /// Whether the same request may succeed a little later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Status { status, .. } => super::retry::is_transient(*status),
            Self::Connection { problem, .. } => *problem != TLS,
            Self::Truncated { .. } => true,
            _ => false,
        }
    }
}

impl Fault for HttpError {
    fn may_pass(&self) -> bool {
        Self::may_pass(self)
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// The URL as it may be shown.
pub(super) fn shown(url: &SafeUrl) -> String {
    url.place()
}

/// Headers by which an operator finds the request in the logs of server, proxy or cache.
fn helpful(headers: &HeaderMap) -> String {
    const NAMES: [&str; 8] = [
        "server",
        "via",
        "retry-after",
        "x-request-id",
        "x-correlation-id",
        "x-cache",
        "cf-ray",
        "x-gitlab-meta",
    ];
    let found = NAMES.iter().filter_map(|name| {
        let value = headers.get(*name)?.to_str().ok()?;
        let short: String = scrub(value)
            .chars()
            .filter(|c| !c.is_control())
            .take(100)
            .collect();
        Some(format!("{name}: {short}"))
    });
    let list: Vec<_> = found.collect();
    if list.is_empty() {
        return String::new();
    }
    format!(" ({})", list.join(", "))
}

fn status_hint(status: u16, url: &SafeUrl, login: Option<LoginSource>) -> String {
    let host = url.host();
    match (status, login) {
        (401 | 403, Some(source)) => format!(
            "the credentials from {source} were refused for {host}: check that they are valid and may read this project"
        ),
        (401 | 403, None) => format!(
            "no credentials are set for {host}: set them in netrc (`machine {host} login … password …`) or in the URL"
        ),
        (404 | 410, None) => format!(
            "check the URL; private projects also answer {status} without credentials, and none are set for {host}"
        ),
        (404 | 410, Some(source)) => format!(
            "check the URL; private projects also answer {status} if the credentials (here from {source}) may not read them"
        ),
        (407, _) => "the proxy requires credentials: set them in HTTPS_PROXY".to_owned(),
        (429, _) => {
            "the server limits requests: try again later, or with fewer jobs at a time".to_owned()
        }
        (500.., _) => "the server has a problem: try again later".to_owned(),
        _ => "check the URL".to_owned(),
    }
}

const TLS: &str = "the TLS connection is not trusted";

fn connection_problem(error: &reqwest::Error, url: &SafeUrl) -> (&'static str, String) {
    let host = url.host();
    let causes = causes(error);
    if causes.contains("certificate") || causes.contains("tls") && causes.contains("alert") {
        let hint =
            "set SSL_CERT_FILE to the certificates of a private certificate authority".to_owned();
        return (TLS, hint);
    }
    if causes.contains("corrupt message") {
        let hint =
            "the server does not use TLS: use an `http://` URL if that is intended".to_owned();
        return ("the server speaks no TLS", hint);
    }
    if causes.contains("dns error") || causes.contains("failed to lookup address") {
        let hint = format!("check the spelling of `{host}` and the DNS settings of this machine");
        return ("its host name is unknown", hint);
    }
    let hint = format!(
        "check that `{host}` is up and that a proxy or firewall lets the connection through"
    );
    if error.is_timeout() {
        return ("no answer in time", hint);
    }
    if error.is_connect() {
        return ("the connection was refused", hint);
    }
    ("the connection broke", hint)
}

/// All messages of the chain in lower case. The layers below have no common type to ask.
fn causes(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut next: Option<&dyn Error> = Some(error);
    while let Some(cause) = next {
        text.push_str(&cause.to_string().to_lowercase());
        text.push('\n');
        next = cause.source();
    }
    text
}
