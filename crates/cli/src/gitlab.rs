//! The door to GitLab for the verbs that ask it: where it is, and the tokens that the environment has for it.

use miette::Diagnostic;

use pannier_base::url::SafeUrl;
use pannier_clients::gitlab::Gitlab;
use pannier_clients::http::{Client, Options};
use pannier_config::{Environment, api, tokens};

use super::context::Context;
use super::exit::Exit;
use super::report::Failure;

/// The GitLab that `named` (a flag), the environment or the host of `git_base` says.
pub(super) fn door(
    context: &Context,
    named: Option<&SafeUrl>,
    git_base: Option<&SafeUrl>,
    options: Options,
) -> Result<Gitlab, Failure> {
    let environment = Environment(context.variables.clone());
    let api = named.cloned().or_else(|| api(&environment, git_base));
    let api = api.ok_or_else(|| Failure::new(Exit::Usage, NoApi))?;
    let tokens = tokens(&environment, &api);
    Ok(Gitlab::new(Client::new(options), &api, tokens))
}

/// The same where there is a token for it. Without one the API tells little; what it would have told is unknown then.
pub(super) fn with_token(
    context: &Context,
    git_base: Option<&SafeUrl>,
    options: Options,
) -> Option<Gitlab> {
    let door = door(context, None, git_base, options).ok()?;
    let tokens = door.tokens();
    (tokens.access().is_some() || tokens.job().is_some()).then_some(door)
}

#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("no URL of GitLab's API given")]
#[diagnostic(help(
    "set CI_API_V4_URL (https://HOST/api/v4) or `git_base` in pannier.yml; inside a pipeline, CI_API_V4_URL is set"
))]
struct NoApi;
