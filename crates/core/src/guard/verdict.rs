//! Which guard waits for which pipeline: the whole rule, pure.
//!
//! # Why two guarded jobs never run at the same time
//! *Oldest first.* A guard proceeds when no live pipeline with a lower [`Rank`] has guarded work to do. A pipeline that becomes
//! active later gets a higher rank and waits for it. A single pipeline that is read now and judged a moment later does no harm,
//! because in between it can only finish. (If it becomes active again, it has a new rank.) A family can do more: while its parent
//! is running, its child becomes active with the rank of both, and then the parent finishes. A guard that read the child before
//! and the parent after that saw neither running. So if any pipeline of a lower rank was read, it takes *two rounds*, of lists
//! and of jobs, that show the same. Then there was a moment between them at which none of them was running, and one that runs
//! later got a new rank after that moment.
//!
//! *Newest first.* A guard's job runs before the guard reads anything. Of two guards, the one that reads second therefore sees
//! the other. The older one gives way to any newer live pipeline; the newer one waits for an older one whose guarded job is
//! running. If the guarded job of the older one has not started at that time, its guard reads later, sees the newer one and gives
//! way.
//!
//! # Why guards never wait in a circle
//! *Oldest first*: each waits only for lower ranks, and ranks are a total order. *Newest first*: each waits only for older
//! pipelines, by the number of the root, which is also a total order. Along any chain of waiting the rank (the number) falls,
//! so the chain ends, and it ends at a pipeline that does not wait.
//!
//! GitLab adds waiting of its own: a parent's trigger job may wait for its child to finish. That is a step within a family, and
//! a family has one rank (`turn`), which changes only for all of it, after all of it was idle. So such a step keeps the rank,
//! and there can be only as many of them as a family has generations: the chain still ends. A new rank for the child alone would
//! break this: a pipeline would wait for the parent, the parent's trigger job for the child, and the child for that pipeline. A
//! family that counts as live because of its status alone would break it, too: a parent shows `running` while its child waits
//! for a person, who may never come. So no guard waits for it ([`Place::rests`]).
//!
//! That is all the waiting that GitLab shows. It does not show two more kinds, so this code ignores them: the pipeline of
//! another project or branch whose trigger job (`trigger: project`) created this one, and the resource group of a job.
//!
//! While it is unknown since when a family is active, others treat it as the first ([`behind`]) and its own guards treat it as
//! the last ([`own`]). Both end with the start of the job that waits for a runner, which waits for no guard.
//!
//! Both proofs apply to guards with one order, scope and expression on the same projects; guards that differ see different
//! conflicts.

use jiff::Timestamp;

use super::job_state::Work;
use super::queue::{Place, Rank, Since};

/// Who goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The pipeline that came first.
    Oldest,
    /// The newest pipeline; older ones whose guarded work is not running give way.
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

/// What another pipeline means for `me`, with the oldest first. `least` is the lowest rank that it can have.
#[must_use]
pub fn behind(me: Rank, least: Rank, other: Place, work: Work) -> Way {
    if other.rests {
        return Way::Clear;
    }
    let since = match other.since {
        Since::Known(since) => since,
        Since::Waking | Since::NotYet => least.since,
    };
    way(Order::Oldest, me, Rank { since, ..least }, work)
}

/// A guard's own rank, and whether it is for good. `least` is the lowest that it can have, `now` the server's time.
#[must_use]
pub fn own(least: Rank, since: Since, now: Timestamp) -> (Rank, bool) {
    match since {
        Since::Known(since) => (Rank { since, ..least }, true),
        Since::Waking => (
            Rank {
                since: now,
                ..least
            },
            false,
        ),
        Since::NotYet => (least, true),
    }
}
