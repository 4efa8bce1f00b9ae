//! A request to GitLab's REST API as a value: a method, a path, a query and a JSON body.

use std::fmt;
use std::fmt::Write as _;

use crate::http::Method;

/// A request to the API.
#[derive(Debug, Clone)]
pub struct ApiRequest {
    /// The method.
    pub method: Method,
    /// The path below `/api/v4/`, its parts percent-encoded.
    pub path: String,
    /// Query parameters, not encoded yet.
    pub query: Vec<(&'static str, String)>,
    /// The body.
    pub json: Option<serde_json::Value>,
}

impl ApiRequest {
    /// A GET of this path.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            query: Vec::new(),
            json: None,
        }
    }

    /// The same request with a further query parameter.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }
}

/// The method and the path, for messages.
impl fmt::Display for ApiRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// A text as one segment of a path: everything but a `pchar` is percent-encoded
/// (<https://www.rfc-editor.org/rfc/rfc3986#section-3.3>). GitLab requires slashes within names to be encoded, too.
pub(super) fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
