//! Tests of the program as its users run it.
#![allow(clippy::unwrap_used)]

mod builds;
mod bumps;
mod cancelled;
mod constraints;
mod data_links;
mod deploying;
mod display;
mod e2e;
mod fallback;
mod gate;
mod guard;
mod hashes;
mod limits;
mod metadata;
mod overrides;
mod release;
mod screens;
mod secrets;
mod store;
mod unpack;
