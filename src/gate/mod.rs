//! The gate: what a change of the constraints must pass before it is merged.
pub mod blame;
