//! What no run may show or store: every kind of secret, in every form, through every channel, driven through the program.
#![allow(clippy::unwrap_used)]

#[path = "../support/git_http.rs"]
mod git_http;
#[path = "../support/loopback.rs"]
mod loopback;

mod channels;
mod mistyped;
mod stored;
mod world;
