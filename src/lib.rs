//! Pannier packs the Python wheels and the data of a GitLab pipeline into one venv tarball per container image.
//!
//! # Floors
//! A room imports rooms of lower floors, and of its own floor only those to its left.
//!
//! | floor | rooms |
//! |---|---|
//! | 5 | [`cli`] |
//! | 4 | [`prepare`], [`unpack`], [`gate`], [`inspect`], [`release`], [`deploy`], [`guard`], [`upkeep`] |
//! | 3 | [`constraints`], [`renovate`], [`config`], [`build`], [`bytecode`], [`lock`] |
//! | 2 | [`http`], [`zip`], [`wheel`], [`venv`], [`tarball`], [`store`], [`git`], [`gitlab`], [`python`], [`uv`] |
//! | 1 | [`secret`], [`atomic`], [`name`], [`digest`], [`url`], [`target`], [`paths`], [`pack`], [`event`], [`child`], [`visible`], [`limited`] |
//!
//! Below [`cli`] nothing prints, reads the environment or exits.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod atomic;
pub mod build;
pub mod bytecode;
pub mod child;
pub mod cli;
pub mod config;
pub mod constraints;
pub mod deploy;
pub mod digest;
pub mod event;
pub mod gate;
pub mod git;
pub mod gitlab;
pub mod guard;
pub mod http;
pub mod inspect;
pub mod limited;
pub mod lock;
pub mod name;
pub mod pack;
pub mod paths;
pub mod prepare;
pub mod python;
pub mod release;
pub mod renovate;
pub mod secret;
pub mod store;
pub mod tarball;
pub mod target;
pub mod unpack;
pub mod upkeep;
pub mod url;
pub mod uv;
pub mod venv;
pub mod visible;
pub mod wheel;
pub mod zip;
