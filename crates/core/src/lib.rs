//! The plans and use cases of Pannier: blocking, silent, without environment, files of its own choice or a clock.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod audit;
pub mod constraint_tools;
pub mod constraints;
pub mod deploy;
pub mod gate;
pub mod guard;
pub mod lock;
pub mod prepare;
pub mod release;
pub mod renovate;
pub mod request;
pub mod resolve;
pub mod session;
pub mod store;
pub mod wheel_build;
