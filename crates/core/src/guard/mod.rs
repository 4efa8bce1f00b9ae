//! The guard: one pipeline at a time does what must not be done twice at once.
//!
//! What is known of other pipelines (`poll`) becomes a verdict (`verdict`, where the whole rule stands), which is acted on
//! (`wait`). Refuses to print, to start pipelines, to cancel a running one, and to take an error for a conflict or for its absence.

mod candidate;
mod conflicts;
mod expression;
mod job_state;
mod judge;
mod pattern;
mod permission;
mod pipeline_cache;
mod pipeline_hierarchy;
mod plan;
mod poll;
mod presence;
mod queue;
mod retry_policy;
pub mod say;
mod state;
mod turn;
mod verdict;
mod wait;

#[cfg(test)]
mod tests;

pub use expression::{ExpressionError, Refs, Statuses};
pub use job_state::Scope;
pub use pattern::{Pattern, PatternError};
pub use plan::{GuardError, Older, Other, Outcome, Patience, Plan};
pub use verdict::Order;
pub use wait::hold;
