//! The way to GitLab.

use std::time::Duration;

use pannier_base::cancel;
use pannier_clients::gitlab::Gitlab;
use pannier_clients::http::{Client, Options, RetryPolicy};

use super::super::report::Failure;
use super::given::Given;
use super::options::Access;
use super::usage::{Usage, usage};

/// The door to GitLab. Tries are counted by the guard, which knows how much time is left.
pub(super) fn door(
    access: &Access,
    given: &Given<'_>,
    cancel: &cancel::Cancel,
) -> Result<Gitlab, Failure> {
    let api = given.api(access)?;
    let tokens = given.tokens(access, &api);
    if tokens.access().is_none() && tokens.job().is_none() {
        return Err(usage(Usage::Missing {
            what: "access token",
            variable: "PRIVATE_TOKEN",
            flag: "--private-token",
        }));
    }
    let options = Options {
        read_timeout: Duration::from_secs(30),
        retry: RetryPolicy {
            attempts: 1,
            ..RetryPolicy::default()
        },
        ..Options::default()
    };
    let client = Client::new(options.cancelled_by(cancel));
    Ok(Gitlab::new(client, &api, tokens))
}
