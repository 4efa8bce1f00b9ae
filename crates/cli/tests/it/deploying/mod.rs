//! Deployments end to end: the program against the stand-in GitLab, with everything that goes wrong at night.
#![allow(clippy::unwrap_used)]

pub mod flow;
pub mod gaps;
pub mod kills;
pub mod network;
pub mod proxy;
pub mod refusals;
pub mod sets;
pub mod world;
