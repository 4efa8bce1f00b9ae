//! What the tests of Pannier's crates share: a GitLab with memory, a package index, git over HTTP, forged containers. All servers
//! are on loopback.
#![allow(missing_docs, clippy::unwrap_used)]

pub mod beside_uv;
pub mod git_http;
pub mod gitlab;
pub mod index;
pub mod loopback;
pub mod popular;
pub mod projects;
pub mod uv;
pub mod zip_forge;
