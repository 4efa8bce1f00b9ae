//! Where GitLab's API is, and which tokens of the environment may go there.
//!
//! Refuses to hand the tokens of others to a server that the pipeline does not run on.

use pannier_base::url::SafeUrl;
use pannier_clients::gitlab::{Kind, Token, Tokens};

use crate::env;
use crate::env::Environment;

/// Where the API is: `CI_API_V4_URL`, else below `CI_SERVER_URL`, else below the host of `git_base`. `None`: nobody says.
#[must_use]
pub fn api(environment: &Environment, git_base: Option<&SafeUrl>) -> Option<SafeUrl> {
    if let Some(url) = environment.get(env::CI_API_V4_URL) {
        return url.parse().ok();
    }
    if let Some(server) = environment.get(env::CI_SERVER_URL) {
        let url = format!("{}/api/v4", server.trim_end_matches('/'));
        return url.parse().ok();
    }
    let mut url = git_base?.without_credentials().expose().clone();
    url.set_path("/api/v4");
    url.set_query(None);
    url.as_str().parse().ok()
}

/// The tokens for the API at `api`.
///
/// `PANNIER_TOKEN` was set for Pannier and goes where Pannier is told to ask. The others were set for someone else: where the
/// pipeline's server is known they go to its host only; the job's token is of use nowhere else.
#[must_use]
pub fn tokens(environment: &Environment, api: &SafeUrl) -> Tokens {
    let server: Option<SafeUrl> = environment
        .first(&[env::CI_SERVER_URL, env::CI_API_V4_URL])
        .and_then(|(_, url)| url.parse().ok());
    let home = server.as_ref().map(|server| server.same_origin(api));
    let token = |name: &str, kind| {
        let value = environment.get(name)?;
        Some(Token::new(kind, value, name))
    };
    let own = token(env::TOKEN, Kind::Access);
    let others = [env::GITLAB_TOKEN, env::PRIVATE_TOKEN].map(|name| token(name, Kind::Access));
    let others = others.into_iter().flatten().filter(|_| home != Some(false));
    let job = token(env::CI_JOB_TOKEN, Kind::Job).filter(|_| home == Some(true));
    Tokens::new(own.into_iter().chain(others).chain(job))
}
