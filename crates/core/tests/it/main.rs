//! Tests of resolution against a real uv.
#![allow(clippy::unwrap_used)]

mod resolve;
