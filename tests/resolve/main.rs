//! Resolution by a real uv against an index on loopback, with projects that are described instead of built.
#![allow(clippy::unwrap_used)]

#[path = "../support/index.rs"]
mod index;
#[path = "../support/loopback.rs"]
mod loopback;
#[path = "../support/uv.rs"]
mod uv;

mod images;
mod projects;
mod world;
