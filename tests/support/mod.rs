//! What several test targets share: servers on loopback and lists.
#![allow(dead_code, reason = "each test target uses its part")]

pub mod beside_uv;
pub mod git_http;
pub mod gitlab;
pub mod index;
pub mod loopback;
pub mod popular;
pub mod projects;
