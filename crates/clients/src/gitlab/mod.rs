//! The only door to GitLab's API (REST v4). What is asked is described by the endpoints of the `gitlab` crate; how it is asked
//! stands here: over [`crate::http`], with the token that suffices, retried where that is harmless, page by page.
//!
//! One file per noun of the API adds its calls to [`Gitlab`]. Refuses to read the environment, to send anything twice that
//! is not harmless twice, and to show a token.

mod branch;
mod deployment;
mod error;
mod events;
mod jobs;
mod merge_request;
mod message;
mod packages;
mod pages;
mod pipelines;
mod project;
mod resource_groups;
mod status;
#[cfg(test)]
mod tests;
mod token;

use std::borrow::Cow;

use gitlab::api::{Endpoint, QueryParams};
use serde::de::DeserializeOwned;

pub use branch::{Branch, Protection};
pub use deployment::{Deployable, DeployablePipeline, Deployment, Person};
pub use error::GitlabError;
pub use events::BranchPush;
pub use jobs::{Downstream, Job};
pub use merge_request::MergeRequest;
pub use packages::{PackageFile, PackageRef};
pub use pages::{Conditional, More};
pub use pipelines::{Pipeline, PipelineFilter};
pub use project::{Project, ProjectRef};
pub use resource_groups::{ProcessMode, ResourceGroup};
pub use status::{RunStatus, Standing};
pub use token::{Kind, Needs, Role, Token, Tokens};

use crate::http::{Body, Call, Client, HttpError, Method, Repeat, Reply};
use pannier_base::url::SafeUrl;

/// One GitLab, and the tokens for it. Cheap to clone; safe to use from several threads.
#[derive(Debug, Clone)]
pub struct Gitlab {
    client: Client,
    api: SafeUrl,
    tokens: Tokens,
}

/// A description of a request that the `gitlab` crate has no type for.
#[derive(Debug, Clone)]
pub struct Plain {
    /// The method.
    pub method: Method,
    /// The path below `/api/v4/`, its parts percent-encoded.
    pub path: String,
    /// Query parameters.
    pub query: Vec<(&'static str, String)>,
    /// The body, as JSON.
    pub json: Option<serde_json::Value>,
}

impl Plain {
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

    /// The same with a query parameter.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }
}

impl Endpoint for Plain {
    fn method(&self) -> Method {
        self.method.clone()
    }

    fn endpoint(&self) -> Cow<'static, str> {
        self.path.clone().into()
    }

    fn parameters(&self) -> QueryParams<'_> {
        let mut params = QueryParams::default();
        for (name, value) in &self.query {
            params.push(*name, value);
        }
        params
    }

    fn body(&self) -> Result<Option<(&'static str, Vec<u8>)>, gitlab::api::BodyError> {
        let Some(json) = &self.json else {
            return Ok(None);
        };
        Ok(Some(("application/json", serde_json::to_vec(json)?)))
    }
}

impl Gitlab {
    /// The GitLab whose API is at `api` (`https://HOST[/relative]/api/v4`). `client` brings timeouts, retries and the clock;
    /// its own credentials are not used.
    #[must_use]
    pub fn new(client: Client, api: &SafeUrl, tokens: Tokens) -> Self {
        Self {
            client,
            api: api.without_credentials(),
            tokens,
        }
    }

    /// Where the API is.
    #[must_use]
    pub const fn api(&self) -> &SafeUrl {
        &self.api
    }

    /// The tokens that are there.
    #[must_use]
    pub const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Asks for one object.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn ask<T: DeserializeOwned>(
        &self,
        endpoint: &impl Endpoint,
        needs: &Needs,
    ) -> Result<T, GitlabError> {
        let reply = self.send(endpoint, needs)?;
        self.shaped(endpoint, &reply)
    }

    /// Asks for one object that may not be there.
    ///
    /// # Errors
    /// [`GitlabError`]; 404 is `None`, which also stands for what this token may not see.
    pub fn find<T: DeserializeOwned>(
        &self,
        endpoint: &impl Endpoint,
        needs: &Needs,
    ) -> Result<Option<T>, GitlabError> {
        match self.ask(endpoint, needs) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Does something whose answer tells nothing.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn tell(&self, endpoint: &impl Endpoint, needs: &Needs) -> Result<(), GitlabError> {
        self.send(endpoint, needs).map(|_| ())
    }

    /// Sends one request and gives its successful answer. A POST is sent once: when its answer is lost it ends as
    /// [`GitlabError::Uncertain`], and whoever asked looks whether it happened.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn send(&self, endpoint: &impl Endpoint, needs: &Needs) -> Result<Reply, GitlabError> {
        let url = self.url(endpoint)?;
        self.send_to(&url, endpoint, needs, Vec::new())
    }

