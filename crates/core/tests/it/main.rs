//! Tests of whole use cases: resolution against a real uv, releases and deployments against a GitLab on loopback.
#![allow(clippy::unwrap_used)]

mod releases;
mod resolve;
