//! Use cases and resolution with a real uv, an index and git over HTTP on loopback.
#![allow(clippy::unwrap_used)]

mod releases;
mod resolve;
mod session;
