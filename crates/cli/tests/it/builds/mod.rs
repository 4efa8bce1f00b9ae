//! What code of a package sees while it is built: the real program, the real uv, and a backend that looks around.
#![allow(clippy::unwrap_used)]

mod environment;
mod relay;
mod world;
