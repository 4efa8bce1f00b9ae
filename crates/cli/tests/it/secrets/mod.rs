//! What no run may show or store: every kind of secret, in every form, through every channel, driven through the program.
#![allow(clippy::unwrap_used)]

mod channels;
mod mistyped;
mod stored;
mod world;
