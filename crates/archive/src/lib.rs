//! Wheels, venvs and tarballs: bytes in, bytes out. Nothing here opens a connection or starts a program.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod abort;
pub mod atomic;
pub mod entries;
pub mod inspect;
pub mod limited;
pub mod tarball;
pub mod unpack;
pub mod venv;
pub mod wheel;
pub mod zip;
