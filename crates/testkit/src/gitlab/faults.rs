//! Answers of a GitLab that is tired: the three shapes of 429, server errors with JSON and with a proxy's HTML.

use super::answer::body;
use super::loopback::{Answer, Fault};

/// The shapes of 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooMany {
    /// `Retry later`, from the layer before the application, with all headers.
    Text,
    /// A nested message, from the application, without any header.
    Json,
    /// A plain message with `Retry-After`.
    RetryAfter,
}

impl TooMany {
    pub fn answer(self) -> Answer {
        match self {
            Self::Text => Answer::new(429, "Retry later\n")
                .with("content-type", "text/plain")
                .with("retry-after", "1")
                .with("ratelimit-limit", "60")
                .with("ratelimit-name", "throttle_authenticated_api")
                .with("ratelimit-observed", "61")
                .with("ratelimit-remaining", "0")
                .with("ratelimit-reset", "1767600060")
                .with("ratelimit-resettime", "Mon, 05 Jan 2026 08:01:00 GMT"),
            Self::Json => body(
                429,
                &serde_json::json!({
                    "message": { "error": "This endpoint has been requested too many times. Try again later." }
                }),
            ),
            Self::RetryAfter => body(
                429,
                &serde_json::json!({ "message": "429 Too Many Requests" }),
            )
            .with("retry-after", "60"),
        }
    }
}

/// An error of the server: JSON from the application for 500, HTML from the proxy for the others.
pub fn server_error(status: u16) -> Fault {
    Fault::Answer(match status {
        500 => body(
            500,
            &serde_json::json!({ "message": "500 Internal Server Error" }),
        ),
        _ => Answer::new(
            status,
            format!("<html><body><h1>{status} Bad Gateway</h1></body></html>"),
        )
        .with("content-type", "text/html"),
    })
}
