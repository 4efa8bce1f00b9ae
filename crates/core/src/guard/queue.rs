//! Who came first. A pipeline's rank is the moment since which its family has had its turn without a break (`turn`), then the
//! number of the pipeline at the root of the family; parent and children always have one rank, because they are one run.
//!
//! For an ordinary pipeline that moment is its creation, so the lower number goes first. One that was idle (it waited for a person
//! or a clock, or finished and was retried) rejoins the queue behind all that may have started meanwhile. So a rank that
//! is assigned later is never lower than an earlier one: a pipeline that becomes active later finds those that may be running
//! before itself. Computed from what the server says alone, so that every guard computes the same.

use jiff::{SignedDuration, Timestamp};

/// A rest shorter than this is none: between two stages GitLab itself needs a moment. For as long a pipeline that has begun
/// to rest still counts as alive.
pub const REST: SignedDuration = SignedDuration::from_secs(30);

/// A place in the order of all pipelines; the lower one came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank {
    /// Alive since then.
    pub since: Timestamp,
    /// The pipeline at the root of the family.
    pub root: u64,
}

/// From when on a pipeline takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// As soon as it is made.
    Created,
    /// Once it has started: for those who guard against running pipelines alone.
    Started,
}

/// Since when a family has had its turn without a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Since then.
    Known(Timestamp),
    /// It may be waking up: only when a job has started that waits for a runner does the server say since when it waited.
    Waking,
    /// It does not take part yet.
    NotYet,
}

/// Where a family stands in the order, as one of its members shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Since when the family has had its turn.
    pub since: Since,
    /// Whether the member only looks alive: it does nothing but wait for a pipeline of its family that rests.
    pub rests: bool,
}

impl Place {
    /// Nothing is known, so everybody waits.
    pub const UNKNOWN: Self = Self {
        since: Since::Waking,
        rests: false,
    };
}
