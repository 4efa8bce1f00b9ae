//! Values that every part of Pannier uses: names, digests, URLs, platforms, events, error classes, secrets. No input, no output.
//!
//! A module imports only modules that stand before it in this list: [`secret`], [`visible`], [`name`], [`digest`], [`url`], [`platform`],
//! [`paths`], [`class`], [`problem`], [`event`], [`cancel`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod cancel;
pub mod class;
pub mod digest;
pub mod event;
pub mod name;
pub mod paths;
pub mod platform;
pub mod problem;
pub mod secret;
pub mod url;
pub mod visible;
