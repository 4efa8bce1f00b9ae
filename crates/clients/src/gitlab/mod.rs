//! The only way to GitLab's API (REST v4, <https://docs.gitlab.com/api/rest/>). Requests are plain values ([`ApiRequest`]); they
//! are sent over [`crate::http`], with the token that suffices, repeated where that is harmless, page by page.
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
mod request;
mod resource_groups;
mod status;
#[cfg(test)]
mod tests;
mod token;

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
pub use request::ApiRequest;
pub use resource_groups::{ProcessMode, ResourceGroup};
pub use status::{RunStatus, Standing};
pub use token::{Kind, Needs, Role, Token, Tokens};

use crate::http::{Auth, Body, Call, Client, HttpError, Method, Repeat, Reply};
use pannier_base::url::SafeUrl;

/// One GitLab, and the tokens for it. Cheap to clone; safe to use from several threads.
#[derive(Debug, Clone)]
pub struct Gitlab {
    client: Client,
    api: SafeUrl,
    tokens: Tokens,
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
        request: &ApiRequest,
        needs: &Needs,
    ) -> Result<T, GitlabError> {
        let reply = self.send(request, needs)?;
        self.shaped(request, &reply)
    }

    /// Asks for one object that may not be there.
    ///
    /// # Errors
    /// [`GitlabError`]; 404 is `None`, which also stands for what this token may not see.
    pub fn find<T: DeserializeOwned>(
        &self,
        request: &ApiRequest,
        needs: &Needs,
    ) -> Result<Option<T>, GitlabError> {
        match self.ask(request, needs) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Does something whose answer tells nothing.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn tell(&self, request: &ApiRequest, needs: &Needs) -> Result<(), GitlabError> {
        self.send(request, needs).map(|_| ())
    }

    /// Sends one request and gives its successful answer. A POST is sent once: when its answer is lost it ends as
    /// [`GitlabError::Uncertain`], and the caller checks whether it happened.
    ///
    /// # Errors
    /// [`GitlabError`].
    pub fn send(&self, request: &ApiRequest, needs: &Needs) -> Result<Reply, GitlabError> {
        let url = self.url(request)?;
        self.send_to(&url, request, needs, Vec::new())
    }

    /// Queries GraphQL, which is separate from the REST API. Without a token: it does not accept a job token, and the query
    /// is for
    /// public.
    fn query<T: DeserializeOwned>(&self, query: &str) -> Result<T, GitlabError> {
        let request = ApiRequest::get("graphql").with("query", query);
        let mut url = self.api.expose().clone();
        let base = url.path().trim_end_matches('/');
        let path = format!("{}/graphql", base.strip_suffix("/v4").unwrap_or(base));
        url.set_path(&path);
        url.query_pairs_mut().extend_pairs(&request.query);
        let url: SafeUrl = url.as_str().parse().map_err(|_| GitlabError::Unusable {
            what: "a query of GraphQL".to_owned(),
        })?;
        let reply = self.transmit(&url, &request, &Needs::READ, None, Vec::new())?;
        self.shaped(&request, &reply)
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

    fn url(&self, request: &ApiRequest) -> Result<SafeUrl, GitlabError> {
        let bare = self.address(&request.path)?;
        if request.query.is_empty() {
            return Ok(bare);
        }
        let mut url = bare.expose().clone();
        url.query_pairs_mut().extend_pairs(&request.query);
        SafeUrl::of_server(url.as_str()).map_err(|_| GitlabError::Unusable {
            what: format!("the query of `{}`", request.path),
        })
    }

    fn send_to(
        &self,
        url: &SafeUrl,
        request: &ApiRequest,
        needs: &Needs,
        headers: Vec<(&'static str, String)>,
    ) -> Result<Reply, GitlabError> {
        let token = self.tokens.for_needs(needs)?;
        self.transmit(url, request, needs, token, headers)
    }

    fn transmit(
        &self,
        url: &SafeUrl,
        request: &ApiRequest,
        needs: &Needs,
        token: Option<&Token>,
        mut headers: Vec<(&'static str, String)>,
    ) -> Result<Reply, GitlabError> {
        let what = request.to_string();
        headers.push(("accept", "application/json".to_owned()));
        // What a cache on the way has kept is not how things stand.
        headers.push(("cache-control", "no-cache".to_owned()));
        let body = request.json.as_ref().map(|json| {
            headers.push(("content-type", "application/json".to_owned()));
            Body::Bytes(json.to_string().into_bytes())
        });
        let repeat = match request.method {
            Method::POST | Method::PATCH => Repeat::Never,
            _ => Repeat::Harmless,
        };
        let call = Call {
            method: request.method.clone(),
            url,
            headers,
            auth: Auth::Header(token.map(Token::header)),
            body,
            repeat,
        };
        self.deliver(&call, &what, needs, token)
    }

    /// Makes a call and gives its successful answer. A call that must not be repeated and whose answer is lost ends as
    /// [`GitlabError::Uncertain`].
    fn deliver(
        &self,
        call: &Call<'_>,
        what: &str,
        needs: &Needs,
        token: Option<&Token>,
    ) -> Result<Reply, GitlabError> {
        let what = what.to_owned();
        let once = call.repeat == Repeat::Never;
        match self.client.call(call) {
            // 304 answers `If-None-Match`: nothing has changed.
            Ok(reply) if reply.is_success() || reply.status == 304 => Ok(reply),
            Ok(reply) if once && reply.status >= 500 => {
                Err(GitlabError::Uncertain { what, source: None })
            }
            Ok(reply) => Err(GitlabError::of_reply(what, &reply, needs, token)),
            Err(source) if once && was_sent(&source) => {
                let source = Some(source);
                Err(GitlabError::Uncertain { what, source })
            }
            Err(source) => Err(GitlabError::Connection { what, source }),
        }
    }

    fn shaped<T: DeserializeOwned>(
        &self,
        request: &ApiRequest,
        reply: &Reply,
    ) -> Result<T, GitlabError> {
        serde_json::from_slice(&reply.body).map_err(|source| GitlabError::Shape {
            what: request.to_string(),
            source,
        })
    }
}

/// Whether a request whose answer did not come may have arrived.
const fn was_sent(error: &HttpError) -> bool {
    !matches!(
        error,
        HttpError::Offline { .. } | HttpError::Scheme { .. } | HttpError::Setup(_)
    )
}