    /// Asks GraphQL, which is beside the REST API. Without a token: a job's token is not taken there, and what is asked for is
    /// public.
    fn query<T: DeserializeOwned>(&self, query: &str) -> Result<T, GitlabError> {
        let endpoint = Plain::get("graphql").with("query", query);
        let mut url = self.api.expose().clone();
        let base = url.path().trim_end_matches('/');
        let path = format!("{}/graphql", base.strip_suffix("/v4").unwrap_or(base));
        url.set_path(&path);
        endpoint.parameters().add_to_url(&mut url);
        let url: SafeUrl = url.as_str().parse().map_err(|_| GitlabError::Unusable {
            what: "a query of GraphQL".to_owned(),
        })?;
        let reply = self.transmit(&url, &endpoint, (&Needs::READ, None), Vec::new())?;
        self.shaped(&endpoint, &reply)
    }

    /// The address of a path below `/api/v4/`, for what goes by streams instead of through [`Self::send`].
    ///
    /// # Errors
    /// [`GitlabError::Unusable`] when the path makes no URL.
    pub fn address(&self, path: &str) -> Result<SafeUrl, GitlabError> {
        let base = self.api.expose().as_str().trim_end_matches('/');
        let url = format!("{base}/{}", path.trim_start_matches('/'));
        SafeUrl::of_server(&url).map_err(|_| GitlabError::Unusable {
            what: format!("the path `{path}` of the API"),
        })
    }

    /// The client that all requests go through.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    fn url(&self, endpoint: &impl Endpoint) -> Result<SafeUrl, GitlabError> {
        let bare = self.address(&endpoint.endpoint())?;
        let mut url = bare.expose().clone();
        endpoint.parameters().add_to_url(&mut url);
        SafeUrl::of_server(url.as_str()).map_err(|_| GitlabError::Unusable {
            what: format!("the query of `{}`", endpoint.endpoint()),
        })
    }

    fn send_to(
        &self,
        url: &SafeUrl,
        endpoint: &impl Endpoint,
        needs: &Needs,
        headers: Vec<(&'static str, String)>,
    ) -> Result<Reply, GitlabError> {
        let token = self.tokens.for_needs(needs)?;
        self.transmit(url, endpoint, (needs, token), headers)
    }

    fn transmit(
        &self,
        url: &SafeUrl,
        endpoint: &impl Endpoint,
        (needs, token): (&Needs, Option<&Token>),
        headers: Vec<(&'static str, String)>,
    ) -> Result<Reply, GitlabError> {
        let what = described(endpoint);
        let body = endpoint.body().map_err(|error| GitlabError::Unusable {
            what: format!("the body of {what}: {error}"),
        })?;
        let mut headers = headers;
        headers.push(("accept", "application/json".to_owned()));
        // What a cache on the way has kept is not how things stand.
        headers.push(("cache-control", "no-cache".to_owned()));
        let body = body.map(|(kind, bytes)| {
            headers.push(("content-type", kind.to_owned()));
            Body::Bytes(bytes)
        });
        let repeat = match endpoint.method() {
            Method::POST | Method::PATCH => Repeat::Never,
            _ => Repeat::Harmless,
        };
        let call = Call {
            method: endpoint.method(),
            url,
            headers,
            secret: token.map(Token::header),
            body,
            repeat,
        };
        let reply = match self.client.call(&call) {
            Ok(reply) => reply,
            Err(source) if repeat == Repeat::Never && was_sent(&source) => {
                return Err(GitlabError::Uncertain {
                    what,
                    source: Some(source),
                });
            }
            Err(source) => return Err(GitlabError::Connection { what, source }),
        };
        // 304 answers `If-None-Match`: nothing has changed.
        if reply.is_success() || reply.status == 304 {
            return Ok(reply);
        }
        if repeat == Repeat::Never && reply.status >= 500 {
            return Err(GitlabError::Uncertain { what, source: None });
        }
        Err(GitlabError::of_reply(what, &reply, needs, token))
    }

    fn shaped<T: DeserializeOwned>(
        &self,
        endpoint: &impl Endpoint,
        reply: &Reply,
    ) -> Result<T, GitlabError> {
        serde_json::from_slice(&reply.body).map_err(|source| GitlabError::Shape {
            what: described(endpoint),
            source,
        })
    }
}

/// What a request does, for messages.
fn described(endpoint: &impl Endpoint) -> String {
    format!("{} {}", endpoint.method(), endpoint.endpoint())
}

/// Whether a request whose answer did not come may have arrived.
const fn was_sent(error: &HttpError) -> bool {
    !matches!(
        error,
        HttpError::Offline { .. } | HttpError::Scheme { .. } | HttpError::Setup(_)
    )
}
