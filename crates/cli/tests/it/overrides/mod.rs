//! Overrides by the real program: a git server and an index on loopback, a real uv, tarballs that are run.
//!
//! Three packages need each other with extras: job-report asks for `job-lib[html]`, job-lib for `job-tools[yaml]`, and the extra
//! `all` of job-tools for job-report. The middle one has a merge request of a fork, with one new need and one gone.
#![allow(clippy::unwrap_used)]

mod refused;
mod sources;
mod taken;
mod world;
