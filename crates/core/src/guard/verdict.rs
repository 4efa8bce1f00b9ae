//! Who waits for whom: the whole rule, pure.
//!
//! # Why no two are at work at the same time
//! *Oldest first.* A guard goes ahead when nobody of a lower [`Rank`] is alive with work to do. Whoever comes to life later
//! draws a higher rank and waits for it. A single pipeline that is read now and judged a moment later does no harm, because in
//! between it can only change in one way: it ends. (If it comes to life again, its rank is a new one.) A family can do more: while
//! its parent is at work its child comes to life with the rank of both, and then the parent ends. Whoever read the child before
//! and the parent after that saw neither at work. So where somebody of a lower rank was read at all, it takes *two rounds*, of
//! lists and of jobs, that show the same: then there was a moment between them at which nobody of them was at work, and
//! whoever of them works later has drawn a new rank after that moment.
//!
//! *Newest first.* A guard's job runs before the guard reads anything. Of two guards the one that reads second therefore sees
//! the other: the older one gives way to any newer pipeline that is alive, the newer one waits for an older one whose
//! guarded job runs. One whose guarded job has not started when it is looked at reads later, sees the newer one and gives way.
//!
//! # Why no set of guards waits in a circle
//! *Oldest first*: each waits only for lower ranks, and ranks are a total order. *Newest first*: each waits only for older
//! pipelines, by the number of the root, which is a total order too. Along any chain of waiting the rank (the number) falls,
//! so the chain ends, and it ends at somebody who does not wait.
//!
//! GitLab adds waiting of its own: a parent's trigger job may wait for its child's end. That is a step within a family, and a
//! family has one rank (`turn`), which all of it draws anew when all of it has rested. So such a step leaves the rank as it is,
//! and there can be only as many of them as a family has generations: the chain still ends. A rank that only the child drew anew
//! would break this: somebody is told to wait for the parent, the parent's trigger job waits for the child, and the child waits
//! for that somebody. And a family that is told from its status alone to be alive would break it too: a parent shows `running`
//! while its child waits for a person, who need not come; so nobody waits for it ([`Place::rests`]).
//!
//! That is all the waiting that GitLab shows. Two more kinds it does not show, so nothing here knows of them: which pipeline of
//! another project or branch a trigger job (`trigger: project`) made this one, and which resource group a job belongs to.
//!
//! While it cannot be said since when a family is awake, others take it for the first ([`behind`]) and its own guards take it
//! for the last ([`own`]). Both end with the start of the job that waits for a runner, which waits for no guard.
//!
//! Both hold for guards of one order, scope and expression on the same projects; guards that differ see different conflicts.

use jiff::Timestamp;

use super::job_state::Work;
use super::queue::{Place, Rank, Since};

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
