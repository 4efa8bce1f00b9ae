//! Trees as they arrive, and targets as they stay.
