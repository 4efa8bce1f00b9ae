//! One look at GitLab: which pipelines are alive, which of them matter, and what that means for this one.
//!
//! Requests no more than the decision needs: of the pipelines before this one, the first conflicting one is enough.

use jiff::{SignedDuration, Timestamp};

use super::candidate::other;
use super::conflicts::conflicts;
use super::judge::{is_ahead, judge, marks, place, remember};
use super::plan::{GuardError, Older, Other};
use super::presence::Known as Present;
use super::queue::Rank;
use super::retry_policy::Budget;
use super::state::{Conflict, Contest, State};
use super::turn::Member;
use super::verdict::{Order, Way, own};
use pannier_clients::gitlab::{RunStatus, Standing};

/// What a look shows.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) way: Way,
    /// The conflicting pipelines, the first one with all known facts.
    pub(super) others: Vec<Other>,
    /// The server's time.
    pub(super) now: Timestamp,
}

/// Looks once, which may take several rounds: see [`super::verdict`] on rounds.
pub(super) fn poll(state: &mut State<'_>, budget: &mut Budget<'_>) -> Result<Seen, GuardError> {
    let mut before = None;
    loop {
        let now = refresh(state, budget)?;
        if !state.is_placed {
            take_place(state, now, budget)?;
        }
        let conflicts = conflicts(state, now, budget)?;
        remember(state, &conflicts, budget.spent());
        let (way, others) = match state.plan.order {
            Order::Oldest => oldest(state, &conflicts, now, budget)?,
            Order::Newest => newest(state, &conflicts, now, budget)?,
        };
        let ranked = state.plan.order == Order::Oldest && state.contest != Contest::Matching;
        if way == Way::Clear && ranked {
            let marks = marks(state, &conflicts);
            if !marks.is_empty() && before.as_ref() != Some(&marks) {
                before = Some(marks);
                continue;
            }
        }
        state.last = others.first().map(|other| other.pipeline.id);
        return Ok(Seen { way, others, now });
    }
}

/// Reads what is new; gives the server's time of the beginning. Where the server does not tell its time, or a time that has
/// passed already, it is later than when this pipeline was read, by what has been spent since.
fn refresh(state: &mut State<'_>, budget: &mut Budget<'_>) -> Result<Timestamp, GuardError> {
    let (floor, learned) = state.floor;
    let since = SignedDuration::try_from(budget.spent().saturating_sub(learned));
    let least = floor
        .saturating_add(since.unwrap_or_default())
        .unwrap_or(floor);
    let (statuses, contest) = (&state.plan.statuses, state.contest);
    let wanted = |status: &RunStatus| {
        let alive = contest != Contest::Matching && status.standing() == Standing::Alive;
        Ok(alive || statuses.contains(status)?)
    };
    let mut now = None;
    for view in &mut state.views {
        let time = view.refresh(state.gitlab, &wanted, floor, budget)?;
        now = now.or(time);
    }
    Ok(now.map_or(least, |now| now.max(least)))
}

/// Finds this pipeline's place. While it cannot be known (another of the family's jobs waits for a runner, and the server
/// does not say since when) it is the last one: those who look at this family meanwhile take it for the first one, so
/// no guard proceeds wrongly, and it is known as soon as that job starts.
fn take_place(
    state: &mut State<'_>,
    now: Timestamp,
    budget: &mut Budget<'_>,
) -> Result<(), GuardError> {
    let (me, root) = (state.me.clone(), state.root.clone());
    let project = state.views[0].project.clone();
    let jobs = budget.ask(|| state.gitlab.jobs(&project, me.id))?;
    let (place, _) = place(
        state,
        &project,
        Member::alone(&me, &jobs),
        &root,
        now,
        budget,
    )?;
    let least = Rank {
        since: root.made,
        root: root.id,
    };
    let before = state.rank;
    (state.rank, state.is_placed) = own(least, place.since, now);
    if state.rank != before {
        state.ranked = budget.spent();
    }
    Ok(())
}

fn oldest(
    state: &mut State<'_>,
    conflicts: &[Conflict],
    now: Timestamp,
    budget: &mut Budget<'_>,
) -> Result<(Way, Vec<Other>), GuardError> {
    let mut before: Vec<&Conflict> = conflicts
        .iter()
        .filter(|conflict| state.contest == Contest::Matching || state.may_precede(conflict))
        .collect();
    // Who stood in the way a moment ago most likely still does.
    if let Some(at) = before
        .iter()
        .position(|conflict| Some(conflict.pipeline.id) == state.last)
    {
        let last = before.remove(at);
        before.insert(0, last);
    }
    for (at, conflict) in before.iter().enumerate() {
        if judge(state, conflict, now, budget)? == Way::Wait {
            let mut others = vec![other(state, conflict)];
            let rest = before.iter().enumerate().filter(|(other, _)| *other > at);
            others.extend(rest.map(|(_, conflict)| other(state, conflict)));
            return Ok((Way::Wait, others));
        }
    }
    Ok((Way::Clear, Vec::new()))
}

fn newest(
    state: &mut State<'_>,
    conflicts: &[Conflict],
    now: Timestamp,
    budget: &mut Budget<'_>,
) -> Result<(Way, Vec<Other>), GuardError> {
    let (newer, older): (Vec<&Conflict>, Vec<&Conflict>) = conflicts
        .iter()
        .partition(|it| it.root.id > state.rank.root);
    for conflict in newer {
        if judge(state, conflict, now, budget)? == Way::Yield {
            return Ok((Way::Yield, vec![other(state, conflict)]));
        }
    }
    let mut others = Vec::new();
    for conflict in older {
        match judge(state, conflict, now, budget)? {
            Way::Wait => others.push(other(state, conflict)),
            _ if state.plan.older == Older::Cancel && is_ahead(state, conflict) => {
                let cancelled = cancel(state, conflict, budget)?;
                others.push(Other {
                    cancelled,
                    ..other(state, conflict)
                });
            }
            _ => {}
        }
    }
    let way = if others.is_empty() {
        Way::Clear
    } else {
        Way::Wait
    };
    Ok((way, others))
}

/// Asks a pipeline to stop whose guarded job has not started, as far as can be seen. Its guard, should it start now, sees
/// this pipeline and gives way, so what is guarded is not cut short.
fn cancel(
    state: &mut State<'_>,
    conflict: &Conflict,
    budget: &mut Budget<'_>,
) -> Result<bool, GuardError> {
    let project = state.views[conflict.view].project.clone();
    let id = conflict.pipeline.id;
    if conflict.pipeline.status == RunStatus::Canceling {
        return Ok(true);
    }
    let present = Present {
        gitlab: state.gitlab,
        project: &project,
        id,
        sha: &conflict.pipeline.sha,
    };
    let jobs = present.jobs(budget)?;
    if let (Some(jobs), Some(known)) = (jobs, state.known.get_mut(&id)) {
        known.jobs = jobs;
    }
    if !is_ahead(state, conflict) {
        return Ok(false);
    }
    match budget.find(|| state.gitlab.cancel_pipeline(&project, id)) {
        // Who may cancel is a setting that only maintainers see.
        Err(GuardError::Gitlab(error)) if error.is_denied() => Err(GuardError::MayNotCancel {
            why: format!("GitLab refuses it for pipeline #{id} of project {project}"),
        }),
        done => done.map(|_| true),
    }
}
