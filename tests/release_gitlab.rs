//! Releases on a GitLab: tarballs kept in the package registry, and the way back for a whole set of projects.
#![allow(clippy::unwrap_used)]

#[path = "support/git_http.rs"]
mod git_http;
#[path = "support/gitlab/mod.rs"]
mod gitlab;
#[path = "support/loopback.rs"]
mod loopback;

mod release {
    pub mod desk;
    pub mod keeping;
    pub mod platform;
    pub mod rolling;
}
