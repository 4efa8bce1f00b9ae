//! Cases that need a whole wheel.
