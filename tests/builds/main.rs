//! What code of a package sees while it is built: the real program, the real uv, and a backend that looks around.
#![allow(clippy::unwrap_used)]

#[path = "../support/git_http.rs"]
mod git_http;
#[path = "../support/index.rs"]
mod index;
#[path = "../support/loopback.rs"]
mod loopback;
#[path = "../support/uv.rs"]
mod uv;

mod environment;
mod relay;
mod world;
