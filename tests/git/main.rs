//! The git door against `git http-backend` on loopback: what is found and fetched (`fetching`), working trees (`checkouts`), and
//! containers (`snapshots`, `submodules`).
#![allow(clippy::unwrap_used)]

#[path = "../support/git_http.rs"]
mod git_http;
#[path = "../support/loopback.rs"]
mod loopback;

mod checkouts;
mod fetching;
mod snapshots;
mod submodules;
mod world;
