//! Bodies: those of requests can be sent again, those of answers notice when they are cut short.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::sync::Arc;
use std::time::Duration;

use super::error::{HttpError, shown};
use super::retry::Clock;
use pannier_base::url::SafeUrl;

/// The body of a request.
#[derive(Debug)]
pub enum Body {
    /// A short one.
    Bytes(Vec<u8>),
    /// A file from its beginning to its end.
    File(File),
}

impl Body {
    pub(super) fn open(&self) -> io::Result<reqwest::blocking::Body> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.clone().into()),
            Self::File(file) => {
                let mut file = file.try_clone()?;
                file.rewind()?;
                Ok(file.into())
            }
        }
    }
}

/// How long a body may come slowly.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// Bytes a second that a body has to have after that, on average.
const SLOWEST: u64 = 100;

/// A body that comes so slowly that it will not end.
#[derive(Debug, thiserror::Error)]
#[error("fewer than {SLOWEST} bytes arrived per second")]
pub(super) struct TooSlow;

/// Since when a body comes.
#[derive(Debug)]
pub(super) struct Pace {
    clock: Arc<dyn Clock>,
    began: Duration,
}

impl Pace {
    pub(super) fn new(clock: &Arc<dyn Clock>) -> Self {
        Self {
            clock: Arc::clone(clock),
            began: clock.elapsed(),
        }
    }

    fn check(&self, received: u64) -> io::Result<()> {
        let passed = self.clock.elapsed().saturating_sub(self.began);
        match passed > PATIENCE && received / passed.as_secs() < SLOWEST {
            true => Err(io::Error::other(TooSlow)),
            false => Ok(()),
        }
    }
}

/// A successful answer whose body is read as it comes.
#[derive(Debug)]
pub struct Response {
    pub(super) pace: Pace,
    pub(super) inner: reqwest::blocking::Response,
    pub(super) url: SafeUrl,
    pub(super) expected: Option<u64>,
    pub(super) received: u64,
}

impl Response {
    pub(super) fn new(inner: reqwest::blocking::Response, url: SafeUrl, pace: Pace) -> Self {
        let expected = inner.content_length();
        Self {
            pace,
            inner,
            url,
            expected,
            received: 0,
        }
    }

    /// Where the answer came from after all redirects.
    #[must_use]
    pub const fn url(&self) -> &SafeUrl {
        &self.url
    }

    /// The length that the server announced, in bytes.
    #[must_use]
    pub const fn expected(&self) -> Option<u64> {
        self.expected
    }

    /// The error for a body that could not be read on.
    #[must_use]
    pub fn broken(&self, source: io::Error) -> HttpError {
        if source.get_ref().is_some_and(|inner| inner.is::<TooSlow>()) {
            return HttpError::Slow {
                url: shown(&self.url),
                received: self.received,
                source,
            };
        }
        HttpError::Truncated {
            url: shown(&self.url),
            received: self.received,
            expected: self.expected,
            source,
        }
    }

    /// A header, if it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.inner.headers().get(name)?.to_str().ok()
    }
}

impl Read for Response {
    /// Fails with [`io::ErrorKind::UnexpectedEof`] when the body ends before its announced length.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer).map_err(without_url)?;
        self.received += n as u64;
        self.pace.check(self.received)?;
        let short = self
            .expected
            .is_some_and(|expected| self.received < expected);
        if n == 0 && short && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(n)
    }
}

/// The client's own errors name the URL, whose query may be a signature.
fn without_url(error: io::Error) -> io::Error {
    let kind = error.kind();
    match error.downcast::<reqwest::Error>() {
        Ok(inner) => io::Error::new(kind, inner.without_url()),
        Err(other) => other,
    }
}

/// A text that was fetched whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The text.
    pub text: String,
    /// Where it came from after all redirects: what its relative links are relative to.
    pub url: SafeUrl,
    /// Its media type without parameters, in lower case; empty when the server names none.
    pub media_type: String,
}

/// Where a download goes: it can be started over.
pub trait DownloadSink: Write {
    /// Forgets what was written.
    ///
    /// # Errors
    /// What truncating gives.
    fn reset(&mut self) -> io::Result<()>;
}

impl DownloadSink for Vec<u8> {
    fn reset(&mut self) -> io::Result<()> {
        self.clear();
        Ok(())
    }
}

impl DownloadSink for File {
    fn reset(&mut self) -> io::Result<()> {
        self.set_len(0)?;
        self.rewind()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Seconds since a fixed moment.
    #[derive(Debug)]
    struct Hand(AtomicU64);

    impl Clock for Hand {
        fn elapsed(&self) -> Duration {
            Duration::from_secs(self.0.load(Ordering::SeqCst))
        }

        fn sleep(&self, _: Duration) {}
    }

    #[test]
    fn a_body_that_drips_for_a_long_time_is_given_up() {
        let hand = Arc::new(Hand(AtomicU64::new(7)));
        let clock: Arc<dyn Clock> = Arc::<Hand>::clone(&hand);
        let pace = Pace::new(&clock);
        let after = |seconds: u64, received| {
            hand.0.store(7 + seconds, Ordering::SeqCst);
            pace.check(received).is_ok()
        };
        assert!(after(0, 0) && after(900, 1));
        assert!(!after(901, 900 * 99));
        assert!(after(901, 901 * 100));
        assert!(!after(36_000, 1 << 20));
    }
}
