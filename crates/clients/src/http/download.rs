//! Files and texts, fetched with the client's logins.

use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::call::Call;
use super::client::Client;
use super::error::{HttpError, shown};
use super::response::{DownloadSink, Page, Response};
use pannier_base::url::SafeUrl;

/// Largest text, in bytes.
const TEXT: u64 = 64 << 20;

impl Client {
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
                self.check(url)?;
                let n = match response.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(n) => n,
                    Err(source) => return Err(response.broken(source)),
                };
                let limit = self.longest();
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
}

/// Reads a small text (at most 64 MiB), inflated where the server has compressed it.
pub(crate) fn text_of(response: &mut Response) -> Result<String, HttpError> {
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
