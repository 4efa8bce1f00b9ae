//! The lock.

pub mod model;
