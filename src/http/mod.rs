//! The only door to HTTP. (stub: owner = git helper)

use std::io::Write;

use crate::url::SafeUrl;

/// User names and passwords by host, from netrc, index URLs and tokens. Debug shows none of it.
#[derive(Clone, Default)]
pub struct Credentials;

/// A client with timeouts, retries and redaction inside; cheap to clone.
#[derive(Clone)]
pub struct Client;

/// What a request ended with.
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct HttpError;

impl Client {
    /// Makes a client; no connection is made yet.
    #[must_use]
    pub fn new(_credentials: Credentials) -> Self {
        todo!()
    }
    /// Downloads into `sink`, telling `progress` of each chunk's length; gives the length. Restarts are handled inside:
    /// `reset` is called when the body starts again from its beginning.
    ///
    /// # Errors
    /// [`HttpError`].
    pub fn download(
        &self,
        _url: &SafeUrl,
        _sink: &mut dyn DownloadSink,
        _progress: &dyn Fn(u64),
    ) -> Result<u64, HttpError> {
        todo!()
    }
    /// Fetches a small text (at most 64 MiB).
    ///
    /// # Errors
    /// [`HttpError`].
    pub fn text(&self, _url: &SafeUrl, _accept: &str) -> Result<String, HttpError> {
        todo!()
    }
}

/// Where a download goes: it can be started over.
pub trait DownloadSink: Write {
    /// Forgets what was written.
    ///
    /// # Errors
    /// What truncating gives.
    fn reset(&mut self) -> std::io::Result<()>;
}
