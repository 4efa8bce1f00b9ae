//! Tests of wheels, venvs and tarballs with what is around them.
#![allow(clippy::unwrap_used)]

mod atomic;
mod unpacked_venv;
mod zip;
