//! What goes wrong between Pannier and GitLab, for the person who has to fix it: the call, GitLab's own words, the request's
//! id in the
//! server's logs, and which token would be needed.

use std::time::Duration;

use miette::Diagnostic;

use super::message;
use super::token::{Kind, Needs, Token};
use crate::http::{HttpError, Reply};
use pannier_base::secret::Secrets;
use pannier_base::url::SafeUrl;

/// What went wrong with a call of the API.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum GitlabError {
    /// GitLab did not do it.
    #[error("GitLab answered {status} to {what}{said}")]
    #[diagnostic(help("{hint}"))]
    Refused {
        /// The method and the path.
        what: String,
        /// The status code.
        status: u16,
        /// GitLab's words and the request's id, ready to follow.
        said: String,
        /// How long it asks to wait before the next request.
        retry_after: Option<Duration>,
        /// What to do.
        hint: String,
    },
    /// No answer came.
    #[error("cannot query GitLab: {what}")]
    Connection {
        /// The method and the path.
        what: String,
        /// Why not.
        #[source]
        #[diagnostic_source]
        source: HttpError,
    },
    /// Something that must not be done twice was sent, and its answer did not come.
    #[error("cannot tell whether {what} happened: GitLab did not answer")]
    #[diagnostic(help("check the project in GitLab; it is safe to run the same command again"))]
    Uncertain {
        /// The method and the path.
        what: String,
        /// Why it did not come; `None` when the server answered with an error of its own.
        #[source]
        source: Option<HttpError>,
    },
    /// The answer is not JSON of the expected shape.
    #[error("GitLab's answer to {what} is not valid")]
    #[diagnostic(help(
        "check that the URL of the API (CI_API_V4_URL) is that of a GitLab server, and not of a sign-in page"
    ))]
    Shape {
        /// The method and the path.
        what: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A list came in part.
    #[error("GitLab's answer to {what} is incomplete: {missing} came")]
    #[diagnostic(help(
        "check proxies and caches between this machine and GitLab, which may change or keep answers; otherwise try again"
    ))]
    Incomplete {
        /// The method and the path.
        what: String,
        /// What came, of how much.
        missing: String,
    },
    /// No token for this call is known.
    #[error("GitLab requires a token for this{}", if *job { ", and CI_JOB_TOKEN is not enough" } else { "" })]
    #[diagnostic(help("set PANNIER_TOKEN, GITLAB_TOKEN or PRIVATE_TOKEN to {needs}"))]
    NoToken {
        /// What it needs.
        needs: Needs,
        /// Whether a job's token is there.
        job: bool,
    },
    /// A request cannot be put together.
    #[error("{what} cannot be sent")]
    Unusable {
        /// What is wrong.
        what: String,
    },
}

impl GitlabError {
    /// The error that an answer is.
    pub(super) fn of_reply(
        what: String,
        reply: &Reply,
        needs: &Needs,
        token: Option<&Token>,
    ) -> Self {
        // Storage repeats the signature of the URL that GitLab has redirected to.
        let signed = Secrets::of_query(reply.url.expose().query().unwrap_or_default());
        let body = String::from_utf8_lossy(&reply.body);
        let words = message::of_body(signed.hide(&body).as_bytes());
        let mut said = match words.is_empty() {
            true => String::new(),
            false => format!(": {words}"),
        };
        if let Some(id) = reply.header("x-request-id") {
            let id: String = message::shown(id).chars().take(80).collect();
            said += &format!(" (request {id})");
        }
        Self::Refused {
            hint: hint(reply, needs, token),
            what,
            status: reply.status,
            said,
            retry_after: reply.retry_after,
        }
    }

    /// The status code, when GitLab answered.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether there is no such object, or none that this token may see.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        matches!(self.status(), Some(404))
    }

    /// Whether this token may not do it, or none is there.
    #[must_use]
    pub const fn is_denied(&self) -> bool {
        matches!(self, Self::NoToken { .. }) || matches!(self.status(), Some(401 | 403))
    }

    /// Whether the same call may succeed a little later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Refused { status, .. } => crate::http::is_transient(*status),
            Self::Connection { source, .. } => source.may_pass(),
            Self::Uncertain { .. } => true,
            Self::Shape { .. }
            | Self::Incomplete { .. }
            | Self::NoToken { .. }
            | Self::Unusable { .. } => false,
        }
    }

    /// How long GitLab asks to wait before the next request.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

fn hint(reply: &Reply, needs: &Needs, token: Option<&Token>) -> String {
    let moved = || {
        let location = reply.header("location")?;
        let url = reply.url.expose().join(location).ok()?;
        Some(SafeUrl::of_server(url.as_str()).ok()?.place())
    };
    match (reply.status, token) {
        (301 | 302 | 307 | 308, _) => {
            let place = moved().unwrap_or_else(|| "an unknown place".to_owned());
            format!("the project has moved to {place}: use its new path")
        }
        (400 | 422, _) => "GitLab refuses these values".to_owned(),
        (401, Some(token)) => format!(
            "the token from {} is not valid here: it may be expired, revoked or for another GitLab",
            token.source()
        ),
        (403 | 404, Some(token)) if token.kind() == Kind::Job => {
            format!("the job token may not do this; this needs {needs}")
        }
        (403, Some(token)) => format!(
            "the token from {} may not do this; this needs {needs}",
            token.source()
        ),
        (404, Some(token)) => format!(
            "check the path; GitLab also answers this if the token from {} may not see the project: this needs {needs}",
            token.source()
        ),
        (401 | 403 | 404, None) => {
            format!("no token is set: set PANNIER_TOKEN, GITLAB_TOKEN or PRIVATE_TOKEN to {needs}")
        }
        (409, _) => "someone else changed it at the same time: check it, then try again".to_owned(),
        (429, _) => {
            "GitLab limits requests: try again later, or with fewer jobs at once".to_owned()
        }
        (500.., _) => "the server has a problem: try again later".to_owned(),
        _ => "see the message from GitLab".to_owned(),
    }
}
