//! Which uv Pannier works with.

/// The oldest uv that has every flag that Pannier uses.
pub const MINIMUM_VERSION: &str = "0.9.0";

/// The version of uv that is fetched when there is none.
pub const PINNED_VERSION: &str = "0.13.9";
