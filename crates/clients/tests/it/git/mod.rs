//! The git door against `git http-backend` on loopback: what is found and fetched (`fetching`, `packs`), working trees
//! (`checkouts`), and containers (`snapshots`, `submodules`).
#![allow(clippy::unwrap_used)]

mod checkouts;
mod fetching;
mod packs;
mod snapshots;
mod submodules;
mod world;
