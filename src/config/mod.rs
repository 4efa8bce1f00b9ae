//! What is wanted, from file, environment and flags.

pub mod request;
