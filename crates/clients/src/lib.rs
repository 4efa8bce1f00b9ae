//! The systems that Pannier talks to, one module each: [`http`], [`git`], [`gitlab`], [`uv`], [`python`].
//!
//! [`child`] decides which environment the programs among them get.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod child;
pub mod git;
pub mod gitlab;
pub mod http;
pub mod python;
pub mod uv;
