//! Who waits for whom: the whole rule, pure.
//!
//! # Why no two are at work at the same time
//! *Oldest first.* A guard goes ahead when, in a list read after its own pipeline came to life, nobody of a lower [`Rank`] is
//! alive with work to do. Whoever comes to life later draws a higher rank and waits for it. (A list is read now and acted on
//! later; that does no harm here, because what is read can only change in one way: the lower ones end. New ones are higher.)
//!
//! *Newest first.* A guard's job runs before the guard reads anything. Of two guards the one that reads second therefore sees
//! the other: the older one gives way to any newer pipeline that is alive, the newer one waits for an older one whose
//! guarded job runs. One whose guarded job has not started when it is looked at reads later, sees the newer one and gives way.
//!
//! # Why no set of guards waits in a circle
//! *Oldest first*: each waits only for lower ranks, and ranks are a total order. *Newest first*: each waits only for older
//! pipelines, by the number of the root, which is a total order too. Along any chain of waiting the rank (the number) falls,
//! so the chain ends, and it ends at somebody who does not wait. A family (parent and children) has one number and its members
//! never wait for each other, so a parent that waits for its child's end adds no step back, as long as none of the family rested:
//! a child that rested on a manual job comes in again behind others with a rank of its own. One of those others may have been told
//! to wait for the parent, whose bridge waits for the child, and the child waits for it. That ring ends by the timeout (exit 11)
//! of whoever began to wait first; letting the child keep its place would let two be at work at once, which is worse.
//!
//! Both hold for guards of one order, scope and expression on the same projects; guards that differ see different conflicts.

use super::rank::Rank;
use super::work::Work;

/// Who goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The pipeline that came first.
    Oldest,
    /// The newest pipeline; older ones that are not at work give way.
    Newest,
}

/// What one other pipeline means for this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It does not matter.
    Clear,
    /// It has to end first.
    Wait,
    /// It goes first, and this one not at all.
    Yield,
}

/// What `other` means for `me`. Both are alive.
#[must_use]
pub fn way(order: Order, me: Rank, other: Rank, work: Work) -> Way {
    if other.root == me.root || work == Work::Over {
        return Way::Clear;
    }
    match order {
        Order::Oldest if other < me => Way::Wait,
        Order::Oldest => Way::Clear,
        Order::Newest if other.root > me.root => Way::Yield,
        Order::Newest if work == Work::Begun => Way::Wait,
        Order::Newest => Way::Clear,
    }
}
