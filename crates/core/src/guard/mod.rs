//! The guard: one pipeline at a time does what must not be done twice at once.
//!
//! What is known of other pipelines (`look`) becomes a verdict (`verdict`, where the whole rule stands), which is acted on
//! (`wait`). Refuses to print, to
//! start pipelines, to cancel one that is at work, and to take an error for a conflict or for its absence.

mod expression;
mod family;
mod judge;
mod look;
mod other;
mod patience;
mod pattern;
mod plan;
mod presence;
mod rank;
mod right;
mod rivals;
pub mod say;
mod state;
mod turn;
mod verdict;
mod view;
mod wait;
mod work;

#[cfg(test)]
mod tests;

pub use expression::{ExpressionError, Refs, Statuses};
pub use pattern::{Pattern, PatternError};
pub use plan::{GuardError, Older, Other, Outcome, Patience, Plan};
pub use verdict::Order;
pub use wait::hold;
pub use work::Scope;
