//! Deployments end to end: the program against the stand-in GitLab, with everything that goes wrong at night.
#![allow(clippy::unwrap_used)]

#[path = "support/git_http.rs"]
mod git_http;
#[path = "support/gitlab/mod.rs"]
mod gitlab;
#[path = "support/loopback.rs"]
mod loopback;

mod deploying {
    pub mod flow;
    pub mod gaps;
    pub mod kills;
    pub mod network;
    pub mod proxy;
    pub mod refusals;
    pub mod sets;
    pub mod world;
}
