//! Which tokens of the environment go to which host.
//!
//! Refuses to hand a token of someone else to a server that a file names.

use pannier_base::url::SafeUrl;
use pannier_clients::http::CredentialEntries;

use crate::env::{self, Environment};

/// Takes the tokens of the environment: for the host of `git_base`, then the job's for the host of its server.
///
/// `PANNIER_TOKEN` was set for Pannier and goes where `git_base` says. The other two were set for someone else: where the
/// server is known they go to its host only, so that a `git_base` in a file cannot send them elsewhere.
#[must_use]
pub fn gather(
    environment: &Environment,
    git_base: Option<&SafeUrl>,
    netrc: Option<String>,
) -> CredentialEntries {
    let mut found = CredentialEntries {
        entries: Vec::new(),
        netrc,
    };
    let server: Option<SafeUrl> = environment
        .get(env::CI_SERVER_URL)
        .and_then(|url| url.parse().ok());
    let others = [env::GITLAB_TOKEN, env::PRIVATE_TOKEN];
    if let Some(base) = git_base {
        if let Some(token) = environment.get(env::TOKEN) {
            found.push(base, "oauth2", token, env::TOKEN);
        } else if let Some((name, token)) = environment.first(&others)
            && server
                .as_ref()
                .is_none_or(|server| server.same_origin(base))
        {
            found.push(base, "oauth2", token, name);
        }
    }
    if let (Some(server), Some(token)) = (server, environment.get(env::CI_JOB_TOKEN)) {
        found.push(&server, "gitlab-ci-token", token, env::CI_JOB_TOKEN);
    }
    found
}
