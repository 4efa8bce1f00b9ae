//! Resolution by a real uv against an index on loopback, with projects that are described instead of built.
#![allow(clippy::unwrap_used)]

mod images;
mod projects;
pub mod world;
