//! Tests of the clients against servers on loopback and real programs.
#![allow(clippy::unwrap_used)]

mod branch;
mod endless;
mod git;
mod gitlab_door;
mod http;
mod index;
mod moving;
mod uv;
