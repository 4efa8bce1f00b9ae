//! The whole journey on real parts: git over HTTP on loopback, a real package index, real interpreters in real root file systems.
//!
//! Tests that need more than Rust, git and Python 3.11 are ignored with the reason beside them; `.ci/run` runs them with
//! `PANNIER_E2E_ROOTS` (root file systems, from `.ci/roots`) and `PANNIER_E2E_TOOLS` (pip, uv, pip's wheel; from `.ci/install`).
//! Nothing here connects to anything but loopback and the package index that the environment's pip and uv use.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod arm64;
mod credentials;
mod failures;
mod gitlab_conformance;
mod gitlab_example;
mod here;
mod hostile;
mod image;
mod journey;
mod kills;
mod lock_installs;
mod lying_index;
mod memory;
mod overrides;
mod packaging;
mod repos;
mod reproducible;
mod same_as_uv;
mod world;
