//! Requests that another program made: the answer goes back to it whatever its status, with its body as it comes.
//!
//! Never repeats a request: its caller decides that. Redirects follow the rules of every request; credentials do, too,
//! but are for trusted servers alone.

use super::call::{Auth, Call, Leads};
use super::client::Client;
use super::error::HttpError;
use super::response::Response;
use pannier_base::url::SafeUrl;
use reqwest::Method;

/// An answer on its way back to the program that asked.
#[derive(Debug)]
pub struct Forwarded {
    /// The status code.
    pub status: u16,
    /// Its headers and its body.
    pub response: Response,
    /// What is wrong, in words for people, where the status is an error (400 or higher).
    pub problem: Option<HttpError>,
}

impl Client {
    /// Whether credentials are known for `url`.
    #[must_use]
    pub fn knows_login(&self, url: &SafeUrl) -> bool {
        self.credentials().for_url(url).is_some()
    }

    /// Sends a GET or HEAD once, follows redirects, and gives the answer whatever its status. Credentials are sent to those
    /// URLs alone that `trusts` approves, after a redirect as well.
    ///
    /// # Errors
    /// [`HttpError`] when no answer came.
    pub fn forward(
        &self,
        method: &Method,
        url: &SafeUrl,
        headers: Vec<(&'static str, String)>,
        trusts: &dyn Fn(&SafeUrl) -> bool,
    ) -> Result<Forwarded, HttpError> {
        let call = Call {
            method: method.clone(),
            headers,
            auth: Auth::TrustedLogins(trusts),
            ..Call::get(url)
        };
        let answer = self.answer(&call, Leads::Anywhere)?;
        let status = answer.inner.status();
        let is_error = status.is_client_error() || status.is_server_error();
        Ok(Forwarded {
            status: status.as_u16(),
            problem: is_error.then(|| answer.error()),
            response: answer.into_response(self.pace()),
        })
    }
}
