//! The only door to HTTP: a blocking client with timeouts, retries, redirects, credentials and redaction inside.
//!
//! Refuses to read the environment or netrc itself (they come as [`Credentials`]), to send the credentials of one
//! origin to another, to follow a redirect from https to http, and to show a credential in any error.

mod call;
mod client;
mod credentials;
mod download;
mod error;
mod forward;
mod logins;
mod netrc;
mod response;
mod retry;

pub use call::{Auth, Call, Repeat, Reply, Streamed};
pub use client::{Client, Options};
pub use credentials::{Credentials, Login, LoginSource};
pub(crate) use download::text_of;
pub use error::HttpError;
pub use forward::Forwarded;
pub use logins::{Credential, CredentialEntries};
pub use reqwest::Method;
pub use response::{Body, DownloadSink, Page, Response};
pub use retry::Fault;
pub(crate) use retry::is_transient;
pub use retry::{Clock, RetryPolicy, SystemClock};
